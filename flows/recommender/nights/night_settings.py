"""What the settings file says of nights: how often they come, and how long they may take.

In: the parsed file. Out: [nightly], checked; a file may do without it, and then no night is ever due, missed or late.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from recommender.errors import SettingsError
from recommender.settings.sections import NIGHTLY, NightlySettings
from recommender.settings.words import find_wrong_values


def nightly_settings(toml: Mapping[str, Any]) -> NightlySettings | None:
    """Return [nightly]; None where the file has no such section.

    Raises:
        SettingsError: when something in it is wrong.
    """
    if NIGHTLY not in toml:
        return None
    if problems := find_wrong_values(NightlySettings, toml[NIGHTLY], f"[{NIGHTLY}]"):
        raise SettingsError("\n".join(problems))
    return NightlySettings(**toml[NIGHTLY])
