"""How every chart and table of the cards looks: colours, text sizes, the frame of a chart, names and unknown numbers.

Stage: below the cards' charts and tables. In: plain values. Out: Vega-Lite 5 specifications and cell texts.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

Table = tuple[list[list[str]], list[str]]
"""(rows, header) of strings, the order in which `metaflow.cards.Table` takes them."""
Spec = dict[str, Any]

VEGA_LITE = "https://vega.github.io/schema/vega-lite/v5.json"

BEST_MARK, UNKNOWN = "★", "–"
ROOM_FOR_LABEL = 1.1  # axis length in longest bars
BAR_STEP, BAR_HEIGHT = 34, 22  # pixels
BLUE, LIGHT_BLUE, GREY, DARK = "#2f6db5", "#8db8e8", "#a9b4c2", "#3d4652"
BAR_COLOURS = {"served": BLUE, "two_tower": LIGHT_BLUE}  # what shoppers get and the model behind it; all others grey
# Distinct also for people who cannot tell red from green (Okabe and Ito, 2008).
LINE_COLOURS = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#000000"]
TEXT = {"labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal", "labelLimit": 240}
CHART_STYLE: Spec = {
    # Readers' fonts are up to a fifth wider than the one that is measured: titles and numbers keep their distance.
    "axis": {**TEXT, "titlePadding": 10, "gridColor": "#e6e9ed", "domainColor": "#c5ccd6", "tickColor": "#c5ccd6"},
    "axisQuantitative": {"labelOverlap": "greedy", "labelSeparation": 8},
    "legend": {**TEXT, "symbolOpacity": 1, "columnPadding": 28},
    "title": {"fontSize": 15, "anchor": "start", "subtitleFontSize": 12, "offset": 22},
    "view": {"stroke": None},
}


def chart(title: str, subtitle: str, rows: Sequence[Mapping[str, Any]], **more: Any) -> Spec:
    """Return a chart as wide as its card, over `rows`; `more` are its marks, encodings and height."""
    return {
        "$schema": VEGA_LITE,
        "title": {"text": title, "subtitle": subtitle},
        "data": {"values": list(rows)},
        "width": "container",
        "config": CHART_STYLE,
        **more,
    }


def names_axis(field: str) -> Spec:
    """Return a vertical axis of names in the order of the rows."""
    return {"field": field, "type": "nominal", "sort": None, "title": None}


def numbers_axis(field: str, title: str, end: float, begin: float = 0.0) -> Spec:
    """Return a horizontal axis from `begin` to `end`."""
    scale = {"domain": [begin, end], "nice": False}
    return {"field": field, "type": "quantitative", "title": title, "axis": {"tickCount": 6}, "scale": scale}


def bars(colour: Spec) -> Spec:
    """Return the layer of a chart's bars; `colour` is Vega-Lite's encoding of it."""
    return {"mark": {"type": "bar", "height": BAR_HEIGHT, "cornerRadiusEnd": 2}, "encoding": {"color": colour}}


def bar_labels(text: Spec, at: str | None = None) -> Spec:
    """Return the layer of the texts right of the bars, or right of the field `at`."""
    mark = {"type": "text", "align": "left", "dx": 5, "fontSize": 12, "color": DARK}
    return {"mark": mark, "encoding": {"text": text, **({"x": {"field": at, "type": "quantitative"}} if at else {})}}


def intervals(low: str, high: str) -> list[Spec]:
    """Return the layers of the intervals across the bars' ends: lines between two fields, with a white rim."""
    places = {"x": {"field": low, "type": "quantitative"}, "x2": {"field": high}}
    lines = ({"strokeWidth": 4, "color": "white"}, {"strokeWidth": 1.5, "color": DARK})
    return [{"mark": {"type": "rule", **line}, "encoding": places} for line in lines]


def reference_line(field: str, value: float, name: str, lines_above: int = 0, align: str = "right") -> list[Spec]:
    """Return a dashed line across all bars, with its name above it.

    `lines_above` lifts the name over those of other lines; `align` "right" ends it at the line, "left" begins it there.
    """
    data = {"data": {"values": [{field: value}]}}
    line = {"type": "rule", "strokeDash": [5, 4], "strokeWidth": 1.5, "color": DARK}
    text = {"type": "text", "align": align, "baseline": "bottom", "fontSize": 12, "color": DARK}
    return [
        {**data, "mark": line, "encoding": {"y": None}},
        {
            **data,
            "mark": {**text, "dy": -4 - 14 * lines_above},
            "encoding": {"y": {"value": 0}, "text": {"value": name}},
        },
    ]


def readable(name: str) -> str:
    """Return a name as people write it.

    >>> readable("two_tower")
    'two tower'
    """
    return name.replace("_", " ")


def is_number(value: float | None) -> bool:
    """Whether a value is known: neither None, as JSON has it, nor NaN."""
    return value is not None and math.isfinite(value)


def number(value: float | None, form: str = ".4f") -> str:
    """Return a number in a format, or a dash for an unknown one.

    >>> number(0.12345), number(None)
    ('0.1235', '–')
    """
    return format(value, form) if is_number(value) else UNKNOWN


def interval(bounds: Mapping[str, float | None], form: str = ".4f") -> str:
    """Return "[low, high]", or a dash for an interval without bounds.

    >>> interval({"low": 0.1, "high": 0.2}, ".1f")
    '[0.1, 0.2]'
    """
    low, high = bounds["low"], bounds["high"]
    return f"[{low:{form}}, {high:{form}}]" if is_number(low) and is_number(high) else UNKNOWN
