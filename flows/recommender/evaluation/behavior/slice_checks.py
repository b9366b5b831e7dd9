"""Who is served worse than others? Accuracy by kind of customer and by kind of bought article.

The gap between slices is RecList's miss rate equality difference (Chia et al. 2022, https://arxiv.org/abs/2111.09963):
the mean over slices of how far their miss rate lies from everybody's.
"""

from statistics import NormalDist
from typing import Any

import numpy as np

from recommender.bootstrap import BOOTSTRAP_SEED
from recommender.evaluation.behavior.judged_week import POPULAR, REPURCHASE, JudgedWeek
from recommender.evaluation.behavior.standing import multiple_of
from recommender.evaluation.behavioral_check import DisplayType, Kind, Measurement, behavioral_check
from recommender.evaluation.slices import article_age_slices, by_slice, popularity_deciles
from recommender.ranking_metrics import find_hits
from recommender.ratios import NORMAL_QUANTILE, is_surely_positive, ratio

RESAMPLES = 500  # of the bootstrap; dozens of intervals, and no headline among them
FEWEST_IN_SLICE = 100
FEWEST_COLD_CUSTOMERS = 30  # the interval says how little they tell


class SliceChecks(JudgedWeek):
    """Every table of slices is in the details, with customers and intervals."""

    @behavioral_check(
        "slices",
        Kind.COMPARISON,
        warns="some customers are harder to know than others, whoever tries",
        needs={"large slices": 2},
        display_type=DisplayType.SLICES,
    )
    def miss_rate_equality_difference(self) -> Measurement:
        """Mean distance of a slice's miss rate from everybody's, in the worst dimension, over the worst baseline's."""
        tables = {dimension: self._customer_table(dimension) for dimension in self.customer_slices}
        own, rivals = self._gaps(self.average_precision), [POPULAR, *self.healthy]
        of_rivals = {name: self._gaps(self.average_precision_of(self.baselines[name])) for name in rivals}
        rows = [{"dimension": dimension, **row} for dimension, table in tables.items() for row in table]
        details = {"slices": rows}
        data = {"large slices": sum(self._large_slices(dimension) for dimension in self.customer_slices)}
        if not own:
            return Measurement(None, details, data)
        worst = max(own, key=own.get)
        details |= {"model": own[worst], **{name: gaps[worst] for name, gaps in of_rivals.items()}, "worst": worst}
        most = max(gaps[worst] for gaps in of_rivals.values())
        return Measurement(own[worst] / most if most > 0 else None, details, data)

    @behavioral_check(
        "slices",
        Kind.COMPARISON,
        refuses="these shoppers would be better off with what they bought before and best sellers",
        needs={"large slices": 1},
        display_type=DisplayType.SLICES,
    )
    def no_slice_worse_than_rules(self) -> Measurement:
        """MAP in the worst slice as a multiple of what repurchase filled with popular has there."""
        rows = [
            {"dimension": dimension, **row}
            for dimension, labels in self.customer_slices.items()
            for row in self._multiples(labels)
        ]
        data = {"large slices": len(rows)}
        worst = min(rows, key=lambda row: row["multiple_high"], default=None)
        if worst is None:
            return Measurement(None, {"slices": rows}, data)
        details = {"worst": f"{worst['dimension']} {worst['slice']}", "slices": rows}
        return Measurement(worst["multiple"], details, data, worst["multiple_low"], worst["multiple_high"])

    @behavioral_check(
        "cold_start",
        Kind.COMPARISON,
        refuses="newcomers would be better off with the best sellers",
        needs={"cold customers": FEWEST_COLD_CUSTOMERS},
        display_type=DisplayType.BARS,
    )
    def cold_customers_no_worse_than_popular(self) -> Measurement:
        """Recall of customers without earlier purchases, as a multiple of the popular list's."""
        recall, popular = self.recall_of(self.lists), self.recall_of(self.baselines[POPULAR])
        cold = np.flatnonzero(~self.has_history & ~np.isnan(recall))
        return multiple_of({"model": recall[cold], POPULAR: popular[cold]}, "cold customers")

    @behavioral_check(
        "slices",
        Kind.COMPARISON,
        warns="some kinds of articles nobody could have found",
        needs={"kinds": 5},
        display_type=DisplayType.SLICES,
    )
    def kinds_of_articles_found(self) -> Measurement:
        """Kinds of bought articles (popularity, time on sale, department) with a hit, over the worst baseline's."""
        rows = [row for dimension, masks in self._article_slices().items() for row in self._found(dimension, masks)]
        masks = [mask for masks in self._article_slices().values() for mask in masks.values()]
        large = [mask for mask, row in zip(masks, rows, strict=True) if row["customers"] >= FEWEST_IN_SLICE]
        found = {name: self._kinds_hit(lists, large) for name, lists in {"model": self.lists, **self.healthy}.items()}
        fewest = min((found[name] for name in self.healthy), default=0)
        details, data = {**found, "slices": rows}, {"kinds": len(large)}
        return Measurement(found["model"] / fewest if fewest else None, details, data)

    def _kinds_hit(self, lists: np.ndarray, masks: list[np.ndarray]) -> int:
        is_hit = find_hits(lists, *self.truth) & self.has_history[:, None]
        return sum(bool(mask[lists[is_hit]].any()) for mask in masks)

    def _large_slices(self, dimension: str) -> int:
        _, counts = np.unique(self.customer_slices[dimension][self.is_judged], return_counts=True)
        return int((counts >= FEWEST_IN_SLICE).sum())

    def _gaps(self, average_precision: np.ndarray) -> dict[str, float]:
        """Return for each dimension of customers with two large slices the mean distance of their miss rates."""
        missed, gaps = (average_precision == 0)[self.is_judged], {}
        for dimension, labels in self.customer_slices.items():
            names, codes, counts = np.unique(labels[self.is_judged], return_inverse=True, return_counts=True)
            rates = np.bincount(codes, weights=missed, minlength=len(names)) / np.maximum(counts, 1)
            if (is_large := counts >= FEWEST_IN_SLICE).sum() > 1:
                gaps[dimension] = float(np.abs(rates[is_large] - missed.mean()).mean())
        return gaps

    def _customer_table(self, dimension: str) -> list[dict[str, Any]]:
        judged = np.flatnonzero(self.is_judged)
        precision = self.average_precision[judged]
        values = {"map": precision, "recall": self.recall_of(self.lists)[judged], "miss_rate": (precision == 0) * 1.0}
        return by_slice(values, self.customer_slices[dimension][judged], judged, BOOTSTRAP_SEED, n_resamples=RESAMPLES)

    def _multiples(self, labels: np.ndarray) -> list[dict[str, Any]]:
        rules, rows = self.average_precision_of(self.baselines[REPURCHASE]), []
        n_slices = sum(map(self._large_slices, self.customer_slices))
        quantile = NormalDist().inv_cdf(1 - 0.025 / max(1, n_slices))  # Bonferroni's
        for name in np.unique(labels[self.is_judged]):
            members = np.flatnonzero(self.is_judged & (labels == name))
            if len(members) >= FEWEST_IN_SLICE and is_surely_positive(rules[members], quantile):
                multiple = ratio(self.average_precision[members], rules[members])
                reach = multiple.reach * quantile / NORMAL_QUANTILE
                bounds = {"multiple_low": multiple.value - reach, "multiple_high": multiple.value + reach}
                rows.append({"slice": str(name), "customers": len(members), "multiple": multiple.value, **bounds})
        return rows

    def _article_slices(self) -> dict[str, dict[str, np.ndarray]]:
        names, codes = self.codes["department"]
        sold = np.bincount(codes, weights=self.last_week_sales, minlength=len(names))
        largest = np.argsort(-sold, kind="stable")[:10]
        return {
            "popularity": popularity_deciles(self.last_week_sales, self.is_on_sale),
            "time on sale": article_age_slices(self.article_ages),
            "department": {str(names[code]): codes == code for code in largest},
        }

    def _found(self, dimension: str, masks: dict[str, np.ndarray]) -> list[dict[str, Any]]:
        rows = []
        for name, is_counted in masks.items():
            recall = self.recall_of(self.lists, is_counted)
            counted = np.flatnonzero(self.has_history & ~np.isnan(recall))
            labels = np.full(len(counted), name)
            (row,) = by_slice({"recall": recall[counted]}, labels, counted, BOOTSTRAP_SEED, [name], RESAMPLES)
            rows.append({"dimension": dimension, **row})
        return rows
