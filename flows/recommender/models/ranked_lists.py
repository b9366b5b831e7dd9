"""Ranked lists, what every recommender returns: k articles for each of some customers, best first.

Stage: below everything that recommends. In: positions and scores. Out: `RankedLists`, made from entries, joined, cut
and spread over other customers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class RankedLists(NamedTuple):
    """Recommendations of one recommender.

    `positions` int32 (n_customers, k), -1 where a list is shorter; `scores` float32 of the same shape, falling along
    a list, NaN where there is no article.
    """

    positions: np.ndarray
    scores: np.ndarray

    def take(self, rows: np.ndarray) -> RankedLists:
        """Return the lists at (m,) `rows`; -1 is nobody, whose list is empty."""
        nobody = empty_lists(1, self.positions.shape[1])
        return RankedLists(
            np.vstack([self.positions, nobody.positions])[rows], np.vstack([self.scores, nobody.scores])[rows]
        )

    def spread(self, rows: np.ndarray, n_customers: int) -> RankedLists:
        """Return the lists of more customers: these stand at the (n,) `rows`, all others are empty."""
        lists = empty_lists(n_customers, self.positions.shape[1])
        lists.positions[rows], lists.scores[rows] = self
        return lists


def empty_lists(n_customers: int, k: int = 0) -> RankedLists:
    """Return lists that hold nothing."""
    return RankedLists(
        np.full((n_customers, k), -1, dtype=np.int32), np.full((n_customers, k), np.nan, dtype=np.float32)
    )


def join_lists(parts: Sequence[RankedLists], k: int) -> RankedLists:
    """Return the lists of all parts, one part after the other; without a part nobody's, (0, k)."""
    return RankedLists(*(np.concatenate(arrays) for arrays in zip(empty_lists(0, k), *parts, strict=True)))


def top_per_row(
    rows: np.ndarray, articles: np.ndarray, scores: np.ndarray, ties: np.ndarray, n_rows: int, k: int
) -> RankedLists:
    """Rank entries (row, article) by falling score, then rising tie, and keep k per row.

    All arrays are (n_entries,), in any order; `rows` lie in [0, n_rows). A row without entries gets an empty list.
    """
    order = np.lexsort((ties, -scores, rows))
    rows, articles, scores = rows[order], articles[order], scores[order]
    first_entry = np.searchsorted(rows, np.arange(n_rows))
    ranks = np.arange(len(rows)) - first_entry[rows]  # 0 is the best of its row
    is_kept = ranks < k
    lists = empty_lists(n_rows, k)
    lists.positions[rows[is_kept], ranks[is_kept]] = articles[is_kept]
    lists.scores[rows[is_kept], ranks[is_kept]] = scores[is_kept]
    return lists
