"""What the store answers, each answer wholly from one version."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from serving.cache.article_facts import ArticleFacts
from serving.cache.list_buckets import CachedList, Source
from serving.cache.purchase_buckets import Purchase
from serving.lookup.lookup_rules import Rule
from serving.lookup.reasons import Reason, reasons_of
from serving.lookup.store_errors import FallbackReason


class Item(NamedTuple):
    """One article of an answer."""

    article_id: str
    score: float
    reason: Reason


class Recommendations(NamedTuple):
    """An answer: at most k articles, best first, all from `version`, which is that of `variant` if there is one."""

    customer_id: str
    items: tuple[Item, ...]
    source: Source
    fallback_reason: FallbackReason | None
    version: str
    model: str
    generated_at: str
    variant: str | None = None


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
    """At most k articles that a segment buys most; `segments` are the names that may be asked for."""

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
"""Every kind of list that is shown to shoppers."""


@dataclass(frozen=True)
class LastPurchases:
    """What a customer bought last, each article once, newest first."""

    customer_id: str
    purchases: tuple[Purchase, ...]
    version: str
    model: str
    generated_at: str
    variant: str | None = None


@dataclass(frozen=True)
class ShownTo:
    """To how many customers an article is recommended, before any rule of the lookup, and ids of some of them."""

    article_id: str
    customers: int
    examples: tuple[str, ...]
    version: str
    model: str
    generated_at: str


class ExplainedItem(NamedTuple):
    """An article of a list: its place among those published, from 1, and the names of all that proposed it."""

    place: int
    item: Item
    proposers: tuple[str, ...]


class FilteredArticle(NamedTuple):
    """An article that a rule took out of a list, from which place, and what was noted when it was barred."""

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


def items_at(chosen: CachedList, places: Iterable[int]) -> tuple[Item, ...]:
    """The articles at some places of a list, from 0."""
    source, ids, scores, proposers = chosen
    reasons = reasons_of(source)
    return tuple([Item(ids[place], scores[place], reasons[proposers[place]]) for place in places])
