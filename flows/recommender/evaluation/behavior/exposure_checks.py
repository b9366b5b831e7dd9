"""Same accuracy, different behavior: what is shown, to how many, and how popular it was anyway.

Sources: popularity deviation from Abdollahpouri et al. 2021, https://doi.org/10.1145/3450613.3456821; Gini index of
exposure as in Castells, Hurley and Vargas, Novelty and diversity in recommender systems, Recommender Systems
Handbook, 2015.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from recommender.evaluation import list_rules
from recommender.evaluation.behavior.judged_week import POPULAR, JudgedWeek
from recommender.evaluation.behavior.standing import standing_of_customers, standing_of_lists
from recommender.evaluation.behavioral_check import Kind, Measurement, behavioral_check
from recommender.evaluation.list_quality import novelty

if TYPE_CHECKING:
    from scipy import sparse

SHARE_OF_SALES_BY_HEAD = 0.2  # and as much by the tail; the rest is the middle
COLLAPSED = "a model that tells customers apart shows them different articles; this one has collapsed"
A_MATTER_OF_TASTE = "how much a shop shows beside best sellers is its own choice"
FEWEST = {"customers": 50}


class ExposureChecks(JudgedWeek):
    """Nothing here knows what was bought in the week. The sick reference is the popular list for everybody."""

    @behavioral_check("diversity", Kind.COMPARISON, refuses=COLLAPSED, needs=FEWEST)
    def catalogue_coverage(self) -> Measurement:
        """Distinct articles in all lists: from the popular list's, 0, to the worst personal baseline's, 1."""
        return self._standing_of_lists(lambda lists: len(np.unique(lists[lists >= 0])))

    @behavioral_check("popularity", Kind.COMPARISON, warns=A_MATTER_OF_TASTE, needs={**FEWEST, "articles on sale": 300})
    def exposure_of_other_articles(self) -> Measurement:
        """Share of what is shown outside the top 1% of articles: from the popular list's, 0, to a baseline's, 1."""
        measured = self._standing_of_lists(self._share_outside_top)
        gini = gini_index(self._exposure(self.lists)[self.is_on_sale])
        data = {**measured.data, "articles on sale": int(self.is_on_sale.sum())}
        return replace(measured, details={**measured.details, "gini": gini}, data=data)

    @behavioral_check("popularity", Kind.COMPARISON, warns=A_MATTER_OF_TASTE, needs=FEWEST)
    def popularity_as_in_own_purchases(self) -> Measurement:
        """How alike in popularity a list and the own purchases are: from the popular list's, 0, to a baseline's, 1."""
        rows = np.flatnonzero(np.diff(self.history.indptr) > 0)
        groups = popularity_groups(self.last_week_sales)
        owned = _shares_by_group(self.history[rows], groups)

        def likeness(lists: np.ndarray) -> np.ndarray:
            return 1 - _divergence(_shares_by_group(_matrix(lists[rows], len(groups)), groups), owned)

        return self._standing_of_customers(likeness)

    @behavioral_check("popularity", Kind.COMPARISON, warns=A_MATTER_OF_TASTE, needs=FEWEST)
    def novelty_over_popular(self) -> Measurement:
        """How rare the articles shown are, in bits: from the popular list's, 0, to the worst baseline's, 1."""
        sold = self.last_week_sales + 0.5
        return self._standing_of_customers(lambda lists: novelty(lists[self.has_history], sold / sold.sum()))

    @behavioral_check("personalisation", Kind.COMPARISON, refuses=COLLAPSED, needs=FEWEST)
    def difference_between_customers(self) -> Measurement:
        """Share of a list that another customer's lacks: from the same list for all, 0, to the worst baseline's, 1."""
        return self._standing_of_customers(lambda lists: 1 - list_rules.overlap_with_another(lists[self.has_history]))

    def _standing_of_customers(self, measure: Callable[[np.ndarray], np.ndarray]) -> Measurement:
        healthy = {name: measure(lists) for name, lists in self.healthy.items()}
        return standing_of_customers(measure(self.lists), measure(self.baselines[POPULAR]), healthy, POPULAR)

    def _standing_of_lists(self, statistic: Callable[[np.ndarray], float]) -> Measurement:
        personal = self.has_history
        healthy = {name: lists[personal] for name, lists in self.healthy.items()}
        popular = self.baselines[POPULAR][personal]
        return standing_of_lists(statistic, self.lists[personal], popular, healthy, POPULAR)

    def _share_outside_top(self, lists: np.ndarray) -> float:
        shown = np.sort(self._exposure(lists)[self.is_on_sale])[::-1]
        return 1 - float(shown[: max(1, round(len(shown) / 100))].sum() / max(shown.sum(), 1))

    def _exposure(self, lists: np.ndarray) -> np.ndarray:
        shown = lists[(lists >= 0) & (lists < len(self.is_on_sale))]
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
