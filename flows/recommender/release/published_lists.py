"""What one version holds, before it is encoded: everybody's lists and what goes with them.

In: arrays of article numbers. Out: `PublishedLists`, checked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from serving.cache.article_facts import ArticleFacts
from serving.cache.article_numbers import article_numbers
from serving.cache.contract import OVERALL
from serving.cache.list_buckets import ListArrays, check_lists
from serving.cache.purchase_buckets import PurchaseArrays, check_purchases
from serving.cache.shown_articles import ShownArticles

MOST_SEGMENTS = 10_000  # they lie in one value, which every server reads each second


class NamedLists(NamedTuple):
    """Lists that belong to something else than a customer: n names, each once, and n lists."""

    names: Sequence[str]
    lists: ListArrays


@dataclass(frozen=True)
class PublishedLists:
    """The lists of every customer, and what strangers get.

    Attributes:
        customer_ids: text (n,), each id once.
        lists: the customers' lists, (n, k).
        popular: the overall list, (1, k).
        articles: what is known of articles, by their ids: of all that are named anywhere in a version.
        segments: popular lists by segment, of the same depth k.
        similar: similar articles by article id, of any depth.
        purchases: what the customers bought last, (n, p).
        shown: to whom the articles of the lists are recommended.
    """

    customer_ids: np.ndarray
    lists: ListArrays
    popular: ListArrays
    articles: Mapping[str, ArticleFacts]
    segments: NamedLists | None = None
    similar: NamedLists | None = None
    purchases: PurchaseArrays | None = None
    shown: ShownArticles | None = None

    def popular_by_name(self) -> NamedLists:
        """The overall list and those of the segments."""
        if self.segments is None:
            return NamedLists([OVERALL], self.popular)
        both = zip(self.popular, self.segments.lists, strict=True)
        return NamedLists([OVERALL, *self.segments.names], ListArrays(*map(np.concatenate, both)))


def numbers_at(positions: np.ndarray, article_ids: Sequence[str] | np.ndarray) -> np.ndarray:
    """Article numbers of lists that hold article positions.

    Args:
        positions: int32 (n, k), rows of `article_ids`, -1 where a list is shorter than k.
        article_ids: text (n_articles,).

    Returns:
        uint32 (n, k), 0 where the position is -1.

    Raises:
        ValueError: an article id that the cache format cannot hold.
    """
    numbers = np.append(article_numbers(article_ids), np.uint32(0))  # position -1 is the 0 at the end
    return numbers[positions]


def check_published(lists: PublishedLists) -> None:
    """Stop what cannot be published before Redis is touched.

    Raises:
        ValueError: something does not fit the cache format, or does not fit the rest.
    """
    check_lists(lists.lists)
    check_lists(lists.popular)
    (n_lists, k), popular_shape = lists.lists.numbers.shape, lists.popular.numbers.shape
    if len(lists.customer_ids) != n_lists:
        raise ValueError(f"{len(lists.customer_ids)} customer ids for {n_lists} lists.")
    if popular_shape != (1, k):
        raise ValueError(
            f"the popular list has shape {popular_shape}, but the customers' have depth {k}; make it (1, {k})."
        )
    if n_lists == 0 or not lists.popular.numbers.any():
        raise ValueError("nothing to publish: there must be at least one customer and one popular article.")
    if lists.purchases is not None:
        check_purchases(lists.purchases, n_lists)
    for what, named in (("similar articles", lists.similar), ("segments", lists.segments)):
        if named is not None:
            _check_named(what, named)
    if lists.segments is not None:
        _check_segments(lists.segments, k)


def _check_named(what: str, named: NamedLists) -> None:
    check_lists(named.lists)
    if len(named.names) != len(named.lists.numbers) or len(set(named.names)) < len(named.names):
        raise ValueError(f"{what} have {len(named.names)} names for {len(named.lists.numbers)} lists; name each once.")


def _check_segments(segments: NamedLists, k: int) -> None:
    if len(segments.names) > MOST_SEGMENTS:
        raise ValueError(f"{len(segments.names):,} segments are more than {MOST_SEGMENTS:,}; name fewer columns.")
    if OVERALL in segments.names or segments.lists.numbers.shape[1] != k:
        raise ValueError(
            f"the lists of segments have depth {segments.lists.numbers.shape[1]}, the customers' {k}; "
            f"they need the same, and none may be called {OVERALL!r}."
        )
