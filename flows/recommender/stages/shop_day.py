"""Everything the four stages may know on one as-of day, as arrays.

Stage: between the marts and the generators. In: the marts of a day, its customers and what was bought before it. Out:
`ShopDay`, where an article is a column (its rank among the day's candidates) and a customer a row.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse

from recommender.columns import Columns
from recommender.features.catalogue import Catalogue
from recommender.features.customer_rows import places_of
from recommender.features.interactions import Interactions
from recommender.features.marts import Marts

MOST_SEGMENT_CELLS = 20_000_000
"""Of the matrices of segments and candidates, 80 MB each; `postal_code` may have a hundred thousand values."""


@dataclass(frozen=True)
class OwnArticles:
    """What the day's customers bought before it, one entry per (customer, candidate), ascending by key.

    Attributes:
        keys: (n_own,) int64, row * n_columns + column.
        numbers: feature name to (n_own,) float32; see `Columns.OWN_NUMBERS`.
    """

    keys: np.ndarray
    numbers: dict[str, np.ndarray]

    def find(self, keys: np.ndarray) -> np.ndarray:
        """Return where each of (n,) keys stands, -1 where the customer does not own the article."""
        if not len(self.keys):
            return np.full(len(keys), -1)
        places = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[places] == keys, places, -1)


@dataclass(frozen=True)
class ShopDay:
    """A day of the shop: n customers to be served, m articles that may be recommended.

    The baselines have a `models.baseline_shop.BaselineShop` of it instead, which knows everybody and every article.

    Attributes:
        as_of_day: first day nothing here knows of.
        candidates: (m,) int64 catalogue positions, ascending.
        article_numbers: name to (m,) float32.
        attribute_codes: (n_articles, n_attributes) int32 over all catalogue positions, columns as
            `Columns.ARTICLE_ATTRIBUTES`.
        customer_ids: (n,) array of str.
        customer_numbers: name to (n,) float32, NaN where unknown.
        customer_rows: (n,) int64 rows of `purchases.customer_ids`.
        own: what the customers bought among the candidates.
        segments: (n,) int64 rows of the segment matrices; the last row is for a segment nobody bought in,
            and for the smallest where those of a large shop are too many.
        segment_buyers: column name to (n_segments + 1, m) float32.
        purchases: everything bought before the day.
        history: (n, n_articles) float32 days on which each customer bought each article.
    """

    as_of_day: date
    candidates: np.ndarray
    article_numbers: dict[str, np.ndarray]
    attribute_codes: np.ndarray
    customer_ids: np.ndarray
    customer_numbers: dict[str, np.ndarray]
    customer_rows: np.ndarray
    own: OwnArticles
    segments: np.ndarray
    segment_buyers: dict[str, np.ndarray]
    purchases: Interactions
    history: sparse.csr_matrix

    def __len__(self) -> int:
        return len(self.customer_ids)

    @property
    def n_candidates(self) -> int:
        """Number of articles that may be recommended."""
        return len(self.candidates)

    @cached_property
    def attribute_shares(self) -> tuple[np.ndarray, ...]:
        """For each attribute the (n_values,) float64 shares of all purchases that each of its codes has."""
        times_bought = np.bincount(self.purchases.articles, minlength=len(self.attribute_codes))
        total = max(len(self.purchases), 1)
        return tuple(np.bincount(codes, times_bought) / total for codes in self.attribute_codes.T)

    def has_history(self) -> np.ndarray:
        """Return (n,) bool: whether the customer bought anything before the day."""
        return self.history.indptr[1:] > self.history.indptr[:-1]


def read_shop_day(
    marts: Marts,
    as_of_day: date,
    customer_rows: np.ndarray,
    candidates: np.ndarray,
    catalogue: Catalogue,
    purchases: Interactions,
) -> ShopDay:
    """Read what is known on a day about some customers and the articles that may be recommended to them.

    Args:
        marts: of the run; the day is one of their ranked days.
        as_of_day: the day.
        customer_rows: (n,) int, whom to serve, as rows of `purchases.customer_ids`; `customer_features` has them on
            the day.
        candidates: (m,) catalogue positions that passed the filters, ascending.
        catalogue: owner of positions.
        purchases: of any time; cut at the day here.

    Raises:
        MartMissing: when the marts hold no features of the day or of one of the customers: before the cutoff they have
            those of the week's buyers.
    """
    purchases = purchases.before(as_of_day)
    rows = customer_rows.astype(np.int64)
    customer_columns = [Columns.SEGMENT, *Columns.CUSTOMER_RANKING_NUMBERS]
    customers = marts.customer_features(as_of_day, customer_columns, rows)
    segments, segment_buyers = _segment_buyers(marts.segment_sales(as_of_day), customers, candidates, catalogue)
    history = purchases.matrix(as_of_day)[rows]
    own = _own_articles(marts.own_articles(as_of_day), rows, candidates, catalogue)
    return ShopDay(
        as_of_day=as_of_day,
        candidates=candidates,
        article_numbers=_article_numbers(marts.article_features(as_of_day), candidates, catalogue),
        attribute_codes=attribute_codes(marts.articles_in_order(catalogue)),
        customer_ids=purchases.customer_ids[rows],
        customer_numbers={name: _numbers(customers, name) for name in Columns.CUSTOMER_RANKING_NUMBERS},
        customer_rows=rows,
        own=own,
        segments=segments,
        segment_buyers=segment_buyers,
        purchases=purchases,
        history=history,
    )


def attribute_codes(articles: pa.Table) -> np.ndarray:
    """Return (n_articles, n_attributes) int32 codes of the attribute values of articles in the catalogue's order."""
    columns = [articles[name].combine_chunks().dictionary_encode().indices for name in Columns.ARTICLE_ATTRIBUTES]
    return np.stack([column.to_numpy() for column in columns], axis=1).astype(np.int32)


def _article_numbers(features: pa.Table, candidates: np.ndarray, catalogue: Catalogue) -> dict[str, np.ndarray]:
    positions = catalogue.positions_of(features[Columns.ARTICLE_ID])
    order = np.argsort(positions)
    rows = order[np.searchsorted(positions[order], candidates)]
    return {name: _numbers(features, name)[rows] for name in Columns.ARTICLE_RANKING_NUMBERS}


def _own_articles(
    blocks: Iterable[pa.Table], customer_rows: np.ndarray, candidates: np.ndarray, catalogue: Catalogue
) -> OwnArticles:
    """Keep of the mart what its customers and candidates need, block by block: it is the largest by far."""
    keys, numbers = [np.empty(0, np.int64)], {name: [np.empty(0, np.float32)] for name in Columns.OWN_NUMBERS}
    for owned in blocks:
        customer = places_of(owned[Columns.CUSTOMER_CODE].to_numpy(), customer_rows)
        columns, is_candidate = columns_of(catalogue.positions_of(owned[Columns.ARTICLE_ID]), candidates)
        is_used = (customer >= 0) & is_candidate
        keys.append(customer[is_used] * len(candidates) + columns[is_used])
        for name, parts in numbers.items():
            parts.append(_numbers(owned, name)[is_used])
    every_key = np.concatenate(keys)
    order = np.argsort(every_key, kind="stable")  # in order already where the customers are
    return OwnArticles(every_key[order], {name: np.concatenate(numbers[name])[order] for name in numbers})


def _segment_buyers(
    sales: pa.Table, customers: pa.Table, candidates: np.ndarray, catalogue: Catalogue
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return each customer's segment row, and how many of a segment's customers bought each candidate."""
    names = _largest_segments(sales, MOST_SEGMENT_CELLS // max(len(candidates), 1))
    sales = sales.filter(pc.is_in(sales[Columns.SEGMENT], value_set=names))
    segment = pc.fill_null(pc.index_in(customers[Columns.SEGMENT], value_set=names), len(names))
    columns, is_candidate = columns_of(catalogue.positions_of(sales[Columns.ARTICLE_ID]), candidates)
    rows = pc.index_in(sales[Columns.SEGMENT], value_set=names).to_numpy()
    buyers = {}
    for name in Columns.SEGMENT_NUMBERS:
        buyers[name] = np.zeros((len(names) + 1, len(candidates)), np.float32)
        buyers[name][rows[is_candidate], columns[is_candidate]] = _numbers(sales, name)[is_candidate]
    return segment.to_numpy().astype(np.int64), buyers


def _largest_segments(sales: pa.Table, most: int) -> pa.Array:
    """Return the segments with sales in the order of the mart; of more than `most` those that bought most.

    Ties go to the earlier segment. What the other segments buy is too little to tell them from the whole shop.
    """
    names = pc.unique(sales[Columns.SEGMENT])
    if len(names) <= most:
        return names
    rows = pc.index_in(sales[Columns.SEGMENT], value_set=names).to_numpy()
    bought = np.bincount(rows, weights=_numbers(sales, Columns.BUYERS_4W), minlength=len(names))
    return names.take(pa.array(np.sort(np.argsort(-bought, kind="stable")[:most])))


def columns_of(positions: np.ndarray, candidates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the column of each position among ascending candidates, and whether it is one of them."""
    columns = np.minimum(np.searchsorted(candidates, positions), len(candidates) - 1)
    return columns, candidates[columns] == positions


def _numbers(table: pa.Table, name: str) -> np.ndarray:
    return table[name].cast(pa.float32()).to_numpy()
