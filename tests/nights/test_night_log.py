"""The log of nights: every night is a line, a torn line costs only itself."""

import pytest

from recommender.alarms import Alarm, Kind, Level
from recommender.nights.night_log import Night, add_night, night_log, read_nights

ALARM = Alarm(Kind.DATA, Level.WARNING, "prices are 100 times the usual; look for another currency")
GOOD = Night(
    "demo", "2026-12-01T03:00:00+00:00", "2026-12-01T03:04:00+00:00", 0, "published: 51 of 52", "17", version="v"
)
BAD = Night("demo", "2026-12-02T03:00:00+00:00", "2026-12-02T03:01:00+00:00", 2, "failed", alarms=(ALARM,))


@pytest.fixture(autouse=True)
def own_data(monkeypatch, tmp_path):
    monkeypatch.setenv("RECOMMENDER_DATA_DIR", str(tmp_path))


def test_nights_come_back_in_order_with_their_alarms():
    assert read_nights("demo") == []
    add_night(GOOD)
    add_night(BAD)
    assert read_nights("demo") == [GOOD, BAD]
    assert [each.is_published for each in read_nights("demo")] == [True, False]
    assert read_nights("online-retail") == []


def test_a_torn_line_costs_only_itself():
    add_night(GOOD)
    path = night_log("demo")
    path.write_bytes(path.read_bytes() + b'{"dataset": "demo", "beg')
    add_night(BAD)
    told = []
    assert read_nights("demo", told.append) == [GOOD, BAD]
    assert len(told) == 1 and f"{path}, line 2" in told[0]


def test_a_line_of_another_release_is_read_as_far_as_it_goes():
    add_night(GOOD)
    path = night_log("demo")
    path.write_bytes(path.read_bytes().replace(b'"reason"', b'"new": 1, "reason"').replace(b', "alarms": []', b""))
    assert read_nights("demo") == [GOOD]
