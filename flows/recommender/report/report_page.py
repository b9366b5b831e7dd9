"""A run's report as one HTML page to look at: data/reports/<dataset>/card.html.

Stage: beside report.json, at the end of every run, and by `make card`. In: the report, the test week's lists and the
run's marts. Out: the page, and its drawings for `tracking`.

    python -m recommender.report.report_page --dataset demo

Exit codes: 0 the page was written and its path printed, 3 there is no report to draw.
"""

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recommender.errors import RecommenderError
from recommender.evaluation.promotion import PASSED
from recommender.features.mart_files import MartMissing
from recommender.features.marts import Marts
from recommender.project_paths import keep_private, reports_dir, run_dir
from recommender.report import report_cards
from recommender.report.card_style import Table
from recommender.report.run_report import LISTS_FILE, renamed_when_whole
from recommender.state_files import here

if TYPE_CHECKING:
    from recommender.report.report_cards import Section
    from recommender.report.week_at_a_glance import WeekAtAGlance

EXIT_NO_REPORT = 3
PAGE_FILE = "card.html"


class ReportMissing(RecommenderError):
    """There is no report that can be drawn."""


@dataclass(frozen=True)
class Drawn:
    """What was drawn of a run: charts as SVG text by name, the sample customers as a table, and where the page is."""

    charts: Mapping[str, str] = field(default_factory=dict)
    predictions: Table = field(default_factory=lambda: ([], []))
    page: Path | None = None


def write_page(report: Mapping[str, Any], lists: Path, marts: Marts, path: Path) -> Drawn:
    """Write a run's page.

    Args:
        report: as report.json holds it.
        lists: test_week_lists.parquet; without it or the marts, which older runs have lost, the page has no part on
            lists and customers, and one warning line says so.
        marts: of the run.
        path: where the page goes; a page there is replaced when the new one is whole.
    """
    from recommender.report import card_tables, html_page
    from recommender.report.chart_svg import draw

    week = _find_week(report, lists, marts)
    parts = report_cards.sections(report, week)
    svgs = {name: draw(spec) for part in parts for name, spec in part.charts.items()}
    text = html_page.page(
        f"Recommendations for {report['dataset']}",
        card_tables.decision(report),
        report["verdict"] == PASSED,
        card_tables.to_look_at(report),
        card_tables.facts(report),
        parts,
        svgs,
    )
    with renamed_when_whole(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8")
    return Drawn(svgs, report_cards.prediction_panel(week.customers if week else []), path)


def try_to_write_page(report: Mapping[str, Any], folder: Path, marts: Marts) -> Drawn:
    """Write the page beside the report in `folder`; an error becomes one warning line, and nothing is drawn."""
    try:
        return write_page(report, folder / LISTS_FILE, marts, folder / PAGE_FILE)
    except Exception as error:  # a picture never decides over a run
        _warn(f"The run's page could not be drawn: {_on_one_line(error)}")
        return Drawn()


def try_to_tell(report: Mapping[str, Any], lists: Path, marts: Marts) -> "list[Section]":
    """Return the sections of a run's card; an error becomes one warning line and no section."""
    from recommender.report.report_cards import sections

    try:
        return sections(report, _find_week(report, lists, marts))
    except Exception as error:  # a picture never decides over a run
        _warn(f"The step's card could not be made: {_on_one_line(error)}")
        return []


def read_report(dataset: str) -> dict[str, Any]:
    """Return the dataset's last report.

    Raises:
        ReportMissing: when there is no report, or it is not JSON.
    """
    path = here(reports_dir(dataset) / "report.json")
    if not path.exists():
        raise ReportMissing(f"{path} does not exist: nothing ran for {dataset} yet; `make run DATASET={dataset}` does")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ReportMissing(f"{path} cannot be read ({error}); `make run DATASET={dataset}` makes a new one") from error


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page of a dataset's last run and print its path; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m recommender.report.report_page", description="Make the last run's page to look at."
    )
    parser.add_argument("--dataset", default=os.environ.get("DATASET") or "demo", help="default: %(default)s")
    dataset = parser.parse_args(arguments).dataset
    try:
        report = read_report(dataset)
    except RecommenderError as error:
        print(error, file=sys.stderr)
        return EXIT_NO_REPORT
    keep_private()
    folder = reports_dir(dataset)
    marts = Marts(run_dir(dataset, report["run_id"]) / "marts")
    write_page(report, here(folder / LISTS_FILE), marts, folder / PAGE_FILE)
    print(folder / PAGE_FILE)
    return 0


def _find_week(report: Mapping[str, Any], lists: Path, marts: Marts) -> "WeekAtAGlance | None":
    """Return the test week, or None and a warning where its files are gone."""
    from recommender.report.card_tables import map_name
    from recommender.report.week_at_a_glance import read_week

    depth = int(map_name(report["metrics"]).partition("@")[2])
    try:
        return read_week(lists, marts, report["windows"]["test"], depth)
    except (FileNotFoundError, MartMissing) as error:
        _warn(f"Neither lists nor customers are shown: {error}")
        return None


def _on_one_line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _warn(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
