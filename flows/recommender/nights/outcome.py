"""How a night went: published, refused, failed, timed out, told apart by what its very run left.

In: the exit code of the run, its report or early refusal, its log. Out: `Outcome`, from which the exit code of the
night, its line in the log of nights and the webhook follow.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import IntEnum
from pathlib import Path
from typing import Any

from recommender import dataset_lock
from recommender.alarms import Alarm, Kind, Level
from recommender.features.time_split import ONE_DAY
from recommender.nights.disk import full_disk
from recommender.nights.last_error import last_error
from recommender.project_paths import logs_dir, reports_dir
from recommender.release.early_refusal import refusal_file
from recommender.state_files import StoreFailed, here


class ExitCode(IntEnum):
    """What cron or systemd sees."""

    PUBLISHED = 0
    REFUSED = 1
    FAILED = 2
    ALREADY_RUNNING = dataset_lock.EXIT_CODE
    TIMED_OUT = 124


BAD = {ExitCode.REFUSED: Kind.REFUSED, ExitCode.FAILED: Kind.FAILED, ExitCode.TIMED_OUT: Kind.LATE}
"""What somebody is told of a night that published nothing."""


@dataclass(frozen=True)
class Outcome:
    """How a night went.

    Attributes:
        code: of the night.
        reason: why, in a few words.
        run_id: of the flow; None when none began.
        cutoff: YYYY-MM-DD, first day that the run did not see; None when it left no report.
        version: that was published, or None.
        alarms: what somebody should be told.
        report: that the run left, or its early refusal; empty without either.
    """

    code: ExitCode
    reason: str
    run_id: str | None = None
    cutoff: str | None = None
    version: str | None = None
    alarms: Sequence[Alarm] = ()
    report: Mapping[str, Any] = field(default_factory=dict)

    def told(self) -> Outcome:
        """Return it with the alarm that a night without new lists is, unless the run told it of itself."""
        kind = BAD.get(self.code)
        if kind is None or any(each.kind == kind for each in self.alarms):
            return self
        return replace(self, alarms=(*self.alarms, Alarm(kind, Level.STOP, self.reason)))


def run_id_path(dataset: str) -> Path:
    """Return the file in which tonight's run leaves its id, to be known again in report.json."""
    return logs_dir() / f"nightly-{dataset}.run-id"


def judge(dataset: str, exit_code: int, log_path: Path) -> Outcome:
    """Return how a run went that ended by itself, by what it left."""
    run_id = _run_id(dataset)
    report = _left_tonight(run_id, reports_dir(dataset) / "report.json")
    report = report or _left_tonight(run_id, refusal_file(dataset))
    published = report.get("published") or {}
    code, reason = _verdict(report, exit_code, log_path)
    alarms = tuple(Alarm.from_dict(each) for each in report.get("alarms", ()))
    return Outcome(code, reason, run_id, _cutoff(report), published.get("version"), alarms, report)


def cut_short(dataset: str, code: ExitCode, reason: str) -> Outcome:
    """Return how a run went that was ended from outside."""
    return Outcome(code, reason, _run_id(dataset))


def _verdict(report: Mapping[str, Any], exit_code: int, log_path: Path) -> tuple[ExitCode, str]:
    match report.get("verdict"):
        case "refused":
            return ExitCode.REFUSED, f"refused: {report['verdict_reason']}"
        case "passed" if report["published"]:
            later = f"; then the run ended with exit code {exit_code}, the log says why" if exit_code else ""
            return ExitCode.PUBLISHED, f"published: {report['verdict_reason']}{later}"
    why = "; ".join(filter(None, (last_error(log_path), full_disk(log_path.parent))))
    if report:
        return ExitCode.FAILED, f"failed: good lists were not published, exit code {exit_code}{why and f': {why}'}"
    return ExitCode.FAILED, f"failed: {why or 'the run left no word'} (exit code {exit_code} and without a report)"


def _run_id(dataset: str) -> str | None:
    try:
        return run_id_path(dataset).read_text().strip()
    except FileNotFoundError:
        return None


def _left_tonight(run_id: str | None, path: Path) -> dict[str, Any]:
    """Return a report, or an early refusal, if it is that of tonight's run, else an empty one."""
    try:
        here(path)
    except StoreFailed as error:  # the run may have left it on this very disk
        print(error, file=sys.stderr)
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        return report if str(report["run_id"]) == run_id else {}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, KeyError) as error:  # torn, as a full disk leaves it
        print(f"{path} cannot be read: {error!r}", file=sys.stderr)
        return {}


def _cutoff(report: Mapping[str, Any]) -> str | None:
    test = report.get("windows", {}).get("test")
    return f"{date.fromisoformat(test['end']) + ONE_DAY}" if test else None
