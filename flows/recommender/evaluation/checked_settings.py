"""A settings file, checked with the names of the behavioral tests: what a run asks before its first step.

In: a parsed TOML file. Out: nothing, or one error that names everything that is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from recommender.errors import SettingsError
from recommender.evaluation.behavior.suite import BehavioralSuite
from recommender.evaluation.behavioral_check import find_unfit_thresholds
from recommender.evaluation.publication_gate import PublicationGate
from recommender.settings.file import find_problems
from recommender.settings.sections import Sufficiency

SUITES = {"behavioral_tests": (BehavioralSuite, Sufficiency.__annotations__), "publication_gate": (PublicationGate, ())}
"""Section to the suite whose thresholds it holds, and to what else it holds."""


def check_settings(toml: Mapping[str, Any]) -> None:
    """Check a whole settings file, for every dataset.

    Raises:
        SettingsError: when anything is wrong in it, one line for each thing.
    """
    if problems := [*find_problems(toml), *_unfit_thresholds(toml)]:
        raise SettingsError("\n".join(problems))


def _unfit_thresholds(toml: Mapping[str, Any]) -> Iterator[str]:
    for section, (suite, others) in SUITES.items():
        if isinstance(table := toml.get(section), Mapping):
            thresholds = {name: value for name, value in table.items() if name not in others}
            yield from (f"[{section}] {problem}" for problem in find_unfit_thresholds(suite, thresholds))
