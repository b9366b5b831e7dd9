"""The log of nights: one line for each that began and ended, whatever it came to. Lines are added, never changed.

Stage: last, outside the flow. In: how a night went, from `nightly`. Out: lines of JSON in
registry/<dataset>-nights.jsonl, which lateness, the webhook and the page of operations read.

The registry knows runs that came to a decision; this log also knows the nights that were killed, timed out or failed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

from recommender.alarms import Alarm
from recommender.project_paths import registry_file
from recommender.state_changes import change
from recommender.state_files import here


@dataclass(frozen=True)
class Night:
    """One night.

    Attributes:
        dataset: whose night it was.
        began: UTC, ISO 8601.
        ended: UTC, ISO 8601.
        exit_code: as in docs/operations.md.
        reason: how it went, in a line.
        run_id: of the flow; None when none began.
        cutoff: YYYY-MM-DD, the first day it did not see; None when it did not come that far.
        version: that was published, or None.
        alarms: what somebody should be told.
    """

    dataset: str
    began: str
    ended: str
    exit_code: int
    reason: str
    run_id: str | None = None
    cutoff: str | None = None
    version: str | None = None
    alarms: Sequence[Alarm] = ()

    @property
    def is_published(self) -> bool:
        """Whether shoppers got new lists."""
        return self.version is not None


def night_log(dataset: str) -> Path:
    """Return the file of a dataset's nights."""
    return registry_file(f"{dataset}-nights")


def add_night(night: Night) -> None:
    """Add a night as the last line; any number of machines may do this at once.

    Raises:
        OSError: when the line could not be written whole, for example on a full disk, or not be kept at STATE_URL.
    """
    line = json.dumps(as_plain(night), ensure_ascii=False)
    change(night_log(night.dataset), partial(_add_line, line.encode()))


def as_plain(night: Night) -> dict[str, Any]:
    """Return a night as plain JSON values."""
    return asdict(night) | {"exit_code": int(night.exit_code), "alarms": [each.as_dict() for each in night.alarms]}


def read_nights(dataset: str, warn: Callable[[str], None] | None = None) -> list[Night]:
    """Return all nights of a dataset, oldest first; empty without a file.

    Args:
        dataset: whose nights.
        warn: called for every line that is not a night; by default it goes to standard error.
    """
    path = here(night_log(dataset))
    return list(_parsed(path, warn or _complain)) if path.exists() else []


def _add_line(line: bytes, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b", buffering=0) as file:
        end_of_torn = b"" if _ends_whole(path) else b"\n"
        whole = end_of_torn + line + b"\n"
        if (written := file.write(whole)) != len(whole):
            raise OSError(f"only {written} of {len(whole)} bytes of a night fitted into {path}; make room")


def _ends_whole(path: Path) -> bool:
    content = path.read_bytes()
    return not content or content.endswith(b"\n")


def _parsed(path: Path, warn: Callable[[str], None]) -> Iterator[Night]:
    names = {each.name for each in fields(Night)}
    for number, line in enumerate(path.read_bytes().split(b"\n"), 1):
        if not line:
            continue
        try:
            values = json.loads(line)
            alarms = tuple(Alarm.from_dict(each) for each in values.get("alarms", ()))
            yield Night(**{name: value for name, value in values.items() if name in names} | {"alarms": alarms})
        except (ValueError, AttributeError, TypeError, KeyError):
            warn(f"{path}, line {number} is not a whole night, as a crash while writing leaves it; it is ignored")


def _complain(message: str) -> None:
    print(message, file=sys.stderr)
