"""Same accuracy, different behavior: what is shown, to how many, and how popular it was anyway.

Sources: popularity deviation from Abdollahpouri et al. 2021, https://doi.org/10.1145/3450613.3456821; Gini index of
exposure as in Castells, Hurley and Vargas, Novelty and diversity in recommender systems, Recommender Systems
Handbook, 2015.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from recommender.evaluation.behavior.judged_week import POPULAR, JudgedWeek
from recommender.evaluation.behavioral_check import Measurement, behavioral_check
from recommender.evaluation.list_quality import novelty
from recommender.evaluation.list_rules import overlap_between_lists

if TYPE_CHECKING:
    from scipy import sparse

SHARE_OF_SALES_BY_HEAD = 0.2  # and as much by the tail; the rest is the middle


class ExposureChecks(JudgedWeek):
    """Nothing here knows what was bought in the week."""

    @behavioral_check("popularity")
    def exposure_of_top_articles(self) -> Measurement:
        """Share of all recommendations that go to the 1% of articles on sale that are recommended most."""
        shown = np.sort(self._exposure()[self.is_on_sale])[::-1]
        top = max(1, round(len(shown) / 100))
        details = {"gini": gini_index(shown), "articles": top}
        return Measurement(float(shown[:top].sum() / max(shown.sum(), 1)), details)

    @behavioral_check("popularity")
    def popularity_deviation(self) -> Measurement:
        """Mean distance of the popularity of a customer's list from that of the own purchases; 0 alike, 1 disjoint."""
        rows = np.flatnonzero(np.diff(self.history.indptr) > 0)
        if len(rows) < self.minimum_customers:
            return Measurement(None, {"customers": len(rows)})
        groups = popularity_groups(self.last_week_sales)
        owned = _shares_by_group(self.history[rows], groups)
        model, popular = (
            float(_divergence(_shares_by_group(_matrix(lists[rows], len(groups)), groups), owned).mean())
            for lists in (self.lists, self.baselines[POPULAR])
        )
        return Measurement(model, {"popular": popular, "customers": len(rows)})

    @behavioral_check("popularity")
    def novelty_over_popular(self) -> Measurement:
        """How much rarer the recommended articles are than the popular list's, in bits of self-information."""
        sold = self.last_week_sales + 0.5
        if not self.last_week_sales.any():
            return Measurement(None, {})
        model, popular = (
            float(np.nanmean(novelty(lists, sold / sold.sum()))) for lists in (self.lists, self.baselines[POPULAR])
        )
        return Measurement(model - popular, {"model": model, "popular": popular})

    @behavioral_check("personalisation")
    def overlap_between_customers(self) -> Measurement:
        """Mean overlap of two customers' lists; 1 is the same list for all."""
        personal = self.lists[self.has_history]
        if len(personal) < self.minimum_customers:
            return Measurement(None, {"customers": len(personal)})
        return Measurement(overlap_between_lists(personal), {"customers": len(personal)})

    def _exposure(self) -> np.ndarray:
        shown = self.lists[(self.lists >= 0) & (self.lists < len(self.is_on_sale))]
        return np.bincount(shown, minlength=len(self.is_on_sale))


def gini_index(counts: np.ndarray) -> float:
    """Return how unequal non-negative counts are: 0 all alike, towards 1 one has everything; NaN without any.

    >>> gini_index(np.array([3, 3, 3])), gini_index(np.array([0, 0, 0, 8]))
    (0.0, 0.75)
    """
    ascending, n = np.sort(counts), len(counts)
    if not counts.sum():
        return float("nan")
    return float(((2 * np.arange(1, n + 1) - n - 1) * ascending).sum() / (n * ascending.sum()))


def popularity_groups(sales: np.ndarray) -> np.ndarray:
    """Return (n_articles,) int64: 0 for the best sellers that make a fifth of sales, 2 for the rarest fifth, else 1."""
    order = np.argsort(-sales, kind="stable")
    before = np.empty(len(sales))
    before[order] = (np.cumsum(sales[order]) - sales[order]) / max(sales.sum(), 1)
    return np.digitize(before, [SHARE_OF_SALES_BY_HEAD, 1 - SHARE_OF_SALES_BY_HEAD])


def _matrix(lists: np.ndarray, n_articles: int) -> sparse.csr_matrix:
    from scipy import sparse

    rows, ranks = np.nonzero(lists >= 0)
    ones = np.ones(len(rows), np.float32)
    return sparse.csr_matrix((ones, (rows, lists[rows, ranks])), shape=(len(lists), n_articles))


def _shares_by_group(matrix: sparse.csr_matrix, groups: np.ndarray) -> np.ndarray:
    """(n, 3) float64 shares of each row's articles, each counted once."""
    owner = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    counts = np.bincount(owner * 3 + groups[matrix.indices], minlength=3 * matrix.shape[0]).reshape(-1, 3)
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)


def _divergence(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Jensen-Shannon divergence of each row, in bits: (n,) in [0, 1]."""
    middle = (p + q) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = [np.where(side > 0, side * np.log2(side / middle), 0).sum(axis=1) for side in (p, q)]
    return (terms[0] + terms[1]) / 2
