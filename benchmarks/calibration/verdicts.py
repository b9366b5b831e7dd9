"""What the tests of the data and both gates say of a shop's night, healthy and spoiled by every saboteur.

In: `NightInputs`, settings. Out: `JudgedNight`s, small enough to hold those of all shops at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from benchmarks.calibration.inputs import NightInputs
from benchmarks.calibration.saboteurs import SABOTEURS
from recommender.config import Settings
from recommender.evaluation.behavioral_check import CheckResult, run_tests

HEALTHY = ""
WEEKS, SUITE, GATE = "usual_weeks", "behavioral_tests", "publication_gate"


@dataclass(frozen=True)
class JudgedNight:
    """One night's results.

    Attributes:
        shop: its name.
        saboteur: what spoiled it; `HEALTHY` for nothing.
        results: by "section test", as the settings name them.
    """

    shop: str
    saboteur: str
    results: Mapping[str, CheckResult]

    @property
    def refused_by(self) -> list[str]:
        """Names of the tests that refuse it."""
        return [name for name, result in self.results.items() if result.is_refused]

    @property
    def warned_by(self) -> list[str]:
        """Names of the tests that warn."""
        return [name for name, result in self.results.items() if result.is_warned]

    @property
    def made_for_it(self) -> CheckResult:
        """Result of the test that was made for the saboteur."""
        return self.results[test_made_for(self.saboteur)]


class Fate(StrEnum):
    """What became of a spoiled night, as a table tells it."""

    REFUSED = "refused"
    CAUGHT_BY_OTHER = "by another"
    UNDECIDED = "**published**, not enough data"
    LET_THROUGH = "**published**"


def fate_of(night: JudgedNight) -> Fate:
    """Say whether the test made for the saboteur refuses the night, another does, or none."""
    if night.made_for_it.is_refused:
        return Fate.REFUSED
    if night.refused_by:
        return Fate.CAUGHT_BY_OTHER
    return Fate.UNDECIDED if night.made_for_it.passed is None else Fate.LET_THROUGH


def test_made_for(saboteur: str) -> str:
    """Return the test that has to catch a saboteur, as the settings name it."""
    made = SABOTEURS[saboteur]
    return f"{GATE if made.is_of_gate else SUITE} {made.caught_by}"


test_made_for.__test__ = False  # no test of pytest's


def judge(night: NightInputs, settings: Settings, saboteur: str = HEALTHY) -> JudgedNight:
    """Run all tests on a night that a saboteur may have spoiled."""
    suites = (
        (WEEKS, night.weeks, settings.usual_weeks),
        (SUITE, night.suite, settings.behavioral_tests),
        (GATE, night.gate, settings.publication_gate),
    )
    results = {
        f"{section} {result.name}": result
        for section, suite, thresholds in suites
        for result in run_tests(suite, thresholds)
    }
    return JudgedNight(night.name, saboteur, results)


def judge_all(night: NightInputs, settings: Settings) -> Iterator[JudgedNight]:
    """Yield the healthy night, and those of all saboteurs that can spoil it."""
    yield judge(night, settings)
    for saboteur, made in SABOTEURS.items():
        if (spoiled := made.night(night)) is not None:
            yield judge(spoiled, settings, saboteur)
