"""The cards' charts of models: how they score, for whom, how they learned, and what a run cost.

Stage: beside the steps that decide something. In: plain results, as report.json holds them. Out: Vega-Lite 5
specifications for `metaflow.cards.VegaChart` and for the page. Charts of the lists themselves are in `list_charts`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from recommender.model_names import ORACLE
from recommender.report import card_style as style
from recommender.report.card_style import Spec, is_number, readable
from recommender.report.card_tables import Intervals, Metrics, best_first, candidate_label, map_name, validation_metric

KIB = 1024
ACRONYMS = {"map", "mrr", "ndcg"}


def learning_curves(candidates: Sequence[Mapping[str, Any]]) -> Spec:
    """Draw validation MAP by epoch, one line for each candidate, its kept epoch as a larger point.

    A candidate is as `TrainedCandidate.as_dict` gives it.
    """
    score = metric_label(validation_metric(candidates))
    points = [
        {
            "candidate": candidate_label(each),
            "epoch": epoch["epoch"],
            "map": epoch["validation_map"],
            "loss": epoch["loss"],
            "is_kept": epoch["epoch"] == each["best_epoch"],
        }
        for each in candidates
        for epoch in each["epochs"]
        if is_number(epoch["validation_map"])
    ]
    colour = {"field": "candidate", "type": "nominal", "title": None, "sort": None}
    dot = {"type": "point", "filled": True, "opacity": 1}
    return style.chart(
        "Learning curves",
        "Validation week after each epoch; the large point is the epoch kept",
        points,
        height=300,
        encoding={
            "x": {"field": "epoch", "type": "quantitative", "axis": {"tickMinStep": 1, "format": "d", "grid": False}},
            "y": {"field": "map", "type": "quantitative", "title": score, "scale": {"zero": False}},
            "color": {**colour, "scale": {"range": style.LINE_COLOURS}, "legend": {"orient": "top", "columns": 3}},
            "tooltip": [
                {"field": "candidate"},
                {"field": "epoch"},
                {"field": "map", "format": ".4f", "title": score},
                {"field": "loss", "format": ".4f"},
            ],
        },
        layer=[
            {"mark": {"type": "line", "strokeWidth": 2}},
            {"mark": {**dot, "size": 30}},
            {"transform": [{"filter": "datum.is_kept"}], "mark": {**dot, "size": 160}},
        ],
    )


def model_comparison(metrics: Metrics, intervals: Intervals | None = None) -> Spec:
    """Draw the MAP of every model as bars, best first; the oracle, where there is one, as a line: the limit.

    What is served stands out, and in a lighter tone the two-tower alone. `intervals` by model, as the report's "map"
    under "quality", are drawn over the ends of the bars.
    """
    metric = map_name(metrics)
    scores = {model: metrics[model][metric] for model in best_first(metrics, metric)}
    rivals = [
        {"model": readable(model), "map": score, **_bounds((intervals or {}).get(model, {}), score)}
        for model, score in scores.items()
        if model != ORACLE and is_number(score)
    ]
    layers = [style.bars(_model_colour()), *(style.intervals("low", "high") if intervals else [])]
    layers.append(style.bar_labels({"field": "map", "type": "quantitative", "format": ".4f"}, at="high"))
    if is_number(scores.get(ORACLE)):
        name = f"oracle, the best there can be: {scores[ORACLE]:.4f}"
        layers += style.reference_line("map", scores[ORACLE], name)
    longest = max([0.0, *(row["high"] for row in rivals), *(score for score in scores.values() if is_number(score))])
    return style.chart(
        "The test week",
        f"{metric_label(metric)} over customers with earlier history{', with 95% intervals' if intervals else ''}",
        rivals,
        height={"step": style.BAR_STEP},
        encoding={
            "x": style.numbers_axis("map", metric_label(metric), style.ROOM_FOR_LABEL * longest or 1.0),
            "y": style.names_axis("model"),
        },
        layer=layers,
    )


def slice_chart(
    title: str, slices: Sequence[Mapping[str, Any]], metric: str, references: Mapping[str, float | None] | None = None
) -> Spec:
    """Draw a metric of the served lists for slices of customers or purchases as bars with 95% intervals.

    Args:
        title: what is cut, and by what.
        slices: in the order to show, each with "slice", "customers", and the metric with its "_low" and "_high", as
            `slices.by_slice` gives them; one without customers keeps its place and has no bar.
        metric: such as "map@12"; differences may be negative.
        references: values of everybody by name, drawn as dashed lines; at most a few.
    """
    rows = [_slice_row(each, metric) for each in slices]
    lines = {name: value for name, value in (references or {}).items() if is_number(value)}
    layers = [
        style.bars({"value": style.BLUE}),
        *style.intervals("low", "high"),
    ]
    bounds = [row[bound] for row in rows if row["value"] is not None for bound in ("low", "high")]
    ends = [0.0, *lines.values(), *bounds]
    for place, (name, value) in enumerate(lines.items()):
        align = "left" if value < (min(ends) + max(ends)) / 2 else "right"  # where there is room
        layers += style.reference_line("value", value, f"{name}: {value:.4f}", len(lines) - 1 - place, align)
    layers.append(style.bar_labels({"field": "value", "type": "quantitative", "format": ".4f"}, at="high"))
    spec = style.chart(
        title,
        f"{metric_label(metric)} of the served lists, with 95% intervals; in brackets customers",
        rows,
        height={"step": style.BAR_STEP},
        encoding={
            "x": style.numbers_axis("value", metric_label(metric), 1.15 * max(ends) or 1.0, 1.15 * min(ends)),
            "y": style.names_axis("slice"),
        },
        layer=layers,
    )
    return {**spec, "title": {**spec["title"], "offset": 22 + 14 * max(len(lines) - 1, 0)}}


def metric_label(metric: str) -> str:
    """Return a metric as people write it.

    >>> metric_label("map@12"), metric_label("miss_rate")
    ('MAP@12', 'miss rate')
    """
    name, at, depth = metric.partition("@")
    return " ".join(word.upper() if word in ACRONYMS else word for word in name.split("_")) + at + depth


def step_seconds(steps: Mapping[str, Mapping[str, float]]) -> Spec:
    """Draw the wall time of every step and candidate, in the order of the run; `steps` as in report.json."""
    return _cost_chart("Time", "Wall seconds of each step", "seconds", "seconds", steps, ",.1f", 1)


def step_memory(steps: Mapping[str, Mapping[str, float]]) -> Spec:
    """Draw the peak memory of every step's process and candidate, in the order of the run, in GiB."""
    return _cost_chart("Memory", "Peak of each step's process", "peak_mib", "GiB", steps, ",.2f", KIB)


def _cost_chart(
    title: str,
    subtitle: str,
    cost: str,
    unit: str,
    steps: Mapping[str, Mapping[str, float]],
    form: str,
    divisor: float,
) -> Spec:
    rows = [{"step": readable(name), "cost": costs[cost] / divisor} for name, costs in steps.items()]
    longest = max((row["cost"] for row in rows), default=0.0)
    return style.chart(
        title,
        subtitle,
        rows,
        height={"step": 22},
        encoding={
            "x": style.numbers_axis("cost", unit, 1.15 * longest or 1.0),
            "y": style.names_axis("step"),
        },
        layer=[
            {"mark": {"type": "bar", "height": 14, "cornerRadiusEnd": 2, "color": style.GREY}},
            style.bar_labels({"field": "cost", "type": "quantitative", "format": form}),
        ],
    )


def _model_colour() -> Spec:
    tones = [
        {"test": f"datum.model === '{readable(model)}'", "value": colour} for model, colour in style.BAR_COLOURS.items()
    ]
    return {"condition": tones, "value": style.GREY}


def _bounds(bounds: Mapping[str, float | None], value: float) -> dict[str, float]:
    """Return where an interval's line begins and ends; one without bounds is a point at the value."""
    is_known = is_number(bounds.get("low")) and is_number(bounds.get("high"))
    return {"low": bounds["low"], "high": bounds["high"]} if is_known else {"low": value, "high": value}


def _slice_row(each: Mapping[str, Any], metric: str) -> dict[str, Any]:
    value, row = each[metric], {"slice": f"{readable(each['slice'])}  ({each['customers']:,})"}
    if not is_number(value):
        return row | {"value": None, "low": None, "high": None}
    return row | {"value": value, **_bounds({"low": each[f"{metric}_low"], "high": each[f"{metric}_high"]}, value)}
