"""The test results of a report, by suite and kind: one order for the summary and the cards.

In: a report as report.json holds it, also an earlier release's. Out: `KindOfTests`, those without a test left out.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from recommender.evaluation.behavioral_check import CheckResult, Kind

SUITES = {
    "behavioral_tests": "Behavioral tests on the test week",
    "week_tests": "The test week beside the weeks before",
    "publication_tests": "Publication gate on tonight's lists",
}
"""Entry of the report to what people call the suite."""

KINDS = {Kind.RULE: "rules", Kind.COMPARISON: "comparisons", Kind.CHANGE: "changes", "": "tests"}
"""Kind to what people call tests of it; those of a release that knew no kinds stand last."""


@dataclass(frozen=True)
class KindOfTests:
    """Results of one kind in one suite, in the order in which the tests are written.

    Attributes:
        suite: as people call it.
        kind: likewise, such as "rules".
        results: at least one.
    """

    suite: str
    kind: str
    results: Sequence[CheckResult]

    @property
    def title(self) -> str:
        """Suite and kind."""
        return f"{self.suite}: {self.kind}"


def kinds_of_tests(report: Mapping[str, Any]) -> Iterator[KindOfTests]:
    """Yield a report's test results by suite and, in it, by kind."""
    for entry, suite in SUITES.items():
        results = [CheckResult.from_dict(each) for each in report.get(entry, [])]
        for kind, name in KINDS.items():
            if of_kind := [each for each in results if each.kind == kind]:
                yield KindOfTests(suite, name, of_kind)
