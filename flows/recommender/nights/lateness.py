"""Nights that did not come, and nights that took too long.

In: the log of nights, when tonight began and ended, [nightly] of the settings. Out: alarms. Times are UTC, so a change
of the clock neither adds nor hides a night; what counts is the time between two nights, with room for a late one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from recommender.alarms import Alarm, Kind, Level
from recommender.nights.night_log import Night
from recommender.settings.sections import NightlySettings

ROOM = 0.5  # of the time between two nights: one that comes so much later was late, but not missed


def missed(nights: Sequence[Night], began: datetime, settings: NightlySettings) -> list[Alarm]:
    """Tell of nights that should have been between the last one and one that began now; nothing before the first."""
    if not nights:
        return []
    last, every = datetime.fromisoformat(nights[-1].began), timedelta(hours=settings.every_hours)
    number = int((began - last) / every + (1 - ROOM)) - 1
    if number < 1:
        return []
    nights_were = "1 night was" if number == 1 else f"{number} nights were"
    text = f"{nights_were} missed: the last began {last:%F %R} UTC, and one is due every {settings.every_hours:g} hours"
    return [Alarm(Kind.LATE, Level.WARNING, text)]


def took_long(began: datetime, ended: datetime, settings: NightlySettings) -> list[Alarm]:
    """Tell of a night that took longer than it may."""
    hours = (ended - began) / timedelta(hours=1)
    if hours <= settings.most_hours:
        return []
    return [
        Alarm(
            Kind.LATE, Level.WARNING, f"the night took {hours:.1f} hours, at most {settings.most_hours:g} are allowed"
        )
    ]
