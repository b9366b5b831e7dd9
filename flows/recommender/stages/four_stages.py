"""The four stages in a row: a day's customers in, the lists they are served out.

    retrieve (generators) -> filter (rules) -> rank (a fitted ranker) -> order (caps, diversity)

Stage: the recommender that is evaluated and published. `fitted_day` applies the rules to the catalogue first, because
they hold for everybody: the generators then propose only what passed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np

from recommender.config import OrderSettings
from recommender.every_core import on_every_core
from recommender.models.ranked_lists import RankedLists, join_lists, top_per_row
from recommender.stages.best_first import best_first
from recommender.stages.candidate_sets import CandidateSet, candidate_set, row_chunks
from recommender.stages.fitted_day import FittedDay
from recommender.stages.order import order_lists
from recommender.stages.shop_day import ShopDay


class Scorer(Protocol):
    """A fitted ranker."""

    def score(self, features: np.ndarray) -> np.ndarray:
        """Return (n_pairs,) float32 for (n_pairs, n_features) float32."""


def recommend(
    fitted: FittedDay,
    ranker: Scorer,
    order: OrderSettings,
    k: int,
    rows: np.ndarray | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> RankedLists:
    """Return k articles for each of some customers of a day.

    Args:
        fitted: retrieve and filter, fitted on the day.
        ranker: scores pairs by their features.
        order: caps and diversity.
        k: length of the lists; a customer with fewer candidates gets a shorter one, padded with -1.
        rows: which customers; all by default.
        progress: called after each chunk with how many customers are done.
    """
    return recommend_and_tell(fitted, ranker, order, k, {}, rows, progress)[0]


def recommend_and_tell(
    fitted: FittedDay,
    ranker: Scorer,
    order: OrderSettings,
    k: int,
    bits: Mapping[str, int],
    rows: np.ndarray | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> tuple[RankedLists, np.ndarray]:
    """Return what `recommend` does, and which generators proposed each article.

    Args:
        fitted, ranker, order, k, rows, progress: see `recommend`.
        bits: generator name to a bit of a byte.

    Returns:
        The lists, and (n, k) uint8 with the bits of the generators that proposed the article, 0 in an empty place.
    """

    def make(chunk_rows: np.ndarray) -> tuple[RankedLists, np.ndarray]:
        chunk = candidate_set(fitted.day, fitted.generators, fitted.sizes, chunk_rows)
        made = rank_and_order(fitted.day, chunk, ranker.score(chunk.features), order, k)
        return made, _proposers(fitted.day, chunk, made.positions, bits)

    lists, told, done = [], [np.empty((0, k), np.uint8)], 0
    for made, proposers in on_every_core(make, row_chunks(fitted.day, fitted.sizes, rows)):
        lists.append(made)
        told.append(proposers)
        progress(done := done + len(proposers))
    return join_lists(lists, k), np.concatenate(told)


def _proposers(day: ShopDay, chunk: CandidateSet, positions: np.ndarray, bits: Mapping[str, int]) -> np.ndarray:
    """Return (n, k) uint8, the bits of the generators that proposed what the lists of a chunk hold."""
    if not len(chunk.columns):
        return np.zeros(positions.shape, np.uint8)
    marks = np.zeros(len(chunk.columns), np.uint8)
    for name in bits.keys() & chunk.proposed_by.keys():
        marks |= chunk.proposed_by[name] * np.uint8(bits[name])
    pairs = chunk.owners * day.n_candidates + chunk.columns  # ascending
    owners = np.arange(len(positions))[:, np.newaxis]
    wanted = owners * day.n_candidates + np.searchsorted(day.candidates, np.maximum(positions, day.candidates[0]))
    return np.where(positions >= 0, marks[np.searchsorted(pairs, wanted) % len(pairs)], 0).astype(np.uint8)


def best_of_generator(fitted: FittedDay, name: str, k: int, rows: np.ndarray | None = None) -> RankedLists:
    """Return the k best articles of some customers by one generator alone, neither ranked nor ordered.

    Raises:
        ValueError: when the generator is switched off.
    """
    chosen = next((generator for generator in fitted.generators if generator.name == name), None)
    if chosen is None:
        raise ValueError(f"generator {name} is off; there are {', '.join(each.name for each in fitted.generators)}")
    lists = []
    for chunk in row_chunks(fitted.day, {name: k}, rows):
        scored = chosen.scored(chunk)
        owners, columns = np.divmod(keys := scored.best(k), fitted.day.n_candidates)
        positions = fitted.day.candidates[columns]
        lists.append(top_per_row(owners, positions, scored.at(keys), positions, len(chunk), k))
    return join_lists(lists, k)


def rank_and_order(
    day: ShopDay, candidates: CandidateSet, scores: np.ndarray, order: OrderSettings, k: int
) -> RankedLists:
    """Order scored candidates into lists of k.

    Ties of the ranker fall by the column, which is the article's id.
    """
    owners = candidates.owners
    by_score = best_first(scores, candidates.offsets)
    ranks = np.arange(len(owners)) - candidates.offsets[owners]
    kept = ranks < max(order.depth, k)
    shape = len(candidates.rows), max(order.depth, k)
    positions, best = np.full(shape, -1, np.int64), np.full(shape, -np.inf, np.float32)
    place = owners[kept], ranks[kept]
    positions[place] = day.candidates[candidates.columns[by_score[kept]]]
    best[place] = scores[by_score[kept]]
    return order_lists(positions, best, day.attribute_codes, k, order)
