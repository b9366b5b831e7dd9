"""Is the recommender better than what needs no learning?"""

import numpy as np

from recommender.evaluation.behavior.judged_week import POPULAR, JudgedWeek
from recommender.evaluation.behavior.standing import multiple_of
from recommender.evaluation.behavioral_check import DisplayType, Kind, Measurement, behavioral_check
from recommender.ranking_metrics import mean_over_customers
from recommender.ratios import is_surely_positive, quantile_of_several, ratio

FEWEST = {"customers": 50}


class AccuracyChecks(JudgedWeek):
    """Comparisons of the average with baselines, customers with history."""

    @behavioral_check(
        "accuracy",
        Kind.COMPARISON,
        refuses="shoppers would be better off with the same best sellers for everybody",
        needs=FEWEST,
        display_type=DisplayType.BARS,
    )
    def no_worse_than_popular(self) -> Measurement:
        """MAP as a multiple of the popular list's."""
        judged = np.flatnonzero(self.is_judged)
        popular = self.average_precision_of(self.baselines[POPULAR])
        return multiple_of({"model": self.average_precision[judged], POPULAR: popular[judged]})

    @behavioral_check(
        "accuracy",
        Kind.COMPARISON,
        refuses="a baseline or the two-tower alone shows how customers differ, and the lists know little of it",
        needs=FEWEST,
        display_type=DisplayType.BARS,
    )
    def better_than_popular(self) -> Measurement:
        """How far MAP is on the way from the popular list's, 0, to the best reference's, 1."""
        judged = np.flatnonzero(self.is_judged)
        lists = self.lists, self.baselines[POPULAR], self.best_reference[1]
        return self._part_of_the_way(*(self.average_precision_of(each)[judged] for each in lists))

    @behavioral_check(
        "accuracy",
        Kind.COMPARISON,
        warns="a list may leave best sellers to other places in the shop",
        needs=FEWEST,
        display_type=DisplayType.BARS,
    )
    def finds_head_articles(self) -> Measurement:
        """Recall of bought best sellers, the fewest that make half of last week's sales, over the popular list's."""
        is_head = popularity_head(self.last_week_sales)
        recall, popular = (self.recall_of(lists, is_head) for lists in (self.lists, self.baselines[POPULAR]))
        known = np.flatnonzero(self.has_history & ~np.isnan(recall))
        return multiple_of({"model": recall[known], POPULAR: popular[known]})

    @behavioral_check(
        "accuracy",
        Kind.COMPARISON,
        warns="a shop may sell little but best sellers",
        needs=FEWEST,
        display_type=DisplayType.BARS,
    )
    def finds_tail_articles(self) -> Measurement:
        """How far recall of all other bought articles is from the popular list's, 0, to the best reference's, 1."""
        is_tail = ~popularity_head(self.last_week_sales)
        lists = self.lists, self.baselines[POPULAR], self.best_reference[1]
        recalls = [self.recall_of(each, is_tail) for each in lists]
        known = np.flatnonzero(self.has_history & ~np.isnan(recalls[0]))
        return self._part_of_the_way(*(each[known] for each in recalls))

    def _part_of_the_way(self, model: np.ndarray, popular: np.ndarray, best: np.ndarray) -> Measurement:
        details = {"model": mean_over_customers(model), POPULAR: mean_over_customers(popular)}
        details[self.best_reference[0]] = mean_over_customers(best)
        data = {"customers": len(model)}
        if not is_surely_positive(best - popular, quantile_of_several(len(self.references))):
            return Measurement(None, details, data)  # nothing shows that customers differ
        way = ratio(model - popular, best - popular)
        return Measurement(way.value, details, data, way.low, way.high, sick=0)


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
