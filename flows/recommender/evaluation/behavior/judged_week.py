"""What a behavioral test may look at: one recommender's lists for one week, and what is known of those involved.

Stage: under the behavioral suite. In: plain arrays, so that a test needs no shop to be tested itself. Out:
`JudgedWeek`, of which every family of tests is a subclass.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from recommender.config import CommonSenseSettings
from recommender.ranking_metrics import average_precision_at_k, find_hits, recall_at_k

if TYPE_CHECKING:
    from scipy import sparse

    from recommender.features.truth import Truth

POPULAR, REPURCHASE = "popular", "repurchase"


@dataclass(frozen=True)
class Perturbed:
    """Lists of some customers, (m, k) int32 each.

    Attributes:
        unchanged: the two-tower's own.
        shuffled: the two-tower's, from histories in another order.
        without_newest: the two-tower's, from histories without the newest article.
        served: what the four stages serve.
        served_without_newest: what they would serve had nobody bought that article.
    """

    unchanged: np.ndarray
    shuffled: np.ndarray
    without_newest: np.ndarray
    served: np.ndarray
    served_without_newest: np.ndarray


@dataclass(frozen=True)
class JudgedWeek:
    """One recommender's lists for the customers of a week, cold ones with what they are served.

    Attributes:
        lists: (n_customers, k) int32 catalogue positions.
        scores: (n_customers, k) float32.
        lists_again: the lists from scoring everything a second time.
        baselines: name to (n_customers, k) int32; `popular` is always there.
        truth: what each customer bought in the week.
        has_history: (n_customers,) bool.
        is_on_sale: (n_articles,) bool, what passed the filters: on sale, in season, not denied.
        last_week_sales: (n_articles,) int, units sold in the week before.
        minimum_customers: fewer are not enough data for a comparison.
        attributes: name to (n_articles,) array of str.
        article_ages: (n_articles,) float, days since the first sale, NaN when not on sale.
        prices: (n_articles,) float, NaN where unknown.
        usual_prices: (n_customers,) float mean price paid, NaN without history.
        history: (n_customers, n_articles) sparse, above 0 where bought before the week.
        customer_slices: dimension to (n_customers,) array of str.
        customer_ids: (n_customers,) array of str.
        article_names: (n_articles,) array of str, id and product name, for people.
        common_sense: rules of the settings.
        perturbed: None where there is no two-tower.
    """

    lists: np.ndarray
    scores: np.ndarray
    lists_again: np.ndarray
    baselines: Mapping[str, np.ndarray]
    truth: Truth
    has_history: np.ndarray
    is_on_sale: np.ndarray
    last_week_sales: np.ndarray
    minimum_customers: int
    attributes: Mapping[str, np.ndarray]
    article_ages: np.ndarray
    prices: np.ndarray
    usual_prices: np.ndarray
    history: sparse.csr_matrix
    customer_slices: Mapping[str, np.ndarray]
    customer_ids: np.ndarray
    article_names: np.ndarray
    common_sense: CommonSenseSettings
    perturbed: Perturbed | None = None

    @property
    def is_judged(self) -> np.ndarray:
        """(n_customers,) bool: bought something in the week and before it."""
        return self.has_history & (self.truth.sizes() > 0)

    @cached_property
    def average_precision(self) -> np.ndarray:
        """(n_customers,) float64 of the judged lists, NaN without truth."""
        return self.average_precision_of(self.lists)

    def average_precision_of(self, lists: np.ndarray) -> np.ndarray:
        """Return (n_customers,) float64 average precision of any lists for these customers, NaN without truth."""
        return average_precision_at_k(find_hits(lists, *self.truth), self.truth.sizes())

    def recall_of(self, lists: np.ndarray, is_counted: np.ndarray | None = None) -> np.ndarray:
        """Return (n_customers,) float64 recall, of some articles (n_articles,) bool only; NaN without truth."""
        truth = self.truth if is_counted is None else self.truth.select(is_counted)
        return recall_at_k(find_hits(lists, *truth), truth.sizes())

    @cached_property
    def codes(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Attribute to its (n_values,) distinct values, ascending, and (n_articles,) int64 which each article has."""
        return {name: np.unique(values.astype(str), return_inverse=True) for name, values in self.attributes.items()}
