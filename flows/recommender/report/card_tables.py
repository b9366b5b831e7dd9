"""The cards' tables, and the decision in words.

Stage: beside the steps that decide something. In: plain results, as report.json holds them. Out: sentences, and
tables as (rows, header) of strings.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from recommender.evaluation.behavioral_check import CheckResult
from recommender.evaluation.offline_metrics import ALL_CUSTOMERS, PER_CUSTOMER_METRICS
from recommender.evaluation.promotion import PASSED
from recommender.evaluation.result_text import NAMED, count_of, describe_measured, describe_threshold
from recommender.model_names import ORACLE, SERVED
from recommender.report.card_style import BEST_MARK, UNKNOWN, Table, interval, is_number, number, readable

Metrics = Mapping[str, Mapping[str, float | None]]
Intervals = Mapping[str, Mapping[str, Any]]

OUTCOME_MARKS = {
    "pass": "✓ pass",
    "fail": "✗ fail",
    "warning": "⚠ warning",
    "not enough data": "not enough data",
}


def decision(report: Mapping[str, Any]) -> str:
    """Say in one sentence whether the lists went or may go up, and why."""
    reason, published = report["verdict_reason"], report["published"]
    if report["verdict"] != PASSED:
        return f"Refused: nothing new is published; {reason}."
    if published is None:
        return f"Passed: this may be published; {reason}."
    return f"Published: {published['customers']:,} customers have new lists; {reason}."


def warnings_title(warnings: Sequence[str]) -> str:
    """Say how many tests warned, and what that means."""
    return f"{count_of(len(warnings), 'warning')}: to be looked at, and no reason to refuse"


def alarms_title(alarms: Sequence[str]) -> str:
    """Say how much was told of the data and the night, and what that means."""
    return f"{count_of(len(alarms), 'alarm')}: found outside the tests, and no reason to refuse"


def to_look_at(report: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    """Return what is to be looked at by day, each kind as (title, lines): alarms, and tests that warned."""
    alarms = [each["text"] for each in report.get("alarms") or ()]
    warnings = list(report.get("warnings") or ())
    titled = [(alarms_title(alarms), alarms), (warnings_title(warnings), warnings)]
    return [(title, lines) for title, lines in titled if lines]


def facts(report: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what a run was about as (name, value), in the order to show."""
    windows = [
        (f"{readable(name)} window", f"{days['start']} to {days['end']}") for name, days in report["windows"].items()
    ]
    published = report["published"]
    return [
        ("dataset", report["dataset"]),
        ("run", report["run_id"]),
        *windows,
        ("articles on sale", f"{report['n_candidates']:,}"),
        ("two-tower", report["chosen"]),
        *([("ranker", report["ranker"]["kind"])] if report.get("ranker") else []),
        *([("lists made by", readable(report["contest"]["winner"]))] if report.get("contest") else []),
        *([("beside the champion", report["challenge"]["reason"])] if report.get("challenge") else []),
        ("published version", published["version"] if published else "none"),
        *([("on a cluster", f"about {cost['night']:.4f} {cost['currency']}")] if (cost := report.get("cost")) else []),
    ]


def metric_table(metrics: Metrics, suffix: str = "", intervals: Intervals | None = None) -> Table:
    """Lay out the metrics of all models, best MAP first; a star marks the best of each column, the oracle aside.

    `suffix` "" or "_all" picks the customers: those with earlier history, or all of the week. `intervals` by model,
    as the report's "map" under "quality", add each MAP's 95% interval, and what is served minus the model. Shown are
    the columns of `offline_metrics.metric_table`; all else stays in the report.
    """
    columns = [name for name in _columns(metrics) if name.endswith(ALL_CUSTOMERS) == bool(suffix)]
    names = [name.removesuffix(ALL_CUSTOMERS) for name in columns]
    models = best_first(metrics, columns[0])
    rows = [[_model_label(model), *(_metric_cell(metrics, model, column) for column in columns)] for model in models]
    if not intervals:
        return rows, ["model", *names]
    rows = [
        [*row[:2], *_interval_cells(intervals.get(model), model), *row[2:]]
        for row, model in zip(rows, models, strict=True)
    ]
    return rows, ["model", names[0], "95% interval", "served minus it", *names[1:]]


def best_first(metrics: Metrics, column: str) -> list[str]:
    """Return the models by falling value of a column, those without a value last, ties by name."""

    def rank(model: str) -> tuple[float, str]:
        score = metrics[model][column]
        return (-score if is_number(score) else math.inf, model)

    return sorted(metrics, key=rank)


def map_name(metrics: Metrics) -> str:
    """Return the name of the MAP at the depth that is served, such as "map@12".

    Raises ValueError without a model.
    """
    if not metrics:
        raise ValueError("a table or chart of metrics needs at least one model, got none")
    return next(iter(next(iter(metrics.values()))))  # `evaluate` names the served depth first


def behavior_table(results: Sequence[CheckResult]) -> Table:
    """Lay out tests: what came of each, what was measured and asked for, and what follows from a failure.

    Where one failed, the last column also names what is wrong, and says why that refuses or warns.
    """
    rows = [
        [
            OUTCOME_MARKS[result.outcome],
            readable(result.name),
            describe_measured(result),
            describe_threshold(result),
            _consequence(result),
            _explanation(result),
        ]
        for result in results
    ]
    return rows, ["outcome", "test", "value", "asked for", "a failure", "what it measures"]


def slice_table(slices: Sequence[Mapping[str, Any]], metric: str) -> Table:
    """Lay out slices of the customers: how many, and a metric with its 95% interval."""
    rows = [
        [
            each["slice"],
            f"{each['customers']:,}",
            number(each[metric]),
            interval({"low": each[f"{metric}_low"], "high": each[f"{metric}_high"]}),
        ]
        for each in slices
    ]
    return rows, ["slice", "customers", metric, "95% interval"]


def candidate_table(candidates: Sequence[Mapping[str, Any]], chosen: str | None = None) -> Table:
    """Lay out the trained two-towers, best in the validation week first; a star marks the chosen one.

    A candidate is as `TrainedCandidate.as_dict` gives it.
    """
    score = validation_metric(candidates)
    rows = [
        [
            f"{candidate_label(each)} {BEST_MARK}" if candidate_label(each) == chosen else candidate_label(each),
            number(each[score]),
            str(each["best_epoch"]),
            f"{each['parameters']:,}",
            f"{each['seconds']:,.1f} s",
        ]
        for each in sorted(candidates, key=lambda each: -(each[score] or 0.0))
    ]
    return rows, ["candidate", score.replace("_map", " MAP"), "kept epoch", "weights", "training"]


def validation_metric(candidates: Sequence[Mapping[str, Any]]) -> str:
    """Return the name of the MAP that candidates had in the validation week, such as "validation_map@12"."""
    return next(name for name in candidates[0] if name.startswith("validation_map@"))


def candidate_label(candidate: Mapping[str, Any]) -> str:
    """Return the name of a candidate as the run calls it."""
    return f"{candidate['name']}-seed{candidate['seed']}"


def _consequence(result: CheckResult) -> str:
    return "refuses" if result.is_refusing else "warns"


def _explanation(result: CheckResult) -> str:
    if result.passed is not False:
        return result.description
    named = [f"{', '.join(result.details[NAMED])}."] if result.details.get(NAMED) else []
    why = [f"It {_consequence(result)}: {result.why}."] if result.why else []
    return " ".join([result.description, *named, *why])


def _columns(metrics: Metrics) -> list[str]:
    depth = map_name(metrics).partition("@")[2]
    shown = {*(f"{name}@{depth}" for name in PER_CUSTOMER_METRICS), "coverage", "customers"}
    return [name for name in next(iter(metrics.values())) if name.removesuffix(ALL_CUSTOMERS) in shown]


def _metric_cell(metrics: Metrics, model: str, column: str) -> str:
    value = metrics[model][column]
    if column.startswith("customers"):
        return f"{value:,}"
    if not is_number(value):
        return UNKNOWN
    rivals = [metrics[rival][column] for rival in metrics if rival != ORACLE and is_number(metrics[rival][column])]
    is_best = model != ORACLE and value == max(rivals)
    return f"{value:.4f} {BEST_MARK}" if is_best else f"{value:.4f}"


def _interval_cells(bounds: Mapping[str, Any] | None, model: str) -> list[str]:
    if bounds is None:
        return [UNKNOWN, UNKNOWN]
    gain = bounds["served_minus_this"]
    difference = f"{number(gain['mean'], '+.4f')} {interval(gain, '+.4f')}" if model != SERVED else ""
    return [interval(bounds), difference]


def _model_label(model: str) -> str:
    return f"{model} (limit)" if model == ORACLE else readable(model)
