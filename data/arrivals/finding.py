"""What a rule finds, and from where on it counts as found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from data.arrivals.profile import FilesProfile

Rule = Literal[
    "older",
    "late",
    "missing_day",
    "few_rows",
    "missing_channel",
    "repeated_day",
    "day_in_two_files",
    "lost_rows",
    "changed_history",
    "prices",
    "columns",
    "new_department",
    "unseen_values",
    "lost_values",
    "id_format",
    "lost_ids",
]
RULES: tuple[Rule, ...] = get_args(Rule)


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be.

    Attributes:
        rule: that found it.
        text: one line: what was found, what was expected, what to do.
    """

    rule: Rule
    text: str


@dataclass(frozen=True)
class Reference:
    """Files of an earlier night.

    Attributes:
        name: how a finding calls that night, such as "run 17, which is served".
        profile: its files.
        is_growing: whether they had newer days than those of the night before it.
    """

    name: str
    profile: FilesProfile
    is_growing: bool = False


@dataclass(frozen=True)
class Thresholds:
    """From where on something is found; see [arrivals] in the settings, which has the reasons."""

    late_after_days: int
    few_rows_share: float
    unusual_spreads: float
    price_factor: float
    lost_rows_share: float
    late_rows_days: int
    changed_rows_share: float
    unseen_values_share: float
    lost_values_share: float
    other_format_share: float
    lost_ids_share: float

    @classmethod
    def of(cls, settings: Mapping[str, float]) -> Thresholds:
        """Take them from a table that holds others, too."""
        return cls(**{name: settings[name] for name in cls.__dataclass_fields__})
