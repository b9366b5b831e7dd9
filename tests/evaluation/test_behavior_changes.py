"""A value that jumps is told; what the nights before and sampling explain is not."""

import math

import pytest
from planted_results import result

from recommender.bootstrap import Interval
from recommender.evaluation.behavior_changes import BehaviorChanges, behavior_values
from recommender.evaluation.behavioral_check import CheckResult, run_tests
from recommender.evaluation.result_text import describe_failure, describe_measured

BEFORE = [0.30, 0.31, 0.29, 0.32, 0.30]
"""Median 0.30, absolute deviations 0, 0.01, 0.01, 0.02, 0: their median, 0.01, is a spread of 0.014826."""


def compared(tonight: Interval, before: list[float | None], spreads: float = 4.0) -> CheckResult:
    nights = [{"map@12": value} for value in before]
    (judged,) = run_tests(BehaviorChanges({"map@12": tonight}, nights, spreads), {})
    return judged


def narrow(value: float) -> Interval:
    """A value whose interval says that sampling hardly moves it."""
    return Interval(value, value - 0.001, value + 0.001)


@pytest.mark.parametrize(
    ("value", "is_jump"),
    [(0.30, False), (0.359, False), (0.360, True), (0.241, False), (0.240, True)],  # 4 * 0.014826 = 0.0593
)
def test_a_value_jumps_when_it_leaves_the_spread_of_the_nights_before(value, is_jump):
    judged = compared(narrow(value), BEFORE)
    assert (judged.value, judged.passed) == (int(is_jump), not is_jump)


def test_a_jump_is_told_with_what_is_usual_and_refuses_nothing():
    judged = compared(narrow(0.2), BEFORE)
    assert (judged.is_warned, judged.is_refused) == (True, False)
    assert describe_failure(judged) == (
        "behavior_since_the_nights_before is 1 (at most 0): map@12 0.2, usually 0.2407 to 0.3593"
    )


def test_more_spreads_ask_for_a_longer_jump():
    assert compared(narrow(0.37), BEFORE, spreads=4).passed is False  # 0.07 away, 4.7 spreads
    assert compared(narrow(0.37), BEFORE, spreads=5).passed is True


def test_one_wild_night_widens_nothing():
    """Its deviation is the largest of six, and the median of them stays 0.01."""
    assert compared(narrow(0.37), [*BEFORE, 0.9]).passed is False


def test_the_noise_of_sampling_is_no_jump_however_close_the_nights_lay():
    """Half a width of 0.0392 is a standard error of 0.02, and four of them are 0.08."""
    still = [0.30] * 5
    assert compared(Interval(0.379, 0.379 - 0.0392, 0.379 + 0.0392), still).passed is True
    assert compared(Interval(0.381, 0.381 - 0.0392, 0.381 + 0.0392), still).passed is False


def test_fewer_than_five_nights_are_not_enough():
    judged = compared(narrow(0.9), BEFORE[:4])
    assert judged.passed is None
    assert describe_measured(judged) == "4 of at least 5 published nights"


def test_a_value_that_fewer_nights_know_is_not_compared():
    """A test that is new this week has no past yet."""
    judged = compared(narrow(0.9), [*BEFORE[:4], None])
    assert (judged.passed, judged.details["compared"]) == (True, 0)


def test_a_value_without_an_interval_waits_for_fourteen_nights():
    """Five values tell their spread too badly: one night in ten would be told for nothing."""
    value, nights = Interval(0.9, math.nan, math.nan), [0.30, 0.31] * 7
    assert compared(value, nights[:13]).passed is True
    assert compared(value, nights).passed is False


def test_compared_are_comparisons_and_two_metrics_of_the_served_lists():
    results = [
        result("ratio", 2.0, True, low=1.5, high=2.5),
        result("no_duplicates", 0, True, kind="rule"),
        result("unknown", None, None),
        result("diverged", math.nan, False),
    ]
    metrics = {"served": {"map@12": 0.3, "recall@12": 0.5, "coverage": 0.25}, "popular": {"map@12": 0.1}}
    quality = {"map": {"served": {"mean": 0.3, "low": 0.28, "high": 0.32}}}
    values = behavior_values(results, metrics, quality)
    assert values.keys() == {"map@12", "catalogue_coverage", "ratio"}
    assert (values["map@12"], values["ratio"]) == ((0.3, 0.28, 0.32), (2.0, 1.5, 2.5))
    assert values["catalogue_coverage"].mean == 0.25
    assert math.isnan(values["catalogue_coverage"].low)


def test_a_test_of_the_catalogue_replaces_the_metric():
    tested = result("catalogue_coverage", 0.5, True, low=0.4, high=0.6)
    values = behavior_values([tested], {"served": {"map@12": math.nan, "coverage": 0.25}}, {})
    assert values == {"catalogue_coverage": (0.5, 0.4, 0.6)}
