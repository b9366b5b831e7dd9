"""Have a night run every day: `python -m recommender.nights.schedule --help`, or `make schedule`.

In: a time of day, and the variables that are set. Out: a timer of systemd's for this user, or where there is none a
line in the user's crontab; the variables in a private file beside the data. `status` tells when the next night comes
and how the last one went. What is removed is what was installed, and nothing else.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from datetime import datetime, time
from pathlib import Path

from recommender.errors import RecommenderError, SettingsError
from recommender.nights.environment_file import write_environment
from recommender.nights.night_log import read_nights
from recommender.nights.schedule_files import Schedule, cron_line, next_at, units
from recommender.nights.schedulers import SCHEDULERS, install, installed_at, remove, scheduler_here
from recommender.project_paths import PROJECT_ROOT, data_dir, keep_private

NIGHTLY = Path(__file__).parents[2] / "nightly.py"


def environment_file(dataset: str) -> Path:
    """Return where the variables of a dataset's nights are."""
    return data_dir() / "schedule" / f"{dataset}.env"


def schedule_of(dataset: str, at: time, max_workers: int, timeout_minutes: float | None) -> Schedule:
    """Return a night of this project, with this Python."""
    command = [sys.executable, str(NIGHTLY), "--dataset", dataset, "--max-workers", str(max_workers)]
    command += ["--environment", str(environment_file(dataset))]
    if timeout_minutes is not None:
        command += ["--timeout-minutes", f"{timeout_minutes:g}"]
    return Schedule(dataset, at, PROJECT_ROOT, command)


def status(dataset: str, now: datetime) -> list[str]:
    """Return when the next night comes and how the last one went, as lines for people."""
    return [_next(dataset, now), _last(dataset)]


def next_night(dataset: str, now: datetime) -> list[tuple[str, str]]:
    """Return when the next night comes, as a fact for the page of operations."""
    at = installed_at(dataset)
    return [("next night", "not scheduled" if at is None else f"{next_at(at, now.astimezone()):%F %R %Z}")]


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out the command; returns the exit code."""
    options = _parse(arguments)
    keep_private()
    try:
        if options.do == "install":
            _install(options)
        elif options.do == "remove":
            print(f"{options.dataset}: {'no longer scheduled' if remove(options.dataset) else 'was not scheduled'}")
            environment_file(options.dataset).unlink(missing_ok=True)
        else:
            print("\n".join(status(options.dataset, datetime.now())))
    except RecommenderError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _install(options: argparse.Namespace) -> None:
    scheduler = options.scheduler or scheduler_here()
    schedule = schedule_of(options.dataset, _time_of(options.at), options.max_workers, options.timeout_minutes)
    if options.only_print:
        texts = [cron_line(schedule)] if scheduler == "cron" else units(schedule).values()
        print("\n".join(texts))
        return
    names = write_environment(environment_file(options.dataset))
    install(schedule, scheduler)
    print(f"{options.dataset}: every day at {schedule.at:%H:%M} by {scheduler}, on this machine's clock")
    print(f"its variables are in {environment_file(options.dataset)}: {', '.join(names) or 'none'}")
    if scheduler == "systemd":
        print("while nobody is logged in it runs only after `loginctl enable-linger`, once")


def _next(dataset: str, now: datetime) -> str:
    if (at := installed_at(dataset)) is None:
        return f"{dataset}: not scheduled; `make schedule AT=03:00 DATASET={dataset}` has it run every night"
    return f"{dataset}: next {next_at(at, now):%F %R}, every day at {at:%H:%M}"


def _last(dataset: str) -> str:
    nights = read_nights(dataset)
    if not nights:
        return "last: none has run yet"
    return (
        f"last: {nights[-1].began[:16].replace('T', ' ')} UTC, {nights[-1].reason} (exit code {nights[-1].exit_code})"
    )


def _time_of(text: str) -> time:
    """Read HH:MM.

    Raises:
        SettingsError: when it is none.
    """
    found = re.fullmatch(r"(\d{1,2}):(\d{2})", text.strip())
    if found is None or int(found[1]) > 23 or int(found[2]) > 59:
        raise SettingsError(f"AT is {text!r}; it takes a time of day such as 03:00")
    return time(int(found[1]), int(found[2]))


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m recommender.nights.schedule", description=__doc__.split("\n\n")[0])
    parser.add_argument("do", choices=["install", "status", "remove"])
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--at", default="03:00", help="time of day by this machine's clock (default: 03:00)")
    parser.add_argument("--scheduler", choices=SCHEDULERS, help="default: systemd where this user has it, else cron")
    parser.add_argument("--max-workers", type=int, default=2, help="how many candidates train at a time")
    parser.add_argument("--timeout-minutes", type=float, help="kill a night after this long; default: never")
    parser.add_argument("--only-print", action="store_true", help="show what would be installed")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
