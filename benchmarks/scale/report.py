"""The measured sizes as tables and as a plot.

In: the content of benchmarks/results/scale.json. Out: Markdown, and a PNG drawn by Vega-Lite.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import vl_convert

from benchmarks.scale.growth import growth_of
from benchmarks.scale.shops import SHOPS
from recommender.report.card_style import VEGA_LITE

SCALE = 2.0
KIB = 1024


def measured_shops(results: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the shops that were measured, the smallest first."""
    return [{"shop": name, **results[name]} for name in SHOPS if name in results]


def tables(results: Mapping[str, Any]) -> str:
    """Lay out seconds, peaks and growth by stage, and how each shop compares with plain tools, as Markdown."""
    shops = measured_shops(results)
    return "\n\n".join([_stage_table(shops), _floor_table(shops)])


def draw(results: Mapping[str, Any], path: Path) -> None:
    """Plot the processor seconds of every stage over the number of purchases, both on logarithmic axes, as PNG."""
    rows = [
        {"stage": stage, "purchases": shop["purchases"], "seconds": max(cost["cpu_seconds"], 0.1)}
        for shop in measured_shops(results)
        for stage, cost in shop["stages"].items()
    ]
    logarithmic = {"type": "quantitative", "scale": {"type": "log"}}
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
            "color": {"field": "stage", "type": "nominal", "sort": None, "title": None},
        },
        "config": {"view": {"stroke": None}},
    }
    path.write_bytes(vl_convert.vegalite_to_png(spec, scale=SCALE))


def _stage_table(shops: Sequence[Mapping[str, Any]]) -> str:
    growth = growth_of(shops)
    heads = [f"{shop['shop']}: {shop['customers']:,} customers, {shop['purchases']:,} purchases" for shop in shops]
    lines = [
        "Wall seconds, processor seconds and peak of each stage; last column: the power of the stage's own size that "
        "its processor seconds follow between the two largest shops.",
        "",
        "| stage | " + " | ".join(heads) + " | growth |",
        "|---|" + "---|" * (len(shops) + 1),
    ]
    for stage in shops[-1]["stages"]:
        cells = [_cost(shop["stages"].get(stage)) for shop in shops]
        grown = growth.get(stage)
        power = f"{grown['largest']:.2f} of {grown['size']}" if grown else ""
        lines.append(f"| {stage} | " + " | ".join(cells) + f" | {power} |")
    totals = ["resumed" if shop["seconds"] is None else f"{shop['seconds'] / 60:.0f} min" for shop in shops]
    return "\n".join([*lines, "| all | " + " | ".join(totals) + " | |"])


def _cost(cost: Mapping[str, float] | None) -> str:
    if cost is None:
        return ""
    return f"{cost['seconds']:,.0f} s, {cost['cpu_seconds']:,.0f} s, {cost['peak_mib'] / KIB:.1f} GiB"


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
