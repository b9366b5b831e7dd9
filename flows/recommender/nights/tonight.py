"""Which night a run belongs to: what it tells of nights before it, and when the lists of the next one are due.

Stage: first and last of a run. In: when the nightly command began, which hands that on to the run, the log of nights,
[nightly] of the settings. Out: alarms for the report, and a time for the published version, by which the API knows
without any file that a night is late.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from recommender import cluster
from recommender.alarms import Alarm
from recommender.nights.lateness import missed
from recommender.nights.night_log import read_nights
from recommender.nights.night_settings import nightly_settings

BEGAN = "RECOMMENDER_NIGHT_BEGAN"


def handed_on(began: datetime) -> dict[str, str]:
    """Return the variable by which a run knows of which night it is."""
    return {BEGAN: began.isoformat()}


def missed_before(dataset: str, toml: Mapping[str, Any], environment: Mapping[str, str] = os.environ) -> list[Alarm]:
    """Return which nights were missed before tonight's run; a run by hand is no night and asks nothing.

    Raises:
        StoreFailed: when STATE_URL cannot be read.
    """
    settings, began = nightly_settings(toml), _began_tonight(toml, environment)
    return missed(read_nights(dataset), began, settings) if settings and began else []


def next_due(
    dataset: str, toml: Mapping[str, Any], now: datetime | None = None, environment: Mapping[str, str] = os.environ
) -> str:
    """Return by when the next night's lists should be there, UTC, ISO 8601: when it begins, and as long as it may take.

    A run by hand stands between two nights and changes nothing about the next one. Empty where no night is to come:
    before the first, or when the last is so long ago that they have ended.

    Raises:
        StoreFailed: when STATE_URL cannot be read.
    """
    if (settings := nightly_settings(toml)) is None:
        return ""
    until_due = timedelta(hours=settings.every_hours + settings.most_hours)
    if began := _began_tonight(toml, environment):
        return (began + until_due).isoformat(timespec="seconds")
    nights = read_nights(dataset)
    due = datetime.fromisoformat(nights[-1].began) + until_due if nights else None
    return due.isoformat(timespec="seconds") if due and due > (now or datetime.now(UTC)) else ""


def _began_tonight(toml: Mapping[str, Any], environment: Mapping[str, str]) -> datetime | None:
    """Return when the night of this run began; None for a run by hand. A scheduled deployment begins by itself, now."""
    if began := environment.get(BEGAN):
        return datetime.fromisoformat(began)
    target = environment.get(cluster.TARGET)
    is_scheduled = bool(target and cluster.schedule_of(toml, target, environment))
    return datetime.now(UTC) if is_scheduled else None
