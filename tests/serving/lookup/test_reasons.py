"""One word for why: the most telling of what is known, and always some word."""

import pytest

from serving.cache.list_buckets import Proposer, Source
from serving.lookup.reasons import Reason, reasons_of


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
