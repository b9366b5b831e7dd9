"""Which earlier nights tonight is compared with."""

from datetime import date, timedelta
from types import SimpleNamespace

import pytest
from planted_results import result
from test_registry import decision

from recommender import project_paths
from recommender.config import ChangeSettings
from recommender.evaluation.behavioral_check import run_tests
from recommender.release.nights_before import MOST_NIGHTS, changes_since, values_of_nights
from recommender.release.registry import Decision, append


def night(number: int, value: float, version: str | None = "v", **more) -> Decision:
    """A night whose test week ended so many days after 2020-09-01."""
    end = date(2020, 9, 1) + timedelta(days=number)
    window = {"start": str(end - timedelta(days=6)), "end": str(end)}
    return decision(f"{number}-{value}", version, windows={"test": window}, values={"novelty": value}, **more)


def values(*nights: Decision) -> list[float]:
    return [each["novelty"] for each in values_of_nights(nights)]


def test_published_nights_count_oldest_first():
    assert values(night(1, 0.1), night(2, 0.2, version=None), night(3, 0.3)) == [0.1, 0.3]


def test_a_run_that_is_repeated_is_no_further_night():
    """Six runs of one day would tell of a spread of nothing."""
    assert values(*(night(1, value) for value in (0.1, 0.2, 0.3)), night(2, 0.4)) == [0.3, 0.4]


def test_nights_of_a_release_that_noted_no_values_are_left_out():
    assert values_of_nights([decision("1", "v1", values={})]) == []


def test_the_last_four_weeks_tell_what_is_usual():
    assert values(*(night(number, number) for number in range(40))) == list(range(12, 40))
    assert MOST_NIGHTS == 28


@pytest.mark.parametrize(("tonight", "jumped"), [(0.30, 0), (0.50, 1)])
def test_tonight_is_held_beside_what_the_registry_remembers(monkeypatch, tmp_path, tonight, jumped):
    """The metrics of the planted week were never noted, so that the test alone is compared."""
    monkeypatch.setenv(project_paths.DATA_DIR_VARIABLE, str(tmp_path))
    for number, value in enumerate([0.30, 0.31, 0.29, 0.32, 0.30]):
        append(night(number, value), project_paths.registry_file("demo"))
    week = SimpleNamespace(metrics={"served": {"map@12": 0.9, "coverage": 0.9}}, quality={})
    measured = result("novelty", tonight, True, low=tonight - 0.01, high=tonight + 0.01)
    (judged,) = run_tests(changes_since("demo", week, [measured], ChangeSettings(spreads=4.0)), {})
    assert judged.value == jumped
    assert judged.details["compared"] == 1
    (elsewhere,) = run_tests(changes_since("kaggle-hm", week, [measured], ChangeSettings(spreads=4.0)), {})
    assert elsewhere.passed is None
