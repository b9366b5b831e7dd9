"""The verdict in one line, and the warnings beside it."""

import pytest
from planted_results import result

from recommender.evaluation.challenge import Challenge
from recommender.evaluation.promotion import decide

GOOD, BAD, UNSURE = result("ratio", 2.0, True), result("spread", 0.25, False), result("cold", None, None)
WARNING = result("novelty", 0.2, False, low=0.15, high=0.25, is_refusing=False)


def test_all_passed_is_passed():
    verdict = decide([GOOD, GOOD])
    assert verdict.is_passed
    assert str(verdict) == "passed: 2 of 2 tests passed"
    assert verdict.warnings == ()


def test_one_failure_refuses_and_says_why():
    verdict = decide([GOOD, BAD, UNSURE])
    assert not verdict.is_passed
    assert str(verdict) == "refused: 1 of 3 tests failed: spread is 0.25 (at least 1); 1 test without enough data"


def test_a_failure_is_told_with_its_interval():
    failed = result("spread", 0.25, False, low=0.2, high=0.3)
    assert decide([failed]).reason == "1 of 1 tests failed: spread is 0.25 [0.2, 0.3] (at least 1)"


def test_tests_without_enough_data_are_counted_and_refuse_nothing():
    assert str(decide([GOOD, *[UNSURE] * 15])) == "passed: 1 of 16 tests passed; 15 tests without enough data"


def test_every_failure_is_on_the_line():
    other = result("duplicates", 3, False, threshold=0, comparison="<=")
    assert decide([BAD, other]).reason == (
        "2 of 2 tests failed: spread is 0.25 (at least 1), duplicates is 3 (at most 0)"
    )


def test_a_warning_is_named_and_refuses_nothing():
    verdict = decide([GOOD, WARNING, UNSURE])
    assert str(verdict) == "passed: 1 of 3 tests passed; 1 warning: novelty; 1 test without enough data"
    assert verdict.warnings == ("novelty is 0.2 [0.15, 0.25] (at least 1)",)


def test_a_refused_night_keeps_its_warnings():
    other = result("prices", 0.5, False, threshold=0.3, comparison="<=", is_refusing=False)
    verdict = decide([WARNING, BAD, other])
    assert str(verdict) == "refused: 1 of 3 tests failed: spread is 0.25 (at least 1); 2 warnings: novelty, prices"
    assert verdict.warnings == ("novelty is 0.2 [0.15, 0.25] (at least 1)", "prices is 0.5 (at most 0.3)")


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
        "1 of 2 tests failed: spread is 0.25 (at least 1); 1 test without enough data; lost to the champion: MAP 0.1"
    )


@pytest.mark.parametrize(("accepted", "reason"), [(True, "MAP 0.3"), (None, "not enough data for the challenge")])
def test_a_challenge_that_is_not_lost_is_told_and_does_not_refuse(accepted, reason):
    assert str(decide([GOOD], challenge(accepted, reason))) == f"passed: 1 of 1 tests passed; {reason}"


def test_a_challenge_without_an_opponent_is_nothing_to_tell():
    assert str(decide([GOOD], challenge(True, "no champion yet", champion_map=None))) == "passed: 1 of 1 tests passed"


def test_a_won_challenge_does_not_make_up_for_a_failed_test():
    assert not decide([BAD], challenge(True, "MAP 0.3")).is_passed
