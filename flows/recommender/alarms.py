"""What somebody should be told about a night, in words and with a kind that programs can filter by.

Stage: below all rooms. Whoever finds something makes an `Alarm`; the report and the early refusal carry them under
"alarms", the log of nights keeps them, and the webhook sends them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """What an alarm is about."""

    DATA = "data"  # files or days that are not what they should be
    DRIFT = "drift"  # features, scores or lists moved
    REFUSED = "refused"  # the run judged its own result
    FAILED = "failed"  # it ended for another reason
    LATE = "late"  # a night that is missing, or ended too late


class Level(StrEnum):
    """Whether the night went on."""

    WARNING = "warning"
    STOP = "stop"


@dataclass(frozen=True)
class Alarm:
    """One thing to tell.

    Attributes:
        kind: what it is about.
        level: a warning, or what ended the night.
        text: one line for people: what was found, what was expected, what to do.
    """

    kind: Kind
    level: Level
    text: str

    def as_dict(self) -> dict[str, str]:
        """Return it as plain JSON values."""
        return {name: str(value) for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Alarm:
        """Read what `as_dict` returned."""
        return cls(Kind(values["kind"]), Level(values["level"]), values["text"])
