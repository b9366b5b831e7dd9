"""How far chance alone could move a mean over customers: the customer-clustered percentile bootstrap.

Stage: after the per-customer metrics. In: one value per customer and week, and whose it is. Out: `Interval`.

A customer's weeks resemble each other, so whole customers are drawn with replacement, all their weeks with them:
drawing weeks one by one would make the interval too narrow.

Sources: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13 (percentile interval); Field and
Welsh, Bootstrapping clustered data, JRSS B 69(3), 2007 (cluster bootstrap).
"""

from typing import NamedTuple

import numpy as np

DRAWS_AT_ONCE = 4_000_000
"""Cluster counts held in memory at a time, 8 bytes each."""


class Interval(NamedTuple):
    """A mean and the bounds of its confidence interval."""

    mean: float
    low: float
    high: float


def mean_interval(
    values: np.ndarray, clusters: np.ndarray, seed: int, n_resamples: int = 2000, level: float = 0.95
) -> Interval:
    """Return the mean of all values and the percentile interval of it when clusters are resampled.

    `values` float (n,), one per customer and week, NaN without truth, which is left out; `clusters` int or str (n,)
    names each value's customer. `level` in (0, 1) is the share of repetitions in which the interval should hold the
    true mean; it falls short of that with few clusters.

    A single cluster says nothing about chance: `low` and `high` are NaN. Without values the mean is NaN, too.

    Raises ValueError for values and clusters of different shapes, a level outside (0, 1), or no resamples.
    """
    values, clusters = np.asarray(values, dtype=np.float64), np.asarray(clusters)
    _check_arguments(values, clusters, n_resamples, level)
    is_known = ~np.isnan(values)
    if not is_known.any():
        return Interval(np.nan, np.nan, np.nan)
    _, cluster_of_each = np.unique(clusters[is_known], return_inverse=True)
    sums, sizes = np.bincount(cluster_of_each, weights=values[is_known]), np.bincount(cluster_of_each)
    mean = float(sums.sum() / sizes.sum())
    if len(sizes) == 1:
        return Interval(mean, np.nan, np.nan)
    tail = (1 - level) / 2
    low, high = np.quantile(_resampled_means(sums, sizes, seed, n_resamples), [tail, 1 - tail])
    return Interval(mean, float(low), float(high))


def paired_difference(
    values_a: np.ndarray,
    values_b: np.ndarray,
    clusters: np.ndarray,
    seed: int,
    n_resamples: int = 2000,
    level: float = 0.95,
) -> Interval:
    """Return the mean of a minus b over the same customers and weeks, and its interval.

    `values_a` and `values_b` float (n,) are two models' values of the same rows; a row where either is NaN is left
    out. What both find hard cancels out, so this interval is narrower than the two models' own suggest. One without
    0 in it says that the models differ. Other arguments and edges as in `mean_interval`.

    Raises ValueError when the values differ in shape, and as `mean_interval` does.
    """
    values_a, values_b = np.asarray(values_a, dtype=np.float64), np.asarray(values_b, dtype=np.float64)
    if values_a.shape != values_b.shape:
        raise ValueError(f"paired values must have one shape, got {values_a.shape} and {values_b.shape}")
    return mean_interval(values_a - values_b, clusters, seed, n_resamples, level)


def _resampled_means(sums: np.ndarray, sizes: np.ndarray, seed: int, n_resamples: int) -> np.ndarray:
    """Draw as many clusters as there are, with replacement: (n_resamples,) means over the values drawn."""
    rng = np.random.default_rng(seed)
    n_clusters = len(sizes)
    probabilities = np.full(n_clusters, 1 / n_clusters)
    n_at_once = max(1, DRAWS_AT_ONCE // n_clusters)
    means = []
    for done in range(0, n_resamples, n_at_once):
        n_draws = min(n_at_once, n_resamples - done)
        counts = rng.multinomial(n_clusters, probabilities, size=n_draws)  # (n_draws, n_clusters)
        means.append((counts @ sums) / (counts @ sizes))
    return np.concatenate(means)


def _check_arguments(values: np.ndarray, clusters: np.ndarray, n_resamples: int, level: float) -> None:
    if values.ndim != 1 or values.shape != clusters.shape:
        raise ValueError(f"values and clusters must both be (n,), got {values.shape} and {clusters.shape}")
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, got {level}; 0.95 is usual")
    if n_resamples < 1:
        raise ValueError(f"n_resamples must be at least 1, got {n_resamples}; 2,000 are usual")
