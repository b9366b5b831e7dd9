"""Between retrieve and rank: the union of what the generators propose, with the features that the ranker judges by.

In: a `ShopDay` and its generators. Out: `CandidateSet`, one row per (customer, article), customers in order, with
`RankingRows` features. Worked through in chunks of customers, so memory depends on the chunk and not on the shop.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from recommender.stages.pair_features import FEATURE_NAMES, pair_features
from recommender.stages.retrieve import Generator
from recommender.stages.shop_day import ShopDay

SCORES_PER_CHUNK = 4_000_000  # customers times articles whose scores of one generator are held at a time
PAIRS_PER_CHUNK = 500_000  # pairs whose features are held at a time: 110 MB


@dataclass(frozen=True)
class CandidateSet:
    """What goes to the ranker for some customers.

    Attributes:
        rows: (n_customers,) int64 rows of the day's customers.
        offsets: (n_customers + 1,) int64; customer i has the pairs from offsets[i] to offsets[i + 1].
        columns: (n_pairs,) int64 columns of the day's candidates, ascending within a customer.
        features: (n_pairs, n_features) float32, NaN where unknown.
        feature_names: names of the features.
        proposed_by: generator name to (n_pairs,) bool.
    """

    rows: np.ndarray
    offsets: np.ndarray
    columns: np.ndarray
    features: np.ndarray
    feature_names: tuple[str, ...]
    proposed_by: dict[str, np.ndarray]

    @property
    def owners(self) -> np.ndarray:
        """(n_pairs,) int64, which of `rows` each pair belongs to, counted from 0."""
        return np.repeat(np.arange(len(self.rows)), np.diff(self.offsets))


def candidate_sets(
    day: ShopDay, generators: Sequence[Generator], sizes: Mapping[str, int], rows: np.ndarray | None = None
) -> Iterator[CandidateSet]:
    """Yield the candidates of the day's customers, a chunk of customers at a time.

    Args:
        day: the day.
        generators: fitted on it.
        sizes: how many articles each may propose for a customer.
        rows: which customers; all by default.
    """
    rows = np.arange(len(day)) if rows is None else rows
    most_pairs = min(day.n_candidates, max(1, sum(sizes.values())))
    chunk = max(1, min(SCORES_PER_CHUNK // day.n_candidates, PAIRS_PER_CHUNK // most_pairs))
    for start in range(0, len(rows), chunk):
        yield _candidate_set(day, generators, sizes, rows[start : start + chunk])


def _candidate_set(
    day: ShopDay, generators: Sequence[Generator], sizes: Mapping[str, int], rows: np.ndarray
) -> CandidateSet:
    scores = {generator.name: generator.score(rows) for generator in generators}
    proposed = {name: best_of_each_row(values, sizes[name]) for name, values in scores.items()}
    owners, columns = np.nonzero(np.logical_or.reduce(list(proposed.values())))
    at_pairs = {name: values[owners, columns] for name, values in scores.items()}
    proposed_by = {name: marks[owners, columns] for name, marks in proposed.items()}
    features = pair_features(day, rows, owners, columns, at_pairs, proposed_by)
    offsets = np.searchsorted(owners, np.arange(len(rows) + 1))
    return CandidateSet(rows, offsets, columns, features, FEATURE_NAMES, proposed_by)


def best_of_each_row(scores: np.ndarray, size: int) -> np.ndarray:
    """Mark the `size` highest finite scores of each row of (n, m); ties go to the lower column.

    Returns bool (n, m).
    """
    is_scored = np.isfinite(scores)
    if size <= 0:
        return np.zeros_like(is_scored)
    if size >= scores.shape[1]:
        return is_scored
    threshold = -np.partition(-scores, size - 1, axis=1)[:, [size - 1]]  # the size-th highest
    is_above = scores > threshold
    is_tied = (scores == threshold) & is_scored
    room = size - is_above.sum(axis=1, keepdims=True)
    return (is_above | (is_tied & (np.cumsum(is_tied, axis=1) <= room))) & is_scored
