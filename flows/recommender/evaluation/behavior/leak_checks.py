"""Does the recommender know what it could not know? Each test looks for something that only a leak does.

No ratio to popularity is among them: how much more a healthy model finds than best sellers grows with the catalogue.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from recommender.evaluation.behavior.judged_week import JudgedWeek
from recommender.evaluation.behavior.standing import multiple_of
from recommender.evaluation.behavioral_check import Kind, Measurement, behavioral_check
from recommender.ranking_metrics import mean_over_customers
from recommender.ratios import NORMAL_QUANTILE, ROUNDING, LogRatio, estimates_ratio, log_ratio

FEWEST = {"customers": 50, "customers a week before": 50}
LEAST_GAIN = 0.02  # nats of having learned a week: less is no harm, and a gain is no part of it to speak of
LEAK = "lists that know the week they are judged by say nothing of the nights to come"


class LeakChecks(JudgedWeek):
    """Customers with history but for the first."""

    @behavioral_check("leaks", Kind.COMPARISON, refuses=LEAK, needs={"customers": 30})
    def cold_customers_beyond_hindsight(self) -> Measurement:
        """Recall of customers without purchases, as a multiple of what one list an age band, made in hindsight, has."""
        hindsight, recall = self.recall_of(self._lists_in_hindsight()), self.recall_of(self.lists)
        cold = np.flatnonzero(~self.has_history & ~np.isnan(recall))
        return multiple_of({"model": recall[cold], "hindsight": hindsight[cold]}, is_sureness_asked=False)

    @behavioral_check("leaks", Kind.COMPARISON, refuses=LEAK, needs={**FEWEST, "ranking weeks": 4})
    def part_of_a_leaks_gain(self) -> Measurement:
        """What the ranker gains on an earlier one: nothing, 0, or as much as in the week before, which it learned, 1.

        Gained is likelihood of what was bought, see `purchase_likelihood`.
        """
        rehearsal = self.rehearsal
        if rehearsal is None:
            return Measurement(None)
        now = rehearsal.judged_likelihood_now, rehearsal.earlier_likelihood_now
        then = rehearsal.judged_likelihood_then, rehearsal.earlier_likelihood_then
        data = {"customers": len(now[0]), "customers a week before": len(then[0]), "ranking weeks": rehearsal.n_weeks}
        if min(data.values()) == 0:
            return Measurement(None, data=data)
        names = "ranker", "earlier ranker", "ranker in the week learned", "earlier ranker in it"
        return _part(Gain.of(*now), Gain.of(*then), _means(names, (*now, *then)), data)

    @behavioral_check("leaks", Kind.COMPARISON, refuses=LEAK, needs={"customers": 50, "ranking weeks": 4})
    def gain_over_earlier_ranker(self) -> Measurement:
        """MAP of the lists, as a multiple of what an earlier ranker's lists have in the same week."""
        rehearsal = self.rehearsal
        if rehearsal is None:
            return Measurement(None)
        values = self.average_precision[rehearsal.rows], rehearsal.earlier_now
        data = {"customers": len(rehearsal.rows), "ranking weeks": rehearsal.n_weeks}
        details = _means(("model", "earlier ranker"), values)
        if not all(each > 0 for each in details.values()):
            return Measurement(None, details, data)
        gain = log_ratio(*values)
        return _multiple(gain.value, gain.variance, details, data)

    @behavioral_check("leaks", Kind.COMPARISON, refuses=LEAK, needs=FEWEST)
    def gain_over_week_before(self) -> Measurement:
        """MAP over that of the best generator, as a multiple of the same in the week before, by the earlier ranker."""
        rehearsal = self.rehearsal
        if rehearsal is None:
            return Measurement(None)
        now = self.average_precision[rehearsal.rows]
        values = now, rehearsal.reference_now, rehearsal.earlier_then, rehearsal.reference_then
        data = {"customers": len(now), "customers a week before": len(rehearsal.reference_then)}
        details = _means(("model", "generator", "model a week before", "generator a week before"), values)
        if not all(each > 0 for each in details.values()):
            return Measurement(None, details, data)
        tonight, before = log_ratio(*values[:2]), log_ratio(*values[2:])
        return _multiple(tonight.value - before.value, tonight.variance + before.variance, details, data)

    @behavioral_check("leaks", Kind.COMPARISON, refuses=LEAK, needs={"hits on the first day": 30})
    def first_day_favoured(self) -> Measurement:
        """Hits on the week's first day over those on later days, as a multiple of the same for the best baseline."""
        best = max(self.baselines, key=lambda name: self._map_of(self.baselines[name]))
        parts = {"model": self.lists, best: self.baselines[best]}
        hits = {name: self._hits_by_day(lists) for name, lists in parts.items()}
        data = {"hits on the first day": int(min(first.sum() for first, _ in hits.values()))}
        details = {name: float(first.sum() / max(later.sum(), 1)) for name, (first, later) in hits.items()}
        if min(each.sum() for both in hits.values() for each in both) == 0:
            return Measurement(None, details, data)
        model, baseline = (log_ratio(first, later) for first, later in hits.values())
        multiple: LogRatio = model - baseline
        return _multiple(multiple.value, multiple.variance, details, data)

    def _lists_in_hindsight(self) -> np.ndarray:
        """(n_customers, k) int32: for each age band what its customers without purchases bought most in the week."""
        bands, lists = self.customer_slices["age band"], np.full_like(self.lists, -1)
        for band in np.unique(bands):
            members = bands == band
            bought = self.truth.take(np.flatnonzero(members & ~self.has_history)).values
            counts = np.bincount(bought, minlength=len(self.is_on_sale)) * self.is_on_sale
            best = np.argsort(-counts, kind="stable")[: min(lists.shape[1], np.count_nonzero(counts))]
            lists[members, : len(best)] = best
        return lists

    def _hits_by_day(self, lists: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return each customer's hits on the first day and on later days, (n_customers,) float64 both."""
        n_articles, n = len(self.is_on_sale), len(lists)
        owners = np.repeat(np.arange(n), self.truth.sizes())
        listed = np.arange(n)[:, None] * n_articles + lists
        is_hit = np.isin(owners * n_articles + self.truth.values, listed[lists >= 0])
        is_first = self.truth_days == 0
        return tuple(np.bincount(owners[is_hit & on], minlength=n).astype(float) for on in (is_first, ~is_first))


class Gain(NamedTuple):
    """By how many nats one ranker makes a purchase likelier than another, and the square of its standard error."""

    value: float
    variance: float

    @classmethod
    def of(cls, one: np.ndarray, other: np.ndarray) -> Gain:
        """Compare the likelihoods of the same customers' purchases."""
        gained = one - other
        return cls(float(gained.mean()), float(gained.var()) / len(gained))


def _part(gain: Gain, learned: Gain, details: dict, data: dict) -> Measurement:
    """Set a gain beside what having learned a week gains.

    Where that is not surely worth the name, it counts as much as it could be: a gain that is a large part even of that
    is a leak, and any other may be one or none.
    """
    reach = NORMAL_QUANTILE * np.sqrt(learned.variance)
    if learned.value > max(reach * (1 + ROUNDING), LEAST_GAIN):
        bounds = estimates_ratio(*gain, *learned)
        return Measurement(gain.value / learned.value, details, data, *bounds, sick=1)
    most = max(learned.value + reach, LEAST_GAIN)
    low = (gain.value - NORMAL_QUANTILE * np.sqrt(gain.variance)) / most
    return Measurement(float(gain.value / most), details, data, float(low), np.inf, sick=1)


def _means(names: Sequence[str], values: Sequence[np.ndarray]) -> dict[str, float]:
    return {name: mean_over_customers(each) for name, each in zip(names, values, strict=True)}


def _multiple(logarithm: float, variance: float, details: dict, data: dict) -> Measurement:
    reach = NORMAL_QUANTILE * np.sqrt(variance)
    bounds = (float(np.exp(logarithm + each)) for each in (-reach, reach))
    return Measurement(float(np.exp(logarithm)), details, data, *bounds)
