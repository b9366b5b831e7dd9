"""The test week from end to end on the small shop: who makes the lists, under which names they stand, and the duel."""

from dataclasses import replace

import numpy as np
import pytest
from small_shop import SMALL_STAGES

from recommender import config
from recommender.evaluation import evaluated_week
from recommender.evaluation.behavioral_check import run_tests
from recommender.evaluation.contest import Contest, hold_contest
from recommender.evaluation.evaluated_week import EvaluatedWeek, evaluate_week
from recommender.model_names import CHAMPION, FOUR_STAGES, ORACLE, SERVED, TWO_TOWER
from recommender.models.collaborative_baselines import every_baseline
from recommender.weeks.configuration import NO_CHAMPION, SAME, Configuration, Opponent
from recommender.weeks.weekly_models import FittedModels

DEFAULTS = config.Settings.of(config.read_toml(config.DEFAULT_FILE.read_text()), "demo")
SETTINGS = replace(DEFAULTS, stages=SMALL_STAGES, minimum_customers=20)
BASELINES = every_baseline(0).keys()


@pytest.fixture(scope="module")
def evaluate(weekly_two_towers, ranker_folder, demo_windows):
    """Evaluates the small shop's test week against an opponent."""
    tonight = FittedModels(weekly_two_towers[demo_windows.test_as_of_day], ranker_folder)

    def evaluate(opponent: Opponent, champion: FittedModels | None = None, **more) -> EvaluatedWeek:
        return evaluate_week(tonight, champion, opponent, SETTINGS, **more)

    return evaluate


@pytest.fixture(scope="module", autouse=True)
def collected_candidates(weekly_two_towers, demo_windows):
    """The candidates of the test week, beside its two-tower as a night leaves them."""
    from recommender.weeks.weekly_models import collect_candidates

    return collect_candidates(weekly_two_towers[demo_windows.test_as_of_day], SMALL_STAGES)


@pytest.fixture(scope="module")
def week(evaluate, demo_raw_dir) -> EvaluatedWeek:
    return evaluate(Opponent(None, reason=NO_CHAMPION), oracle_file=demo_raw_dir / "oracle.parquet")


@pytest.fixture
def ease_wins(monkeypatch):
    """Nights on which EASE did better."""

    def won(four_stages, baselines, run_suite, minimum_customers) -> Contest:
        held = hold_contest(four_stages, baselines, run_suite, minimum_customers)
        return replace(held, winner="ease", reason="ease makes the lists")

    monkeypatch.setattr(evaluated_week, "hold_contest", won)


def test_the_four_stages_are_served_beside_everybody_elses_lists(week):
    assert week.contest.winner == FOUR_STAGES
    assert week.lists.keys() == {SERVED, TWO_TOWER, ORACLE} | BASELINES
    assert week.metrics.keys() == week.lists.keys()
    assert week.suite.baselines.keys() == BASELINES
    np.testing.assert_array_equal(week.suite.lists, week.lists[SERVED].positions[:, : SETTINGS.lists.k])
    assert (week.challenge.accepted, week.challenge.reason) == (True, NO_CHAMPION)


def test_the_contest_compares_the_best_baseline_by_what_the_metrics_say(week):
    maps = {name: week.metrics[name]["map@12"] for name in BASELINES}
    assert week.contest.best_baseline == max(maps, key=maps.get)
    expected = max(maps.values()) - week.metrics[SERVED]["map@12"]
    assert week.contest.difference.mean == pytest.approx(expected)


def test_a_baseline_that_won_is_served_and_judged_and_the_stages_stand_beside_it(ease_wins, evaluate, week):
    won = evaluate(Opponent(FOUR_STAGES, reason=SAME))
    for ours, theirs in ((SERVED, "ease"), ("ease", "ease"), (FOUR_STAGES, SERVED), (TWO_TOWER, TWO_TOWER)):
        np.testing.assert_array_equal(won.lists[ours].positions, week.lists[theirs].positions)
    np.testing.assert_array_equal(won.suite.lists, week.suite.baselines["ease"])
    np.testing.assert_array_equal(won.suite.lists_again, won.suite.lists)
    assert won.suite.perturbed is None
    outcomes = {each.name: each.outcome for each in run_tests(won.suite, SETTINGS.behavioral_tests)}
    stability = ("served_without_newest_purchase", "one_purchase_less", "shuffled_basket")
    assert {outcomes[name] for name in stability} == {"not enough data"}
    assert won.challenge.champion_map == pytest.approx(won.metrics[FOUR_STAGES]["map@12"])
    assert won.challenge.challenger_map == pytest.approx(won.metrics["ease"]["map@12"])


def test_a_champion_that_is_a_baseline_is_compared_by_the_lists_that_are_there_anyway(evaluate, week):
    against = evaluate(Opponent("popular")).challenge
    assert against.champion_map == pytest.approx(week.metrics["popular"]["map@12"])
    assert against.challenger_map == pytest.approx(week.metrics[SERVED]["map@12"])
    assert against.customers == week.metrics[SERVED]["customers"]


def test_a_champion_of_other_settings_has_lists_of_its_own(evaluate, weekly_two_towers, ranker_folder, demo_windows):
    stages = replace(SMALL_STAGES, order=replace(SMALL_STAGES.order, caps={"department": 2}))
    opponent = Opponent(CHAMPION, Configuration(SETTINGS.candidates[0], 1, stages))
    champion = FittedModels(weekly_two_towers[demo_windows.test_as_of_day], ranker_folder)
    against = evaluate(opponent, champion)
    assert (against.lists[CHAMPION].positions != against.lists[SERVED].positions).any()
    assert against.challenge.champion_map == pytest.approx(against.metrics[CHAMPION]["map@12"])
