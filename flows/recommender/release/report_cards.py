"""What Metaflow's cards show: the decision in a sentence, tables, and charts.

Stage: beside the steps that decide something. In: plain results, as the steps have them. Out: Markdown, tables as
(rows, header) of strings, the order in which `metaflow.cards.Table` takes them, and Vega-Lite 5 specifications for
`metaflow.cards.VegaChart`. Metaflow itself is known only to the flow.
"""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from recommender.evaluation.offline_metrics import ALL_CUSTOMERS, PER_CUSTOMER_METRICS
from recommender.evaluation.promotion import Verdict, describe_threshold
from recommender.evaluation.rec_test import RecTestResult

if TYPE_CHECKING:
    from recommender.models.grid import TrainedCandidate

Table = tuple[list[list[str]], list[str]]
Spec = dict[str, Any]
Metrics = Mapping[str, Mapping[str, float]]

VEGA_LITE = "https://vega.github.io/schema/vega-lite/v5.json"
ORACLE = "oracle"  # knows what no recommender can: shown as a limit, not as a rival
CHART_METRIC = "map@12"

OUTCOME_MARKS = {"pass": "✓ pass", "fail": "✗ fail", "not enough data": "not enough data"}
BEST_MARK, UNKNOWN = "★", "–"
ROOM_FOR_LABEL = 1.1  # axis length in longest bars
BLUE, LIGHT_BLUE, GREY, DARK = "#2f6db5", "#8db8e8", "#a9b4c2", "#3d4652"
BAR_COLOURS = {"served": BLUE, "two_tower": LIGHT_BLUE}  # what shoppers get and the model behind it; all others grey
# Told apart also by those who do not see red and green apart (Okabe and Ito, 2008).
LINE_COLOURS = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#000000"]
TEXT = {"labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal", "labelLimit": 240}
CHART_STYLE: Spec = {
    "axis": {**TEXT, "gridColor": "#e6e9ed", "domainColor": "#c5ccd6", "tickColor": "#c5ccd6"},
    "legend": TEXT,
    "title": {"fontSize": 15, "anchor": "start", "subtitleFontSize": 12, "offset": 22},
    "view": {"stroke": None},
}


def decision(verdict: Verdict) -> str:
    """Say in one sentence whether tonight's lists may go up, and why."""
    title = "Passed: this may be published" if verdict.is_passed else "Refused: nothing new is published"
    return f"# {title}\n\n{verdict.reason[0].upper()}{verdict.reason[1:]}."


def metric_table(metrics: Metrics, suffix: str = "") -> Table:
    """Lay out the metrics of all models, best MAP first; a star marks the best of each column, the oracle aside.

    `suffix` "" or "_all" picks the customers: those with earlier history, or all of the week. Shown are the columns of
    `offline_metrics.metric_table`; all else stays in the report.
    """
    columns = [name for name in _columns(metrics) if name.endswith(ALL_CUSTOMERS) == bool(suffix)]
    header = ["model", *(name.removesuffix(ALL_CUSTOMERS) for name in columns)]
    rows = [
        [_model_label(model), *(_metric_cell(metrics, model, column) for column in columns)]
        for model in _best_first(metrics, columns[0])
    ]
    return rows, header


def behavior_table(results: Sequence[RecTestResult]) -> Table:
    """Lay out the tests of a suite: what was measured, what was asked for, and what came of it."""
    rows = [
        [
            OUTCOME_MARKS[result.outcome],
            _readable(result.name),
            UNKNOWN if result.value is None else f"{result.value:.4g}",
            describe_threshold(result),
            result.description,
        ]
        for result in results
    ]
    return rows, ["outcome", "test", "value", "asked for", "what it measures"]


def learning_curves(trained: Sequence["TrainedCandidate"]) -> Spec:
    """Draw validation MAP@12 by epoch, one line for each candidate, its kept epoch as a larger point."""
    points = [
        {
            "candidate": each.candidate.label,
            "epoch": epoch.epoch,
            "map": epoch.validation_map,
            "loss": epoch.loss,
            "is_kept": epoch.epoch == each.best_epoch,
        }
        for each in trained
        for epoch in each.curve
        if _is_number(epoch.validation_map)
    ]
    return _chart(
        "Learning curves",
        "MAP@12 in the validation week after each epoch; the large point is the epoch that was kept",
        points,
        height=300,
        encoding={
            "x": {"field": "epoch", "type": "quantitative", "axis": {"tickMinStep": 1, "format": "d", "grid": False}},
            "y": {"field": "map", "type": "quantitative", "title": "validation MAP@12", "scale": {"zero": False}},
            "color": {
                "field": "candidate",
                "type": "nominal",
                "title": None,
                "sort": None,
                "scale": {"range": LINE_COLOURS},
            },
            "tooltip": [
                {"field": "candidate"},
                {"field": "epoch"},
                {"field": "map", "format": ".4f", "title": "validation MAP@12"},
                {"field": "loss", "format": ".4f"},
            ],
        },
        layer=[
            {"mark": {"type": "line", "strokeWidth": 2}},
            {"mark": {"type": "point", "filled": True, "size": 30, "opacity": 1}},
            {
                "transform": [{"filter": "datum.is_kept"}],
                "mark": {"type": "point", "filled": True, "size": 160, "opacity": 1},
            },
        ],
    )


def model_comparison(metrics: Metrics) -> Spec:
    """Draw MAP@12 of every model as bars, best first; the oracle, where there is one, as a line: the limit.

    What is served stands out, and in a lighter tone the two-tower alone.
    """
    scores = {model: metrics[model][CHART_METRIC] for model in _best_first(metrics, CHART_METRIC)}
    rivals = [
        {"model": _readable(model), "map": score}
        for model, score in scores.items()
        if model != ORACLE and _is_number(score)
    ]
    layers = [_bars(), _bar_labels()]
    if _is_number(scores.get(ORACLE)):
        layers += _limit(scores[ORACLE])
    longest = max([score for score in scores.values() if _is_number(score)], default=1.0)
    return _chart(
        "The test week",
        "MAP@12 over customers with earlier history",
        rivals,
        height={"step": 34},
        encoding={
            "x": _map_axis(ROOM_FOR_LABEL * longest),
            "y": {"field": "model", "type": "nominal", "sort": None, "title": None},
        },
        layer=layers,
    )


def _chart(title: str, subtitle: str, rows: list[dict[str, Any]], **more: Any) -> Spec:
    return {
        "$schema": VEGA_LITE,
        "title": {"text": title, "subtitle": subtitle},
        "data": {"values": rows},
        "width": "container",
        "config": CHART_STYLE,
        **more,
    }


def _map_axis(end: float) -> Spec:
    scale = {"domain": [0, end], "nice": False}
    return {"field": "map", "type": "quantitative", "title": "MAP@12", "axis": {"tickCount": 6}, "scale": scale}


def _bars() -> Spec:
    tones = [
        {"test": f"datum.model === '{_readable(model)}'", "value": colour} for model, colour in BAR_COLOURS.items()
    ]
    colour = {"condition": tones, "value": GREY}
    return {"mark": {"type": "bar", "height": 22, "cornerRadiusEnd": 2}, "encoding": {"color": colour}}


def _bar_labels() -> Spec:
    text = {"field": "map", "type": "quantitative", "format": ".4f"}
    mark = {"type": "text", "align": "left", "dx": 5, "fontSize": 12, "color": DARK}
    return {"mark": mark, "encoding": {"text": text}}


def _limit(score: float) -> list[Spec]:
    """A dashed line across all bars, with its name above it."""
    data = {"data": {"values": [{"map": score}]}}
    line = {"type": "rule", "strokeDash": [5, 4], "strokeWidth": 1.5, "color": DARK}
    name = {"type": "text", "align": "right", "baseline": "bottom", "dy": -4, "fontSize": 12, "color": DARK}
    text = {"value": f"oracle, the best there can be: {score:.4f}"}
    return [
        {**data, "mark": line, "encoding": {"y": None}},
        {**data, "mark": name, "encoding": {"y": {"value": 0}, "text": text}},
    ]


def _columns(metrics: Metrics) -> list[str]:
    if not metrics:
        raise ValueError("a metric table needs at least one model, got none")
    names = list(next(iter(metrics.values())))
    depth = names[0].partition("@")[2]  # `evaluate` names the served depth first
    shown = {*(f"{name}@{depth}" for name in PER_CUSTOMER_METRICS), "coverage", "customers"}
    return [name for name in names if name.removesuffix(ALL_CUSTOMERS) in shown]


def _best_first(metrics: Metrics, column: str) -> list[str]:
    def rank(model: str) -> tuple[float, str]:
        score = metrics[model][column]
        return (-score if _is_number(score) else math.inf, model)

    return sorted(metrics, key=rank)


def _metric_cell(metrics: Metrics, model: str, column: str) -> str:
    value = metrics[model][column]
    if column.startswith("customers"):
        return f"{value:,}"
    if not _is_number(value):
        return UNKNOWN
    rivals = [metrics[rival][column] for rival in metrics if rival != ORACLE and _is_number(metrics[rival][column])]
    is_best = model != ORACLE and value == max(rivals)
    return f"{value:.4f} {BEST_MARK}" if is_best else f"{value:.4f}"


def _model_label(model: str) -> str:
    return f"{model} (limit)" if model == ORACLE else _readable(model)


def _readable(name: str) -> str:
    return name.replace("_", " ")


def _is_number(value: float | None) -> bool:
    return value is not None and math.isfinite(value)
