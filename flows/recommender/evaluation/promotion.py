"""The verdict: may tonight's recommendations reach a shopper?

Stage: after the behavioral suite, and again after the publication gate. In: test results, the contest with the
baselines and the challenge of the champion. Out: one `Verdict`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from recommender.evaluation.behavioral_check import CheckResult
from recommender.evaluation.challenge import Challenge
from recommender.evaluation.contest import Contest

PASSED = "passed"
REFUSED = "refused"


@dataclass(frozen=True)
class Verdict:
    """`decision` "passed" or "refused", and the reason on one line."""

    decision: str
    reason: str

    @property
    def is_passed(self) -> bool:
        """Whether publishing may go on."""
        return self.decision == PASSED

    def __str__(self) -> str:
        return f"{self.decision}: {self.reason}"


def decide(
    results: Sequence[CheckResult], challenge: Challenge | None = None, contest: Contest | None = None
) -> Verdict:
    """Refuse if any test failed or the challenge was lost; what lacks enough data is named and does not refuse.

    Raises ValueError without results: nothing tested is nothing known.
    """
    if not results:
        raise ValueError("a verdict needs at least one test result, got none")
    failed = [result for result in results if result.passed is False]
    is_lost = challenge is not None and challenge.accepted is False
    told = contest.reason if contest else ""
    remarks = [_tests_told(results, failed), _without_data(results), told, _challenge_told(challenge)]
    return Verdict(REFUSED if failed or is_lost else PASSED, "; ".join(each for each in remarks if each))


def _tests_told(results: Sequence[CheckResult], failed: Sequence[CheckResult]) -> str:
    if failed:
        causes = ", ".join(f"{result.name} is {describe_value(result)}" for result in failed)
        return f"{len(failed)} of {len(results)} tests failed: {causes}"
    n_passed = sum(result.passed is True for result in results)
    return f"{n_passed} of {len(results)} tests passed"


def _without_data(results: Sequence[CheckResult]) -> str:
    undecided = [result.name for result in results if result.passed is None]
    return f"not enough data for {', '.join(undecided)}" if undecided else ""


def _challenge_told(challenge: Challenge | None) -> str:
    if challenge is None:
        return ""
    return f"lost to the champion: {challenge.reason}" if challenge.accepted is False else challenge.remark()


def describe_value(result: CheckResult) -> str:
    """Put a test's value and threshold into words: "0.83 (at least 1)"."""
    value = "unknown" if result.value is None else f"{result.value:.4g}"
    return f"{value} ({describe_threshold(result)})"


def describe_threshold(result: CheckResult) -> str:
    """Put a threshold into words: "at least 1", "at most 0", "from 0.1 to 0.9"."""
    if result.comparison == "within":
        return f"from {result.threshold[0]:g} to {result.threshold[1]:g}"
    return f"{'at least' if result.comparison == '>=' else 'at most'} {result.threshold:g}"
