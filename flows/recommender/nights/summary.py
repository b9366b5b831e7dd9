"""A night in one piece: how it went and whether it came in time, for the log, the terminal and the webhook.

In: `Outcome`, when it began and ended, the log of nights before it. Out: `Night`, a few lines about it, and a page.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import datetime
from math import nan
from pathlib import Path
from typing import Any

from recommender.alarms import Alarm, Kind, Level
from recommender.config import DEFAULT_FILE, read_toml
from recommender.errors import SettingsError
from recommender.nights.lateness import missed, took_long
from recommender.nights.night_log import Night, read_nights
from recommender.nights.night_settings import nightly_settings
from recommender.nights.outcome import ExitCode, Outcome


def night_of(dataset: str, began: datetime, ended: datetime, outcome: Outcome) -> Night:
    """Return the line of a night, with alarms for what the run does not know: nights before it, and its own length."""
    told = outcome.told()
    alarms = dict.fromkeys([*told.alarms, *_lateness(dataset, began, ended)])  # a report may tell of missed nights, too
    named = {"run_id": told.run_id, "cutoff": told.cutoff, "version": told.version}
    return Night(dataset, _second(began), _second(ended), int(told.code), told.reason, **named, alarms=tuple(alarms))


def not_begun(dataset: str, now: datetime, why: str) -> Night:
    """Return what is told of a night that found another run at work; it is no night of its own."""
    alarm = Alarm(Kind.LATE, Level.STOP, f"tonight did not begin: {why}")
    return Night(dataset, _second(now), _second(now), int(ExitCode.ALREADY_RUNNING), "not begun", alarms=(alarm,))


def broken_off(dataset: str, now: datetime, error: Exception) -> Night:
    """Return what is told when the nightly command itself fails: its logs cannot be written, for example."""
    reason = f"failed: the nightly command broke off: {type(error).__name__}: {error}"
    alarm = Alarm(Kind.FAILED, Level.STOP, reason)
    return Night(dataset, _second(now), _second(now), int(ExitCode.FAILED), reason, alarms=(alarm,))


def lines_of(night: Night, log_path: Path) -> list[str]:
    """Return a night for people: a line about it, and one for each alarm that the line does not tell already."""
    seconds = (datetime.fromisoformat(night.ended) - datetime.fromisoformat(night.began)).total_seconds()
    others = [each for each in night.alarms if each.text != night.reason]
    first = f"{night.dataset}: {night.reason}; {seconds:.0f} s; log {log_path}"
    return [first, *(f"{each.kind} {each.level}: {each.text}" for each in others)]


def summary_of(report: Mapping[str, Any]) -> str:
    """Return what the run's own report tells on a page; empty where it came to none. Its alarms are the night's."""
    from recommender.report.run_report import summarize  # brings NumPy and PyArrow

    if "metrics" not in report:
        return ""
    told = {**report, "metrics": _with_nan(report["metrics"]), "alarms": []}
    if report.get("quality"):
        told["quality"] = {**report["quality"], "map": _with_nan(report["quality"]["map"])}
    try:
        return summarize(told)
    except Exception as error:  # a summary never decides over a night
        return f"the report of run {report['run_id']} cannot be told: {error!r}"


def _with_nan(value: Any) -> Any:
    """Return nested numbers of a report with NaN in the place of null, which JSON has for it."""
    if isinstance(value, Mapping):
        return {name: _with_nan(each) for name, each in value.items()}
    return nan if value is None else value


def _lateness(dataset: str, began: datetime, ended: datetime) -> list[Alarm]:
    """Return what came late, as far as settings and log of nights can be read: a night does not fail for it."""
    try:
        settings = nightly_settings(read_toml(DEFAULT_FILE.read_text(encoding="utf-8")))
        if settings is None:
            return []
        return [*missed(read_nights(dataset), began, settings), *took_long(began, ended, settings)]
    except (SettingsError, OSError) as error:
        print(f"whether nights were missed is not known: {error}", file=sys.stderr)
        return []


def _second(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
