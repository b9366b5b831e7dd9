"""`make history`: what the last runs of a dataset decided, and why, as a table for people.

In: the registry. Out: one line for each decision, the newest last.

    python -m recommender.release.history --dataset demo --last 20

The whole reason of the last run is in its report, and the whole of every line in the registry.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from recommender.bootstrap import Interval
from recommender.errors import RecommenderError
from recommender.project_paths import registry_file
from recommender.release.registry import Decision, read

COLUMNS = (
    *("when (UTC)", "run", "cutoff", "decision", "MAP", "minus the champion's", "version", "warnings", "reason"),
)
MOST_OF_REASON, MOST_OF_WARNINGS = 100, 40
"""Characters shown."""

WITHOUT_DATA = re.compile("not enough data for (?!the challenge)(?P<names>.*)")
"""How earlier releases named the tests without enough data."""


def format_table(decisions: Sequence[Decision]) -> str:
    """Lay decisions out as text, a line each."""
    rows = [COLUMNS, *(_row(each) for each in decisions)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def shorten_reason(reason: str) -> str:
    """Return a verdict's reason without its warnings, which have a column, and without the word that all share.

    >>> shorten_reason("26 of 41 tests passed; 1 warning: novelty; 14 tests without enough data")
    '26 of 41 passed; 14 without enough data'
    """
    parts = [_shorten_part(part) for part in reason.split("; ") if not re.match(r"\d+ warnings?: ", part)]
    return _cut("; ".join(parts).rstrip(":; "), MOST_OF_REASON)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the last decisions, the newest last; returns the exit code."""
    options = _parse(arguments)
    try:
        decisions = read(registry_file(options.dataset))[-options.last :]
    except RecommenderError as error:
        print(error, file=sys.stderr)
        return 1
    if decisions:
        print(format_table(decisions))
    else:
        print(f"no run of {options.dataset} decided anything yet; `make run DATASET={options.dataset}` does")
    return 0


def _row(decision: Decision) -> tuple[str, ...]:
    outcome = decision.verdict if decision.version is None else "published"
    value = next(iter(decision.metrics["served"].values()))
    return (
        datetime.fromisoformat(decision.time).strftime("%Y-%m-%d %H:%M"),
        decision.run_id,
        str(date.fromisoformat(decision.windows["test"]["end"]) + timedelta(days=1)),
        f"{outcome}, forced" if decision.forced_reason else outcome,
        "-" if value is None else f"{value:.4f}",
        _difference(decision.challenge["difference"]),
        decision.version or "-",
        _warnings(decision.warnings),
        shorten_reason(_without_challenge(decision)),
    )


def _without_challenge(decision: Decision) -> str:
    """Return the reason without the numbers of the challenge, which stands last in it and has columns of its own."""
    challenge = decision.challenge
    if decision.forced_reason:
        return decision.reason.replace(challenge["reason"], f"forced: {decision.forced_reason}")
    return decision.reason if challenge["accepted"] is None else decision.reason.removesuffix(challenge["reason"])


def _difference(interval: Mapping[str, float | None] | None) -> str:
    if interval is None or None in interval.values():
        return "-"
    return Interval(**interval).in_words("+.4f")


def _warnings(warnings: Sequence[str]) -> str:
    """Return how many tests warned and which, a test's name being the first word of its warning."""
    names = ", ".join(each.partition(" ")[0] for each in warnings)
    return _cut(f"{len(warnings)}: {names}", MOST_OF_WARNINGS) if warnings else "-"


def _shorten_part(part: str) -> str:
    if earlier := WITHOUT_DATA.fullmatch(part):
        return f"{len(earlier['names'].split(', '))} without enough data"
    return re.sub(r"^(\d+(?: of \d+)?) tests? (passed|failed|without)", r"\1 \2", part)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m recommender.release.history", description="What the last runs of a dataset decided, and why."
    )
    parser.add_argument("--dataset", default=os.environ.get("DATASET") or "demo", help="default: %(default)s")
    parser.add_argument("--last", type=_count, default=20, help="how many decisions (default: %(default)s)")
    return parser.parse_args(arguments)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of decisions; give a whole number from 1 on")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
