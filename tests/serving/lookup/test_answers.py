"""How old an answer is, and one word for why an article is in it: the most telling of what is known."""

from datetime import UTC, datetime

import pytest

from serving.cache.list_buckets import Proposer, Source
from serving.lookup.answers import Reason, age_seconds, format_age, late_seconds, reasons_of


def test_age_is_in_whole_seconds_and_never_negative():
    now = datetime(2020, 9, 25, 2, 15, 30, 900_000, tzinfo=UTC)
    assert age_seconds("2020-09-25T02:15:00+00:00", now) == 30
    assert age_seconds("2020-09-25T02:15:00+02:00", now) == 30 + 2 * 3600
    assert age_seconds("2020-09-25T02:16:00+00:00", now) == 0  # made by a clock that runs ahead


def test_lists_are_late_from_when_newer_ones_are_due():
    now = datetime(2020, 9, 25, 11, 0, 30, tzinfo=UTC)
    assert late_seconds("2020-09-25T11:00:00+00:00", now) == 30
    assert late_seconds("2020-09-25T11:01:00+00:00", now) == 0
    assert late_seconds("", now) == 0  # no night is to come


@pytest.mark.parametrize(
    ("seconds", "age"),
    [(0, "0 seconds"), (42, "42 seconds"), (3 * 60 + 1, "3 minutes"), (3 * 3600, "3 hours"), (49 * 3600, "2 days")],
)
def test_age_in_words_is_in_the_largest_whole_unit(seconds, age):
    assert format_age(seconds) == age


@pytest.mark.parametrize(
    ("proposers", "reason"),
    [
        (Proposer.OWN | Proposer.TWO_TOWER | Proposer.POPULAR, Reason.REPURCHASE),
        (Proposer.LAST_BASKET | Proposer.TWO_TOWER, Reason.LAST_BASKET),
        (Proposer.TWO_TOWER | Proposer.EASE, Reason.TWO_TOWER),
        (Proposer.EASE, Reason.BOUGHT_TOGETHER),
        (Proposer.ITEM_KNN | Proposer.RISING, Reason.BOUGHT_TOGETHER),
        (Proposer.FRESH | Proposer.POPULAR, Reason.NEW),
        (Proposer.RISING | Proposer.POPULAR, Reason.RISING),
        (Proposer.POPULAR, Reason.POPULAR),
    ],
)
def test_the_most_telling_proposer_gives_the_reason(proposers, reason):
    assert reasons_of(Source.PERSONAL)[proposers] is reason


@pytest.mark.parametrize(
    ("source", "reason"),
    [(Source.PERSONAL, Reason.BASELINE), (Source.SEGMENT, Reason.SEGMENT), (Source.POPULAR, Reason.POPULAR)],
)
def test_without_proposers_the_source_of_the_list_is_the_reason(source, reason):
    assert reasons_of(source)[0] is reason


def test_every_combination_has_a_reason():
    for source in Source:
        assert len(reasons_of(source)) == 256
        assert set(reasons_of(source)) <= set(Reason)
