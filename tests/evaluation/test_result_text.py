"""What a test found, in words."""

import math

import pytest
from planted_results import result

from recommender.evaluation.result_text import (
    NAMED,
    count_of,
    describe_failure,
    describe_measured,
    describe_threshold,
    describe_value,
)


def test_a_value_is_told_with_its_interval_and_what_was_asked_for():
    assert describe_value(result("ratio", 0.83333, False, low=0.75, high=0.9)) == "0.8333 [0.75, 0.9] (at least 1)"
    assert describe_value(result("ratio", 3, False, threshold=0, comparison="<=")) == "3 (at most 0)"


@pytest.mark.parametrize("bounds", [{}, {"low": math.nan, "high": math.nan}, {"low": 0.5}])
def test_bounds_that_are_not_known_are_left_out(bounds):
    assert describe_measured(result("ratio", 0.83, True, **bounds)) == "0.83"


def test_a_range_is_told_from_to():
    assert describe_threshold(result("overlap", 0.5, True, threshold=[0.1, 0.9], comparison="within")) == (
        "from 0.1 to 0.9"
    )


def test_a_test_that_could_not_judge_says_what_was_missing():
    """Also where it has a value, which then tells too little."""
    needs, details = {"customers": 100, "published_nights": 5}, {"customers": 6, "published_nights": 2}
    for value in (None, 0.5):
        undecided = result("cold", value, None, needs=needs, details=details)
        assert describe_measured(undecided) == "6 of at least 100 customers, 2 of at least 5 published nights"
    enough = result("cold", None, None, needs=needs, details={"customers": 100, "published_nights": 5})
    assert describe_measured(enough) == "unknown"


def test_a_test_of_many_things_names_those_that_are_wrong():
    jumps = {NAMED: ["map@12 0.1, usually 0.2 to 0.3", "coverage 0.9, usually 0.5 to 0.6"]}
    failed = result("changes", 2, False, threshold=0, comparison="<=", details=jumps)
    assert describe_failure(failed) == (
        "changes is 2 (at most 0): map@12 0.1, usually 0.2 to 0.3, coverage 0.9, usually 0.5 to 0.6"
    )


def test_one_is_singular():
    assert [count_of(number, "warning") for number in (0, 1, 3)] == ["0 warnings", "1 warning", "3 warnings"]
