"""How far chance alone could move a mean over customers: an interval that takes each customer as one draw.

Stage: below all rooms, after the per-customer metrics. In: one value per customer and week, and whose it is. Out:
`Interval`.

A customer's weeks resemble each other, so a customer's weeks stay together: to take them for strangers' would make
the interval too narrow. Up to `MANY_CLUSTERS` customers are drawn with replacement, all their weeks with them
(percentile bootstrap). That takes time in proportion to customers times draws, so of more customers the interval is
the one that such draws converge to: mean ± normal quantile times the cluster-robust standard error (delta method for
a ratio of two sums over clusters).

Sources: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13 (percentile interval); Field and
Welsh, Bootstrapping clustered data, JRSS B 69(3), 2007 (cluster bootstrap); Deng, Knoblich and Lu, Applying the delta
method in metric analytics, KDD 2018, https://doi.org/10.1145/3219819.3219919 (ratio of sums over users).
"""

from statistics import NormalDist
from typing import NamedTuple

import numpy as np

BOOTSTRAP_SEED = 7
"""Of all decisions and reports: with one fixed, the same lists have the same interval and the same verdict."""

DRAWS_AT_ONCE = 4_000_000
"""Cluster counts held in memory at a time, 8 bytes each."""

MANY_CLUSTERS = 5_000
"""Above it no customer is drawn: 2,000 draws of 5,000 customers take half a second, of 100,000 eleven."""


class Interval(NamedTuple):
    """A mean and the bounds of its confidence interval."""

    mean: float
    low: float
    high: float

    def in_words(self, form: str = ".4f") -> str:
        """Return "mean [low, high]", with dashes for unknown bounds.

        >>> Interval(0.1, -0.1, 0.3).in_words("+.1f")
        '+0.1 [-0.1, +0.3]'
        """
        low, high = ("-" if bound is None or np.isnan(bound) else f"{bound:{form}}" for bound in self[1:])
        return f"{self.mean:{form}} [{low}, {high}]"


def mean_interval(
    values: np.ndarray, clusters: np.ndarray, seed: int, n_resamples: int = 2000, level: float = 0.95
) -> Interval:
    """Return the mean of all values and its confidence interval, whose chance is which clusters there are.

    `values` float (n,), one per customer and week, NaN without truth, which is left out; `clusters` int or str (n,)
    names each value's customer. `level` in (0, 1) is the share of repetitions in which the interval should hold the
    true mean; it falls short of that with few clusters, and where few of many clusters have a value unlike the rest.

    `seed` and `n_resamples` count only up to `MANY_CLUSTERS` clusters. Above, the interval is symmetric about the
    mean, so that a bound may lie outside the values' range.

    A single cluster says nothing about chance: `low` and `high` are NaN. Without values the mean is NaN, too.

    Raises ValueError for values and clusters of different shapes, a level outside (0, 1), or no resamples.
    """
    values, clusters = np.asarray(values, dtype=np.float64), np.asarray(clusters)
    _check_arguments(values, clusters, n_resamples, level)
    is_known = ~np.isnan(values)
    if not is_known.any():
        return Interval(np.nan, np.nan, np.nan)
    sums, sizes = _cluster_totals(values[is_known], clusters[is_known])
    mean = float(sums.sum() / sizes.sum())
    if len(sizes) == 1:
        return Interval(mean, np.nan, np.nan)
    tail = (1 - level) / 2
    if len(sizes) > MANY_CLUSTERS:
        reach = NormalDist().inv_cdf(1 - tail) * _standard_error(sums, sizes)
        return Interval(mean, mean - reach, mean + reach)
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


def _cluster_totals(values: np.ndarray, clusters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each cluster's sum float64 and number of values int64, both (n_clusters,), few clusters by their name.

    A seed draws clusters by place, so the order of few must not depend on that of the rows. Hashed names
    (pandas) take a tenth of the time of sorted ones (`np.unique`).
    """
    import pandas as pd  # not above: see `evaluation.behavior.suite`

    cluster_of_each, names = pd.factorize(clusters, use_na_sentinel=False)
    sums, sizes = np.bincount(cluster_of_each, weights=values), np.bincount(cluster_of_each)
    if len(sizes) > MANY_CLUSTERS:
        return sums, sizes
    by_name = np.argsort(names)
    return sums[by_name], sizes[by_name]


def _standard_error(sums: np.ndarray, sizes: np.ndarray) -> float:
    """Return the standard error of sum / size over clusters, to first order.

    With r_c = sum_c - mean * size_c over G clusters: sqrt(G / (G - 1) * sum of r_c^2) / sum of sizes.
    """
    n_clusters, total = len(sizes), sizes.sum()
    residuals = sums - sums.sum() / total * sizes  # (n_clusters,), they add up to 0
    return float(np.sqrt(n_clusters / (n_clusters - 1) * np.square(residuals).sum()) / total)


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
