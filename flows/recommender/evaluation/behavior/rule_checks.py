"""Rules every list must obey, and that scoring twice gives the same lists."""

from recommender.evaluation import list_rules
from recommender.evaluation.behavior.judged_week import JudgedWeek
from recommender.evaluation.behavioral_check import Measurement, behavioral_check
from recommender.evaluation.list_rule_checks import ListRuleChecks


class RuleChecks(JudgedWeek, ListRuleChecks):
    """No threshold to choose: broken or not."""

    @behavioral_check("sanity", maximum=0)
    def no_colour_variant_floods(self) -> Measurement:
        """Customers whose list holds more articles of one product code than the cap allows."""
        most = self.common_sense.most_per_product_code or self.lists.shape[1]
        return list_rules.count_floods(self.lists, self.codes["product_code"][1], most)

    @behavioral_check("stability", maximum=0)
    def determinism(self) -> Measurement:
        """Customers whose list changes when the model scores them a second time."""
        n_changed = int((self.lists != self.lists_again).any(axis=1).sum())
        return Measurement(n_changed, {"customers": len(self.lists)})

    @behavioral_check("cold_start", minimum=1.0)
    def cold_customers_served(self) -> Measurement:
        """Share of the customers without earlier purchases who get a full list."""
        cold_lists = self.lists[~self.has_history]
        if len(cold_lists) == 0:
            return Measurement(None, {"customers": 0})
        share = list_rules.share_with_full_list(cold_lists, self.is_on_sale)
        return Measurement(share, {"customers": len(cold_lists)})
