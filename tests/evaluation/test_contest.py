"""Who makes the lists: a baseline only where it is better beyond chance, against healthy stages, and fit to be seen."""

import dataclasses

import numpy as np
import pytest
from planted_results import result

from benchmarks.calibration.saboteurs import SABOTEURS
from benchmarks.planted_week import planted_week
from recommender import config
from recommender.evaluation.behavioral_check import CheckResult, run_tests
from recommender.evaluation.contest import MEASURES_OF_QUALITY, Contest, hold_contest
from recommender.evaluation.promotion import decide
from recommender.model_names import FOUR_STAGES

THRESHOLDS = config.Settings.of(config.read_toml(config.DEFAULT_FILE.read_text()), "demo").behavioral_tests
CUSTOMERS, MINIMUM = 400, 100
STAGES = np.random.default_rng(0).uniform(0, 0.4, CUSTOMERS)
SLIGHTLY_BETTER, BETTER, WORSE = STAGES + 0.001 * np.tile([2, -1, -1, 0.2], 100), STAGES + 0.05, STAGES - 0.05


def outcome(name: str, test_type: str, passed: bool | None, is_refusing: bool = True) -> CheckResult:
    return result(name, 0.5, passed, test_type=test_type, is_refusing=is_refusing)


HEALTHY = [outcome("coverage", "diversity", True), outcome("few", "accuracy", None)]
WEAK = [*HEALTHY, outcome("better_than_popular", "accuracy", False), outcome("worst_slice", "slices", False)]
BROKEN = [*WEAK, outcome("overlap", "personalisation", False)]
WARNED = [*HEALTHY, outcome("prices", "common_sense", False, is_refusing=False)]


def contest(stages=WEAK, baseline=HEALTHY, n=CUSTOMERS, **baselines: np.ndarray) -> Contest:
    results = {FOUR_STAGES: stages, "ease": baseline}
    return hold_contest(
        STAGES[:n], {name: values[:n] for name, values in baselines.items()}, results.__getitem__, MINIMUM
    )


@pytest.mark.parametrize("stages", [HEALTHY, WEAK], ids=["healthy", "weak"])
def test_a_baseline_that_is_better_beyond_chance_makes_the_lists(stages):
    held = contest(stages, ease=BETTER, bpr=WORSE)
    assert (held.winner, held.best_baseline, held.is_won_by_baseline) == ("ease", "ease", True)
    assert held.difference == pytest.approx((0.05, 0.05, 0.05))
    assert held.reason == "ease did better than the four stages by 0.0500 [0.0500, 0.0500] of MAP and makes the lists"
    assert held.maker("base-seed7") == "ease"
    assert held.reason in str(decide(HEALTHY, contest=held))


@pytest.mark.parametrize("baseline", [WORSE, STAGES, SLIGHTLY_BETTER], ids=["worse", "equal", "within chance"])
def test_otherwise_the_four_stages_do_and_no_suite_is_run(baseline):
    held = hold_contest(STAGES, {"ease": baseline}, lambda name: pytest.fail(f"{name} was judged"), MINIMUM)
    assert (held.winner, held.reason, held.is_won_by_baseline) == (FOUR_STAGES, "", False)
    assert held.maker("base-seed7") == "base-seed7"
    assert held.in_words().startswith("the four stages make the lists; ease minus them in MAP: ")


def test_the_best_baseline_is_the_one_that_is_compared():
    assert contest(popular=SLIGHTLY_BETTER, ease=BETTER, bpr=BETTER - 0.01).best_baseline == "ease"


def test_broken_stages_are_left_to_be_refused():
    """A baseline in their place would hide them, and yesterday's lists may be better than it."""
    held = contest(BROKEN, ease=BETTER)
    assert held.winner == FOUR_STAGES
    assert held.reason.endswith("which are broken, not weak: they fail overlap")
    assert not decide(BROKEN, contest=held).is_passed


def test_a_baseline_that_fails_a_test_stays_where_it_is():
    held = contest(HEALTHY, baseline=WEAK, ease=BETTER)
    assert held.winner == FOUR_STAGES
    assert held.reason.endswith("but fails better_than_popular, worst_slice")
    assert decide(HEALTHY, contest=held).is_passed


def test_a_baseline_that_is_merely_warned_of_may_win_and_the_warning_stays():
    held = contest(HEALTHY, baseline=WARNED, ease=BETTER)
    assert held.winner == "ease"
    verdict = decide(WARNED, contest=held)
    assert verdict.is_passed
    assert verdict.warnings == ("prices is 0.5 (at least 1)",)


def test_stages_that_are_merely_warned_of_are_not_broken():
    assert contest([*WEAK, *WARNED], ease=BETTER).winner == "ease"


def test_few_customers_hand_nothing_over():
    assert contest(n=MINIMUM, ease=BETTER).winner == "ease"
    assert contest(n=MINIMUM - 1, ease=BETTER).winner == FOUR_STAGES


def test_customers_without_purchases_count_for_nothing():
    nothing = np.full(CUSTOMERS, np.nan)
    held = hold_contest(nothing, {"ease": nothing}, lambda name: pytest.fail("judged"), MINIMUM)
    assert held.winner == FOUR_STAGES


@pytest.mark.parametrize("name", [name for name, each in SABOTEURS.items() if each.of_lists])
def test_no_saboteur_is_covered_up_by_a_baseline(name):
    """Each fails more than tests of quality."""
    healthy = planted_week(n_customers=1_500, n_articles=800)
    sabotaged, stages = SABOTEURS[name].spoil(healthy), healthy.average_precision
    held = hold_contest(
        stages,
        {"ease": stages + 0.05},
        lambda maker: run_tests(sabotaged if maker == FOUR_STAGES else healthy, THRESHOLDS),
        MINIMUM,
    )
    assert held.winner == FOUR_STAGES
    assert "broken" in held.reason


def test_healthy_lists_that_find_less_are_weak_and_not_broken():
    """Half of what the planted recommender found is lost, evenly."""
    healthy = planted_week(n_customers=1_500, n_articles=800)
    lists = healthy.lists.copy()
    lists[::2] = np.roll(healthy.baselines["repurchase"][::2], 1, axis=1)
    weak = dataclasses.replace(healthy, lists=lists, lists_again=lists)
    failed = {each.test_type for each in run_tests(weak, THRESHOLDS) if each.is_refused}
    assert failed <= set(MEASURES_OF_QUALITY)
