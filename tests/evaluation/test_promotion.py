"""The verdict in one line."""

import pytest

from recommender.evaluation.behavioral_check import CheckResult
from recommender.evaluation.challenge import Challenge
from recommender.evaluation.promotion import decide, describe_threshold


def result(name: str, value: float | None, passed: bool | None, threshold=1.0, comparison=">=") -> CheckResult:
    return CheckResult(name, "", "accuracy", "scalar", value, threshold, comparison, passed, {})


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


def challenge(accepted: bool | None, reason: str, champion_map: float | None = 0.2) -> Challenge:
    return Challenge("not_worse", 0.1, champion_map, None, 1000, accepted, reason)


def test_a_lost_challenge_refuses_though_every_test_passed():
    verdict = decide([GOOD], challenge(False, "MAP 0.1 against the champion's 0.2"))
    assert not verdict.is_passed
    assert str(verdict) == ("refused: 1 of 1 tests passed; lost to the champion: MAP 0.1 against the champion's 0.2")


def test_failed_tests_and_a_lost_challenge_are_both_told():
    reason = decide([BAD, UNSURE], challenge(False, "MAP 0.1")).reason
    assert reason == (
        "1 of 2 tests failed: spread is 0.25 (at least 1); not enough data for cold; lost to the champion: MAP 0.1"
    )


@pytest.mark.parametrize(("accepted", "reason"), [(True, "MAP 0.3"), (None, "not enough data for the challenge")])
def test_a_challenge_that_is_not_lost_is_told_and_does_not_refuse(accepted, reason):
    assert str(decide([GOOD], challenge(accepted, reason))) == f"passed: 1 of 1 tests passed; {reason}"


def test_a_challenge_without_an_opponent_is_nothing_to_tell():
    assert str(decide([GOOD], challenge(True, "no champion yet", champion_map=None))) == "passed: 1 of 1 tests passed"


def test_a_won_challenge_does_not_make_up_for_a_failed_test():
    assert not decide([BAD], challenge(True, "MAP 0.3")).is_passed
