"""The rules of `list_rules` as tests, for every suite that judges lists."""

import numpy as np

from recommender.evaluation import list_rules
from recommender.evaluation.behavioral_check import Kind, Measurement, behavioral_check

BROKEN = "no list that breaks it is fit to be seen"


class ListRuleChecks:
    """For a suite with `lists` (n, k) int32, `scores` (n, k) float32 and `is_on_sale` bool (n_articles,)."""

    lists: np.ndarray
    scores: np.ndarray
    is_on_sale: np.ndarray

    @behavioral_check("sanity", Kind.RULE, refuses=BROKEN, maximum=0)
    def no_duplicates(self) -> Measurement:
        """Customers whose list names an article twice."""
        return list_rules.count_lists_with_duplicates(self.lists)

    @behavioral_check("sanity", Kind.RULE, refuses=BROKEN, maximum=0)
    def only_articles_on_sale(self) -> Measurement:
        """Recommendations of articles that are withdrawn, out of season or denied."""
        return list_rules.count_articles_not_on_sale(self.lists, self.is_on_sale)

    @behavioral_check("sanity", Kind.RULE, refuses=BROKEN, maximum=0)
    def k_per_customer(self) -> Measurement:
        """Customers with fewer than k articles."""
        return list_rules.count_short_lists(self.lists, self.is_on_sale)

    @behavioral_check("sanity", Kind.RULE, refuses=BROKEN, maximum=0)
    def finite_scores(self) -> Measurement:
        """Recommendations whose score is NaN or infinite."""
        return list_rules.count_scores_not_finite(self.lists, self.scores)
