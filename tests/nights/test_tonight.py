"""What a run knows of its night: nights that were missed before it, and when the next lists are due."""

from datetime import UTC, datetime, timedelta

import pytest

from recommender import cluster
from recommender.nights.night_log import Night, add_night
from recommender.nights.tonight import handed_on, missed_before, next_due

TOML = {"nightly": {"every_hours": 24, "most_hours": 8}, "cluster": {"schedule": "0 3 * * ? *"}}
LAST = datetime(2026, 12, 1, 3, 0, tzinfo=UTC)
BY_HAND: dict[str, str] = {}


@pytest.fixture(autouse=True)
def last_night(tmp_path, monkeypatch):
    monkeypatch.setenv("RECOMMENDER_DATA_DIR", str(tmp_path))
    add_night(Night("demo", LAST.isoformat(), LAST.isoformat(), 0, "published"))


def test_tonights_run_tells_of_missed_nights_and_a_run_by_hand_of_none():
    began = LAST + timedelta(days=3)
    (alarm,) = missed_before("demo", TOML, handed_on(began))
    assert alarm.text.startswith("2 nights were missed: the last began 2026-12-01 03:00 UTC")
    assert missed_before("demo", TOML, BY_HAND) == []
    assert missed_before("another", TOML, handed_on(began)) == []


def test_the_next_lists_are_due_when_the_next_night_has_had_its_time():
    began = LAST + timedelta(days=1)
    assert next_due("demo", TOML, environment=handed_on(began)) == "2026-12-03T11:00:00+00:00"  # 03:00 and 24 + 8 h


@pytest.mark.parametrize(("hours", "due"), [(5, "2026-12-02T11:00:00+00:00"), (33, "")])
def test_a_run_by_hand_leaves_the_next_night_as_it_is_while_nights_come(hours, due):
    assert next_due("demo", TOML, LAST + timedelta(hours=hours), BY_HAND) == due


def test_without_nights_and_without_their_section_nothing_is_due_and_nothing_missed():
    assert next_due("another", TOML, LAST, BY_HAND) == ""
    assert next_due("demo", {}, environment=handed_on(LAST)) == ""
    assert missed_before("demo", {}, handed_on(LAST + timedelta(days=9))) == []


def test_a_scheduled_deployment_is_a_night_that_begins_by_itself_and_a_branch_is_none():
    deployed = {cluster.TARGET: "argo", cluster.BRANCH: ""}
    due = datetime.fromisoformat(next_due("another", TOML, environment=deployed))
    assert due - datetime.now(UTC) == pytest.approx(timedelta(hours=32), abs=timedelta(minutes=1))
    assert next_due("another", TOML, LAST, deployed | {cluster.BRANCH: "trial"}) == ""


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Pacific/Auckland"])
def test_the_zone_of_the_machine_changes_nothing(zone, monkeypatch):
    monkeypatch.setenv("TZ", zone)
    assert next_due("demo", TOML, LAST, BY_HAND) == "2026-12-02T11:00:00+00:00"
