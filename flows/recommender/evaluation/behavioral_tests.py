"""The behavioural suite: does the chosen model behave, beyond its average score?

Stage: after the test-week metrics, before the verdict. In: the chosen model's lists for the test week beside
those of the popular baseline. Out: one `RecTestResult` per test method.

To add a test, write one method with `@rec_test` and a docstring here, return a `Measurement`, and give its
threshold in the settings.
"""

from dataclasses import dataclass

import numpy as np

from recommender.evaluation import list_rules
from recommender.evaluation.rec_test import DisplayType, Measurement, rec_test
from recommender.ranking_metrics import (
    average_precision_at_k,
    find_hits,
    mean_over_customers,
    recall_at_k,
    select_truth,
    truth_sizes,
)


@dataclass(frozen=True)
class BehavioralTests:
    """Tests of one model on one week; run them with `rec_test.run_tests`.

    Lists are (n_customers, k) int32 and cover the week's customers, cold ones with what they are served:
    `lists` and `scores` of the chosen model, `lists_again` from scoring it a second time, `popular_lists`
    of the popular baseline. `is_on_sale` bool and `last_week_sales` int are (n_articles,), the latter units
    sold in the week before. Comparisons of fewer than `minimum_customers` say "not enough data".
    """

    lists: np.ndarray
    scores: np.ndarray
    lists_again: np.ndarray
    popular_lists: np.ndarray
    truth_values: np.ndarray
    truth_offsets: np.ndarray
    has_history: np.ndarray
    is_on_sale: np.ndarray
    last_week_sales: np.ndarray
    minimum_customers: int

    @rec_test("sanity", maximum=0)
    def no_duplicates(self) -> Measurement:
        """Customers whose list names an article twice."""
        return list_rules.count_lists_with_duplicates(self.lists)

    @rec_test("sanity", maximum=0)
    def only_articles_on_sale(self) -> Measurement:
        """Recommendations of articles that are not on sale."""
        return list_rules.count_articles_not_on_sale(self.lists, self.is_on_sale)

    @rec_test("sanity", maximum=0)
    def k_per_customer(self) -> Measurement:
        """Customers with fewer than k articles."""
        return list_rules.count_short_lists(self.lists, self.is_on_sale)

    @rec_test("sanity", maximum=0)
    def finite_scores(self) -> Measurement:
        """Recommendations whose score is NaN or infinite."""
        return list_rules.count_scores_not_finite(self.lists, self.scores)

    @rec_test("stability", maximum=0)
    def determinism(self) -> Measurement:
        """Customers whose list changes when the model scores them a second time."""
        n_changed = int((self.lists != self.lists_again).any(axis=1).sum())
        return Measurement(n_changed, {"customers": len(self.lists)})

    @rec_test("cold_start", minimum=1.0)
    def cold_customers_served(self) -> Measurement:
        """Share of the customers without earlier purchases who get a full list."""
        cold_lists = self.lists[~self.has_history]
        if len(cold_lists) == 0:
            return Measurement(None, {"customers": 0})
        share = list_rules.share_with_full_list(cold_lists, self.is_on_sale)
        return Measurement(share, {"customers": len(cold_lists)})

    @rec_test("accuracy", DisplayType.BARS)
    def better_than_popular(self) -> Measurement:
        """MAP of customers with history, as a multiple of the popular baseline's."""
        hits, popular_hits, sizes = self._hits_of_both(np.ones(len(self.is_on_sale), dtype=bool))
        model = mean_over_customers(average_precision_at_k(hits, sizes))
        popular = mean_over_customers(average_precision_at_k(popular_hits, sizes))
        details = {"model": model, "popular": popular, "customers": int((sizes > 0).sum())}
        has_enough = details["customers"] >= self.minimum_customers and popular > 0
        return Measurement(model / popular if has_enough else None, details)

    @rec_test("popularity", DisplayType.BARS)
    def better_than_popular_on_head(self) -> Measurement:
        """Recall of bought head articles minus the popular baseline's, customers with history."""
        return self._recall_difference(popularity_head(self.last_week_sales))

    @rec_test("popularity", DisplayType.BARS)
    def better_than_popular_on_tail(self) -> Measurement:
        """Recall of bought tail articles minus the popular baseline's, customers with history."""
        return self._recall_difference(~popularity_head(self.last_week_sales))

    def _recall_difference(self, is_counted: np.ndarray) -> Measurement:
        hits, popular_hits, sizes = self._hits_of_both(is_counted)
        model = mean_over_customers(recall_at_k(hits, sizes))
        popular = mean_over_customers(recall_at_k(popular_hits, sizes))
        details = {
            "model": model,
            "popular": popular,
            "articles": int(is_counted.sum()),
            "customers": int((sizes > 0).sum()),
        }
        has_enough = details["customers"] >= self.minimum_customers
        return Measurement(model - popular if has_enough else None, details)

    def _hits_of_both(self, is_counted: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Hits of the model and of popular on the counted articles, and truth sizes, 0 for cold customers."""
        values, offsets = select_truth(self.truth_values, self.truth_offsets, is_counted)
        sizes = np.where(self.has_history, truth_sizes(offsets), 0)
        return find_hits(self.lists, values, offsets), find_hits(self.popular_lists, values, offsets), sizes


def popularity_head(last_week_sales: np.ndarray) -> np.ndarray:
    """Mark the fewest best sellers that together make half of last week's sales.

    Equal sellers rank by position. Returns bool (n_articles,), all False without sales.

    >>> popularity_head(np.array([1, 5, 2, 2]))  # 5 of 10 is half
    array([False,  True, False, False])
    """
    order = np.argsort(-last_week_sales, kind="stable")
    sold_by_better = np.cumsum(last_week_sales[order]) - last_week_sales[order]
    is_head = np.zeros(len(last_week_sales), dtype=bool)
    is_head[order] = sold_by_better < last_week_sales.sum() / 2
    return is_head
