"""The ways to propose articles, each fitted on a day: what `retrieve` chooses from by their names in the settings.

In: a `ShopDay`, fitted models. Out: a `Generator` each. What one says of a chunk of customers is never spread over
customers times articles, but where a product of matrices is the cheapest way to find the best.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from functools import cached_property
from typing import NamedTuple, Protocol

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn

from recommender.columns import Columns
from recommender.errors import ModelDiverged
from recommender.features.interactions import Interactions
from recommender.features.snapshots import CandidateSnapshot, QuerySnapshot
from recommender.model_names import TWO_TOWER
from recommender.models.item_similarity import Ease, ItemKnn
from recommender.ragged_rows import take_rows
from recommender.stages.chunk_scores import (
    NOTHING,
    ChunkScores,
    DenseScores,
    ProductScores,
    SharedScores,
    SparseScores,
)
from recommender.stages.shop_day import ShopDay, columns_of

FRESH_DAYS = 7
OWN_HALF_LIFE_DAYS = 60.0  # orders what is bought again; the ranker judges it by finer features
RISING_PRIOR_BUYERS = 5.0  # a segment of few buyers is pulled towards what the whole shop buys
QUERIES_PER_BLOCK = 4_096  # customers whose vectors are made at a time


class ChangedHistories(NamedTuple):
    """The day's customers as if they had bought something else before it; everything else is as it was.

    Attributes:
        day: with other own articles and another history.
        purchases: what was bought before the day, in the histories' place.
        queries: the customers as a two-tower reads them.
    """

    day: ShopDay
    purchases: Interactions
    queries: QuerySnapshot


class Generator(Protocol):
    """Proposes articles."""

    name: str

    def scored(self, rows: np.ndarray) -> ChunkScores:
        """Return its scores for some rows of the day's customers, (n,) int64."""

    def with_histories(self, changed: ChangedHistories) -> Generator:
        """Return the same fitted generator for the day's customers with other histories."""


class TwoTowerGenerator:
    """Exact scores of a fitted two-tower.

    Args:
        day: the day.
        model: has `encode_queries` and `encode_candidates`; fitted on what lies before the day.
        queries: the day's customers, in the day's order.
        candidates: the day's articles, on sale or not.

    Raises:
        ModelDiverged: when the model's vectors are not finite.
        ValueError: when a snapshot is not of this day or its customers are others.
    """

    name = TWO_TOWER

    def __init__(self, day: ShopDay, model: nn.Module, queries: QuerySnapshot, candidates: CandidateSnapshot):
        if {queries.as_of_day, candidates.as_of_day} != {day.as_of_day}:
            raise ValueError(f"snapshots are of {queries.as_of_day} and {candidates.as_of_day}, not {day.as_of_day}")
        if len(queries) != len(day) or (queries.customers != day.customer_rows).any():
            raise ValueError("the query snapshot's customers are not the day's")
        columns, is_known = columns_of(day.candidates, candidates.positions.numpy())
        if not is_known.all():
            raise ValueError(f"the candidate snapshot lacks catalogue position {day.candidates[~is_known][0]}")
        self._model, self.queries = model.eval(), queries
        with torch.inference_mode():
            self._articles = _finite(model.encode_candidates(candidates.take(torch.from_numpy(columns))))

    @cached_property
    def customers(self) -> Tensor:
        """(n, d) float32 vectors of the day's customers, made once: several chunks and generators read them."""
        with torch.inference_mode():
            blocks = torch.arange(len(self.queries)).split(QUERIES_PER_BLOCK)
            vectors = [self._model.encode_queries(self.queries.take(rows)) for rows in blocks]
            return _finite(torch.cat(vectors)) if vectors else torch.empty(0, self._articles.shape[1])

    def products(self, rows: np.ndarray, columns: np.ndarray) -> ProductScores:
        """Return the inner products of some of the day's customers and some candidates, (m,) ascending columns."""
        customers = self.customers[torch.from_numpy(rows)]
        return ProductScores(customers, self._articles[torch.from_numpy(columns)], columns, len(self._articles))

    def best_columns(self, queries: QuerySnapshot, k: int) -> np.ndarray:
        """Return (len(queries), k) int64 columns of the best candidates for any customers, not only the day's own."""
        with torch.inference_mode():
            scores = self._model.encode_queries(queries) @ self._articles.T
        return torch.argsort(scores, dim=1, descending=True, stable=True)[:, :k].numpy()

    def scored(self, rows: np.ndarray) -> ProductScores:
        """See `Generator`."""
        return self.products(rows, np.arange(len(self._articles)))

    def with_histories(self, changed: ChangedHistories) -> TwoTowerGenerator:
        """See `Generator`."""
        other = copy(self)
        other.__dict__.pop("customers", None)
        other.queries = changed.queries
        return other


def _finite(vectors: Tensor) -> Tensor:
    if not torch.isfinite(vectors).all():
        raise ModelDiverged("the two-tower's vectors are not finite: it diverged; lower its learning_rate")
    return vectors


class OwnGenerator:
    """Each customer's own articles by the decayed number of days on which they were bought."""

    name = "own"

    def __init__(self, day: ShopDay):
        self._keys, self._width = day.own.keys, day.n_candidates
        self._offsets = np.searchsorted(day.own.keys, np.arange(len(day) + 1) * day.n_candidates)
        recency = 0.5 ** (day.own.numbers[Columns.OWN_DAYS_SINCE] / OWN_HALF_LIFE_DAYS)
        self._scores = (np.log1p(day.own.numbers[Columns.OWN_PURCHASE_DAYS]) * recency).astype(np.float32)

    def scored(self, rows: np.ndarray) -> SparseScores:
        """See `Generator`."""
        entries, offsets = take_rows(self._offsets, rows)
        places = np.repeat(np.arange(len(rows)), np.diff(offsets))
        keys = places * self._width + self._keys[entries] % self._width
        return SparseScores(keys, self._scores[entries], self._width)

    def with_histories(self, changed: ChangedHistories) -> OwnGenerator:
        """See `Generator`."""
        return OwnGenerator(changed.day)


class HistoryGenerator:
    """An item-to-item model's scores over what the customers bought.

    Args:
        name: of the generator.
        model: a fitted one, see `item_similarity`.
        bought: of a model returns what each of its customers bought, one row a customer.
        day: the day.
    """

    def __init__(self, name: str, model: Ease | ItemKnn, bought: Callable[..., sparse.csr_matrix], day: ShopDay):
        self.name, self._model, self._bought_by, self._day = name, model, bought, day
        self._bought, self._weights = bought(model), model.weights_of(day.candidates)

    def scored(self, rows: np.ndarray) -> DenseScores | SparseScores:
        """See `Generator`; 0 says that nothing bought is a neighbour."""
        scores = self._bought[self._day.customer_rows[rows]] @ self._weights
        if sparse.issparse(scores):
            return SparseScores.of(scores)
        return DenseScores(np.where(scores == 0, np.float32(NOTHING), scores))

    def on(self, day: ShopDay) -> HistoryGenerator:
        """Return the same fitted model over other candidates or customers of the day."""
        return HistoryGenerator(self.name, self._model, self._bought_by, day)

    def with_histories(self, changed: ChangedHistories) -> HistoryGenerator:
        """See `Generator`."""
        model = self._model.with_purchases(changed.purchases, changed.day.as_of_day)
        return HistoryGenerator(self.name, model, self._bought_by, changed.day)


class RisingGenerator:
    """Last week's buyers in the customer's segment, smoothed by the whole shop's, times the growth over four weeks."""

    name = "rising"

    def __init__(self, day: ShopDay):
        week, month = (day.article_numbers[name] for name in (Columns.BUYERS_1W, Columns.BUYERS_4W))
        share = week / max(week.sum(), 1)
        growth = np.log2(2 + 4 * week) / np.log2(2 + month)
        in_segment = day.segment_buyers[Columns.BUYERS_1W]
        prior_buyers = RISING_PRIOR_BUYERS * len(share) ** 0.5  # an article's share falls as the catalogue grows
        smoothed = in_segment + prior_buyers * share
        self._scores = SharedScores(np.where(smoothed > 0, smoothed * growth, NOTHING).astype(np.float32))
        self._segments = day.segments

    def scored(self, rows: np.ndarray) -> ChunkScores:
        """See `Generator`."""
        return self._scores.of_groups(self._segments[rows])

    def with_histories(self, changed: ChangedHistories) -> RisingGenerator:
        """See `Generator`: what a segment buys is nobody's history."""
        return self


class PopularGenerator:
    """Last week's buyers; the last four weeks' break ties."""

    name = "popular"

    def __init__(self, day: ShopDay):
        week, month = (day.article_numbers[name] for name in (Columns.BUYERS_1W, Columns.BUYERS_4W))
        self._scores = SharedScores((week + month / (month.max(initial=0) + 1)).astype(np.float32)[np.newaxis])

    def scored(self, rows: np.ndarray) -> ChunkScores:
        """See `Generator`."""
        return self._scores.of_groups(np.zeros(len(rows), np.int64))

    def with_histories(self, changed: ChangedHistories) -> PopularGenerator:
        """See `Generator`: what everybody buys is nobody's history."""
        return self


class FreshGenerator:
    """The two-tower's scores of articles first sold in the last week: it knows them by their attributes."""

    name = "fresh"

    def __init__(self, day: ShopDay, two_tower: TwoTowerGenerator):
        self._two_tower = two_tower
        self._fresh = np.flatnonzero(day.article_numbers[Columns.AGE_DAYS] <= FRESH_DAYS)

    def scored(self, rows: np.ndarray) -> ProductScores:
        """See `Generator`."""
        return self._two_tower.products(rows, self._fresh)

    def with_histories(self, changed: ChangedHistories) -> FreshGenerator:
        """See `Generator`."""
        return FreshGenerator(changed.day, self._two_tower.with_histories(changed))
