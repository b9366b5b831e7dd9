"""The test week from end to end on the small shop: who makes the lists, under which names they stand, and the duel."""

from dataclasses import replace

import numpy as np
import pytest
from small_shop import SMALL_STAGES

from recommender import config
from recommender.evaluation import evaluated_week
from recommender.evaluation.behavior import perturbed_lists
from recommender.evaluation.behavioral_check import run_tests
from recommender.evaluation.contest import Contest, hold_contest
from recommender.evaluation.evaluated_week import EvaluatedWeek, WeekLists, evaluate_week
from recommender.model_names import CHAMPION, FOUR_STAGES, ORACLE, SERVED, TWO_TOWER
from recommender.models.collaborative_baselines import every_baseline
from recommender.weeks.configuration import NO_CHAMPION, SAME, Configuration, Opponent
from recommender.weeks.tonights_models import TonightsModels
from recommender.weeks.weekly_models import FittedModels, collect_candidates

DEFAULTS = config.Settings.of(config.read_toml(config.DEFAULT_FILE.read_text()), "demo")
SETTINGS = replace(DEFAULTS, stages=SMALL_STAGES, promotion=replace(DEFAULTS.promotion, minimum_customers=20))
BASELINES = every_baseline(0).keys()


@pytest.fixture(scope="module")
def tonight(weekly_two_towers, ranker_choice, ranker_folder, demo_windows) -> TonightsModels:
    """What a night on the small shop fits; the candidates of the test week lie beside its two-tower."""
    validation, test, publishing = (weekly_two_towers[day] for day in demo_windows.as_of_days[-3:])
    collect_candidates(test, SMALL_STAGES)
    return TonightsModels(
        ranking=(replace(validation, scored_weeks=(validation.as_of_day,)),),
        evaluated=FittedModels(test, ranker_folder),
        champion=None,
        tonight=publishing,
        ranker_choice=ranker_choice,
    )


@pytest.fixture(scope="module")
def evaluate(tonight):
    """Evaluates the small shop's test week against an opponent."""

    def evaluate(opponent: Opponent, models: TonightsModels = tonight, **more) -> tuple[EvaluatedWeek, WeekLists]:
        return evaluate_week(models, opponent, SETTINGS, **more)

    return evaluate


@pytest.fixture(scope="module")
def week_and_lists(evaluate, demo_raw_dir) -> tuple[EvaluatedWeek, WeekLists]:
    return evaluate(Opponent(None, reason=NO_CHAMPION), oracle_file=demo_raw_dir / "oracle.parquet")


@pytest.fixture(scope="module")
def week(week_and_lists) -> EvaluatedWeek:
    return week_and_lists[0]


@pytest.fixture(scope="module")
def lists(week_and_lists) -> WeekLists:
    return week_and_lists[1]


@pytest.fixture
def ease_wins(monkeypatch):
    """Nights on which EASE did better."""

    def won(four_stages, baselines, run_suite, minimum_customers) -> Contest:
        held = hold_contest(four_stages, baselines, run_suite, minimum_customers)
        return replace(held, winner="ease", reason="ease makes the lists")

    monkeypatch.setattr(evaluated_week, "hold_contest", won)


def test_the_four_stages_are_served_beside_everybody_elses_lists(week, lists):
    assert week.contest.winner == FOUR_STAGES
    assert lists.by_model.keys() == {SERVED, TWO_TOWER, ORACLE} | BASELINES
    assert week.metrics.keys() == lists.by_model.keys()
    assert week.suite.baselines.keys() == BASELINES
    np.testing.assert_array_equal(week.suite.lists, lists.by_model[SERVED].positions[:, : SETTINGS.lists.k])
    assert (week.challenge.accepted, week.challenge.reason) == (True, NO_CHAMPION)


def test_the_contest_compares_the_best_baseline_by_what_the_metrics_say(week):
    maps = {name: week.metrics[name]["map@12"] for name in BASELINES}
    assert week.contest.best_baseline == max(maps, key=maps.get)
    expected = max(maps.values()) - week.metrics[SERVED]["map@12"]
    assert week.contest.difference.mean == pytest.approx(expected)


def test_a_baseline_that_won_is_served_and_judged_and_the_stages_stand_beside_it(ease_wins, evaluate, week, lists):
    won, winners = evaluate(Opponent(FOUR_STAGES, reason=SAME))
    for ours, theirs in ((SERVED, "ease"), ("ease", "ease"), (FOUR_STAGES, SERVED), (TWO_TOWER, TWO_TOWER)):
        np.testing.assert_array_equal(winners.by_model[ours].positions, lists.by_model[theirs].positions)
    np.testing.assert_array_equal(won.suite.lists, week.suite.baselines["ease"])
    np.testing.assert_array_equal(won.suite.lists_again, won.suite.lists)
    assert (won.suite.perturbed, won.suite.rehearsal) == (None, None)
    outcomes = {each.name: each.outcome for each in run_tests(won.suite, SETTINGS.behavioral_tests)}
    of_stages = ("served_without_newest_purchase", "one_purchase_less", "shuffled_basket", "part_of_a_leaks_gain")
    assert {outcomes[name] for name in of_stages} == {"not enough data"}
    assert won.challenge.champion_map == pytest.approx(won.metrics[FOUR_STAGES]["map@12"])
    assert won.challenge.challenger_map == pytest.approx(won.metrics["ease"]["map@12"])


def test_a_champion_that_is_a_baseline_is_compared_by_the_lists_that_are_there_anyway(evaluate, week):
    against = evaluate(Opponent("popular"))[0].challenge
    assert against.champion_map == pytest.approx(week.metrics["popular"]["map@12"])
    assert against.challenger_map == pytest.approx(week.metrics[SERVED]["map@12"])
    assert against.customers == week.metrics[SERVED]["customers"]


def test_a_champion_of_other_settings_has_lists_of_its_own(evaluate, tonight):
    stages = replace(SMALL_STAGES, order=replace(SMALL_STAGES.order, caps={"department": 2}))
    opponent = Opponent(CHAMPION, Configuration(SETTINGS.candidates[0], 1, stages))
    against, lists = evaluate(opponent, replace(tonight, champion=tonight.evaluated))
    assert (lists.by_model[CHAMPION].positions != lists.by_model[SERVED].positions).any()
    assert against.challenge.champion_map == pytest.approx(against.metrics[CHAMPION]["map@12"])


def test_a_two_tower_that_is_switched_off_has_no_lists_and_the_night_goes_on(tonight):
    sizes = {name: size for name, size in SMALL_STAGES.sizes.items() if name not in (TWO_TOWER, "fresh")}
    settings = replace(SETTINGS, stages=replace(SMALL_STAGES, sizes=sizes))
    week, lists = evaluate_week(tonight, Opponent(None, reason=NO_CHAMPION), settings)
    assert lists.by_model.keys() == week.metrics.keys() >= {SERVED} | BASELINES
    assert TWO_TOWER not in week.metrics
    assert (week.suite.two_tower, week.suite.perturbed) == (None, None)


def test_few_customers_accept_and_refuse_nothing(tonight):
    settings = replace(SETTINGS, promotion=replace(SETTINGS.promotion, minimum_customers=10_000))
    against = evaluate_week(tonight, Opponent("popular"), settings)[0].challenge
    assert against.accepted is None
    assert against.reason.endswith(f"{against.customers} of at least 10,000 customers")


def test_a_ranker_that_learned_from_a_single_week_is_not_rehearsed(week):
    outcomes = {each.name: each.outcome for each in run_tests(week.suite, SETTINGS.behavioral_tests)}
    assert week.suite.rehearsal is None
    assert {
        outcomes[name] for name in ("part_of_a_leaks_gain", "gain_over_earlier_ranker", "gain_over_week_before")
    } == {"not enough data"}


def test_a_ranker_is_rehearsed_in_the_newest_week_that_taught_it(evaluate, tonight, ranker_choice):
    """The earlier ranker is tonight's own here, so that neither week has a gain to measure."""
    choice = replace(ranker_choice, earlier=ranker_choice.ranker)
    suite = evaluate(Opponent(None, reason=NO_CHAMPION), replace(tonight, ranker_choice=choice))[0].suite
    newest = tonight.newest_ranking_week()
    assert len(suite.rehearsal.earlier_then) == len(newest.customer_ids)
    assert len(suite.rehearsal.rows) == len(suite.lists)  # everybody, for no sample was drawn
    for week in ("then", "now"):
        judged = getattr(suite.rehearsal, f"judged_likelihood_{week}")
        np.testing.assert_array_equal(judged, getattr(suite.rehearsal, f"earlier_likelihood_{week}"))
    assert suite.part_of_a_leaks_gain().value == 0


def test_a_week_of_customers_with_short_histories_is_judged_without_perturbed_ones(evaluate, monkeypatch):
    """Nobody bought enough for a purchase less to be a small change."""
    monkeypatch.setattr(perturbed_lists, "FEWEST_ARTICLES", 10_000)
    suite = evaluate(Opponent(None, reason=NO_CHAMPION))[0].suite
    outcomes = {each.name: each.outcome for each in run_tests(suite, SETTINGS.behavioral_tests)}
    of_perturbed = ("served_without_newest_purchase", "one_purchase_less", "shuffled_basket")
    assert {outcomes[name] for name in of_perturbed} == {"not enough data"}
