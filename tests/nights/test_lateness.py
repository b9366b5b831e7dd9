"""Missed and long nights, on planted clocks."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from recommender.alarms import Kind, Level
from recommender.nights.lateness import missed, took_long
from recommender.nights.night_log import Night
from recommender.settings.sections import NightlySettings

SETTINGS = NightlySettings(every_hours=24, most_hours=8)
LAST = datetime(2026, 12, 1, 3, 0, tzinfo=UTC)


def night(began: datetime) -> Night:
    return Night("demo", began.isoformat(), began.isoformat(), 0, "published")


@pytest.mark.parametrize(
    ("hours", "number"),
    [(0.1, 0), (23, 0), (24, 0), (25, 0), (35.9, 0), (36.1, 1), (48, 1), (59, 1), (61, 2), (24 * 30, 29)],
)
def test_nights_that_did_not_come_are_counted(hours, number):
    alarms = missed([night(LAST)], LAST + timedelta(hours=hours), SETTINGS)
    assert [each.text.split()[0] for each in alarms] == ([str(number)] if number else [])
    assert all((each.kind, each.level) == (Kind.LATE, Level.WARNING) for each in alarms)


def test_before_the_first_night_none_was_missed():
    assert missed([], LAST, SETTINGS) == []


def test_the_newest_night_counts():
    before = [night(LAST - timedelta(days=9)), night(LAST)]
    assert missed(before, LAST + timedelta(days=1), SETTINGS) == []


@pytest.mark.parametrize("day", [datetime(2026, 3, 28), datetime(2026, 10, 24)], ids=["an hour less", "an hour more"])
def test_a_change_of_the_clock_neither_adds_nor_hides_a_night(day):
    berlin = ZoneInfo("Europe/Berlin")
    at_three = [(day + timedelta(days=later)).replace(hour=3, tzinfo=berlin).astimezone(UTC) for later in range(3)]
    assert missed([night(at_three[0])], at_three[1], SETTINGS) == []
    assert len(missed([night(at_three[0])], at_three[2], SETTINGS)) == 1


@pytest.mark.parametrize(("hours", "is_told"), [(0.1, False), (8, False), (8.1, True), (30, True)])
def test_a_night_that_took_too_long_is_told(hours, is_told):
    assert bool(took_long(LAST, LAST + timedelta(hours=hours), SETTINGS)) == is_told
