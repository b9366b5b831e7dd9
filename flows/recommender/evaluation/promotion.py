"""The verdict: may tonight's recommendations reach a shopper?

Stage: after the behavioral suite, and again after the publication gate. In: test results, the contest with the
baselines and the challenge of the champion. Out: one `Verdict`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from recommender.evaluation.behavioral_check import CheckResult
from recommender.evaluation.challenge import Challenge
from recommender.evaluation.contest import Contest
from recommender.evaluation.result_text import count_of, describe_failure

PASSED = "passed"
REFUSED = "refused"


@dataclass(frozen=True)
class Verdict:
    """Whether the lists may be published.

    Attributes:
        decision: "passed" or "refused".
        reason: on one line.
        warnings: of each test that failed and refuses nothing: its value, and what was asked for.
    """

    decision: str
    reason: str
    warnings: tuple[str, ...] = ()

    @property
    def is_passed(self) -> bool:
        """Whether publishing may go on."""
        return self.decision == PASSED

    def __str__(self) -> str:
        return f"{self.decision}: {self.reason}"


def decide(
    results: Sequence[CheckResult], challenge: Challenge | None = None, contest: Contest | None = None
) -> Verdict:
    """Refuse if a test that refuses failed, or the challenge was lost.

    A test that warns is named, and one without enough data counted; neither refuses.

    Raises ValueError without results: nothing tested is nothing known.
    """
    if not results:
        raise ValueError("a verdict needs at least one test result, got none")
    failed, warned = [each for each in results if each.is_refused], [each for each in results if each.is_warned]
    is_lost = challenge is not None and challenge.accepted is False
    remarks = [
        _tests_told(results, failed),
        _warnings_told(warned),
        _without_data(results),
        contest.reason if contest else "",
        _challenge_told(challenge),
    ]
    decision = REFUSED if failed or is_lost else PASSED
    return Verdict(decision, "; ".join(each for each in remarks if each), tuple(map(describe_failure, warned)))


def _tests_told(results: Sequence[CheckResult], failed: Sequence[CheckResult]) -> str:
    if failed:
        return f"{len(failed)} of {len(results)} tests failed: {', '.join(map(describe_failure, failed))}"
    n_passed = sum(result.passed is True for result in results)
    return f"{n_passed} of {len(results)} tests passed"


def _warnings_told(warned: Sequence[CheckResult]) -> str:
    return f"{count_of(len(warned), 'warning')}: {', '.join(each.name for each in warned)}" if warned else ""


def _without_data(results: Sequence[CheckResult]) -> str:
    undecided = sum(result.passed is None for result in results)
    return f"{count_of(undecided, 'test')} without enough data" if undecided else ""


def _challenge_told(challenge: Challenge | None) -> str:
    if challenge is None:
        return ""
    return f"lost to the champion: {challenge.reason}" if challenge.accepted is False else challenge.remark()
