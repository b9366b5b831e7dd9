"""Do small changes of what is known change little of what is recommended?"""

from recommender.evaluation.behavior.judged_week import JudgedWeek
from recommender.evaluation.behavioral_check import Measurement, behavioral_check
from recommender.ranking_metrics import mean_over_customers, overlap_at_k


class StabilityChecks(JudgedWeek):
    """For customers with several purchases, of lists that come from a two-tower."""

    @behavioral_check("stability")
    def served_without_newest_purchase(self) -> Measurement:
        """Mean overlap of the served list with the one that all stages make when the newest purchase is hidden."""
        return self._overlap("served", "served_without_newest", self.minimum_customers)

    @behavioral_check("stability")
    def one_purchase_less(self) -> Measurement:
        """Mean overlap of the two-tower's list with the one it makes when the newest purchase is hidden."""
        return self._overlap("unchanged", "without_newest", self.minimum_customers)

    @behavioral_check("stability")
    def shuffled_basket(self) -> Measurement:
        """Mean overlap of the two-tower's list with the one it makes when the history comes in another order."""
        return self._overlap("unchanged", "shuffled", fewest=1)  # not a statistic: it must hold for every customer

    def _overlap(self, name: str, changed: str, fewest: int) -> Measurement:
        if self.perturbed is None or len(self.perturbed.unchanged) < fewest:
            return Measurement(None, {})
        overlap = overlap_at_k(getattr(self.perturbed, name), getattr(self.perturbed, changed))
        return Measurement(mean_over_customers(overlap), {"customers": len(overlap)})
