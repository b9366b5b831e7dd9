"""Stage one of four, retrieve: several cheap ways to propose articles, each with one interface.

In: a `ShopDay`, and for the two-tower a fitted model with the day's snapshots. Out: generators. Each has a `name` and
`score(rows)`, which gives every candidate of some customers a score, -inf where it proposes nothing; the best `size` of
each go on. The same scores are features of the ranker.

    two_tower   the Merlin two-tower's inner product, over everything on sale
    own         what the customer bought before, recent and frequent first
    ease        item-to-item weights of EASE over the customer's history, where the catalogue is small enough
    item_knn    item-to-item BM25 neighbours of the customer's history, at any size
    last_basket the same neighbours, of the customer's last basket alone
    rising      what the customer's segment buys this week, more than in the weeks before first
    popular     what everybody bought last week
    fresh       articles first sold in the last week, by the two-tower's view of their attributes

A customer without history is scored by the two-tower through the segment and the season, and by what is popular.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from functools import cached_property
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import nn

from recommender.columns import Columns
from recommender.errors import ModelDiverged
from recommender.features.interactions import Interactions
from recommender.features.snapshots import CandidateSnapshot, QuerySnapshot
from recommender.model_names import EASE, ITEM_KNN, LAST_BASKET, TWO_TOWER
from recommender.models.item_similarity import CatalogueTooLarge, Ease, ItemKnn, fit_ease, fit_item_knn
from recommender.stages.shop_day import ShopDay, columns_of

NOTHING = -np.inf
FRESH_DAYS = 7
OWN_HALF_LIFE_DAYS = 60.0  # orders what is bought again; the ranker judges it by finer features
RISING_PRIOR_BUYERS = 5.0  # a segment of few buyers is pulled towards what the whole shop buys


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

    def score(self, rows: np.ndarray) -> np.ndarray:
        """Return (len(rows), n_candidates) float32 for some rows of the day's customers; -inf proposes nothing."""

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
        ValueError: when a snapshot is not of this day or its customers are others.
    """

    name = TWO_TOWER

    def __init__(self, day: ShopDay, model: nn.Module, queries: QuerySnapshot, candidates: CandidateSnapshot):
        if {queries.as_of_day, candidates.as_of_day} != {day.as_of_day}:
            raise ValueError(f"snapshots are of {queries.as_of_day} and {candidates.as_of_day}, not {day.as_of_day}")
        if len(queries) != len(day) or (queries.customer_ids != day.customer_ids).any():
            raise ValueError("the query snapshot's customers are not the day's")
        self._model, self._queries = model.eval(), queries
        columns, is_known = columns_of(day.candidates, candidates.positions.numpy())
        if not is_known.all():
            raise ValueError(f"the candidate snapshot lacks catalogue position {day.candidates[~is_known][0]}")
        with torch.inference_mode():
            self._articles = model.encode_candidates(candidates.take(torch.from_numpy(columns)))
        self._latest = np.empty(0, np.int64), np.empty((0, len(columns)), np.float32)

    @property
    def queries(self) -> QuerySnapshot:
        """The day's customers as the model reads them."""
        return self._queries

    def best_columns(self, queries: QuerySnapshot, k: int) -> np.ndarray:
        """Return (len(queries), k) int64 columns of the best candidates for any customers, not only the day's own."""
        with torch.inference_mode():
            scores = self._model.encode_queries(queries) @ self._articles.T
        return torch.argsort(scores, dim=1, descending=True, stable=True)[:, :k].numpy()

    def score(self, rows: np.ndarray) -> np.ndarray:
        """See `Generator`; the latest answer is kept, for `FreshGenerator` asks for it again."""
        if not np.array_equal(rows, self._latest[0]):
            with torch.inference_mode():
                customers = self._model.encode_queries(self._queries.take(torch.from_numpy(rows)))
                scores = (customers @ self._articles.T).numpy()
            if not np.isfinite(scores).all():
                raise ModelDiverged("the two-tower's scores are not finite: it diverged; lower its learning_rate")
            self._latest = rows.copy(), scores
        return self._latest[1]

    def with_histories(self, changed: ChangedHistories) -> TwoTowerGenerator:
        """See `Generator`."""
        other = copy(self)
        other._queries, other._latest = changed.queries, (np.empty(0, np.int64), self._latest[1][:0])
        return other


class OwnGenerator:
    """Each customer's own articles by the decayed number of days on which they were bought."""

    name = "own"

    def __init__(self, day: ShopDay):
        self._day = day
        recency = 0.5 ** (day.own.numbers[Columns.OWN_DAYS_SINCE] / OWN_HALF_LIFE_DAYS)
        self._scores = np.log1p(day.own.numbers[Columns.OWN_PURCHASE_DAYS]) * recency

    def score(self, rows: np.ndarray) -> np.ndarray:
        """See `Generator`."""
        width, keys = self._day.n_candidates, self._day.own.keys
        scores = np.full((len(rows), width), NOTHING, np.float32)
        starts, ends = np.searchsorted(keys, rows * width), np.searchsorted(keys, (rows + 1) * width)
        counts = ends - starts
        entries = np.repeat(starts - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
        scores[np.repeat(np.arange(len(rows)), counts), keys[entries] % width] = self._scores[entries]
        return scores

    def with_histories(self, changed: ChangedHistories) -> OwnGenerator:
        """See `Generator`."""
        return OwnGenerator(changed.day)


class HistoryGenerator:
    """An item-to-item model's scores over the customers' histories.

    Args:
        name: of the generator.
        model: a fitted one, see `item_similarity`.
        day: the day.
        score: the method of the model that scores.
    """

    def __init__(self, name: str, model: Ease | ItemKnn, day: ShopDay, score: Callable[..., np.ndarray]):
        self.name, self._model, self._day, self._score = name, model, day, score

    def score(self, rows: np.ndarray) -> np.ndarray:
        """See `Generator`."""
        scores = self._score(self._model, self._day.customer_rows[rows], self._day.candidates)
        return np.where(scores == 0, NOTHING, scores).astype(np.float32)  # 0: no own article is a neighbour

    def with_histories(self, changed: ChangedHistories) -> HistoryGenerator:
        """See `Generator`."""
        model = self._model.with_purchases(changed.purchases, changed.day.as_of_day)
        return HistoryGenerator(self.name, model, changed.day, self._score)


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
        self._scores = np.where(smoothed > 0, smoothed * growth, NOTHING).astype(np.float32)
        self._segments = day.segments

    def score(self, rows: np.ndarray) -> np.ndarray:
        """See `Generator`."""
        return self._scores[self._segments[rows]]

    def with_histories(self, changed: ChangedHistories) -> RisingGenerator:
        """See `Generator`: what a segment buys is nobody's history."""
        return self


class PopularGenerator:
    """Last week's buyers; the last four weeks' break ties."""

    name = "popular"

    def __init__(self, day: ShopDay):
        week, month = (day.article_numbers[name] for name in (Columns.BUYERS_1W, Columns.BUYERS_4W))
        self._scores = (week + month / (month.max(initial=0) + 1)).astype(np.float32)

    def score(self, rows: np.ndarray) -> np.ndarray:
        """See `Generator`."""
        return np.broadcast_to(self._scores, (len(rows), len(self._scores)))

    def with_histories(self, changed: ChangedHistories) -> PopularGenerator:
        """See `Generator`: what everybody buys is nobody's history."""
        return self


class FreshGenerator:
    """The two-tower's scores of articles first sold in the last week: it knows them by their attributes."""

    name = "fresh"

    def __init__(self, day: ShopDay, two_tower: TwoTowerGenerator):
        self._two_tower, self._is_fresh = two_tower, day.article_numbers[Columns.AGE_DAYS] <= FRESH_DAYS

    def score(self, rows: np.ndarray) -> np.ndarray:
        """See `Generator`."""
        return np.where(self._is_fresh, self._two_tower.score(rows), NOTHING)

    def with_histories(self, changed: ChangedHistories) -> FreshGenerator:
        """See `Generator`."""
        return FreshGenerator(changed.day, self._two_tower.with_histories(changed))


def fit_generators(
    day: ShopDay,
    sizes: Mapping[str, int],
    two_tower: tuple[nn.Module, QuerySnapshot, CandidateSnapshot] | None,
    report: Callable[[str], None] = print,
) -> list[Generator]:
    """Fit the generators that the settings name on what lies before the day.

    Args:
        day: the day.
        sizes: how many articles each generator proposes; 0 makes its score a feature and proposes nothing, a name
            that is missing switches the generator off.
        two_tower: a fitted model with the day's snapshots; not needed when neither `two_tower` nor `fresh` is on.
        report: called with a line for each generator that had to be left out.

    Raises:
        ValueError: when a name is unknown, or the two-tower is on and missing.
    """
    if not any(size > 0 for size in sizes.values()):
        raise ValueError("no generator proposes anything; give at least one of [retrieve] a size above 0")
    if unknown := sizes.keys() - GENERATORS.keys():
        raise ValueError(f"there is no generator {', '.join(sorted(unknown))}; there are {', '.join(GENERATORS)}")
    if two_tower is None and sizes.keys() & {TWO_TOWER, "fresh"}:
        raise ValueError("the two-tower generator needs a fitted model with the day's snapshots")
    fitted = _Fitted(day, two_tower)
    generators = []
    for name in (name for name in GENERATORS if name in sizes):
        try:
            generators.append(GENERATORS[name](fitted))
        except CatalogueTooLarge as reason:
            report(f"generator {name} is left out: {reason}")
    return generators


class _Fitted:
    """What several generators share, fitted when the first of them asks."""

    def __init__(self, day: ShopDay, two_tower: tuple[nn.Module, QuerySnapshot, CandidateSnapshot] | None):
        self.day, self._two_tower_parts = day, two_tower

    @cached_property
    def two_tower(self) -> TwoTowerGenerator:
        return TwoTowerGenerator(self.day, *self._two_tower_parts)

    @cached_property
    def item_knn(self) -> ItemKnn:
        return fit_item_knn(self.day.purchases, self.day.as_of_day)

    def ease(self) -> Ease:
        return fit_ease(self.day.purchases, self.day.as_of_day)


GENERATORS: dict[str, Callable[[_Fitted], Generator]] = {
    TWO_TOWER: lambda fitted: fitted.two_tower,
    "own": lambda fitted: OwnGenerator(fitted.day),
    EASE: lambda fitted: HistoryGenerator(EASE, fitted.ease(), fitted.day, Ease.score),
    ITEM_KNN: lambda fitted: HistoryGenerator(ITEM_KNN, fitted.item_knn, fitted.day, ItemKnn.score),
    LAST_BASKET: lambda fitted: HistoryGenerator(LAST_BASKET, fitted.item_knn, fitted.day, ItemKnn.last_basket_score),
    "rising": lambda fitted: RisingGenerator(fitted.day),
    "popular": lambda fitted: PopularGenerator(fitted.day),
    "fresh": lambda fitted: FreshGenerator(fitted.day, fitted.two_tower),
}
"""Every generator by its name in the settings, in the order in which they are named as an item's origin."""
