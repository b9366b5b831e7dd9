"""Why an article is in a list, in one word that a shop can show: the first reason that fits its proposers.

In: the proposers' bits of a cached article and the source of its list. Out: `Reason`.
"""

from enum import StrEnum
from functools import cache

from serving.cache.list_buckets import Proposer, Source


class Reason(StrEnum):
    """Why an article is recommended."""

    REPURCHASE = "repurchase"
    """The customer bought it before."""
    LAST_BASKET = "last_basket"
    """It is bought with what the customer bought last."""
    TWO_TOWER = "two_tower"
    """The two-tower model places it near the customer."""
    BOUGHT_TOGETHER = "bought_together"
    """Customers with purchases like the customer's bought it."""
    NEW = "new"
    """It was first sold this week."""
    RISING = "rising"
    """It sells faster in the customer's segment this week than this month."""
    SEGMENT = "segment"
    """It is popular in the customer's segment."""
    POPULAR = "popular"
    """It is popular with everybody."""
    SIMILAR = "similar"
    """The two-tower model places it near the article that was asked for."""
    BASELINE = "baseline"
    """A simple rule that did better than the model made the list; `model` names it."""


_BY_PROPOSER = (
    (Proposer.OWN, Reason.REPURCHASE),
    (Proposer.LAST_BASKET, Reason.LAST_BASKET),
    (Proposer.TWO_TOWER, Reason.TWO_TOWER),
    (Proposer.EASE | Proposer.ITEM_KNN, Reason.BOUGHT_TOGETHER),
    (Proposer.FRESH, Reason.NEW),
    (Proposer.RISING, Reason.RISING),
    (Proposer.POPULAR, Reason.POPULAR),
)
_BY_SOURCE = {
    Source.PERSONAL: Reason.BASELINE,
    Source.SEGMENT: Reason.SEGMENT,
    Source.POPULAR: Reason.POPULAR,
    Source.SIMILAR: Reason.SIMILAR,
}


@cache
def reasons_of(source: Source) -> tuple[Reason, ...]:
    """Return the first reason that holds for each of the 256 values of `proposers`, that of the source without any."""
    return tuple(
        next((reason for bits, reason in _BY_PROPOSER if proposers & bits), _BY_SOURCE[source])
        for proposers in range(256)
    )
