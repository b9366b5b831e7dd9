"""The verdict: may tonight's recommendations reach a shopper?

Stage: after the behavioural suite, and again after the publication gate. In: test results. Out: one
`Verdict`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from recommender.evaluation.rec_test import RecTestResult

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


def decide(results: Sequence[RecTestResult]) -> Verdict:
    """Refuse if any test failed; a test without enough data is named and does not refuse.

    Raises ValueError without results: nothing tested is nothing known.
    """
    if not results:
        raise ValueError("a verdict needs at least one test result, got none")
    failed = [result for result in results if result.passed is False]
    undecided = [result.name for result in results if result.passed is None]
    without_data = f"; not enough data for {', '.join(undecided)}" if undecided else ""
    if failed:
        causes = ", ".join(f"{result.name} is {describe_value(result)}" for result in failed)
        return Verdict(REFUSED, f"{len(failed)} of {len(results)} tests failed: {causes}{without_data}")
    n_passed = len(results) - len(undecided)
    return Verdict(PASSED, f"{n_passed} of {len(results)} tests passed{without_data}")


def describe_value(result: RecTestResult) -> str:
    """Put a test's value and threshold into words: "0.83 (at least 1)"."""
    value = "unknown" if result.value is None else f"{result.value:.4g}"
    return f"{value} ({describe_threshold(result)})"


def describe_threshold(result: RecTestResult) -> str:
    """Put a threshold into words: "at least 1", "at most 0", "from 0.1 to 0.9"."""
    if result.comparison == "within":
        return f"from {result.threshold[0]:g} to {result.threshold[1]:g}"
    return f"{'at least' if result.comparison == '>=' else 'at most'} {result.threshold:g}"
