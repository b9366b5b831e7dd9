"""The second gate: are the refitted lists fit to be published?

Stage: after the refit on all purchases, before publishing. No purchases exist yet that could judge these lists, so they
are held against rules and against the evaluated models', whose quality is known; the two-tower alone shows what it
learned of the test week, which it has seen by now. In: the lists to be published and the evaluated models'. Out: one
`CheckResult` per check; a diverged refit fails here, and so does one that never happened.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from recommender.evaluation import list_rules
from recommender.evaluation.behavior.standing import standing_of_customers, standing_of_lists
from recommender.evaluation.behavioral_check import Kind, Measurement, behavioral_check
from recommender.evaluation.list_rule_checks import ListRuleChecks
from recommender.ranking_metrics import mean_over_customers, overlap_at_k
from recommender.ratios import quantile_of_several

DIVERGED = "the refitted models are not those that passed the tests"
STALE = "lists that do not know the newest week are yesterday's news"
FEWEST = {"customers": 50}
FIRST_STEPS = 8  # two-towers of one training step each, the best of which is a reference


@dataclass(frozen=True)
class PublicationGate(ListRuleChecks):
    """Checks of the lists to be published; run them with `behavioral_check.run_tests`.

    Attributes:
        customer_ids: (n_customers,) array of str.
        known_customer_ids: all who must have a list.
        lists: (n_customers, k) int32.
        scores: (n_customers, k) float32.
        is_personal: (n_customers,) bool, marks lists of the model itself, not of a segment.
        evaluated_lists: (n_customers, k) int32, the evaluated models', rows of -1 where they made none.
        evaluated_scores: (n_customers, k) float32.
        two_tower_precision: (n_buyers,) float64, average precision of the refitted two-tower alone for the buyers of
            the test week; None where it has no part in the lists.
        evaluated_two_tower_precision: (n_buyers,) likewise, of the evaluated one, which had not seen the week.
        first_step_precision: (n_buyers,) likewise, of the best of some that were trained for a single step.
        is_on_sale: (n_articles,) bool, marks the candidates.
    """

    customer_ids: np.ndarray
    known_customer_ids: np.ndarray
    lists: np.ndarray
    scores: np.ndarray
    is_personal: np.ndarray
    evaluated_lists: np.ndarray
    evaluated_scores: np.ndarray
    two_tower_precision: np.ndarray | None
    evaluated_two_tower_precision: np.ndarray | None
    first_step_precision: np.ndarray | None
    is_on_sale: np.ndarray

    @behavioral_check("sanity", Kind.RULE, refuses="everybody is served", maximum=0)
    def every_customer_has_a_list(self) -> Measurement:
        """Known customers without a list."""
        import pyarrow as pa
        import pyarrow.compute as pc

        served = pa.array(self.customer_ids[self.lists[:, 0] >= 0], pa.string())
        is_served = pc.is_in(pa.array(self.known_customer_ids, pa.string()), value_set=served)
        return Measurement(int(pc.sum(pc.invert(is_served)).as_py() or 0), {"known": len(is_served)})

    @behavioral_check("diversity", Kind.COMPARISON, refuses=DIVERGED, needs=FEWEST)
    def catalogue_coverage(self) -> Measurement:
        """Distinct articles in all lists: from those of one list, 0, to those of the evaluated models', 1."""
        lists, evaluated = self._compared()
        one_for_all = np.tile(lists[:1], (len(lists), 1))
        return standing_of_lists(_count_distinct, lists, one_for_all, {"evaluated": evaluated}, "one list")

    @behavioral_check("diversity", Kind.COMPARISON, refuses=DIVERGED, needs=FEWEST)
    def difference_between_customers(self) -> Measurement:
        """Share of a list that another customer's lacks: from the same list for all, 0, to the evaluated models', 1."""
        model, evaluated = (1 - list_rules.overlap_with_another(lists) for lists in self._compared())
        return standing_of_customers(model, np.zeros(len(model)), {"evaluated": evaluated}, "one list")

    @behavioral_check("stability", Kind.COMPARISON, refuses=DIVERGED, needs=FEWEST)
    def overlap_with_evaluated(self) -> Measurement:
        """How much liker the own evaluated list it is than another's: not at all, 0, to as that list itself, 1."""
        lists, evaluated = self._compared()
        own = overlap_at_k(lists, evaluated)
        of_others = overlap_at_k(lists, np.roll(evaluated, len(lists) // 2, axis=0))
        most = 1 - list_rules.overlap_with_another(evaluated)  # nothing where all customers' lists are one
        measured = standing_of_customers(own - of_others, np.zeros(len(own)), {"evaluated": most}, "another customer's")
        details = {"overlap": mean_over_customers(own), "with another customer's": mean_over_customers(of_others)}
        return replace(measured, details=details)

    @behavioral_check("stability", Kind.COMPARISON, refuses=DIVERGED, needs=FEWEST)
    def two_tower_learned(self) -> Measurement:
        """MAP in the test week of the two-tower alone: from that after one training step, 0, to the evaluated's, 1."""
        if self.two_tower_precision is None:
            return Measurement(None)
        learned, evaluated = self.two_tower_precision, {"evaluated": self.evaluated_two_tower_precision}
        best_of_several = quantile_of_several(FIRST_STEPS)
        part = standing_of_customers(learned, self.first_step_precision, evaluated, "one step", best_of_several)
        if part.value is not None:
            return part
        # Nobody knows where the way begins, so the part may be nothing; counted from nothing it is the most it can be.
        most = standing_of_customers(learned, np.zeros(len(learned)), evaluated, "nothing")
        return most if most.value is None else replace(most, details=part.details, low=min(most.low, 0.0))

    @behavioral_check("freshness", Kind.COMPARISON, refuses=STALE, needs=FEWEST)
    def lists_are_new(self) -> Measurement:
        """Share of customers whose list is not, article by article, what the models of a week ago made."""
        lists, evaluated = self._compared()
        data = {"customers": len(lists)}
        if not len(lists) or self.is_on_sale.sum() <= lists.shape[1]:  # a list of the whole shop may stay as it is
            return Measurement(None, data=data)
        is_new = (lists != evaluated).any(axis=1)
        return Measurement(mean_over_customers(is_new * 1.0), data=data)

    @behavioral_check("stability", Kind.COMPARISON, refuses=DIVERGED, needs=FEWEST)
    def score_spread(self) -> Measurement:
        """Median gap between a list's first and last score, as a multiple of the evaluated models'."""
        is_compared = self._is_compared()
        spread, evaluated = (_median_spread(scores[is_compared]) for scores in (self.scores, self.evaluated_scores))
        details, data = {"published": spread, "evaluated": evaluated}, {"customers": int(is_compared.sum())}
        if not evaluated > 0:  # nobody's evaluated list, or equal scores in most, as in lists of one article
            return Measurement(None, details, data)
        return Measurement(spread / evaluated, details, data)

    def _compared(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the lists and the evaluated lists of the customers who have both, (n_compared, k) int32 each."""
        is_compared = self._is_compared()
        return self.lists[is_compared], self.evaluated_lists[is_compared]

    def _is_compared(self) -> np.ndarray:
        return self.is_personal & (self.evaluated_lists[:, 0] >= 0)


def _count_distinct(lists: np.ndarray) -> int:
    return len(np.unique(lists[lists >= 0]))


def _median_spread(scores: np.ndarray) -> float:
    """Median over customers of highest minus lowest finite score; a list without any counts as -inf, nobody as NaN."""
    if not len(scores):
        return float("nan")
    is_finite = np.isfinite(scores)
    highest = np.max(scores, axis=1, where=is_finite, initial=-np.inf)
    lowest = np.min(scores, axis=1, where=is_finite, initial=np.inf)
    return float(np.median(highest - lowest))
