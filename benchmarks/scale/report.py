"""The measured sizes as tables and as a plot.

In: the content of benchmarks/results/scale.json. Out: Markdown, and a PNG drawn by Vega-Lite.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import vl_convert

from benchmarks.scale.growth import OWN_SIZE, PURCHASES, SEARCHED, expected_cost, growth_of
from benchmarks.scale.shops import SHOPS
from recommender.report.card_style import VEGA_LITE

SCALE = 2.0
COLORS = "tableau20"  # of Vega-Lite's schemes one with as many as there are stages
KIB = 1024
LEAST_SHOWN_MIB = 0.05 * KIB
EXPECTED_TIMES = 1, 10, 100  # the largest measured shop


def measured_shops(results: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the shops that were measured, the smallest first."""
    return [{"shop": name, **results[name]} for name in SHOPS if name in results]


def tables(results: Mapping[str, Any]) -> str:
    """Lay out time, memory and growth by stage, what larger shops would take, and plain tools beside, as Markdown."""
    shops = measured_shops(results)
    growth = growth_of(shops)
    parts = [_time_table(shops, growth), _memory_table(shops), _floor_table(shops)]
    return "\n\n".join([*parts, _expected_table(shops[-1], growth)] if growth else parts)


def draw(results: Mapping[str, Any], path: Path) -> None:
    """Plot the processor seconds of every stage over the number of purchases, both on logarithmic axes, as PNG."""
    rows = [
        {"stage": stage, "purchases": shop["purchases"], "seconds": max(cost["cpu_seconds"], 0.1)}
        for shop in measured_shops(results)
        for stage, cost in shop["stages"].items()
    ]
    logarithmic = {"type": "quantitative", "scale": {"type": "log", "nice": False}}
    spec = {
        "$schema": VEGA_LITE,
        "background": "white",
        "width": 560,
        "height": 380,
        "data": {"values": rows},
        "mark": {"type": "line", "point": True},
        "encoding": {
            "x": {"field": "purchases", "title": "purchases", **logarithmic},
            "y": {"field": "seconds", "title": "processor seconds", **logarithmic},
            "color": {"field": "stage", "type": "nominal", "sort": None, "title": None, "scale": {"scheme": COLORS}},
        },
        "config": {"view": {"stroke": None}},
    }
    path.write_bytes(vl_convert.vegalite_to_png(spec, scale=SCALE))


def _time_table(shops: Sequence[Mapping[str, Any]], growth: Mapping[str, Any]) -> str:
    lines = [
        "Seconds of each stage, and in brackets those of its processors; what the largest shop went through a second; "
        "the power of the stage's own size that its processor seconds follow between the two largest shops.",
        "",
        "| stage | " + " | ".join(_head(shop) for shop in shops) + " | a second | growth |",
        "|---|" + "---|" * (len(shops) + 2),
    ]
    for stage in shops[-1]["stages"]:
        cells = [_seconds(shop["stages"].get(stage)) for shop in shops]
        power = f"{growth[stage]['largest']:.2f} of {growth[stage]['size']}" if stage in growth else ""
        lines.append(f"| {stage} | " + " | ".join([*cells, _rate(stage, shops[-1]), power]) + " |")
    totals = ["resumed" if shop["seconds"] is None else f"{shop['seconds'] / 60:.1f} min" for shop in shops]
    return "\n".join([*lines, "| all | " + " | ".join(totals) + " | | |"])


def _memory_table(shops: Sequence[Mapping[str, Any]]) -> str:
    lines = [
        "What each stage held in memory at most, and what it left on disk, if that is a twentieth of a GiB or more.",
        "",
        "| stage | " + " | ".join(shop["shop"] for shop in shops) + " |",
        "|---|" + "---|" * len(shops),
    ]
    for stage in shops[-1]["stages"]:
        lines.append(f"| {stage} | " + " | ".join(_memory(shop["stages"].get(stage)) for shop in shops) + " |")
    left = [sum(cost["written_mib"] for cost in shop["stages"].values()) for shop in shops]
    raw = [shop["raw_mib"] for shop in shops]
    sizes = [f"{_gib(mib)} of {_gib(raw_mib)} raw" for mib, raw_mib in zip(left, raw, strict=True)]
    return "\n".join([*lines, "| all, on disk | " + " | ".join(sizes) + " |"])


def _expected_table(largest: Mapping[str, Any], growth: Mapping[str, Any]) -> str:
    """What a shop of several times the size would take on the same machine, if it goes on growing alike."""
    costs = {
        stage: [expected_cost(stage, largest, growth[stage], times) for times in EXPECTED_TIMES] for stage in growth
    }
    lines = [
        "What to expect on the same machine where customers, purchases and articles are so many times those of "
        f"`{largest['shop']}`, if every stage goes on as it grew between the two largest shops.",
        "",
        "| stage | " + " | ".join(f"{times}x" for times in EXPECTED_TIMES) + " |",
        "|---|" + "---|" * len(EXPECTED_TIMES),
        *(
            f"| {stage} | " + " | ".join(f"{seconds / 3600:,.1f} h, {_gib(peak)}" for seconds, peak in expected) + " |"
            for stage, expected in costs.items()
        ),
    ]
    hours = [sum(expected[nth][0] for expected in costs.values()) / 3600 for nth in range(len(EXPECTED_TIMES))]
    return "\n".join([*lines, "| all, one after the other | " + " | ".join(f"{each:,.1f} h" for each in hours) + " |"])


def _head(shop: Mapping[str, Any]) -> str:
    return f"{shop['shop']}: {shop['customers']:,} customers, {shop['purchases']:,} purchases"


def _seconds(cost: Mapping[str, float] | None) -> str:
    return "" if cost is None else f"{cost['seconds']:,.0f} ({cost['cpu_seconds']:,.0f})"


def _memory(cost: Mapping[str, float] | None) -> str:
    if cost is None:
        return ""
    left = cost["written_mib"]
    return _gib(cost["peak_mib"]) + (f", {_gib(left)} on disk" if left >= LEAST_SHOWN_MIB else "")


def _rate(stage: str, shop: Mapping[str, Any]) -> str:
    counted = "customers" if OWN_SIZE.get(stage) == SEARCHED else PURCHASES
    return f"{shop[counted] / shop['stages'][stage]['seconds']:,.0f} {counted}"


def _gib(mib: float) -> str:
    return f"{mib / KIB:,.1f} GiB"


def _floor_table(shops: Sequence[Mapping[str, Any]]) -> str:
    """What each shop did beside plain tools on the same machine, files and sizes."""
    rows = {
        "marts, times of a DuckDB scan": lambda floors: floors["build_marts"]["times_scan"],
        "training, of the towers alone": lambda floors: floors["train"]["of_towers"],
        "training, times of Merlin's own": lambda floors: floors["train"]["of_merlin"],
        "search, of faiss": lambda floors: floors["search"]["ratio"],
        "scoring, times of LightGBM's own": lambda floors: floors["scoring"]["ratio"],
        "publishing, of plain writes": lambda floors: floors["publish"]["of_plain_writes"],
        "GFLOP/s of one thread": lambda floors: floors["matrix"]["gigaflops_a_thread"],
    }
    lines = ["| | " + " | ".join(shop["shop"] for shop in shops) + " |", "|---|" + "---|" * len(shops)]
    for name, read in rows.items():
        lines.append(f"| {name} | " + " | ".join(f"{read(shop['floors'])}" for shop in shops) + " |")
    return "\n".join(lines)
