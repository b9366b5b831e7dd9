"""The deny list against the catalogue: an id that no article has bars nothing, and somebody should know.

Stage: after the marts were built. In: `[filter] denied_articles` and the ids of articles.csv. Out: one test that warns.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from recommender.columns import Columns
from recommender.config import FilterSettings
from recommender.evaluation.behavioral_check import CheckResult, Kind, Measurement, behavioral_check, run_tests
from recommender.evaluation.result_text import NAMED
from recommender.features.marts import Marts


@dataclass(frozen=True)
class DenyList:
    """The test of a deny list.

    Attributes:
        denied: the ids of the settings.
        known: every id of articles.csv.
    """

    denied: Sequence[str]
    known: Collection[str]

    @classmethod
    def of(cls, filters: FilterSettings, marts: Marts) -> DenyList:
        """Take the deny list of the settings and the articles of a run's marts."""
        return cls(filters.denied_articles, marts.articles()[Columns.ARTICLE_ID].to_pylist())

    def results(self) -> list[CheckResult]:
        """Run the test; without a deny list there is nothing to test."""
        return run_tests(self, {}) if self.denied else []

    @behavioral_check(
        "deny list",
        Kind.RULE,
        warns="articles leave a catalogue every day, but a mistyped id leaves the article that was meant on sale",
        maximum=0,
    )
    def unknown_denied_articles(self) -> Measurement:
        """Articles that the settings deny and articles.csv does not have; they bar nothing."""
        unknown = sorted(set(self.denied).difference(self.known))
        return Measurement(len(unknown), {NAMED: unknown}, {"denied_articles": len(self.denied)})
