"""What lookups answer: lists whose articles have reasons, each answer wholly from one version, and how old it is.

A reason is one word that a shop can show: the first that holds of the generators that proposed the article.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from typing import NamedTuple

from serving.cache.article_facts import ArticleFacts
from serving.cache.list_buckets import Proposer, Source
from serving.cache.purchase_buckets import Purchase
from serving.lookup.barred_articles import Rule
from serving.lookup.store_errors import FallbackReason

DEFAULT_DEPTH = 12  # articles of an answer


class Reason(StrEnum):
    """Why an article is recommended."""

    REPURCHASE = "repurchase"
    """The customer bought it before."""
    LAST_BASKET = "last_basket"
    """It is often bought with what the customer bought last."""
    TWO_TOWER = "two_tower"
    """The two-tower model places it near the customer."""
    BOUGHT_TOGETHER = "bought_together"
    """Customers who bought the same articles bought it."""
    NEW = "new"
    """It was first sold this week."""
    RISING = "rising"
    """It sells faster in the customer's segment this week than this month."""
    SEGMENT = "segment"
    """It is popular in the customer's segment."""
    POPULAR = "popular"
    """It is popular with all customers."""
    SIMILAR = "similar"
    """The two-tower model places it near the article that was asked for."""
    BASELINE = "baseline"
    """A simple rule made the list, because it did better than the model; `model` names the rule."""


class Item(NamedTuple):
    """One article of an answer."""

    article_id: str
    score: float
    reason: Reason


class Recommendations(NamedTuple):
    """At most k articles for a customer, best first, all from `version`.

    `variant` is the customer's, if any; `empty_reason` is an `EmptyReason` where there is no article.
    """

    customer_id: str
    items: tuple[Item, ...]
    source: Source
    fallback_reason: FallbackReason | None
    version: str
    model: str
    generated_at: str
    variant: str | None = None
    empty_reason: str | None = None


@dataclass(frozen=True)
class SimilarArticles:
    """At most k articles like one, the most similar first; scores are cosines."""

    article_id: str
    items: tuple[Item, ...]
    version: str
    model: str
    generated_at: str
    source: Source = Source.SIMILAR
    fallback_reason: None = None
    variant: None = None


@dataclass(frozen=True)
class PopularArticles:
    """At most k articles that a segment buys most; `segments` names all segments that have a list."""

    segment: str | None
    items: tuple[Item, ...]
    source: Source
    fallback_reason: FallbackReason | None
    segments: tuple[str, ...]
    version: str
    model: str
    generated_at: str
    variant: None = None


ServedList = Recommendations | SimilarArticles | PopularArticles
"""A list that is shown to shoppers."""


@dataclass(frozen=True)
class ShownTo:
    """How many customers are recommended an article, before any rule of the lookup, and ids of some of them."""

    article_id: str
    customers: int
    examples: tuple[str, ...]
    version: str
    model: str
    generated_at: str


class ExplainedItem(NamedTuple):
    """An article of a list: its place in the published list, from 1, and the names of all that proposed it."""

    place: int
    item: Item
    proposers: tuple[str, ...]


class FilteredArticle(NamedTuple):
    """An article that a rule took out of a list: its place there, the rule, and the note and time of a bar."""

    place: int
    article_id: str
    rule: Rule
    note: str
    since: str | None


@dataclass(frozen=True)
class Explanation:
    """A customer's list and all that led to it; `facts` are those of the list's own version."""

    found: Recommendations
    items: tuple[ExplainedItem, ...]
    filtered: tuple[FilteredArticle, ...]
    purchases: tuple[Purchase, ...]
    facts: Mapping[str, ArticleFacts]


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


def age_seconds(generated_at: str, now: datetime | None = None) -> int:
    """Return whole seconds from a time in ISO 8601 until now; 0 for one that a slow clock has yet to reach."""
    now = now or datetime.now(UTC)
    return max(0, int((now - datetime.fromisoformat(generated_at)).total_seconds()))


def late_seconds(due_at: str, now: datetime | None = None) -> int:
    """Return whole seconds since newer lists were due; 0 before, and where none are."""
    return age_seconds(due_at, now) if due_at else 0


def format_age(seconds: int) -> str:
    """Return a duration in the largest whole unit: `42 seconds`, `3 hours`, `2 days`."""
    for name, unit_seconds in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * unit_seconds:
            return f"{seconds // unit_seconds} {name}"
    return f"{seconds} seconds"
