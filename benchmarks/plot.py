"""MAP@12 of every model as one picture for the README.

In: results as `results.write_results` keeps them, by dataset. Out: a PNG, drawn by Vega-Lite like the flow's cards.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import vl_convert

from benchmarks.plan import K
from benchmarks.report import MAP, by_map, counted
from benchmarks.weekly_ablations import RANDOM, SHUFFLED
from recommender.report.card_style import BAR_COLOURS, GREY, VEGA_LITE

REFERENCE_COLOUR = "#d5d8db"  # of lists that nothing was learned for
PANEL_WIDTH, BAR_STEP = 380, 24  # pixels, before SCALE
SCALE = 2.0
ROOM_FOR_LABEL = 1.2


def draw(results: Mapping[str, Any], path: Path) -> None:
    """Plot MAP@12 with its 95% interval for every model, one panel a dataset, as PNG."""
    spec = {
        "$schema": VEGA_LITE,
        "background": "white",
        "hconcat": [_panel(dataset, of_dataset) for dataset, of_dataset in results.items()],
        "config": {"view": {"stroke": None}, "title": {"anchor": "start", "fontSize": 14}},
    }
    path.write_bytes(vl_convert.vegalite_to_png(spec, scale=SCALE))


def _panel(dataset: str, of_dataset: Mapping[str, Any]) -> dict[str, Any]:
    rows = _rows(of_dataset)
    weeks, seeds = counted(len(of_dataset["windows"]), "test week"), counted(len(of_dataset["seeds"]), "seed")
    end = ROOM_FOR_LABEL * max(row["high"] for row in rows) or 1.0
    axis = {"field": "map", "type": "quantitative", "title": f"MAP@{K}, 95% interval over customers"}
    return {
        "title": f"{dataset}: {weeks}, {seeds}",
        "width": PANEL_WIDTH,
        "height": {"step": BAR_STEP},
        "data": {"values": rows},
        "encoding": {
            "x": {**axis, "scale": {"domain": [0, end], "nice": False}, "axis": {"tickCount": 6}},
            "y": {"field": "model", "type": "nominal", "sort": None, "title": None},
        },
        "layer": [
            {"mark": {"type": "bar", "height": 15}, "encoding": {"color": {"field": "colour", "scale": None}}},
            {
                "mark": {"type": "rule", "strokeWidth": 1.4},
                "encoding": {"x": {"field": "low"}, "x2": {"field": "high"}},
            },
            {
                "mark": {"type": "text", "align": "left", "dx": 5, "fontSize": 11},
                "encoding": {"x": {"field": "high"}, "text": {"field": "map", "format": ".4f"}},
            },
        ],
    }


def _rows(of_dataset: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what each bar shows, best first; an interval of one customer has no bounds and is drawn as a point."""
    references = {name: each for name, each in of_dataset["ablations"].items() if name in (SHUFFLED, RANDOM)}
    models = {**of_dataset["models"], **references}
    rows = []
    for name in by_map(models):
        interval = models[name]["intervals"][MAP]
        low, high = (interval["mean"] if interval[bound] is None else interval[bound] for bound in ("low", "high"))
        colour = REFERENCE_COLOUR if name in references else BAR_COLOURS.get(name, GREY)
        rows.append({"model": name, "map": interval["mean"], "low": low, "high": high, "colour": colour})
    return rows
