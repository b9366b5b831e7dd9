"""Since the nights before: which of tonight's values lie far outside those of the nights that were published?

Stage: after the behavioral suite, before the verdict. In: tonight's values with their intervals, and the values that
earlier nights published with. Out: one test, which names the values that jumped.

A value jumped when it lies further from the median of the nights before than `spreads` times their spread. The spread
is 1.4826 times the median absolute deviation, which for normal values is their standard deviation (Rousseeuw and Croux,
Alternatives to the median absolute deviation, JASA 88(424), 1993), and at least the standard error that tonight's
interval tells: where the nights before lay close together by chance, the noise of sampling is still no jump.

How often nights without any change would be told with 4 spreads, in 400,000 draws of normal values:

    nights before                        5        7       14       28
    a value with its interval       0.0003   0.0002   0.0001   0.0001
    a value without                 0.10     0.05     0.011    0.003

So a value without an interval, such as the share of the catalogue that is recommended, is compared from 14 nights on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from recommender.bootstrap import Interval
from recommender.evaluation.behavioral_check import CheckResult, Kind, Measurement, behavioral_check
from recommender.evaluation.result_text import NAMED
from recommender.model_names import SERVED

FEWEST_NIGHTS, FEWEST_WITHOUT_INTERVAL = 5, 14
SPREAD_OF_NORMAL = 1.4826
"""A normal value's standard deviation in median absolute deviations."""

REACH = NormalDist().inv_cdf(0.975)
"""Half the width of a 95% interval in standard errors."""


def behavior_values(
    results: Sequence[CheckResult], metrics: Mapping[str, Mapping[str, Any]], quality: Mapping[str, Any]
) -> dict[str, Interval]:
    """Return what is compared from night to night: the values of all comparisons, and two metrics of the served lists.

    Args:
        results: of the behavioral suite.
        metrics: by model, as a report has them; the MAP that stands first, and the coverage.
        quality: as from `quality_report`; it has the interval of the MAP.

    Returns:
        Interval by name, with NaN for bounds that nothing tells; a value that is not known is left out.
    """
    served = metrics[SERVED]
    map_name = next(iter(served))
    bounds = quality.get("map", {}).get(SERVED, {})
    values = {
        map_name: _interval(served[map_name], bounds.get("low"), bounds.get("high")),
        "catalogue_coverage": _interval(served.get("coverage")),
        **{each.name: _interval(each.value, each.low, each.high) for each in results if each.kind == Kind.COMPARISON},
    }
    return {name: value for name, value in values.items() if math.isfinite(value.mean)}


@dataclass(frozen=True)
class BehaviorChanges:
    """Tonight beside the nights before; run it with `behavioral_check.run_tests`.

    Attributes:
        tonight: as from `behavior_values`.
        nights: value by name of each published night, None where it was not known.
        spreads: how many spreads from the median are a jump.
    """

    tonight: Mapping[str, Interval]
    nights: Sequence[Mapping[str, float | None]]
    spreads: float

    @behavioral_check(
        "changes",
        Kind.CHANGE,
        warns="a jump may be meant, as after new settings, or right, as on the first day of a sale",
        needs={"published_nights": FEWEST_NIGHTS},
        maximum=0,
    )
    def behavior_since_the_nights_before(self) -> Measurement:
        """Values that lie further from the published nights before than these spread and sampling explains."""
        ranges = {name: self._usual_range(name) for name in self.tonight}
        known = {name: usual for name, usual in ranges.items() if usual is not None}
        jumps = [
            f"{name} {self.tonight[name].mean:.4g}, usually {low:.4g} to {high:.4g}"
            for name, (low, high) in known.items()
            if not low <= self.tonight[name].mean <= high
        ]
        return Measurement(len(jumps), {"compared": len(known), NAMED: jumps}, {"published_nights": len(self.nights)})

    def _usual_range(self, name: str) -> tuple[float, float] | None:
        """Return within which bounds a value is no jump; None where too few nights know it."""
        before = np.array([night[name] for night in self.nights if night.get(name) is not None], dtype=np.float64)
        error = (self.tonight[name].high - self.tonight[name].low) / 2 / REACH
        if len(before) < (FEWEST_WITHOUT_INTERVAL if math.isnan(error) else FEWEST_NIGHTS):
            return None
        middle = np.median(before)
        distance = self.spreads * np.fmax(SPREAD_OF_NORMAL * np.median(np.abs(before - middle)), error)
        return float(middle - distance), float(middle + distance)


def _interval(value: float | None, low: float | None = None, high: float | None = None) -> Interval:
    return Interval(*(math.nan if each is None else float(each) for each in (value, low, high)))
