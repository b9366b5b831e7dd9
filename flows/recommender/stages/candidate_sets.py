"""Between retrieve and rank: the union of what the generators propose, with the features that the ranker judges by.

In: a `ShopDay` and its generators. Out: `CandidateSet`, one row per (customer, article), customers in order, with
`RankingRows` features. Worked through in chunks of customers, so memory depends on the chunk and not on the shop.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from recommender.stages.generators import Generator
from recommender.stages.pair_features import FEATURE_NAMES, SCORED, pair_features
from recommender.stages.shop_day import ShopDay

SCORES_PER_CHUNK = 16_000_000  # customers times articles of a chunk: 64 MB for a generator that scores them all
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
    for chunk in row_chunks(day, sizes, rows):
        yield candidate_set(day, generators, sizes, chunk)


def row_chunks(day: ShopDay, sizes: Mapping[str, int], rows: np.ndarray | None) -> Iterator[np.ndarray]:
    """Yield some rows of the day's customers, all by default, as many at a time as memory is meant for."""
    rows = np.arange(len(day)) if rows is None else rows
    most_pairs = min(day.n_candidates, max(1, sum(sizes.values())))
    size = max(1, min(SCORES_PER_CHUNK // day.n_candidates, PAIRS_PER_CHUNK // most_pairs))
    yield from (rows[start : start + size] for start in range(0, len(rows), size))


def candidate_set(
    day: ShopDay, generators: Sequence[Generator], sizes: Mapping[str, int], rows: np.ndarray
) -> CandidateSet:
    """Return the candidates of some rows of the day's customers; see `candidate_sets`."""
    scored = {generator.name: generator.scored(rows) for generator in generators}
    keys, proposed_by = union({name: each.best(sizes[name]) for name, each in scored.items()})
    owners, columns = np.divmod(keys, day.n_candidates)
    scores = {name: scored[name].at(keys) for name in SCORED if name in scored}
    features = pair_features(day, rows, owners, columns, scores, proposed_by)
    offsets = np.searchsorted(owners, np.arange(len(rows) + 1))
    return CandidateSet(rows, offsets, columns, features, FEATURE_NAMES, proposed_by)


def union(proposals: Mapping[str, np.ndarray]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return the pairs that anybody proposes, and who proposes each.

    Args:
        proposals: name to (n,) int64 keys of pairs, each once.

    Returns:
        (n_pairs,) int64 keys, ascending, and name to (n_pairs,) bool.
    """
    n_names = len(proposals)
    tagged = [keys * n_names + number for number, keys in enumerate(proposals.values())]
    keys, who = np.divmod(np.sort(np.concatenate(tagged)), n_names)
    is_first = np.ones(len(keys), bool)
    is_first[1:] = keys[1:] != keys[:-1]
    pairs = np.cumsum(is_first) - 1
    proposed_by = {name: np.zeros(np.count_nonzero(is_first), bool) for name in proposals}
    for number, marks in enumerate(proposed_by.values()):
        marks[pairs[who == number]] = True
    return keys[is_first], proposed_by
