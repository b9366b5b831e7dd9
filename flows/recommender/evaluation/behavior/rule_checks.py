"""Rules every list must obey, and that scoring twice gives the same lists."""

import numpy as np

from recommender.evaluation import list_rules
from recommender.evaluation.behavior.judged_week import JudgedWeek
from recommender.evaluation.behavioral_check import Kind, Measurement, behavioral_check
from recommender.evaluation.list_rule_checks import BROKEN, ListRuleChecks


class RuleChecks(JudgedWeek, ListRuleChecks):
    """No threshold to choose: broken or not."""

    @behavioral_check("sanity", Kind.RULE, refuses=BROKEN, maximum=0)
    def no_colour_variant_floods(self) -> Measurement:
        """Customers whose list holds more articles of one product code than the cap allows, where others are left."""
        codes, k = self.codes["product_code"][1], self.lists.shape[1]
        most = self.common_sense.most_per_product_code or k
        within_cap = int(np.minimum(np.bincount(codes[self.is_on_sale]), most).sum())
        if within_cap < k:  # a full list is worth more than the cap
            return Measurement(None, {"articles within the cap": within_cap})
        return list_rules.count_floods(self.lists, codes, most)

    @behavioral_check(
        "stability",
        Kind.RULE,
        refuses="lists that change by themselves, or with what was bought in the week, cannot be judged by it",
        maximum=0,
    )
    def determinism(self) -> Measurement:
        """Customers whose list changes when all is made again, with purchases of the week that others really made."""
        n_changed = int((self.lists != self.lists_again).any(axis=1).sum())
        return Measurement(n_changed, {"customers": len(self.lists)})

    @behavioral_check("cold_start", Kind.RULE, refuses="everybody is served", needs={"customers": 1}, minimum=1.0)
    def cold_customers_served(self) -> Measurement:
        """Share of the customers without earlier purchases who get a full list."""
        cold_lists = self.lists[~self.has_history]
        share = list_rules.share_with_full_list(cold_lists, self.is_on_sale)
        return Measurement(share, data={"customers": len(cold_lists)})
