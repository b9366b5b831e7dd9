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
from recommender.model_names import EASE, ITEM_KNN, TWO_TOWER
from recommender.ranking_metrics import average_precision_at_k, find_hits, mean_over_customers, recall_at_k

if TYPE_CHECKING:
    from scipy import sparse

    from recommender.features.truth import Truth

POPULAR, REPURCHASE = "popular", "repurchase"
HEALTHY = REPURCHASE, EASE, ITEM_KNN
"""Baselines whose lists are personal, as far as the catalogue allows them."""

RANDOM_SEED = 7


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
class Rehearsal:
    """What a ranker does that learned from all ranking weeks but the newest: in that week, and in the judged one.

    Likelihoods are those of the customers' purchases, see `purchase_likelihood`, by one temperature.

    Attributes:
        earlier_then: (m,) float64, its average precision for the newest ranking week's customers.
        reference_then: (m,) likewise, of what one generator scores highest, which learns from no ranking week.
        earlier_likelihood_then: (m,) float64, by its scores.
        judged_likelihood_then: (m,) likewise, by those of the judged ranker, which learned from that very week.
        rows: (s,) int64 rows of those of the judged week's customers who were scored.
        earlier_now: (s,) float64, the earlier ranker's average precision in the judged week.
        reference_now: (s,) likewise, the generator's.
        earlier_likelihood_now: (s,) float64, by the earlier ranker's scores.
        judged_likelihood_now: (s,) likewise, by the judged ranker's.
        temperature: that the earlier ranker's scores for the newest ranking week ask for.
        n_weeks: ranking weeks that taught the judged ranker, one more than taught the earlier one.
    """

    earlier_then: np.ndarray
    reference_then: np.ndarray
    earlier_likelihood_then: np.ndarray
    judged_likelihood_then: np.ndarray
    rows: np.ndarray
    earlier_now: np.ndarray
    reference_now: np.ndarray
    earlier_likelihood_now: np.ndarray
    judged_likelihood_now: np.ndarray
    temperature: float
    n_weeks: int


@dataclass(frozen=True)
class JudgedWeek:
    """One recommender's lists for the customers of a week, cold ones with what they are served.

    Attributes:
        lists: (n_customers, k) int32 catalogue positions.
        scores: (n_customers, k) float32.
        lists_again: the lists from making everything a second time, with other purchases in the week.
        baselines: name to (n_customers, k) int32; `popular` and `repurchase` are always there.
        truth: what each customer bought in the week.
        truth_days: (n_bought,) int64, on which day of the week, 0 to 6, each article of the truth was first bought.
        has_history: (n_customers,) bool.
        is_on_sale: (n_articles,) bool, what passed the filters: on sale, in season, not denied.
        last_week_sales: (n_articles,) int, units sold in the week before.
        attributes: name to (n_articles,) array of str.
        article_ages: (n_articles,) float, days since the first sale, NaN when not on sale.
        prices: (n_articles,) float, NaN where unknown.
        usual_prices: (n_customers,) float mean price paid, NaN without history.
        history: (n_customers, n_articles) sparse, above 0 where bought before the week.
        customer_slices: dimension to (n_customers,) array of str.
        customer_names: (n_customers,) array of str, what stands for each in reports.
        article_names: (n_articles,) array of str, id and product name, for people.
        common_sense: rules of the settings.
        two_tower: (n_customers, k) int32, the two-tower's own lists; None where there is none.
        perturbed: None where there is no two-tower.
        rehearsal: None where no ranker made the lists, or it had one week to learn from.
    """

    lists: np.ndarray
    scores: np.ndarray
    lists_again: np.ndarray
    baselines: Mapping[str, np.ndarray]
    truth: Truth
    truth_days: np.ndarray
    has_history: np.ndarray
    is_on_sale: np.ndarray
    last_week_sales: np.ndarray
    attributes: Mapping[str, np.ndarray]
    article_ages: np.ndarray
    prices: np.ndarray
    usual_prices: np.ndarray
    history: sparse.csr_matrix
    customer_slices: Mapping[str, np.ndarray]
    customer_names: np.ndarray
    article_names: np.ndarray
    common_sense: CommonSenseSettings
    two_tower: np.ndarray | None = None
    perturbed: Perturbed | None = None
    rehearsal: Rehearsal | None = None

    @property
    def healthy(self) -> dict[str, np.ndarray]:
        """Lists of the baselines that are personal, (n_customers, k) int32 by name."""
        return {name: self.baselines[name] for name in HEALTHY if name in self.baselines}

    @cached_property
    def random(self) -> np.ndarray:
        """(n_customers, k) int32, articles on sale drawn with replacement: what knows nothing of shop or customer."""
        on_sale = np.flatnonzero(self.is_on_sale).astype(np.int32)
        return np.random.default_rng(RANDOM_SEED).choice(on_sale, self.lists.shape)

    @property
    def is_judged(self) -> np.ndarray:
        """(n_customers,) bool: bought something in the week and before it."""
        return self.has_history & (self.truth.sizes() > 0)

    @property
    def references(self) -> dict[str, np.ndarray]:
        """Lists of all baselines and of the two-tower alone, (n_customers, k) int32 by name."""
        return dict(self.baselines) if self.two_tower is None else {**self.baselines, TWO_TOWER: self.two_tower}

    @cached_property
    def best_reference(self) -> tuple[str, np.ndarray]:
        """Name and lists of the baseline, or the two-tower alone, with the highest MAP over the judged customers."""
        return max(self.references.items(), key=lambda each: self._map_of(each[1]))

    @cached_property
    def average_precision(self) -> np.ndarray:
        """(n_customers,) float64 of the judged lists, NaN without truth."""
        return self.average_precision_of(self.lists)

    def average_precision_of(self, lists: np.ndarray) -> np.ndarray:
        """Return (n_customers,) float64 average precision of any lists for these customers, NaN without truth."""
        return average_precision_at_k(find_hits(lists, *self.truth), self.truth.sizes())

    def _map_of(self, lists: np.ndarray) -> float:
        return mean_over_customers(self.average_precision_of(lists)[self.is_judged])

    def recall_of(self, lists: np.ndarray, is_counted: np.ndarray | None = None) -> np.ndarray:
        """Return (n_customers,) float64 recall, of some articles (n_articles,) bool only; NaN without truth."""
        truth = self.truth if is_counted is None else self.truth.select(is_counted)
        return recall_at_k(find_hits(lists, *truth), truth.sizes())

    @cached_property
    def codes(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Attribute to its (n_values,) distinct values, ascending, and (n_articles,) int64 which each article has."""
        return {name: np.unique(values.astype(str), return_inverse=True) for name, values in self.attributes.items()}
