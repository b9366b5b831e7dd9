"""What a behavioral test is: a measured value with its interval, a threshold, and what follows from it.

Stage: under every suite that judges a night. In: an object whose methods carry `@behavioral_check`, and thresholds as a
plain dict by test name. Out: one `CheckResult` per method, in the order they are written.

After RecList (Chia et al. 2022, https://arxiv.org/abs/2111.09963): one method is one test, its docstring the
description. Added here: thresholds, the data that a test needs before it judges, intervals, and whether a failure
refuses the night or warns.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from recommender.config import SettingsError


class Kind(StrEnum):
    """What a test holds the lists against."""

    RULE = "rule"  # kept or broken, in any shop
    COMPARISON = "comparison"  # with references made on the same shop in the same night
    CHANGE = "change"  # since the weeks or nights before


class DisplayType(StrEnum):
    """How a report draws the details of a test."""

    SCALAR = "scalar"
    BARS = "bars"
    SLICES = "slices"  # `details["slices"]` is a table, one dict per slice


@dataclass(frozen=True)
class Declaration:
    """What `@behavioral_check` says of a test.

    Attributes:
        test_type: the family in a report.
        kind: what the lists are held against.
        is_refusing: whether a failure refuses the night; otherwise it warns.
        why: one sentence without its full stop, why it refuses or why it only warns.
        needs: name of what is counted, such as "customers", to the fewest that tell anything.
        display_type: how a report draws the details.
        bounds: the threshold of a rule, `minimum`, `maximum` or both; empty where the settings give it.
    """

    test_type: str
    kind: Kind
    is_refusing: bool
    why: str
    needs: Mapping[str, int]
    display_type: DisplayType
    bounds: Mapping[str, float]


@dataclass(frozen=True)
class Measurement:
    """What a test method returns.

    Attributes:
        value: to be judged; None when nothing can be measured.
        details: what explains it.
        data: what it was measured on, by the names of the test's needs.
        low: lower bound of the value's 95% interval; None for a value without chance in it.
        high: upper bound.
        sick: what the sick reference has on the value's scale. An interval that holds both it and the threshold tells
            nothing. None where the value has no such reference.

    Raises:
        ValueError: when details and data share a name; a report shows both together.
    """

    value: float | None
    details: dict[str, Any] = field(default_factory=dict)
    data: dict[str, int] = field(default_factory=dict)
    low: float | None = None
    high: float | None = None
    sick: float | None = None

    def __post_init__(self) -> None:
        if shared := self.details.keys() & self.data.keys():
            raise ValueError(f"details and data both name {', '.join(sorted(shared))}; call one of them otherwise")


@dataclass(frozen=True)
class CheckResult:
    """Outcome of one test; `passed` is None when there was not enough data to tell.

    `threshold` is a number for the comparisons ">=" and "<=", a pair [minimum, maximum] for "within". A value with an
    interval fails only when all of the interval lies on the wrong side.
    """

    name: str
    description: str
    test_type: str
    kind: str
    is_refusing: bool
    why: str
    display_type: str
    value: float | None
    low: float | None
    high: float | None
    threshold: float | list[float]
    comparison: str
    passed: bool | None
    needs: dict[str, int]
    details: dict[str, Any]
    sick: float | None = None

    @property
    def is_refused(self) -> bool:
        """Whether nothing may be published because of it."""
        return self.passed is False and self.is_refusing

    @property
    def is_warned(self) -> bool:
        """Whether it has to be told, loudly, though it keeps nothing from being published."""
        return self.passed is False and not self.is_refusing

    @property
    def outcome(self) -> str:
        """The outcome in words."""
        if self.passed is None:
            return "not enough data"
        return "pass" if self.passed else "fail" if self.is_refusing else "warning"

    def as_dict(self) -> dict[str, Any]:
        """The result as report.json holds it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> CheckResult:
        """Read a result as report.json holds it; in an earlier release, which knew no kinds, every failure refused."""
        earlier = {"kind": "", "is_refusing": True, "why": "", "low": None, "high": None, "needs": {}}
        return cls(**{**earlier, **values})


def behavioral_check(
    test_type: str,
    kind: Kind,
    *,
    refuses: str = "",
    warns: str = "",
    needs: Mapping[str, int] | None = None,
    display_type: DisplayType = DisplayType.SCALAR,
    **bounds: float,
) -> Callable[[Callable], Callable]:
    """Declare a method a test.

    Args:
        test_type: the family in a report.
        kind: what the lists are held against.
        refuses: why a failure refuses the night; give this or `warns`.
        warns: why a failure is told and does not refuse.
        needs: what has to be counted in a `Measurement.data`, and how many of it, before the test judges.
        display_type: how a report draws the details.
        bounds: `minimum=`, `maximum=` or both for what is not a matter of taste, such as "no duplicates"; the settings
            may replace them. Without them the settings must give the threshold.

    Raises:
        TypeError: when the method has no docstring, or not exactly one of `refuses` and `warns` is given.
    """
    if bool(refuses) == bool(warns):
        raise TypeError("a test either refuses or warns: say why in `refuses` or in `warns`")

    def declare(method: Callable) -> Callable:
        if not method.__doc__:
            raise TypeError(f"test {method.__name__} needs a docstring: it is the test's description")
        method.declaration = Declaration(
            test_type, kind, bool(refuses), refuses or warns, dict(needs or {}), display_type, bounds
        )
        return method

    return declare


def run_tests(suite: object, settings: Mapping[str, Mapping[str, float]]) -> list[CheckResult]:
    """Run every test of the suite.

    `settings` maps a test's name to {"minimum": x}, {"maximum": y} or both, inclusive.

    Raises SettingsError when a test has no threshold, or a threshold no test.
    """
    check_thresholds(type(suite), settings)
    return [_run_test(suite, name, settings.get(name)) for name in test_names(type(suite))]


def check_thresholds(suite: type, settings: Mapping[str, Mapping[str, float]]) -> None:
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
        if not declaration_of(suite, name).bounds and name not in settings:
            yield f"lacks {name}; this test takes a minimum, a maximum or both"


def test_names(suite: type) -> list[str]:
    """Return the names of a suite's tests, base classes first, in the order in which they are written."""
    return [name for name, method in _members(suite) if hasattr(method, "declaration")]


test_names.__test__ = False  # no test of pytest's


def declaration_of(suite: type, name: str) -> Declaration:
    """Return what a suite's test was declared to be."""
    return getattr(suite, name).declaration


def _run_test(suite: object, name: str, bounds: Mapping[str, float] | None) -> CheckResult:
    declared = declaration_of(type(suite), name)
    threshold, comparison = _read_threshold(name, bounds or declared.bounds)
    measured = getattr(suite, name)()
    return CheckResult(
        name=name,
        description=" ".join(getattr(suite, name).__doc__.split()),
        test_type=declared.test_type,
        kind=declared.kind.value,
        is_refusing=declared.is_refusing,
        why=declared.why,
        display_type=declared.display_type.value,
        value=measured.value,
        low=measured.low,
        high=measured.high,
        threshold=threshold,
        comparison=comparison,
        passed=is_passed(measured, threshold, comparison) if _is_enough(measured, declared.needs) else None,
        needs=dict(declared.needs),
        details={**measured.data, **measured.details},
        sick=measured.sick,
    )


def _members(suite: type) -> list[tuple[str, Any]]:
    """Attributes of a suite, base classes first, in the order they are written."""
    members: dict[str, Any] = {}
    for cls in reversed(suite.__mro__):
        members.update(vars(cls))
    return list(members.items())


def _read_threshold(name: str, bounds: Mapping[str, float]) -> tuple[float | list[float], str]:
    match bounds:
        case {"minimum": minimum, "maximum": maximum, **rest} if not rest:
            return [minimum, maximum], "within"
        case {"minimum": minimum, **rest} if not rest:
            return minimum, ">="
        case {"maximum": maximum, **rest} if not rest:
            return maximum, "<="
    raise SettingsError(f"test {name} needs a threshold: minimum, maximum or both; got {bounds}")


def _is_enough(measured: Measurement, needs: Mapping[str, int]) -> bool:
    return measured.value is not None and all(measured.data[what] >= fewest for what, fewest in needs.items())


def is_passed(measured: Measurement | CheckResult, threshold: float | list[float], comparison: str) -> bool | None:
    """Judge a value by its interval; None when that holds both the sick reference and the threshold.

    Of two thresholds the one that is nearer to the sick reference counts.
    """
    if (sick := measured.sick) is not None:
        low, high = bounds_of(measured)
        edge = min(threshold, key=lambda each: abs(each - sick)) if isinstance(threshold, list) else threshold
        if low <= min(sick, edge) and max(sick, edge) <= high:
            return None
    return _is_met(measured, threshold, comparison)


def _is_met(measured: Measurement | CheckResult, threshold: float | list[float], comparison: str) -> bool:
    """Judge the value; NaN never passes. Python's bool, because the verdict looks for `False`, which numpy's is not."""
    if math.isnan(measured.value):
        return False
    lowest, highest = bounds_of(measured)
    minimum, maximum = threshold if comparison == "within" else (threshold, threshold)
    return bool((comparison == "<=" or highest >= minimum) and (comparison == ">=" or lowest <= maximum))


def bounds_of(measured: Measurement | CheckResult) -> tuple[float, float]:
    """Return the interval of a value; the value itself where it has none, or an unknown bound."""
    low, high = (measured.value if each is None or math.isnan(each) else each for each in (measured.low, measured.high))
    return low, high
