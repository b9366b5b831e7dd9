"""A test's result in words, for the verdict, the summary and the cards.

In: one `CheckResult`. Out: texts on one line, such as "0.83 [0.75, 0.9] (at least 1)".
"""

import math

from recommender.evaluation.behavioral_check import CheckResult

NAMED = "named"
"""The entry of a result's details with one text for each thing that is wrong, where a test judges many."""


def describe_failure(result: CheckResult) -> str:
    """Say what a test found and what was asked for: "spread is 0.25 [0.2, 0.3] (at least 1)"."""
    named = result.details.get(NAMED)
    return f"{result.name} is {describe_value(result)}" + (f": {', '.join(named)}" if named else "")


def describe_value(result: CheckResult) -> str:
    """Put a test's value and threshold into words: "0.83 [0.75, 0.9] (at least 1)"."""
    return f"{describe_measured(result)} ({describe_threshold(result)})"


def describe_measured(result: CheckResult) -> str:
    """Put a value and its interval into words, or say what is missing: "0.83 [0.75, 0.9]", "6 of at least 100 days"."""
    if result.passed is None and (missing := describe_missing_data(result)):
        return missing
    if result.value is None:
        return "unknown"
    return f"{result.value:.4g}{_interval(result)}"


def describe_missing_data(result: CheckResult) -> str:
    """Say of what there was too little: "6 of at least 100 customers"; empty when there was enough."""
    counted = ((what.replace("_", " "), result.details.get(what, 0), few) for what, few in result.needs.items())
    return ", ".join(f"{count:,} of at least {few:,} {what}" for what, count, few in counted if count < few)


def describe_threshold(result: CheckResult) -> str:
    """Put a threshold into words: "at least 1", "at most 0", "from 0.1 to 0.9"."""
    if result.comparison == "within":
        return f"from {result.threshold[0]:g} to {result.threshold[1]:g}"
    return f"{'at least' if result.comparison == '>=' else 'at most'} {result.threshold:g}"


def count_of(number: int, what: str) -> str:
    """Return a number of things: "1 warning", "3 warnings"."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _interval(result: CheckResult) -> str:
    bounds = (result.low, result.high)
    is_known = all(bound is not None and math.isfinite(bound) for bound in bounds)
    return f" [{result.low:.4g}, {result.high:.4g}]" if is_known else ""
