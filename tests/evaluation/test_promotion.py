"""The verdict in one line."""

import pytest

from recommender.evaluation.promotion import decide, describe_threshold
from recommender.evaluation.rec_test import RecTestResult


def result(name: str, value: float | None, passed: bool | None, threshold=1.0, comparison=">=") -> RecTestResult:
    return RecTestResult(name, "", "accuracy", "scalar", value, threshold, comparison, passed, {})


GOOD, BAD, UNSURE = result("ratio", 2.0, True), result("spread", 0.25, False), result("cold", None, None)


def test_all_passed_is_passed():
    verdict = decide([GOOD, GOOD])
    assert verdict.is_passed
    assert str(verdict) == "passed: 2 of 2 tests passed"


def test_one_failure_refuses_and_says_why():
    verdict = decide([GOOD, BAD, UNSURE])
    assert not verdict.is_passed
    assert str(verdict) == ("refused: 1 of 3 tests failed: spread is 0.25 (at least 1); not enough data for cold")


def test_too_little_data_does_not_refuse_by_itself_but_is_named():
    assert str(decide([GOOD, UNSURE])) == "passed: 1 of 2 tests passed; not enough data for cold"


def test_every_failure_is_on_the_line():
    other = result("duplicates", 3, False, 0, "<=")
    assert decide([BAD, other]).reason == (
        "2 of 2 tests failed: spread is 0.25 (at least 1), duplicates is 3 (at most 0)"
    )


def test_a_range_is_told_from_to():
    assert describe_threshold(result("overlap", 0.5, True, [0.1, 0.9], "within")) == "from 0.1 to 0.9"


def test_nothing_tested_is_no_verdict():
    with pytest.raises(ValueError, match="at least one test result"):
        decide([])
