"""What tests of the suite ask of a planted week: results under the shipped settings, other lists, fewer customers."""

import dataclasses

import numpy as np

from recommender import config
from recommender.evaluation.behavior.suite import BehavioralSuite
from recommender.evaluation.behavioral_check import CheckResult, run_tests

THRESHOLDS = config.Settings.of(config.read_toml(config.DEFAULT_FILE.read_text()), "demo").behavioral_tests


def results_by_name(suite: BehavioralSuite) -> dict[str, CheckResult]:
    """Run every test with the shipped thresholds."""
    return {result.name: result for result in run_tests(suite, THRESHOLDS)}


def failed(suite: BehavioralSuite) -> set[str]:
    """Name the tests that refuse or warn."""
    return {name for name, result in results_by_name(suite).items() if result.passed is False}


def undecided(suite: BehavioralSuite) -> set[str]:
    """Name the tests without enough data."""
    return {name for name, result in results_by_name(suite).items() if result.passed is None}


def with_lists(suite: BehavioralSuite, lists: np.ndarray, **changes) -> BehavioralSuite:
    """Let other lists be judged, which come out the same when they are made again."""
    lists = lists.astype(np.int32)
    return dataclasses.replace(suite, lists=lists, lists_again=lists, **changes)


def take(suite: BehavioralSuite, rows: np.ndarray, **changes) -> BehavioralSuite:
    """The same week with some of its customers alone."""
    by_customer = ("lists", "scores", "lists_again", "has_history", "usual_prices", "history", "customer_names")
    taken = {name: getattr(suite, name)[rows] for name in by_customer}
    days = np.split(suite.truth_days, suite.truth.offsets[1:-1])
    now = ("earlier_now", "reference_now", "earlier_likelihood_now", "judged_likelihood_now")
    rehearsal = suite.rehearsal and dataclasses.replace(
        suite.rehearsal,
        rows=np.arange(len(rows)),
        **{name: getattr(suite.rehearsal, name)[rows] for name in now},
    )
    return dataclasses.replace(
        suite,
        **taken,
        baselines={name: lists[rows] for name, lists in suite.baselines.items()},
        truth=suite.truth.take(rows),
        truth_days=np.concatenate([days[row] for row in rows]),
        customer_slices={name: labels[rows] for name, labels in suite.customer_slices.items()},
        two_tower=suite.two_tower[rows],
        rehearsal=rehearsal,
        **changes,
    )
