"""Do small changes of what is known change little of what is recommended?

The ranker reads its features from the marts, so histories are changed where the two-tower reads them; its own lists say
how it takes that.
"""

from recommender.evaluation.behavior.judged_week import JudgedWeek
from recommender.evaluation.rec_test import Measurement, rec_test
from recommender.ranking_metrics import mean_over_customers, overlap_at_k


class StabilityTests(JudgedWeek):
    """Of the two-tower's own lists for customers with several purchases."""

    @rec_test("stability")
    def one_purchase_less(self) -> Measurement:
        """Mean overlap of the two-tower's list with the one it makes when the newest purchase is hidden."""
        if self.perturbed is None or len(self.perturbed.unchanged) < self.minimum_customers:
            return Measurement(None, {})
        overlap = overlap_at_k(self.perturbed.unchanged, self.perturbed.without_newest)
        return Measurement(mean_over_customers(overlap), {"customers": len(overlap)})

    @rec_test("stability")
    def shuffled_basket(self) -> Measurement:
        """Mean overlap of the two-tower's list with the one it makes when the history comes in another order."""
        if self.perturbed is None or len(self.perturbed.unchanged) == 0:
            return Measurement(None, {})
        overlap = overlap_at_k(self.perturbed.unchanged, self.perturbed.shuffled)
        return Measurement(mean_over_customers(overlap), {"customers": len(overlap)})
