"""The two schedulers that a machine may have: systemd for a user, and cron.

In: a `Schedule`. Out: a timer and a service below the user's configuration, or a line in the user's crontab.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from datetime import time
from pathlib import Path

from recommender.errors import RecommenderError
from recommender.nights.schedule_files import MARK, UNIT, Schedule, cron_line, line_of, units, with_line, without_line

SCHEDULERS = ("systemd", "cron")


class SchedulerFailed(RecommenderError):
    """Neither systemd nor cron takes the schedule."""


def scheduler_here() -> str:
    """Return what this machine has: systemd for this user, else cron.

    Raises:
        SchedulerFailed: when it has neither.
    """
    if shutil.which("systemctl") and _asked("show-environment").returncode == 0:
        return "systemd"
    if shutil.which("crontab"):
        return "cron"
    raise SchedulerFailed(
        "this machine has neither systemd for its users nor cron: install cron, or let whatever starts jobs here run "
        "`make nightly`"
    )


def install(schedule: Schedule, scheduler: str) -> None:
    """Have the night run every day, in the place of an earlier schedule of the dataset.

    Raises:
        SchedulerFailed: when the scheduler does not take it.
    """
    remove(schedule.dataset)
    if scheduler == "cron":
        _write_crontab(with_line(_crontab(), cron_line(schedule)))
        return
    for name, text in units(schedule).items():
        path = _unit_folder() / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    _systemctl("daemon-reload")
    _systemctl("enable", "--now", f"{schedule.unit}.timer")


def remove(dataset: str) -> bool:
    """Remove the schedule of a dataset, whatever runs it; returns whether there was one."""
    mark, unit = MARK.format(dataset=dataset), UNIT.format(dataset=dataset)
    files = [each for kind in ("timer", "service") if (each := _unit_folder() / f"{unit}.{kind}").exists()]
    if files:
        _systemctl("disable", "--now", f"{unit}.timer")
        for path in files:
            path.unlink()
        _systemctl("daemon-reload")
    is_in_cron = shutil.which("crontab") is not None and line_of(_crontab(), mark) is not None
    if is_in_cron:
        _write_crontab(without_line(_crontab(), mark))
    return bool(files) or is_in_cron


def installed_at(dataset: str) -> time | None:
    """Return the time of day of the schedule that is installed; None without one."""
    timer = _unit_folder() / f"{UNIT.format(dataset=dataset)}.timer"
    if timer.exists() and (found := re.search(r"OnCalendar=\S+ (\d+):(\d+)", timer.read_text())):
        return time(int(found[1]), int(found[2]))
    line = line_of(_crontab(), MARK.format(dataset=dataset)) if shutil.which("crontab") else None
    if line is None:
        return None
    minute, hour = line.split()[:2]
    return time(int(hour), int(minute))


def _unit_folder() -> Path:
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "systemd" / "user"


def _systemctl(*arguments: str) -> None:
    done = _asked(*arguments)
    if done.returncode:
        raise SchedulerFailed(f"systemctl --user {' '.join(arguments)}: {done.stderr.strip() or done.returncode}")


def _asked(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(["systemctl", "--user", *arguments], capture_output=True, text=True)


def _crontab() -> str:
    """Return the user's crontab; empty where there is none."""
    done = subprocess.run(["crontab", "-l"], capture_output=True, text=True)
    if done.returncode and "no crontab for" not in done.stderr:
        raise SchedulerFailed(f"crontab -l: {done.stderr.strip()}")
    return done.stdout if done.returncode == 0 else ""


def _write_crontab(text: str) -> None:
    done = subprocess.run(["crontab", "-"], input=text, capture_output=True, text=True)
    if done.returncode:
        raise SchedulerFailed(f"crontab refuses the line: {done.stderr.strip()}")
