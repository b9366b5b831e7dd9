"""All nights of a dataset on one page: data/reports/<dataset>/operations.html.

Stage: last of every night, and by `make operations`. In: the log of nights, the registry, what Redis serves, the
schedule. Out: an HTML page that needs nothing but itself and links to each night's card, which is kept beside it.

    python -m recommender.nights.operations_page --dataset demo
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from recommender.errors import RecommenderError
from recommender.nights.night_log import Night, read_nights
from recommender.nights.nights_told import charts_of, night_table, tally
from recommender.nights.outcome import ExitCode
from recommender.nights.schedule import next_night
from recommender.nights.served_now import served_now
from recommender.project_paths import keep_private, registry_file, reports_dir
from recommender.release.registry import Decision, read
from recommender.report import html_page
from recommender.report.chart_svg import draw
from recommender.report.report_cards import NamedTable, Section
from recommender.report.report_page import PAGE_FILE
from recommender.report.run_report import renamed_when_whole
from recommender.state_files import here, keep, names

OPERATIONS_FILE, CARDS = "operations.html", "nights"
SHOWN, KEPT_CARDS = 60, 60
"""Nights on the page, and cards that stay beside it."""


def leave_card(night: Night) -> None:
    """Keep the card of a night's run beside the page, if it left one, and remove those of older nights.

    Raises:
        StoreFailed: when STATE_URL cannot be reached.
    """
    card, cards = reports_dir(night.dataset) / PAGE_FILE, reports_dir(night.dataset) / CARDS
    if night.run_id and night.cutoff and here(card).exists():
        cards.mkdir(parents=True, exist_ok=True)
        keep(shutil.copyfile(card, cards / f"{night.run_id}.html"))
    for name in names(cards)[:-KEPT_CARDS]:
        (cards / name).unlink(missing_ok=True)


def write_operations(dataset: str, now: datetime) -> Path:
    """Write the page and return where it is; a page there is replaced when the new one is whole.

    Raises:
        StoreFailed: when STATE_URL cannot be reached.
    """
    path = reports_dir(dataset) / OPERATIONS_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    nights = read_nights(dataset)[-SHOWN:]
    decisions = {each.run_id: each for each in read(registry_file(dataset))}
    with renamed_when_whole(path) as unfinished:
        unfinished.write_text(_page(dataset, nights, decisions, now), encoding="utf-8")
    keep(path)
    return path


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page and print where it is; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m recommender.nights.operations_page", description="All nights.")
    parser.add_argument("--dataset", default=os.environ.get("DATASET") or "demo", help="default: %(default)s")
    options = parser.parse_args(arguments)
    keep_private()
    try:
        print(write_operations(options.dataset, datetime.now(UTC)))
    except RecommenderError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _page(dataset: str, nights: Sequence[Night], decisions: Mapping[str, Decision], now: datetime) -> str:
    cards = {Path(name).stem for name in names(reports_dir(dataset) / CARDS)}
    charts = charts_of(nights, decisions)
    parts = [
        Section("Over the nights", charts=charts),
        Section("Nights", tables=[NamedTable("The newest first", night_table(nights, decisions, cards, CARDS))]),
    ]
    last = nights[-1] if nights else None
    return html_page.page(
        f"Nights of {dataset}",
        f"{last.began[:10]}: {last.reason}" if last else "no night has run yet; `make nightly` runs one",
        is_passed=last is None or last.exit_code == ExitCode.PUBLISHED,
        to_look_at=[("alarms of the last night", [f"{each.kind}: {each.text}" for each in last.alarms])]
        if last and last.alarms
        else [],
        facts=[*next_night(dataset, now), *served_now(dataset, now), *tally(nights)],
        parts=parts if nights else [],
        svgs={name: draw(spec) for name, spec in charts.items()},
    )


if __name__ == "__main__":
    sys.exit(main())
