"""Who is served worse than others? Accuracy by kind of customer and by kind of bought article.

The gap between slices is RecList's miss rate equality difference (Chia et al. 2022, https://arxiv.org/abs/2111.09963):
the mean over slices of how far their miss rate lies from everybody's.
"""

from typing import Any

import numpy as np

from recommender.bootstrap import BOOTSTRAP_SEED, paired_difference
from recommender.evaluation.behavior.judged_week import POPULAR, REPURCHASE, JudgedWeek
from recommender.evaluation.behavioral_check import DisplayType, Measurement, behavioral_check
from recommender.evaluation.slices import article_age_slices, by_slice, popularity_deciles
from recommender.ranking_metrics import mean_over_customers

RESAMPLES = 500  # of the bootstrap; dozens of intervals, and no headline among them
FEWEST_COLD_CUSTOMERS = 30  # a quarter of a hundred a week; the interval says how little they tell


class SliceChecks(JudgedWeek):
    """Every table of slices is in the details, with customers and intervals."""

    @behavioral_check("slices", DisplayType.SLICES)
    def miss_rate_equality_difference(self) -> Measurement:
        """Mean distance of a slice's miss rate from everybody's, in the dimension of customers where it is largest."""
        tables = {dimension: self._customer_table(dimension) for dimension in self.customer_slices}
        missed = (self.average_precision == 0).astype(float)
        overall = mean_over_customers(missed[self.is_judged])
        gaps = {
            dimension: float(np.mean([abs(row["miss_rate"] - overall) for row in known]))
            for dimension, table in tables.items()
            if len(known := [row for row in table if row["customers"] >= self.minimum_customers]) > 1
        }
        rows = [{"dimension": dimension, **row} for dimension, table in tables.items() for row in table]
        return Measurement(max(gaps.values(), default=None), {"overall": overall, **gaps, "slices": rows})

    @behavioral_check("slices", DisplayType.SLICES)
    def no_slice_worse_than_rules(self) -> Measurement:
        """Worst slice's MAP minus that of repurchase filled with popular: what at most it can be, at 95%."""
        rows = [
            {"dimension": dimension, **row}
            for dimension, labels in self.customer_slices.items()
            for row in self._gains(labels)
        ]
        worst = min(rows, key=lambda row: row["map_gain_high"], default=None)
        if worst is None:
            return Measurement(None, {"slices": rows})
        return Measurement(worst["map_gain_high"], {"worst": f"{worst['dimension']} {worst['slice']}", "slices": rows})

    @behavioral_check("cold_start", DisplayType.BARS)
    def cold_customers_no_worse_than_popular(self) -> Measurement:
        """Recall of customers without earlier purchases minus the popular list's: what at most it can be, at 95%."""
        recall, popular = self.recall_of(self.lists), self.recall_of(self.baselines[POPULAR])
        cold = np.flatnonzero(~self.has_history & ~np.isnan(recall))
        details: dict[str, Any] = {"customers": len(cold)}
        if len(cold) < FEWEST_COLD_CUSTOMERS:
            return Measurement(None, details)
        gain = paired_difference(recall[cold], popular[cold], cold, BOOTSTRAP_SEED, RESAMPLES)
        details |= {"model": mean_over_customers(recall[cold]), "popular": mean_over_customers(popular[cold])}
        return Measurement(gain.high, {**details, "gain": gain.mean, "gain_low": gain.low})

    @behavioral_check("slices", DisplayType.SLICES)
    def kinds_of_articles_never_found(self) -> Measurement:
        """Share of the kinds of bought articles (popularity, time on sale, department) of which no purchase was hit."""
        rows = [row for dimension, masks in self._article_slices().items() for row in self._found(dimension, masks)]
        known = [row["recall"] for row in rows if row["customers"] >= self.minimum_customers]
        return Measurement(float(np.mean([recall == 0 for recall in known])) if known else None, {"slices": rows})

    def _customer_table(self, dimension: str) -> list[dict[str, Any]]:
        judged = np.flatnonzero(self.is_judged)
        precision = self.average_precision[judged]
        values = {"map": precision, "recall": self.recall_of(self.lists)[judged], "miss_rate": (precision == 0) * 1.0}
        return by_slice(values, self.customer_slices[dimension][judged], judged, BOOTSTRAP_SEED, n_resamples=RESAMPLES)

    def _gains(self, labels: np.ndarray) -> list[dict[str, Any]]:
        rules, rows = self.average_precision_of(self.baselines[REPURCHASE]), []
        for name in np.unique(labels[self.is_judged]):
            members = np.flatnonzero(self.is_judged & (labels == name))
            if len(members) >= self.minimum_customers:
                gain = paired_difference(
                    self.average_precision[members], rules[members], members, BOOTSTRAP_SEED, RESAMPLES
                )
                row = {"slice": str(name), "customers": len(members), "map_gain": gain.mean}
                rows.append({**row, "map_gain_low": gain.low, "map_gain_high": gain.high})
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
