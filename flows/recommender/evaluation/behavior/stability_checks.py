"""Do small changes of what is known change little of what is recommended?"""

import numpy as np

from recommender.evaluation import list_rules
from recommender.evaluation.behavior.judged_week import JudgedWeek
from recommender.evaluation.behavioral_check import Kind, Measurement, behavioral_check
from recommender.ranking_metrics import mean_over_customers, overlap_at_k
from recommender.ratios import ratio

HANGS = "a list that hangs on one purchase is another one tomorrow"
FEWEST = {"customers": 50}


class StabilityChecks(JudgedWeek):
    """For customers with several purchases, of lists that come from a two-tower."""

    @behavioral_check("stability", Kind.COMPARISON, refuses=HANGS, needs=FEWEST)
    def served_without_newest_purchase(self) -> Measurement:
        """How like the served list stays without the newest purchase: from another customer's, 0, to the same, 1."""
        return self._likeness("served", "served_without_newest")

    @behavioral_check("stability", Kind.COMPARISON, refuses=HANGS, needs=FEWEST)
    def one_purchase_less(self) -> Measurement:
        """The same of the two-tower's own list."""
        return self._likeness("unchanged", "without_newest")

    @behavioral_check(
        "stability", Kind.RULE, refuses="a basket has no order", needs={"customers": 1}, minimum=0.99
    )  # sums in another order may swap near ties
    def shuffled_basket(self) -> Measurement:
        """Mean overlap of the two-tower's list with the one it makes when the history comes in another order."""
        if self.perturbed is None:
            return Measurement(None)
        overlap = overlap_at_k(self.perturbed.unchanged, self.perturbed.shuffled)
        return Measurement(mean_over_customers(overlap), data={"customers": len(overlap)})

    def _likeness(self, name: str, changed: str) -> Measurement:
        if self.perturbed is None:
            return Measurement(None)
        lists = getattr(self.perturbed, name)
        kept, of_others = overlap_at_k(lists, getattr(self.perturbed, changed)), list_rules.overlap_with_another(lists)
        is_known = np.isfinite(kept) & np.isfinite(of_others)  # unlike those of two empty lists
        kept, of_others = kept[is_known], of_others[is_known]
        details = {"overlap": mean_over_customers(kept), "with another customer": mean_over_customers(of_others)}
        data = {"customers": len(kept)}
        if len(kept) < 2 or np.all(of_others == 1):  # there is no choice
            return Measurement(None, details, data)
        likeness = ratio(kept - of_others, 1 - of_others)
        return Measurement(likeness.value, details, data, likeness.low, likeness.high, sick=0)
