"""What a generator says of a chunk of customers: its best articles, and its score of any pair that is asked for.

In: scores as they come cheapest, a matrix, a sparse one, or a table that many customers share. Out: pairs as integer
keys, `row * n_columns + column`, rows counted within the chunk and columns as in `ShopDay`. Whatever the form, equal
scores fall by the column, and -inf or a missing entry proposes nothing.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from typing import Protocol

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from recommender.models.retrieval import top_k
from recommender.ragged_rows import take_rows
from recommender.stages.best_first import best_first
from recommender.stages.shop_day import columns_of

NOTHING = -np.inf

warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta", UserWarning)  # as it has been since 2021


class ChunkScores(Protocol):
    """One generator's scores for n customers and m candidates."""

    def best(self, size: int) -> np.ndarray:
        """Return the int64 keys of each customer's `size` highest scores, or of fewer, ascending."""

    def at(self, keys: np.ndarray) -> np.ndarray:
        """Return the (n_pairs,) float32 scores of pairs given as ascending keys, -inf where it proposes nothing."""


class DenseScores:
    """Every score of the chunk.

    Args:
        scores: (n, m) float32, -inf where nothing is proposed, never NaN.
    """

    def __init__(self, scores: np.ndarray):
        self._scores = np.ascontiguousarray(scores)

    def best(self, size: int) -> np.ndarray:
        """See `ChunkScores`."""
        n, m = self._scores.shape
        kept = min(size, m)
        if kept <= 0:
            return np.empty(0, np.int64)
        found = torch.from_numpy(self._scores).topk(min(kept + 1, m), dim=1)  # one more shows a tie at the end
        return _keys_of_best(found.values.numpy(), found.indices.numpy(), kept, m, lambda rows: self._scores[rows])

    def at(self, keys: np.ndarray) -> np.ndarray:
        """See `ChunkScores`."""
        return self._scores.reshape(-1)[keys]


class ProductScores:
    """Inner products of the chunk's customers and some of the candidates; the other candidates are not proposed.

    Args:
        customers: (n, d) float32.
        articles: (n_some, d) float32.
        columns: (n_some,) int64 of these among the candidates, ascending.
        n_columns: number of candidates.
    """

    def __init__(self, customers: Tensor, articles: Tensor, columns: np.ndarray, n_columns: int):
        self._customers, self._articles, self._columns, self._n_columns = customers, articles, columns, n_columns

    def best(self, size: int) -> np.ndarray:
        """See `ChunkScores`."""
        m = len(self._columns)
        kept = min(size, m)
        if kept <= 0 or not len(self._customers):
            return np.empty(0, np.int64)
        values, places = top_k(self._customers, self._articles, min(kept + 1, m))
        keys = _keys_of_best(values, places, kept, m, lambda rows: (self._customers[rows] @ self._articles.T).numpy())
        rows, places = np.divmod(keys, m)
        return rows * self._n_columns + self._columns[places]

    def at(self, keys: np.ndarray) -> np.ndarray:
        """See `ChunkScores`; each product is summed by itself, so that it is the same in any chunk."""
        scores = np.full(len(keys), NOTHING, np.float32)
        if not len(self._columns):
            return scores
        rows, columns = np.divmod(keys, self._n_columns)
        places, is_one = columns_of(columns, self._columns)
        offsets = np.searchsorted(rows[is_one], np.arange(len(self._customers) + 1))
        wanted = torch.sparse_csr_tensor(
            torch.from_numpy(offsets),
            torch.from_numpy(places[is_one]),
            torch.zeros(int(offsets[-1])),
            (len(self._customers), len(self._columns)),
            check_invariants=False,  # keys ascend, so a row's places do, each once
        )
        products = torch.sparse.sampled_addmm(wanted, self._customers, self._articles.T, beta=0.0)
        scores[is_one] = products.values().numpy()
        return scores


def _keys_of_best(
    values: np.ndarray, columns: np.ndarray, kept: int, m: int, all_scores: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Return the ascending keys of the first `kept` of each row.

    Args:
        values: (n, kept + 1) falling scores, or (n, m) where there are no more.
        columns: where they stand.
        kept: how many count; where the next one is as high, the lower columns do.
        m: number of columns.
        all_scores: returns every score of some rows, for those with such a tie.
    """
    rows = np.arange(len(values))[:, np.newaxis]
    is_chosen = np.isfinite(values[:, :kept])
    is_tied = is_chosen[:, -1] & (values[:, kept - 1] == values[:, -1]) & (kept < m)
    keys = (rows * m + columns[:, :kept])[is_chosen & ~is_tied[:, np.newaxis]]
    if is_tied.any():
        tied = np.flatnonzero(is_tied)
        places, columns = np.nonzero(best_of_each_row(all_scores(tied), kept))
        keys = np.concatenate([keys, tied[places] * m + columns])
    return np.sort(keys)


class SparseScores:
    """The scores above or below 0 of the chunk; 0 proposes nothing.

    Args:
        keys: (n_entries,) int64, ascending.
        scores: (n_entries,) float32, finite.
        n_columns: number of candidates.
    """

    def __init__(self, keys: np.ndarray, scores: np.ndarray, n_columns: int):
        is_some = scores != 0
        self._keys, self._scores, self._n_columns = keys[is_some], scores[is_some], n_columns

    @classmethod
    def of(cls, scores: sparse.csr_matrix) -> SparseScores:
        """Take the entries of an (n, m) matrix."""
        scores.sort_indices()
        rows = np.repeat(np.arange(scores.shape[0]), np.diff(scores.indptr))
        return cls(rows * scores.shape[1] + scores.indices, scores.data.astype(np.float32, copy=False), scores.shape[1])

    def best(self, size: int) -> np.ndarray:
        """See `ChunkScores`."""
        if not len(self._keys):
            return self._keys
        n_rows = self._keys[-1] // self._n_columns + 1
        offsets = np.searchsorted(self._keys, np.arange(n_rows + 1) * self._n_columns)
        ranks = np.arange(len(self._keys)) - np.repeat(offsets[:-1], np.diff(offsets))
        return np.sort(self._keys[best_first(self._scores, offsets)[ranks < size]])

    def at(self, keys: np.ndarray) -> np.ndarray:
        """See `ChunkScores`."""
        if not len(self._keys):
            return np.full(len(keys), NOTHING, np.float32)
        places = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        return np.where(self._keys[places] == keys, self._scores[places], np.float32(NOTHING))


class SharedScores:
    """Scores that groups of customers share; the best of each group are found once.

    Args:
        scores: (n_groups, m) float32, -inf where nothing is proposed.
    """

    def __init__(self, scores: np.ndarray):
        self._scores = scores
        self._best_of_groups = cache(self._find_best)

    def of_groups(self, groups: np.ndarray) -> ScoresOfGroups:
        """Return the scores of customers who belong to some groups, (n,) int64."""
        return ScoresOfGroups(self, groups)

    def best_of_groups(self, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the best columns of all groups, ascending within a group, and their (n_groups + 1,) offsets."""
        return self._best_of_groups(size)

    def _find_best(self, size: int) -> tuple[np.ndarray, np.ndarray]:
        groups, columns = np.divmod(DenseScores(self._scores).best(size), self._scores.shape[1])
        return columns, np.searchsorted(groups, np.arange(len(self._scores) + 1))

    def score_of(self, groups: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Return the (n,) float32 scores of some groups for some columns."""
        return self._scores[groups, columns]

    @property
    def n_columns(self) -> int:
        """Number of candidates."""
        return self._scores.shape[1]


class ScoresOfGroups:
    """The scores of n customers by their groups."""

    def __init__(self, shared: SharedScores, groups: np.ndarray):
        self._shared, self._groups = shared, groups

    def best(self, size: int) -> np.ndarray:
        """See `ChunkScores`."""
        columns, offsets = self._shared.best_of_groups(size)
        places, row_offsets = take_rows(offsets, self._groups)
        rows = np.repeat(np.arange(len(self._groups)), np.diff(row_offsets))
        return rows * self._shared.n_columns + columns[places]

    def at(self, keys: np.ndarray) -> np.ndarray:
        """See `ChunkScores`."""
        rows, columns = np.divmod(keys, self._shared.n_columns)
        return self._shared.score_of(self._groups[rows], columns)


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
