"""One word for why: the most telling of what is known, and always some word."""

import pytest

from serving.list_buckets import Proposer, Source
from serving.reasons import Reason, reason_of


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
    assert reason_of(proposers, Source.PERSONAL) is reason


@pytest.mark.parametrize(
    ("source", "reason"),
    [(Source.PERSONAL, Reason.BASELINE), (Source.SEGMENT, Reason.SEGMENT), (Source.POPULAR, Reason.POPULAR)],
)
def test_without_proposers_the_source_of_the_list_is_the_reason(source, reason):
    assert reason_of(0, source) is reason


def test_every_combination_has_a_reason():
    assert all(reason_of(bits, source) in Reason for bits in range(256) for source in Source)
