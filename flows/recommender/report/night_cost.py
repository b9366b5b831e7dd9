"""What a night would cost on machines that are rented by the second.

Stage: beside the report. In: what each step took, and of the settings what it asks of a cluster and what that costs an
hour. Out: plain values for report.json, under "cost". A run on a laptop has them, too: there they say what the night
would cost elsewhere, if it took as long.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from recommender.cluster import asked_by
from recommender.settings.cluster import CLUSTER, PRICES

SECONDS_PER_HOUR, MIB_PER_GIB = 3_600, 1_024


def estimate(steps: Mapping[str, Mapping[str, float]], toml: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return {"currency", "night", "steps": {step: cost}}; None where the settings know no prices.

    Counted are the seconds that a step's code took. What a task takes to start, an image to arrive and a bucket to keep
    files is not.

    Args:
        steps: as in the report, by names that begin with that of the step.
        toml: the settings file of the run.
    """
    prices = toml.get(CLUSTER, {}).get(PRICES)
    if prices is None:
        return None
    costs = {name: _cost(cost["seconds"], asked_by(name.split()[0], toml), prices) for name, cost in steps.items()}
    return {"currency": prices["currency"], "night": sum(costs.values()), "steps": costs}


def _cost(seconds: float, asked: Mapping[str, Any], prices: Mapping[str, Any]) -> float:
    an_hour = asked["cpu"] * prices["cpu"] + asked["gpu"] * prices["gpu"]
    an_hour += asked["memory"] / MIB_PER_GIB * prices["memory_gib"]
    return seconds / SECONDS_PER_HOUR * an_hour
