"""What cron and systemd read to start a night: a line, and two units.

In: a command, a time of day. Out: text, with everything escaped that means something to its reader.
Sources: crontab(5), systemd.unit(5), systemd.service(5), systemd.time(7).
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path

UNIT = "recommendations-{dataset}"
MARK = "# recommendations, nightly: {dataset}"
"""At the end of a crontab's line: by this it is known again."""


@dataclass(frozen=True)
class Schedule:
    """A night that is to come every day.

    Attributes:
        dataset: whose night.
        at: the time of day, by the machine's clock.
        folder: of the project.
        command: that runs a night.
    """

    dataset: str
    at: time
    folder: Path
    command: Sequence[str]

    @property
    def unit(self) -> str:
        """Name of the units, without the kind."""
        return UNIT.format(dataset=self.dataset)


def cron_line(schedule: Schedule) -> str:
    """Return the line of the crontab. There % would mean a line break, quoted or not."""
    command = f"cd {shlex.quote(str(schedule.folder))} && {shlex.join(schedule.command)}"
    mark = MARK.format(dataset=schedule.dataset)
    return f"{schedule.at.minute} {schedule.at.hour} * * * {command.replace('%', chr(92) + '%')} {mark}"


def with_line(crontab: str, line: str) -> str:
    """Return a crontab with a line, in the place of the one of the same mark; all others stay as they are."""
    mark = f"# {line.rpartition('# ')[2]}"
    return "".join([without_line(crontab, mark), line, "\n"])


def without_line(crontab: str, mark: str) -> str:
    """Return a crontab without the line of a mark."""
    kept = [line for line in crontab.splitlines() if not line.endswith(f" {mark}")]
    return "".join(f"{line}\n" for line in kept)


def line_of(crontab: str, mark: str) -> str | None:
    """Return the line of a mark; None when there is none."""
    return next((line for line in crontab.splitlines() if line.endswith(f" {mark}")), None)


def units(schedule: Schedule) -> Mapping[str, str]:
    """Return service and timer by file name. A night that the machine slept through comes as soon as it wakes."""
    command = " ".join(_argument(each) for each in schedule.command)
    service = [
        "[Unit]",
        f"Description=Tonight's recommendations of {_text(schedule.dataset)}",
        "",
        "[Service]",
        "Type=oneshot",
        f"WorkingDirectory={_text(str(schedule.folder))}",
        f"ExecStart=/usr/bin/env {command}",  # the program itself may have no quotes and no $ in its path
        "TimeoutStartSec=infinity",
    ]
    timer = [
        "[Unit]",
        f"Description=Every night's recommendations of {_text(schedule.dataset)}",
        "",
        "[Timer]",
        f"OnCalendar=*-*-* {schedule.at:%H:%M}:00",
        "Persistent=true",
        "",
        "[Install]",
        "WantedBy=timers.target",
    ]
    return {f"{schedule.unit}.service": _lines(service), f"{schedule.unit}.timer": _lines(timer)}


def next_at(at: time, now: datetime) -> datetime:
    """Return when a time of day comes next, by the clock of `now`."""
    today = now.replace(hour=at.hour, minute=at.minute, second=0, microsecond=0)
    return today if today > now else today + timedelta(days=1)


def _lines(lines: Sequence[str]) -> str:
    return "\n".join(lines) + "\n"


def _text(text: str) -> str:
    """Escape what systemd would expand."""
    return text.replace("%", "%%")


def _argument(text: str) -> str:
    """Quote one argument of a command of systemd's."""
    for plain, escaped in (("\\", "\\\\"), ('"', '\\"'), ("$", "$$"), ("%", "%%")):
        text = text.replace(plain, escaped)
    return f'"{text}"'
