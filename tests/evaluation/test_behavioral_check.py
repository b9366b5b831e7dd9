"""How a behavioral test is declared, judged and reported."""

import math

import numpy as np
import pytest

from recommender import config
from recommender.evaluation.behavior.suite import BehavioralSuite
from recommender.evaluation.behavioral_check import (
    DisplayType,
    Measurement,
    behavioral_check,
    check_thresholds,
    run_tests,
)
from recommender.evaluation.publication_gate import PublicationGate


class Suite:
    """Two tests, written last name first: results keep that order."""

    def __init__(self, value):
        self.value = value

    @behavioral_check("sanity", maximum=0)
    def zero_mistakes(self):
        """Mistakes that no list may hold,
        counted."""
        return Measurement(0)

    @behavioral_check("accuracy", DisplayType.BARS)
    def accuracy(self):
        """How good it is."""
        return Measurement(self.value, {"customers": 7})

    def not_a_test(self):
        raise AssertionError("only declared methods run")


def accuracy_result(value, **bounds):
    return run_tests(Suite(value), {"accuracy": bounds})[1]


@pytest.mark.parametrize(
    ("value", "bounds", "passed"),
    [
        (1.0, {"minimum": 1.0}, True),
        (0.99, {"minimum": 1.0}, False),
        (1.0, {"maximum": 1.0}, True),
        (1.01, {"maximum": 1.0}, False),
        (0.5, {"minimum": 0.1, "maximum": 0.9}, True),
        (0.05, {"minimum": 0.1, "maximum": 0.9}, False),
        (0.95, {"minimum": 0.1, "maximum": 0.9}, False),
        (math.nan, {"minimum": 0.0}, False),
        (math.nan, {"maximum": 0.0}, False),
        (np.float64(0.99), {"minimum": 1.0}, False),  # as a test returns it that takes numpy's mean
        (np.float64(0.5), {"minimum": 0.1, "maximum": 0.9}, True),
        (None, {"minimum": 1.0}, None),
    ],
)
def test_value_is_held_against_its_threshold(value, bounds, passed):
    assert accuracy_result(value, **bounds).passed is passed


def test_results_come_in_the_order_of_the_methods_with_their_docstrings():
    first, second = run_tests(Suite(1.0), {"accuracy": {"minimum": 0.5}})
    assert (first.name, first.description) == ("zero_mistakes", "Mistakes that no list may hold, counted.")
    assert second.as_dict() == {
        "name": "accuracy",
        "description": "How good it is.",
        "test_type": "accuracy",
        "display_type": "bars",
        "value": 1.0,
        "threshold": 0.5,
        "comparison": ">=",
        "passed": True,
        "details": {"customers": 7},
    }


def test_outcome_is_told_in_words():
    outcomes = [accuracy_result(value, minimum=1).outcome for value in (1.0, 0.0, None)]
    assert outcomes == ["pass", "fail", "not enough data"]


def test_settings_replace_a_default_threshold():
    settings = {"accuracy": {"minimum": 0}, "zero_mistakes": {"minimum": 1}}
    assert run_tests(Suite(1.0), settings)[0].passed is False


def test_a_user_adds_a_test_by_writing_one_method():
    class LargerSuite(Suite):
        @behavioral_check("diversity", minimum=2)
        def variety(self):
            """How many different things are shown."""
            return Measurement(3)

    results = run_tests(LargerSuite(1.0), {"accuracy": {"minimum": 0}})
    assert [result.name for result in results] == ["zero_mistakes", "accuracy", "variety"]


def test_a_test_without_threshold_is_refused():
    with pytest.raises(ValueError, match="^Suite lacks accuracy; this test takes a minimum, a maximum or both$"):
        run_tests(Suite(1.0), {})


def test_a_misspelt_bound_is_refused():
    with pytest.raises(ValueError, match="minimum, maximum or both; got {'minimun': 1}"):
        accuracy_result(1.0, minimun=1)


def test_a_threshold_without_test_is_refused():
    with pytest.raises(ValueError, match="Suite has acuracy, .* without a test; tests are zero_mistakes, accuracy"):
        run_tests(Suite(1.0), {"acuracy": {"minimum": 1}, "accuracy": {"minimum": 1}})


def test_a_test_without_description_is_refused():
    with pytest.raises(TypeError, match="silent needs a docstring"):

        @behavioral_check("sanity", maximum=0)
        def silent(self):
            return Measurement(0)


def test_thresholds_are_checked_before_anything_is_measured():
    """The shipped settings fit both suites; one that is missing or misspelt is named without any data."""
    settings = config.Settings.of(config.read_toml(config.DEFAULT_FILE.read_text()), "demo")
    check_thresholds(BehavioralSuite, settings.behavioral_tests)
    check_thresholds(PublicationGate, settings.publication_gate)
    missing = {name: bounds for name, bounds in settings.behavioral_tests.items() if name != "unusual_prices"}
    with pytest.raises(ValueError, match="BehavioralSuite lacks unusual_prices; this test takes a minimum"):
        check_thresholds(BehavioralSuite, missing)
    with pytest.raises(ValueError, match="BehavioralSuite has unusual_price, .* without a test; tests are no_dup"):
        check_thresholds(BehavioralSuite, {**settings.behavioral_tests, "unusual_price": {"maximum": 1.0}})
