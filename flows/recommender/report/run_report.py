"""What a run leaves for people and programs: report.json, test_week_lists.parquet, and a summary to read.

Stage: last of every run, passed or refused. In: what the earlier steps decided. Out: two files under
data/reports/<dataset>/, each written beside and renamed, so that a reader never sees half of one.
"""

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import isnan, nan
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from recommender.bootstrap import Interval
from recommender.columns import Columns
from recommender.evaluation.behavioral_check import CheckResult
from recommender.evaluation.challenge import describe
from recommender.evaluation.offline_metrics import ALL_CUSTOMERS, metric_table
from recommender.evaluation.promotion import Verdict
from recommender.evaluation.result_text import count_of, describe_measured, describe_threshold
from recommender.json_values import without_nan
from recommender.report.suite_results import KindOfTests, kinds_of_tests

LISTS_FILE = "test_week_lists.parquet"
DEAREST_SHOWN = 3  # steps
TEST_WEEK_LISTS_SCHEMA = pa.schema(
    [
        (Columns.MODEL, pa.string()),
        (Columns.CUSTOMER_ID, pa.string()),
        (Columns.ARTICLE_ID, pa.string()),
        (Columns.RANK, pa.int32()),
        (Columns.SCORE, pa.float32()),
    ]
)


def build_report(
    *,
    run_id: str,
    dataset: str,
    windows: dict[str, dict[str, str]],
    n_candidates: int,
    metrics: dict[str, dict[str, float]],
    behavioral_tests: Sequence[CheckResult],
    publication_tests: Sequence[CheckResult],
    verdict: Verdict,
    published: dict[str, Any] | None,
    steps: dict[str, dict[str, float]],
    **more: Any,
) -> dict[str, Any]:
    """Collect a run into one JSON object.

    `windows` as from `TimeWindows.report`; `metrics` by model as from `offline_metrics.evaluate`;
    `n_candidates` is what coverage was divided by; `published` {version, customers, bytes_per_customer,
    seconds}, None when refused; `steps` {step: {seconds, cpu_seconds, peak_mib, written_mib}}. `more` are further
    entries, such as the chosen model.
    """
    return {
        "run_id": run_id,
        "dataset": dataset,
        "windows": windows,
        "n_candidates": n_candidates,
        "metrics": metrics,
        "behavioral_tests": [result.as_dict() for result in behavioral_tests],
        "publication_tests": [result.as_dict() for result in publication_tests],
        "verdict": verdict.decision,
        "verdict_reason": verdict.reason,
        "warnings": list(verdict.warnings),
        "published": published,
        "steps": steps,
        **more,
    }


def write_report(report: dict[str, Any], path: Path) -> None:
    """Write the report as JSON; a number that is not finite becomes null, as JSON has no such number."""
    text = json.dumps(without_nan(report), indent=2, ensure_ascii=False, allow_nan=False)
    with renamed_when_whole(path) as unfinished:
        unfinished.write_text(text + "\n", encoding="utf-8")


def write_test_week_lists(
    path: Path,
    lists_by_model: Iterable[tuple[str, np.ndarray, np.ndarray]],
    customer_ids: Sequence[str],
    article_ids: Sequence[str],
) -> None:
    """Write every model's test-week lists, one row per (model, customer, rank), rank from 1.

    `lists_by_model` yields (model, lists, scores), both (n_customers, k); -1 makes no row. `article_ids`
    gives each position its id.
    """
    customers, articles = pa.array(customer_ids, pa.string()), pa.array(article_ids, pa.string())
    with (
        renamed_when_whole(path) as unfinished,
        pq.ParquetWriter(unfinished, TEST_WEEK_LISTS_SCHEMA, compression="zstd") as writer,
    ):
        for model, lists, scores in lists_by_model:
            writer.write_table(_lists_as_rows(model, lists, scores, customers, articles))


def keep_test_week_lists(path: Path, folder: Path) -> None:
    """Copy a run's test-week lists beside its report."""
    with renamed_when_whole(folder / LISTS_FILE) as unfinished:
        shutil.copyfile(path, unfinished)


def summarize(report: Mapping[str, Any], page: Path | None = None) -> str:
    """Tell a run on one screen: verdict, alarms, warnings, where to look, metrics, tests, what was published, its cost.

    `page` is the run's report to look at, None where none could be drawn.
    """
    windows = report["windows"]
    parts = [
        f"{report['dataset']}, run {report['run_id']}: {report['verdict']}: {report['verdict_reason']}",
        _list_of("alarm", [each["text"] for each in report.get("alarms", [])]),
        _list_of("warning", report.get("warnings", [])),
        f"Report to look at: {page}" if page else "",
        f"Test week {windows['test']['start']} to {windows['test']['end']}, customers with earlier history",
        metric_table(report["metrics"]),
        "All customers of the week",
        metric_table(report["metrics"], ALL_CUSTOMERS),
        _quality_table(report.get("quality", {})),
        *(_test_table(each) for each in kinds_of_tests(report)),
        _contest_line(report["contest"]) if "contest" in report else "",
        describe(report["challenge"]) if "challenge" in report else "",
        _publication_line(report["published"]),
        _step_table(report["steps"]),
        price_line(report["cost"]) if report.get("cost") else "",
    ]
    return "\n\n".join(part for part in parts if part)


def _lists_as_rows(
    model: str, lists: np.ndarray, scores: np.ndarray, customers: pa.Array, articles: pa.Array
) -> pa.Table:
    rows, ranks = np.nonzero(lists >= 0)
    columns = [
        pa.repeat(model, len(rows)),
        customers.take(pa.array(rows)),
        articles.take(pa.array(lists[rows, ranks])),
        pa.array((ranks + 1).astype(np.int32)),
        pa.array(scores[rows, ranks].astype(np.float32)),
    ]
    return pa.table(columns, schema=TEST_WEEK_LISTS_SCHEMA)


@contextmanager
def renamed_when_whole(path: Path) -> Iterator[Path]:
    """Yield a path beside `path`; take its place when the block ends well, vanish when it does not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.unfinished")
    try:
        yield unfinished
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _quality_table(quality: dict[str, Any]) -> str:
    """Lay out what an average hides, best MAP first; see `quality_report`."""
    if not quality:
        return ""
    gains = {model: interval["served_minus_this"] for model, interval in quality["map"].items()}
    lines = [
        "Served minus it in MAP with its 95% interval; recall of articles first sold the week before, and of newcomers",
        f"{'model':<20} {'served minus it':>26}  {'new articles':>12}  {'newcomers':>9}",
    ]
    for model, gain in sorted(gains.items(), key=lambda each: each[1]["mean"]):
        new, cold = quality["new_articles"][model], quality["cold_customers"][model]
        bounds = Interval(**gain).in_words("+.4f") if model != "served" else ""
        lines.append(f"{model:<20} {bounds:>26}  {_known(new):>12}  {_known(cold):>9}")
    return "\n".join(lines)


def _known(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _list_of(what: str, lines: Sequence[str]) -> str:
    """Return the lines below their number."""
    if not lines:
        return ""
    return "\n".join([count_of(len(lines), what).upper(), *(f"  {each}" for each in lines)])


def _test_table(tests: KindOfTests) -> str:
    """Lay out the tests of a kind; of rules, which are kept or broken, those that are kept are only counted."""
    shown = [each for each in tests.results if tests.kind != "rules" or each.passed is not True]
    kept = len(tests.results) - len(shown)
    rows = [(each.outcome, each.name, describe_measured(each), describe_threshold(each)) for each in shown]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([f"{tests.title}{f', {kept} kept' if kept else ''}", *(f"  {line}" for line in lines)])


def _contest_line(contest: dict[str, Any]) -> str:
    return f"Lists by {contest['winner']}" + (f": {contest['reason']}" if contest["reason"] else "")


def _publication_line(published: dict[str, Any] | None) -> str:
    if published is None:
        return "Nothing published: the lists of the last good run stay up."
    return (
        f"Published version {published['version']}: {published['customers']:,} customers, "
        f"{published['bytes_per_customer']:.0f} bytes each, in {published['seconds']:.1f} s"
    )


def price_line(cost: Mapping[str, Any]) -> str:
    """Tell what a night would cost on a cluster, and the dearest steps of it."""
    dearest = sorted(cost["steps"].items(), key=lambda each: -each[1])[:DEAREST_SHOWN]
    of_it = ", ".join(f"{step} {price:.4f}" for step, price in dearest)
    return f"On a cluster, at the prices of the settings: about {cost['night']:.4f} {cost['currency']}, of it {of_it}"


def _step_table(steps: dict[str, dict[str, float]]) -> str:
    lines = [f"  {step:<28}  {_cost(**cost)}" for step, cost in steps.items()]
    moved = f"{'sent':>14}{'fetched':>14}" if any("uploaded_mib" in cost for cost in steps.values()) else ""
    return "\n".join([f"Steps{'wall':>37}{'CPU':>11}{'peak':>14}{'written':>14}{moved}", *lines]) if lines else ""


def _cost(
    seconds: float,
    peak_mib: float,
    cpu_seconds: float = nan,
    written_mib: float = nan,
    uploaded_mib: float = nan,
    downloaded_mib: float = nan,
) -> str:
    """Return one step's cost in columns; a resumed run may hold steps of a release that counted less of it."""
    cpu = "" if isnan(cpu_seconds) else f"{cpu_seconds:,.1f} s"
    files = "".join(f"{_mib(each):>14}" for each in (written_mib, uploaded_mib, downloaded_mib))
    return f"{seconds:>8,.1f} s{cpu:>11}{peak_mib:>10,.0f} MiB{files}".rstrip()


def _mib(size: float) -> str:
    return "" if isnan(size) else f"{size:,.0f} MiB"
