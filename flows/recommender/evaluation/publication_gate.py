"""The second gate: are the refitted lists fit to be published?

Stage: after the refit on all purchases, before publishing. No purchases exist yet that could judge these
lists, so they are held against rules and against the evaluated model, whose quality is known. In: the lists
to be published and the evaluated model's. Out: one `CheckResult` per check; a diverged refit fails here.
"""

from dataclasses import dataclass

import numpy as np

from recommender.evaluation import list_rules
from recommender.evaluation.behavioral_check import Measurement, behavioral_check
from recommender.evaluation.list_rule_checks import ListRuleChecks
from recommender.ranking_metrics import mean_over_customers, overlap_at_k


@dataclass(frozen=True)
class PublicationGate(ListRuleChecks):
    """Checks of the lists to be published; run them with `behavioral_check.run_tests`.

    `lists` (n_customers, k) int32 and `scores` float32 belong to `customer_ids` (n_customers,);
    `known_customer_ids` are all who must have a list. `is_personal` bool (n_customers,) marks lists of the
    model itself, not of a segment. `evaluated_lists` and `evaluated_scores` (n_customers, k) are the
    evaluated models' for the same customers, rows of -1 where they made none; `two_tower_lists` and
    `evaluated_two_tower_lists` (n_customers, k) likewise, of the two-towers alone, None where they have no part in
    the lists. `is_on_sale` bool (n_articles,) marks the candidates.
    """

    customer_ids: np.ndarray
    known_customer_ids: np.ndarray
    lists: np.ndarray
    scores: np.ndarray
    is_personal: np.ndarray
    evaluated_lists: np.ndarray
    evaluated_scores: np.ndarray
    two_tower_lists: np.ndarray | None
    evaluated_two_tower_lists: np.ndarray | None
    is_on_sale: np.ndarray

    @behavioral_check("sanity", maximum=0)
    def every_customer_has_a_list(self) -> Measurement:
        """Known customers without a list."""
        import pyarrow as pa
        import pyarrow.compute as pc

        served = pa.array(self.customer_ids[self.lists[:, 0] >= 0], pa.string())
        is_served = pc.is_in(pa.array(self.known_customer_ids, pa.string()), value_set=served)
        return Measurement(int(pc.sum(pc.invert(is_served)).as_py() or 0), {"known": len(is_served)})

    @behavioral_check("diversity")
    def overlap_between_customers(self) -> Measurement:
        """Mean overlap of two customers' personal lists; 1 is the same list for all."""
        personal = self.lists[self.is_personal]
        if len(personal) < 2:
            return Measurement(None, {"customers": len(personal)})
        return Measurement(list_rules.overlap_between_lists(personal), {"customers": len(personal)})

    @behavioral_check("stability")
    def overlap_with_evaluated(self) -> Measurement:
        """Mean overlap of a list with the evaluated models': 1 is the same articles, 0 no more than chance."""
        return self._overlap_beyond_chance(self.lists, self.evaluated_lists)

    @behavioral_check("stability")
    def two_tower_overlap_with_evaluated(self) -> Measurement:
        """The same for the two-tower's own lists: the ranker would cover up for a while for one that diverged."""
        if self.two_tower_lists is None:
            return Measurement(None)
        return self._overlap_beyond_chance(self.two_tower_lists, self.evaluated_two_tower_lists)

    @behavioral_check("stability")
    def score_spread(self) -> Measurement:
        """Median gap between a list's first and last score, as a multiple of the evaluated model's."""
        is_compared = self._is_compared()
        if not is_compared.any():
            return Measurement(None, {"customers": 0})
        spread = _median_spread(self.scores[is_compared])
        evaluated = _median_spread(self.evaluated_scores[is_compared])
        details = {"published": spread, "evaluated": evaluated, "customers": int(is_compared.sum())}
        return Measurement(spread / evaluated if evaluated > 0 else float("nan"), details)

    def _overlap_beyond_chance(self, lists: np.ndarray, evaluated_lists: np.ndarray) -> Measurement:
        is_compared = self._is_compared()
        # Of k articles drawn from n, a share k / n stands in any other list of k.
        chance = lists.shape[1] / max(int(self.is_on_sale.sum()), 1)
        if not is_compared.any() or chance >= 1:
            return Measurement(None, {"customers": int(is_compared.sum())})
        overlap = mean_over_customers(overlap_at_k(lists[is_compared], evaluated_lists[is_compared]))
        details = {"overlap": overlap, "by_chance": chance, "customers": int(is_compared.sum())}
        return Measurement((overlap - chance) / (1 - chance), details)

    def _is_compared(self) -> np.ndarray:
        return self.is_personal & (self.evaluated_lists[:, 0] >= 0)


def _median_spread(scores: np.ndarray) -> float:
    """Median over customers of highest minus lowest finite score; a list without any counts as -inf."""
    is_finite = np.isfinite(scores)
    highest = np.max(scores, axis=1, where=is_finite, initial=-np.inf)
    lowest = np.min(scores, axis=1, where=is_finite, initial=np.inf)
    return float(np.median(highest - lowest))
