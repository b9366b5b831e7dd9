"""How each stage grows with the size of the shop: the power of the size that its processor seconds and memory follow.

In: stage costs of shops of several sizes. Out: for each stage the exponent over all sizes and between the two largest,
where what every run costs no longer counts. 1 is linear in the stage's own size: rows of purchases, or customers times
articles on sale for what searches the catalogue exactly. From these follows what to expect of a still larger shop.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

PURCHASES, SEARCHED = "purchases", "customers x articles on sale"
OWN_SIZE = {"train": SEARCHED, "fit_week": SEARCHED, "evaluate": SEARCHED, "publish": SEARCHED}
"""Of a stage that is not here: purchases."""

LEAST_CPU_SECONDS = 1.0  # a stage that takes less says nothing of growth


def stage_costs(steps: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """Return the cost of each stage of a run: that of its tasks together, and the largest peak.

    `steps` as a report holds them: "train base-seed7" is a task of the stage train.
    """
    stages: dict[str, dict[str, float]] = {}
    for name, cost in steps.items():
        so_far = stages.setdefault(name.split()[0], {"tasks": 0})
        so_far["tasks"] += 1
        for kind, value in cost.items():
            known = so_far.get(kind, 0)
            so_far[kind] = max(known, value) if kind.startswith("peak") else round(known + value, 1)
    return stages


def own_size(stage: str, shop: Mapping[str, Any]) -> float:
    """Return how large a shop is for a stage; `shop` has purchases, customers and on_sale."""
    return shop["customers"] * shop["on_sale"] if OWN_SIZE.get(stage) == SEARCHED else shop["purchases"]


def growth_of(shops: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return by stage the size it is measured by and the exponents `all` and `largest` of its processor seconds.

    `peak` is the exponent of its memory between the two largest. `shops` from small to large, each with its sizes and
    `stages`; stages that not all of them have are left out. Empty for a single shop.
    """
    if len(shops) < 2:
        return {}
    common = [stage for stage in shops[0]["stages"] if all(stage in shop["stages"] for shop in shops)]
    return {stage: _growth(stage, shops) for stage in common}


def expected_cost(stage: str, shop: Mapping[str, Any], growth: Mapping[str, Any], times: float) -> tuple[float, float]:
    """Return the seconds and the peak in MiB of a stage where customers, purchases and articles are so many times more.

    They follow from those of `shop`, the largest that was measured, and from how the stage grew up to there; a stage
    that became cheaper stays as it is.
    """
    cost, size_times = shop["stages"][stage], times**2 if growth["size"] == SEARCHED else times
    by_seconds, by_peak = (size_times ** max(growth[power], 0.0) for power in ("largest", "peak"))
    return cost["seconds"] * by_seconds, cost["peak_mib"] * by_peak


def _growth(stage: str, shops: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    sizes = np.log([own_size(stage, shop) for shop in shops])
    seconds = np.log([max(shop["stages"][stage]["cpu_seconds"], LEAST_CPU_SECONDS) for shop in shops])
    peaks = np.log([shop["stages"][stage]["peak_mib"] for shop in shops])
    exponents = {
        "all": np.polyfit(sizes, seconds, 1)[0],
        "largest": (seconds[-1] - seconds[-2]) / (sizes[-1] - sizes[-2]),
        "peak": (peaks[-1] - peaks[-2]) / (sizes[-1] - sizes[-2]),
    }
    return {"size": OWN_SIZE.get(stage, PURCHASES), **{name: round(float(each), 2) for name, each in exponents.items()}}
