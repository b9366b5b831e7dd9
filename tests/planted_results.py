"""Test results small enough to read."""

from typing import Any

from recommender.evaluation.behavioral_check import CheckResult, Kind


def result(name: str, value: float | None, passed: bool | None, **more: Any) -> CheckResult:
    """A comparison that refuses and asks for at least 1; `more` are other fields."""
    plain = {
        "name": name,
        "description": f"What {name} measures.",
        "test_type": "accuracy",
        "kind": Kind.COMPARISON.value,
        "is_refusing": True,
        "why": f"why {name} matters",
        "display_type": "scalar",
        "value": value,
        "low": None,
        "high": None,
        "threshold": 1.0,
        "comparison": ">=",
        "passed": passed,
        "needs": {},
        "details": {},
    }
    return CheckResult(**{**plain, **more})
