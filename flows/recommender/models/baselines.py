"""Recommenders without learning that every model has to beat, and that serve customers whom a model cannot serve.

Stage: beside the two-tower models, before evaluation. In: a `BaselineShop`, customer ids, candidate article
positions. Out: `RankedLists`, k articles for every customer, best first; own articles score above 1, the popular ones
that fill a list up 1 at most.

Each baseline is a function `(shop, customer_ids, candidates, k) -> RankedLists`, listed in `BASELINES`:

    popular              most buyers in the last week
    segment_popular      most buyers in the last week within the customer's segment, filled with popular
    repurchase           own articles, most recently bought first, filled with popular
    repurchase_frequent  own articles, bought on most days first, filled with popular

Ties fall by popularity, then by article id, so that two runs give the same lists.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from recommender.columns import Columns
from recommender.features.customer_rows import places_of
from recommender.features.interactions import day_number
from recommender.models.baseline_shop import BaselineShop, positions_among
from recommender.models.ranked_lists import RankedLists, empty_lists, top_per_row
from recommender.ranking_metrics import find_repeats

POPULARITY_COLUMNS = (Columns.BUYERS_1W, Columns.SALES_1W, "sales_4w")
"""What makes an article popular, each column breaking the ties of the one before."""


def popular(shop: BaselineShop, customer_ids: Sequence[str], candidates: np.ndarray, k: int = 12) -> RankedLists:
    """Give everybody the candidates with the most buyers in the last week.

    Ties: units sold in the last week, in the last four, then article id. `candidates` int (n_candidates,)
    are article positions; with fewer than k of them the lists end in -1. Scores are buyers as a share of
    the first's.
    """
    return fill_with_popular(empty_lists(len(customer_ids)), Popularity.of(shop, candidates), k)


def segment_popular(
    shop: BaselineShop, customer_ids: Sequence[str], candidates: np.ndarray, k: int = 12
) -> RankedLists:
    """Give each customer the last week's most bought candidates of the own segment, filled with popular.

    A customer that `customer_features` does not know gets the popular list.
    """
    popularity = Popularity.of(shop, candidates)
    segments = pc.unique(_strings(shop.customer_features, Columns.SEGMENT)).drop_null()
    best = _best_of_segments(shop, segments, popularity, k)
    own_segment = _segment_of_each(shop, customer_ids, segments)
    return fill_with_popular(best.take(own_segment), popularity, k)


def segment_lists(shop: BaselineShop, candidates: np.ndarray, k: int = 12) -> tuple[list[str], RankedLists]:
    """Return the names of all segments that customers are in or articles were bought in, and a list for each.

    A list holds the last week's most bought candidates of the segment, filled with popular.
    """
    marts = shop.customer_features, shop.segment_sales
    named = (pc.unique(_strings(mart, Columns.SEGMENT)).drop_null().to_pylist() for mart in marts)
    segments = sorted(set().union(*named))
    popularity = Popularity.of(shop, candidates)
    best = _best_of_segments(shop, pa.array(segments, pa.string()), popularity, k)
    return segments, fill_with_popular(best, popularity, k)


def _best_of_segments(shop: BaselineShop, segments: pa.Array, popularity: "Popularity", k: int) -> RankedLists:
    """One list per segment, shorter than k where fewer candidates were bought in it."""
    sales = shop.segment_sales
    segment_rows = positions_among(_strings(sales, Columns.SEGMENT), segments)
    articles = positions_among(_strings(sales, Columns.ARTICLE_ID), shop.article_ids)
    buyers = _numbers(sales, Columns.BUYERS_1W)
    is_usable = (segment_rows >= 0) & popularity.is_candidate(articles) & (buyers > 0)
    return top_per_row(
        segment_rows[is_usable],
        articles[is_usable],
        scores=1 + buyers[is_usable] / max(buyers.max(initial=0), 1),
        ties=popularity.rank[articles[is_usable]],
        n_rows=len(segments),
        k=k,
    )


def repurchase(
    shop: BaselineShop,
    customer_ids: Sequence[str],
    candidates: np.ndarray,
    k: int = 12,
    order: Literal["recent", "frequent"] = "recent",
) -> RankedLists:
    """Give each customer the candidates bought before, filled with popular.

    `order` "recent" ranks by last purchase day, then by number of purchase days; "frequent" the other way
    round. Customers without purchases get the popular list.

    Raises ValueError for another order.
    """
    if order not in ("recent", "frequent"):
        raise ValueError(f"order must be 'recent' or 'frequent', got {order!r}")
    popularity = Popularity.of(shop, candidates)
    own = _own_articles(shop, customer_ids, popularity)
    recency = 1 / own.days_since  # in (0, 1]
    first, second = (recency, own.purchase_days) if order == "recent" else (own.purchase_days, recency)
    best = top_per_row(
        own.rows,
        own.articles,
        scores=1 + first,
        ties=np.lexsort((popularity.rank[own.articles], -second)).argsort(),
        n_rows=len(customer_ids),
        k=k,
    )
    return fill_with_popular(best, popularity, k)


BASELINES: dict[str, Callable[..., RankedLists]] = {
    "popular": popular,
    "segment_popular": segment_popular,
    "repurchase": repurchase,
    "repurchase_frequent": partial(repurchase, order="frequent"),
}
"""Every baseline by the name it has in reports."""


class Popularity(NamedTuple):
    """The candidates ranked by last week's buyers.

    `order` (n_candidates,) holds positions, `shares` their buyers as a share of the first's, `rank`
    (n_articles,) where each article stands, n_articles for one that is no candidate.
    """

    order: np.ndarray
    shares: np.ndarray
    rank: np.ndarray

    @classmethod
    def of(cls, shop: BaselineShop, candidates: np.ndarray) -> "Popularity":
        """Rank the candidates; raises ValueError for a position outside the catalogue."""
        n_articles = len(shop.article_ids)
        candidates = _checked_candidates(candidates, n_articles)
        features = shop.article_features
        rows = positions_among(_strings(features, Columns.ARTICLE_ID), shop.article_ids)
        is_listed = rows >= 0
        sold = np.zeros((len(POPULARITY_COLUMNS), n_articles))
        for measure, column in enumerate(POPULARITY_COLUMNS):
            sold[measure, rows[is_listed]] = _numbers(features, column)[is_listed]
        order = candidates[np.lexsort((candidates, *-sold[::-1, candidates]))]  # lexsort: last key counts first
        rank = np.full(n_articles, n_articles)
        rank[order] = np.arange(len(order))
        buyers = sold[0, order]
        return cls(order, buyers / max(buyers[0], 1), rank)

    def is_candidate(self, articles: np.ndarray) -> np.ndarray:
        """Mark the positions that may be recommended; -1 may not."""
        return (articles >= 0) & (self.rank[articles] < len(self.rank))


class _OwnArticles(NamedTuple):
    """One entry per (customer, candidate bought before the as-of day), all arrays (n_entries,)."""

    rows: np.ndarray
    articles: np.ndarray
    days_since: np.ndarray
    purchase_days: np.ndarray


def _own_articles(shop: BaselineShop, customer_ids: Sequence[str], popularity: Popularity) -> _OwnArticles:
    bought = shop.interactions
    row_of_customer = np.full(len(bought.customer_ids) + 1, -1)  # the last one is for strangers
    row_of_customer[shop.customer_rows(customer_ids)] = np.arange(len(customer_ids))
    rows = row_of_customer[bought.customers]
    is_usable = (rows >= 0) & popularity.is_candidate(bought.articles)
    n_articles = bought.n_articles
    keys = rows[is_usable] * n_articles + bought.articles[is_usable]
    pairs, pair_of_purchase, purchase_days = np.unique(keys, return_inverse=True, return_counts=True)
    last_day = np.zeros(len(pairs), dtype=np.int32)
    np.maximum.at(last_day, pair_of_purchase, bought.days[is_usable])
    days_since = day_number(shop.as_of_day) - last_day
    return _OwnArticles(pairs // n_articles, pairs % n_articles, days_since, purchase_days)


def fill_with_popular(own: RankedLists, popularity: Popularity, k: int) -> RankedLists:
    """Append the popular articles that a list does not hold yet, and cut to k.

    `own` are lists of any width whose articles score above 1.
    """
    n_customers = len(own.positions)
    fill = popularity.order[:k]  # k are enough: each one skipped stands in the own list already
    missing = k - len(fill)
    padding = empty_lists(n_customers, missing)
    positions = np.hstack([own.positions, np.tile(fill, (n_customers, 1)), padding.positions])
    scores = np.hstack([own.scores, np.tile(popularity.shares[:k], (n_customers, 1)), padding.scores])
    is_dropped = (positions < 0) | find_repeats(positions)
    positions[is_dropped], scores[is_dropped] = -1, np.nan
    kept = np.argsort(is_dropped, axis=1, kind="stable")[:, :k]
    return RankedLists(
        np.take_along_axis(positions, kept, axis=1).astype(np.int32),
        np.take_along_axis(scores, kept, axis=1).astype(np.float32),
    )


def _segment_of_each(shop: BaselineShop, customer_ids: Sequence[str], segments: pa.Array) -> np.ndarray:
    known = shop.customer_features
    customer_rows = places_of(shop.customer_rows(customer_ids), known[Columns.CUSTOMER_CODE].to_numpy())
    segment_rows = positions_among(_strings(known, Columns.SEGMENT), segments)
    return np.append(segment_rows, -1)[customer_rows]  # a customer not found, -1, takes the appended -1


def _checked_candidates(candidates: np.ndarray, n_articles: int) -> np.ndarray:
    candidates = np.unique(candidates)
    if candidates.size == 0 or candidates[0] < 0 or candidates[-1] >= n_articles:
        raise ValueError(f"candidates must be article positions in [0, {n_articles}), got {candidates}")
    return candidates


def _strings(table: pa.Table, column: str) -> pa.ChunkedArray:
    return table[column].cast(pa.string())


def _numbers(table: pa.Table, column: str) -> np.ndarray:
    return table[column].cast(pa.float64()).to_numpy()
