"""How a behavioral test is declared, judged and reported."""

import json
import math

import numpy as np
import pytest

from recommender.evaluation.behavioral_check import (
    CheckResult,
    DisplayType,
    Kind,
    Measurement,
    behavioral_check,
    check_thresholds,
    run_tests,
)


class Suite:
    """Two tests, written last name first: results keep that order."""

    def __init__(self, value, low=None, high=None, customers=7, sick=None):
        self.measured = Measurement(value, {"popular": 0.5}, {"customers": customers}, low, high, sick)

    @behavioral_check("sanity", Kind.RULE, refuses="a mistake is a mistake", maximum=0)
    def zero_mistakes(self):
        """Mistakes that no list may hold,
        counted."""
        return Measurement(0)

    @behavioral_check("accuracy", Kind.COMPARISON, warns="taste", needs={"customers": 5}, display_type=DisplayType.BARS)
    def accuracy(self):
        """How good it is."""
        return self.measured

    def not_a_test(self):
        raise AssertionError("only declared methods run")


def accuracy_result(value, *interval, customers=7, sick=None, **bounds):
    return run_tests(Suite(value, *interval, customers=customers, sick=sick), {"accuracy": bounds})[1]


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
        "kind": "comparison",
        "is_refusing": False,
        "why": "taste",
        "display_type": "bars",
        "value": 1.0,
        "low": None,
        "high": None,
        "threshold": 0.5,
        "comparison": ">=",
        "passed": True,
        "needs": {"customers": 5},
        "details": {"customers": 7, "popular": 0.5},
        "sick": None,
    }


@pytest.mark.parametrize(
    ("interval", "bounds", "passed"),
    [
        ((0.7, 1.0), {"minimum": 1.0}, True),  # bounds are inclusive
        ((0.7, 0.99), {"minimum": 1.0}, False),
        ((0.8, 1.2), {"maximum": 0.8}, True),
        ((0.81, 1.2), {"maximum": 0.8}, False),
        ((0.0, 0.1), {"minimum": 0.1, "maximum": 0.5}, True),
        ((0.0, 0.09), {"minimum": 0.1, "maximum": 0.5}, False),
        ((0.5, 0.9), {"minimum": 0.1, "maximum": 0.5}, True),
        ((0.51, 0.9), {"minimum": 0.1, "maximum": 0.5}, False),
        ((0.0, 2.0), {"minimum": 0.9, "maximum": 1.1}, True),
    ],
)
def test_a_value_fails_only_when_all_of_its_interval_lies_on_the_wrong_side(interval, bounds, passed):
    low, high = interval
    assert accuracy_result((low + high) / 2, low, high, **bounds).passed is passed


@pytest.mark.parametrize("unknown", [None, math.nan])
def test_an_unknown_bound_is_no_benefit_of_the_doubt(unknown):
    """A single customer has no interval: the value itself is judged."""
    assert accuracy_result(0.5, unknown, unknown, minimum=0.6).passed is False
    assert accuracy_result(0.5, unknown, 0.7, minimum=0.6).passed is True


def test_an_unknown_value_fails_whatever_its_interval():
    assert accuracy_result(math.nan, 0.0, 2.0, minimum=1.0).passed is False


def test_too_little_data_judges_nothing():
    assert [accuracy_result(0.1, customers=n, minimum=1).passed for n in (4, 5)] == [None, False]


@pytest.mark.parametrize(
    ("low", "high", "passed"),
    [(-0.1, 0.5, None), (0.0, 0.6, None), (-0.1, 0.49, False), (0.01, 0.5, True), (0.1, 0.4, False), (0.6, 2.0, True)],
)
def test_an_interval_that_holds_the_threshold_and_the_sick_reference_tells_nothing(low, high, passed):
    """At least 0.5 is asked for, and 0 is sick: what may be either is neither passed nor failed."""
    assert accuracy_result(0.3, low, high, sick=0, minimum=0.5).passed is passed


def test_the_sick_reference_may_lie_above_the_threshold():
    results = [
        accuracy_result(0.5, low, high, sick=1, maximum=0.3) for low, high in ((0.2, 1.1), (0.4, 1.1), (0.2, 0.9))
    ]
    assert [result.passed for result in results] == [None, False, True]


def test_of_two_bounds_the_one_nearer_to_the_sick_reference_counts():
    within = {"minimum": 0.5, "maximum": 2.0}
    intervals = (-0.1, 0.6), (0.1, 0.6), (-0.1, 0.4), (0.1, 3.0)
    assert [accuracy_result(0.3, *each, sick=0, **within).passed for each in intervals] == [None, True, False, True]


def test_a_value_without_an_interval_is_judged_though_there_is_a_sick_reference():
    assert accuracy_result(0.3, None, None, sick=0, minimum=0.5).passed is False


def test_what_a_test_needs_has_to_be_counted():
    """A misspelt need would be met by every night otherwise."""
    suite = Suite(1.0)
    suite.measured = Measurement(1.0, {}, {"customer": 7})
    with pytest.raises(KeyError, match="customers"):
        run_tests(suite, {"accuracy": {"minimum": 1}})


def test_outcome_is_told_in_words():
    outcomes = [accuracy_result(value, minimum=1).outcome for value in (1.0, 0.0, None)]
    assert outcomes == ["pass", "warning", "not enough data"]
    mistakes = run_tests(Suite(1.0), {"accuracy": {"minimum": 1}, "zero_mistakes": {"minimum": 1}})[0]
    assert mistakes.outcome == "fail"


def test_a_failure_refuses_or_warns_as_it_was_declared():
    refusing, warning = run_tests(Suite(0.0), {"accuracy": {"minimum": 1}, "zero_mistakes": {"minimum": 1}})
    assert (refusing.is_refused, refusing.is_warned, refusing.why) == (True, False, "a mistake is a mistake")
    assert (warning.is_refused, warning.is_warned, warning.why) == (False, True, "taste")
    for value in (1.0, None):
        harmless = accuracy_result(value, minimum=1)
        assert (harmless.is_refused, harmless.is_warned) == (False, False)


@pytest.mark.parametrize("reasons", [{}, {"refuses": "bad", "warns": "taste"}], ids=["neither", "both"])
def test_a_test_either_refuses_or_warns(reasons):
    with pytest.raises(TypeError, match="either refuses or warns: say why"):
        behavioral_check("sanity", Kind.RULE, **reasons, maximum=0)


def test_a_result_reads_back_from_json():
    for measured in run_tests(Suite(0.5, 0.4, 0.6), {"accuracy": {"minimum": 0.1, "maximum": 0.9}}):
        assert CheckResult.from_dict(json.loads(json.dumps(measured.as_dict()))) == measured


def test_a_result_of_a_release_without_kinds_is_read_as_one_that_refuses():
    earlier = {
        "name": "tail",
        "description": "Recall of the tail.",
        "test_type": "accuracy",
        "display_type": "scalar",
        "value": 0.5,
        "threshold": 1.0,
        "comparison": ">=",
        "passed": False,
        "details": {"customers": 7},
    }
    read = CheckResult.from_dict(earlier)
    assert (read.kind, read.outcome, read.is_refused, read.needs) == ("", "fail", True, {})
    assert (read.low, read.high, read.why) == (None, None, "")


def test_settings_replace_a_default_threshold():
    settings = {"accuracy": {"minimum": 0}, "zero_mistakes": {"minimum": 1}}
    assert run_tests(Suite(1.0), settings)[0].passed is False


def test_a_user_adds_a_test_by_writing_one_method():
    class LargerSuite(Suite):
        @behavioral_check("diversity", Kind.RULE, refuses="dull", minimum=2)
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

        @behavioral_check("sanity", Kind.RULE, refuses="bad", maximum=0)
        def silent(self):
            return Measurement(0)


def test_thresholds_are_checked_before_anything_is_measured():
    """The class alone is asked: one that is missing or misspelt is named without any data."""
    check_thresholds(Suite, {"accuracy": {"minimum": 1}})
    with pytest.raises(ValueError, match="Suite lacks accuracy; this test takes a minimum"):
        check_thresholds(Suite, {})
    with pytest.raises(ValueError, match="Suite has acuracy, .* without a test; tests are zero_mistakes, accuracy"):
        check_thresholds(Suite, {"accuracy": {"minimum": 1}, "acuracy": {"minimum": 1}})


def test_what_explains_a_value_may_not_hide_what_it_was_measured_on():
    with pytest.raises(ValueError, match="details and data both name slices; call one of them otherwise"):
        Measurement(1.0, {"slices": []}, {"slices": 3})
