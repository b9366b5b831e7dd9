"""Ratios of means over customers, and how far chance could move them: the delta method.

In: values per customer. Out: `Interval`. A ratio of two means over the same customers has a narrower interval than its
parts suggest, because what both find hard cancels out.

Sources: Deng, Knoblich and Lu, Applying the delta method in metric analytics, KDD 2018,
https://doi.org/10.1145/3219819.3219919; Fieller, Some problems in interval estimation, JRSS B 1954,
https://www.jstor.org/stable/2984043, for the ratio of two estimates whose lower one is not far from 0.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import NamedTuple

import numpy as np

NORMAL_QUANTILE = 1.96  # of a 95% interval
ROUNDING = 1e-9  # the same values in another order sum up to as much but for rounding


class Interval(NamedTuple):
    """A value and how far its 95% interval reaches to either side."""

    value: float
    reach: float

    @property
    def low(self) -> float:
        """Lower bound."""
        return self.value - self.reach

    @property
    def high(self) -> float:
        """Upper bound."""
        return self.value + self.reach


class LogRatio(NamedTuple):
    """The logarithm of a ratio of two sums over customers, and each customer's influence on it.

    `influence` float64 (n_customers,): ratios of the same customers add up influence by influence, those of other
    customers add up in variance.
    """

    value: float
    influence: np.ndarray

    def __sub__(self, other: LogRatio) -> LogRatio:
        """Return the logarithm of the ratio of two ratios of the same customers."""
        return LogRatio(self.value - other.value, self.influence - other.influence)

    @property
    def variance(self) -> float:
        """Of the value, over draws of customers."""
        n = len(self.influence)
        return float(np.square(self.influence).sum() * n / max(n - 1, 1))


def quantile_of_several(n: int) -> float:
    """Return the normal quantile of a 95% interval that holds for the luckiest of n as well, after Bonferroni."""
    return NormalDist().inv_cdf(1 - 0.025 / n)


def mean_reach(values: np.ndarray) -> float:
    """Return how far the 95% interval of the mean of (n,) values reaches to either side; n is at least 2."""
    return float(NORMAL_QUANTILE * values.std(ddof=1) / np.sqrt(len(values)))


def is_surely_positive(values: np.ndarray, quantile: float = NORMAL_QUANTILE) -> bool:
    """Return whether the mean of (n,) values is above 0 beyond chance; False for fewer than two of them.

    What is divided by has to be: of nothing found where three things could have been, the delta method is certain.
    """
    if len(values) < 2:
        return False
    return bool(values.mean() > max(mean_reach(values) * quantile / NORMAL_QUANTILE, ROUNDING))


def ratio(numerators: np.ndarray, denominators: np.ndarray) -> Interval:
    """Return the ratio of the means of two values of the same customers, with its interval.

    Both are float (n,) with n of at least 2; the denominators' mean is not 0.
    """
    value = float(numerators.sum() / denominators.sum())
    residuals = numerators - value * denominators
    return Interval(value, mean_reach(residuals) / abs(float(denominators.mean())))


def log_ratio(numerators: np.ndarray, denominators: np.ndarray) -> LogRatio:
    """Return the logarithm of the ratio of two sums over the same customers; both sums are above 0."""
    above, below = numerators.sum(), denominators.sum()
    return LogRatio(float(np.log(above / below)), numerators / above - denominators / below)


def estimates_ratio(above: float, its_variance: float, below: float, belows_variance: float) -> tuple[float, float]:
    """Return both bounds of the 95% interval of a ratio of two independent estimates, by Fieller's theorem.

    Raises:
        ValueError: when the one below is not above 0 beyond chance; then no interval is finite.
    """
    square = NORMAL_QUANTILE**2
    surely = below**2 - square * belows_variance
    if below <= 0 or surely <= 0:
        raise ValueError(f"{below} with a variance of {belows_variance} may as well be 0; nothing is a multiple of it")
    middle, reach = above * below, np.sqrt(square * (its_variance * surely + belows_variance * above**2))
    return float((middle - reach) / surely), float((middle + reach) / surely)
