"""What a ranker learns from and scores: candidates of customers of a week, their features, and what was bought.

Stage: between the candidate generators, which propose articles and describe them, and the rankers, which order
them. In: `FeatureRows`, in memory or in files. Out: `RankingRows`, checked, cut and joined without a copy of the
features; and the measure of how well scores order them.

A group is one customer of one week; its rows stand together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from recommender.errors import NotEnoughData
from recommender.models.ranking.feature_rows import ChosenRows, FeatureRows, JoinedRows, check_array
from recommender.ranking_metrics import average_precision_at_k, mean_over_customers

LEAST_NOT_BOUGHT = 10
"""A customer-week, on average. In a shop of 137,000 customers 10 taught as much as 19, and 14 as much as all 200."""


@dataclass(frozen=True)
class RankingRows:
    """Candidates of some customers of some weeks with their features and whether they were bought.

    Attributes:
        features: (n_rows, n_features) float32, NaN where unknown, never infinite; arrays are checked here, files were
            when they were written.
        feature_names: the columns of `features`, distinct.
        group_sizes: (n_groups,) int64, rows of each customer-week, in row order; 0 is a customer without candidates.
        is_bought: (n_rows,) bool.

    Raises:
        TypeError: for another dtype.
        ValueError: when shapes disagree, sizes do not sum to the rows, a name stands twice, or a feature is infinite.
    """

    features: FeatureRows
    feature_names: tuple[str, ...]
    group_sizes: np.ndarray
    is_bought: np.ndarray

    def __post_init__(self) -> None:
        _check_dtype("group_sizes", self.group_sizes, np.int64)
        _check_dtype("is_bought", self.is_bought, np.bool_)
        if len(set(self.feature_names)) < len(self.feature_names):
            raise ValueError(f"feature_names must be distinct, got {', '.join(self.feature_names)}")
        if isinstance(self.features, np.ndarray):
            check_array(self.features, self.feature_names)
        if self.is_bought.shape != (len(self),):
            raise ValueError(f"is_bought must be ({len(self)},), one for each row, got {self.is_bought.shape}")
        if self.group_sizes.ndim != 1 or self.group_sizes.min(initial=0) < 0 or self.group_sizes.sum() != len(self):
            raise ValueError(
                f"group_sizes must be (n_groups,), at least 0 each, and sum to the {len(self)} rows, "
                f"got shape {self.group_sizes.shape}, sum {self.group_sizes.sum()}"
            )

    def __len__(self) -> int:
        """Return the number of rows."""
        return self.features.shape[0]

    @classmethod
    def concatenate(cls, parts: Sequence[RankingRows]) -> RankingRows:
        """Join weeks, or batches of customers, one after the other.

        Raises:
            ValueError: without a part, or when the parts do not have one set of features in one order.
        """
        if not parts:
            raise ValueError("there are no ranking rows to join; pass at least one part")
        for part in parts[1:]:
            part.check_features(parts[0].feature_names)
        return cls(
            features=JoinedRows(tuple(part.features for part in parts)),
            feature_names=parts[0].feature_names,
            group_sizes=np.concatenate([part.group_sizes for part in parts]),
            is_bought=np.concatenate([part.is_bought for part in parts]),
        )

    def groups(self) -> np.ndarray:
        """Return the group of each row: (n_rows,) int64, ascending."""
        return np.repeat(np.arange(len(self.group_sizes)), self.group_sizes)

    def bought_counts(self) -> np.ndarray:
        """Return how many rows of each group were bought: (n_groups,) int64."""
        groups = np.searchsorted(np.cumsum(self.group_sizes), np.flatnonzero(self.is_bought), side="right")
        return np.bincount(groups, minlength=len(self.group_sizes))

    def check_features(self, names: Sequence[str]) -> None:
        """Check that the columns are exactly these, in this order: a ranker knows a feature by its place alone.

        Raises:
            ValueError: when they are not.
        """
        if self.feature_names != tuple(names):
            raise ValueError(
                f"features must be {', '.join(names)}, in this order, got {', '.join(self.feature_names)}; "
                "pass those that the ranker is fitted on"
            )

    def in_memory(self) -> RankingRows:
        """Return the same rows with their features in one array."""
        return replace(self, features=self.features[:])

    def with_positives_only(self) -> RankingRows:
        """Return the groups in which something was bought; the others have no order to teach."""
        is_kept = self.bought_counts() > 0
        if is_kept.all():
            return self
        rows = np.flatnonzero(np.repeat(is_kept, self.group_sizes))
        features, is_bought = ChosenRows(self.features, rows), self.is_bought[rows]
        return replace(self, features=features, group_sizes=self.group_sizes[is_kept], is_bought=is_bought)


def rows_to_learn_from(rows: RankingRows, name: str) -> RankingRows:
    """Return the groups in which something was bought.

    Args:
        name: what the rows are, for the error.

    Raises:
        NotEnoughData: when nothing was bought.
    """
    kept = rows.with_positives_only()
    if not len(kept):
        raise NotEnoughData(
            f"no customer bought a candidate in the {name} rows ({len(rows):,} rows of {len(rows.group_sizes):,} "
            "customer-weeks); take more weeks or more candidates"
        )
    return kept


def with_some_not_bought(rows: RankingRows, most: int, seed: int) -> RankingRows:
    """Return all bought rows and a random sample of the others.

    A few rows of each customer-week that were not bought teach as much as all of them. Each is as likely to be drawn,
    so what is rare among candidates stays as rare. About `most` are drawn, or `LEAST_NOT_BOUGHT` a customer-week where
    that is more.

    Args:
        rows: what to draw from.
        most: how many rows that were not bought are to stay.
        seed: of the draw; the same rows and seed draw the same.
    """
    n_left = max(most, LEAST_NOT_BOUGHT * len(rows.group_sizes))
    n_all = len(rows) - int(rows.is_bought.sum())
    if n_all <= n_left:
        return rows
    is_drawn = np.random.default_rng(seed).random(len(rows), np.float32) < n_left / n_all
    kept = np.flatnonzero(is_drawn | rows.is_bought)
    sizes = np.diff(np.searchsorted(kept, np.concatenate([[0], np.cumsum(rows.group_sizes)])))
    return replace(rows, features=ChosenRows(rows.features, kept), group_sizes=sizes, is_bought=rows.is_bought[kept])


def check_width(features: np.ndarray, names: tuple[str, ...]) -> None:
    """Check that features to score are (n, number of names) float32.

    Raises:
        ValueError: when they are not.
    """
    if features.ndim != 2 or features.shape[1] != len(names) or features.dtype != np.float32:
        raise ValueError(
            f"features must be (n, {len(names)}) float32, {', '.join(names)}, got {features.shape} {features.dtype}"
        )


def map_within_candidates(scores: np.ndarray, rows: RankingRows, k: int = 12) -> float:
    """MAP@k of each group's candidates, best score first, counting only what was bought among them.

    A perfect order scores 1, no matter what the candidate generators missed. Groups without a bought row are left out;
    equal scores keep the order of the rows. See `ranking_metrics.average_precision_at_k`.

    Args:
        scores: (n_rows,) float.
        rows: what was scored.

    Returns:
        The mean over groups in [0, 1]; NaN when nothing was bought.

    Raises:
        ValueError: when there is not one score for each row.
    """
    if scores.shape != (len(rows),):
        raise ValueError(f"scores must be ({len(rows)},), one for each row, got {scores.shape}")
    groups, sizes = rows.groups(), rows.group_sizes
    order = np.lexsort((-scores, groups))  # stable, and groups stay where they are: groups[order] == groups
    ranks = np.arange(len(rows)) - np.repeat(np.cumsum(sizes) - sizes, sizes)  # from 0, of the rows in order
    is_hit = rows.is_bought[order] & (ranks < k)
    hits = np.zeros((len(sizes), k), dtype=bool)
    hits[groups[is_hit], ranks[is_hit]] = True
    return mean_over_customers(average_precision_at_k(hits, rows.bought_counts()))


def _check_dtype(name: str, array: np.ndarray, dtype: type) -> None:
    if array.dtype != dtype:
        raise TypeError(f"{name} must be {np.dtype(dtype)}, got {array.dtype}; convert it with astype")
