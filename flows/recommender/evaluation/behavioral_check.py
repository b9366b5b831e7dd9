"""What a behavioral test is: a measured value, a threshold, and an outcome.

Stage: under the behavioral suite and the publication gate. In: an object whose methods carry `@behavioral_check`,
and thresholds as a plain dict by test name. Out: one `CheckResult` per method, in the order they are
written.

After RecList (Chia et al. 2022, https://arxiv.org/abs/2111.09963): one method is one test, its docstring the
description. Added here: thresholds, and a third outcome for a test that has too little data to judge.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from recommender.config import SettingsError


class DisplayType(StrEnum):
    """How a report draws the details of a test."""

    SCALAR = "scalar"
    BARS = "bars"
    SLICES = "slices"  # `details["slices"]` is a table, one dict per slice


@dataclass(frozen=True)
class Measurement:
    """What a test method returns: the value to judge, None with too little data, and what explains it."""

    value: float | None
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class CheckResult:
    """Outcome of one test; `passed` is None when there was not enough data.

    `threshold` is a number for the comparisons ">=" and "<=", a pair [minimum, maximum] for "within".
    """

    name: str
    description: str
    test_type: str
    display_type: str
    value: float | None
    threshold: float | list[float]
    comparison: str
    passed: bool | None
    details: dict[str, Any]

    @property
    def outcome(self) -> str:
        """The outcome in words."""
        return {True: "pass", False: "fail", None: "not enough data"}[self.passed]

    def as_dict(self) -> dict[str, Any]:
        """The result as report.json holds it."""
        return asdict(self)


def behavioral_check(
    test_type: str, display_type: DisplayType = DisplayType.SCALAR, **default_threshold: float
) -> Callable[[Callable], Callable]:
    """Declare a method a test.

    `default_threshold` is `minimum=` or `maximum=` (or both) for rules that are not a matter of taste, such as
    "no duplicates"; the settings may replace it. Without it the settings must give the threshold.
    """

    def declare(method: Callable) -> Callable:
        if not method.__doc__:
            raise TypeError(f"test {method.__name__} needs a docstring: it is the test's description")
        method.behavioral_check = (test_type, DisplayType(display_type), default_threshold)
        return method

    return declare


def run_tests(suite: object, settings: dict[str, dict[str, float]]) -> list[CheckResult]:
    """Run every test of the suite.

    `settings` maps a test's name to {"minimum": x}, {"maximum": y} or both, inclusive.

    Raises SettingsError when a test has no threshold, or a threshold no test.
    """
    check_thresholds(type(suite), settings)
    return [_run_test(suite, name, settings.get(name)) for name in test_names(type(suite))]


def check_thresholds(suite: type, settings: dict[str, dict[str, float]]) -> None:
    """Check that every test of a suite has a threshold, and every threshold a test.

    Raises SettingsError naming what does not fit.
    """
    if problems := list(find_unfit_thresholds(suite, settings)):
        raise SettingsError("\n".join(f"{suite.__name__} {problem}" for problem in problems))


def find_unfit_thresholds(suite: type, settings: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the names of a suite's thresholds, as it goes on behind "the suite ..."."""
    names = test_names(suite)
    for unknown in sorted(settings.keys() - set(names)):
        yield f"has {unknown}, a threshold without a test; tests are {', '.join(names)}"
    for name in names:
        _, _, default_bounds = getattr(suite, name).behavioral_check
        if not default_bounds and name not in settings:
            yield f"lacks {name}; this test takes a minimum, a maximum or both"


def test_names(suite: type) -> list[str]:
    """Return the names of a suite's tests, base classes first, in the order in which they are written."""
    return [name for name, method in _members(suite) if hasattr(method, "behavioral_check")]


test_names.__test__ = False  # no test of pytest's


def _run_test(suite: object, name: str, bounds: dict[str, float] | None) -> CheckResult:
    method = getattr(suite, name)
    test_type, display_type, default_bounds = method.behavioral_check
    threshold, comparison = _read_threshold(name, bounds or default_bounds)
    measured = method()
    return CheckResult(
        name=name,
        description=" ".join(method.__doc__.split()),
        test_type=test_type,
        display_type=display_type.value,
        value=measured.value,
        threshold=threshold,
        comparison=comparison,
        passed=None if measured.value is None else _is_met(measured.value, threshold, comparison),
        details=measured.details,
    )


def _members(suite: type) -> list[tuple[str, Any]]:
    """Attributes of a suite, base classes first, in the order they are written."""
    members: dict[str, Any] = {}
    for cls in reversed(suite.__mro__):
        members.update(vars(cls))
    return list(members.items())


def _read_threshold(name: str, bounds: dict[str, float]) -> tuple[float | list[float], str]:
    match bounds:
        case {"minimum": minimum, "maximum": maximum, **rest} if not rest:
            return [minimum, maximum], "within"
        case {"minimum": minimum, **rest} if not rest:
            return minimum, ">="
        case {"maximum": maximum, **rest} if not rest:
            return maximum, "<="
    raise SettingsError(f"test {name} needs a threshold: minimum, maximum or both; got {bounds}")


def _is_met(value: float, threshold: float | list[float], comparison: str) -> bool:
    """Judge the value; NaN never passes. Python's bool, because the verdict looks for `False`, which numpy's is not."""
    if math.isnan(value):
        return False
    if comparison == "within":
        return bool(threshold[0] <= value <= threshold[1])
    return bool(value >= threshold if comparison == ">=" else value <= threshold)
