"""Is the recommender better than what needs no learning, and not better than learning can be?"""

import numpy as np

from recommender.evaluation.behavior.judged_week import POPULAR, JudgedWeek
from recommender.evaluation.behavioral_check import DisplayType, Measurement, behavioral_check
from recommender.ranking_metrics import mean_over_customers


class AccuracyChecks(JudgedWeek):
    """Comparisons of the average with baselines, customers with history."""

    @behavioral_check("accuracy", DisplayType.BARS)
    def better_than_popular(self) -> Measurement:
        """MAP of customers with history, as a multiple of the popular baseline's."""
        return self._multiple_of([POPULAR])

    @behavioral_check("accuracy", DisplayType.BARS)
    def not_too_good_to_be_true(self) -> Measurement:
        """MAP as a multiple of the best baseline's; far above it the model has seen what it is judged by."""
        return self._multiple_of(list(self.baselines))

    @behavioral_check("accuracy", DisplayType.BARS)
    def better_than_popular_on_head(self) -> Measurement:
        """Recall of bought head articles minus the popular baseline's, customers with history."""
        return self._recall_difference(popularity_head(self.last_week_sales))

    @behavioral_check("accuracy", DisplayType.BARS)
    def better_than_popular_on_tail(self) -> Measurement:
        """Recall of bought tail articles minus the popular baseline's, customers with history."""
        return self._recall_difference(~popularity_head(self.last_week_sales))

    def _multiple_of(self, names: list[str]) -> Measurement:
        judged = self.is_judged
        maps = {name: mean_over_customers(self.average_precision_of(self.baselines[name])[judged]) for name in names}
        best = max(maps, key=maps.get)
        model = mean_over_customers(self.average_precision[judged])
        details = {"model": model, best: maps[best], "customers": int(judged.sum())}
        has_enough = details["customers"] >= self.minimum_customers and maps[best] > 0
        return Measurement(model / maps[best] if has_enough else None, details)

    def _recall_difference(self, is_counted: np.ndarray) -> Measurement:
        recall, popular = (self.recall_of(lists, is_counted) for lists in (self.lists, self.baselines[POPULAR]))
        counted = self.has_history & ~np.isnan(recall)
        details = {
            "model": mean_over_customers(recall[counted]),
            "popular": mean_over_customers(popular[counted]),
            "articles": int(is_counted.sum()),
            "customers": int(counted.sum()),
        }
        has_enough = details["customers"] >= self.minimum_customers
        return Measurement(details["model"] - details["popular"] if has_enough else None, details)


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
