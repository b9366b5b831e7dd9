"""A settings file, checked with the names of the behavioral tests: what a run asks before its first step.

In: a parsed TOML file. Out: nothing, or one error that names everything that is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from recommender.errors import SettingsError
from recommender.evaluation.behavior.suite import BehavioralSuite
from recommender.evaluation.behavioral_check import declaration_of, find_unfit_thresholds, test_names
from recommender.evaluation.publication_gate import PublicationGate
from recommender.evaluation.usual_weeks import UsualWeeks
from recommender.settings.file import KINDS_OF_TESTS, find_problems

SUITES = {"behavioral_tests": BehavioralSuite, "publication_gate": PublicationGate, "usual_weeks": UsualWeeks}
"""Section to the suite whose thresholds it holds."""


def check_settings(toml: Mapping[str, Any]) -> None:
    """Check a whole settings file, for every dataset.

    Raises:
        SettingsError: when anything is wrong in it, one line for each thing.
    """
    if problems := [*find_problems(toml), *_unfit_thresholds(toml)]:
        raise SettingsError("\n".join(problems))


def _unfit_thresholds(toml: Mapping[str, Any]) -> Iterator[str]:
    for section, suite in SUITES.items():
        if not isinstance(tables := toml.get(section), Mapping):
            continue
        by_kind = {kind: table for kind, table in tables.items() if kind in KINDS_OF_TESTS}
        if not all(isinstance(table, Mapping) for table in by_kind.values()):
            continue
        thresholds = {name: bounds for table in by_kind.values() for name, bounds in table.items()}
        yield from (f"[{section}] {problem}" for problem in find_unfit_thresholds(suite, thresholds))
        for kind, table in by_kind.items():
            of_others = [name for name in table if name in test_names(suite) and _table_of(suite, name) != kind]
            yield from (f"[{section}.{kind}] has {name}, which goes to {_table_of(suite, name)}" for name in of_others)


def _table_of(suite: type, name: str) -> str:
    return f"{declaration_of(suite, name).kind}s"
