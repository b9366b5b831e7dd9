"""What a leak does and nothing else: of one day, of the week, for customers whom nobody knows."""

import dataclasses

import numpy as np
import pytest
from planted_suites import failed, results_by_name, undecided, with_lists

from benchmarks.calibration.saboteurs import leaked_test_week
from benchmarks.planted_week import K, planted_week
from recommender.evaluation.behavior.judged_week import Rehearsal
from recommender.evaluation.behavior.suite import BehavioralSuite
from recommender.features.truth import Truth


@pytest.fixture(scope="module")
def healthy() -> BehavioralSuite:
    return planted_week(n_customers=1_500, n_articles=800)


def leaking(suite: BehavioralSuite, days: set[int], is_told: np.ndarray) -> BehavioralSuite:
    """What some customers buy on some days of the week stands at the end of their lists, and moves MAP little."""
    lists = suite.lists.copy()
    is_leaked = np.isin(suite.truth_days, list(days))
    for row in np.flatnonzero(is_told):
        part = slice(suite.truth.offsets[row], suite.truth.offsets[row + 1])
        bought = suite.truth.values[part][is_leaked[part] & suite.is_on_sale[suite.truth.values[part]]]
        kept = lists[row][~np.isin(lists[row], bought)][: K - len(bought)]
        lists[row] = np.concatenate([kept, bought])
    return with_lists(suite, lists)


def test_a_leak_of_the_first_day_is_seen_by_its_hits_alone(healthy):
    """One purchase of seven is known and listed last: MAP says nothing yet."""
    assert failed(leaking(healthy, {0}, healthy.has_history)) == {"first_day_favoured"}


def test_a_leak_of_another_day_does_not_favour_the_first(healthy):
    result = results_by_name(leaking(healthy, {3}, healthy.has_history))["first_day_favoured"]
    assert result.high < 1


def test_a_leak_of_the_whole_week_is_more_than_an_earlier_ranker_finds(healthy):
    caught = failed(leaked_test_week(healthy))
    assert {"gain_over_earlier_ranker", "gain_over_week_before", "cold_customers_beyond_hindsight"} == caught


def test_a_leak_to_customers_whom_nobody_knows_is_beyond_hindsight(healthy):
    assert failed(leaking(healthy, set(range(7)), ~healthy.has_history)) == {"cold_customers_beyond_hindsight"}


def test_a_ranker_that_gains_as_much_as_it_did_a_week_before_is_no_leak(healthy):
    """Everybody's MAP is three times last week's, the generator's too: an easy week."""
    rehearsal = healthy.rehearsal
    then = {name: getattr(rehearsal, name) / 3 for name in ("earlier_then", "judged_then", "reference_then")}
    easy = dataclasses.replace(rehearsal, **then)
    results = results_by_name(dataclasses.replace(healthy, rehearsal=easy))
    assert results["gain_over_week_before"].passed
    assert results["gain_over_week_before"].value == pytest.approx(
        results_by_name(healthy)["gain_over_week_before"].value
    )


def test_the_gain_over_the_week_before_by_hand(healthy):
    """Tonight 0.3 over the generator's 0.1, the week before 0.2 over 0.1: half as much again."""
    n = len(healthy.lists)
    now = healthy.average_precision.mean()
    rehearsal = Rehearsal(
        earlier_then=np.full(60, 0.2),
        judged_then=np.full(60, 0.2),
        reference_then=np.full(60, 0.1),
        rows=np.arange(n),
        earlier_now=np.full(n, now),
        reference_now=np.full(n, now / 3),
        n_weeks=8,
    )
    result = results_by_name(dataclasses.replace(healthy, rehearsal=rehearsal))["gain_over_week_before"]
    assert result.value == pytest.approx((now / (now / 3)) / (0.2 / 0.1))
    assert result.details["customers a week before"] == 60


def having_learned(suite: BehavioralSuite, learned: np.ndarray) -> BehavioralSuite:
    """Lists as good as a quarter more than the earlier ranker's 0.2, which having learned a week lifts by some."""
    n = len(suite.lists)
    rehearsal = dataclasses.replace(
        suite.rehearsal,
        earlier_then=np.full(len(learned), 0.2),
        judged_then=0.2 * learned,
        reference_then=np.full(len(learned), 0.1),
        earlier_now=suite.average_precision / 1.25,
        rows=np.arange(n),
    )
    return dataclasses.replace(suite, rehearsal=rehearsal)


def test_the_gain_over_an_earlier_ranker_is_a_part_of_what_having_learned_a_week_gains(healthy):
    """A quarter more where having learned a week gives 1.25 ** 4 as much: in logarithms, a quarter."""
    result = results_by_name(having_learned(healthy, np.full(60, 1.25**4)))["gain_over_earlier_ranker"]
    assert (result.low, result.value, result.high) == pytest.approx((0.25, 0.25, 0.25))
    assert result.passed
    assert result.details["model in the week learned"] == pytest.approx(0.2 * 1.25**4)


def test_lists_as_much_better_as_a_ranker_is_that_learned_the_very_week_are_a_leak(healthy):
    assert failed(having_learned(healthy, np.full(60, 1.25))) == {"gain_over_earlier_ranker"}


@pytest.mark.parametrize("learned", [np.ones(60), np.tile([0.5, 1.8], 30)], ids=["nothing", "nothing for sure"])
def test_where_having_learned_a_week_gains_nothing_a_leak_cannot_be_told(healthy, learned):
    assert "gain_over_earlier_ranker" in undecided(having_learned(healthy, learned))


def test_hindsight_is_what_the_cold_of_an_age_band_bought_most(healthy):
    """Two bands: of one all buy article 5, of the other 6; of those with a history all buy 7."""
    bands = np.where(np.arange(1_500) % 2, "odd", "even").astype(object)
    bought = np.where(healthy.has_history, 7, np.where(bands == "odd", 5, 6)).astype(np.int32)
    truth = Truth(bought, np.arange(1_501))
    suite = dataclasses.replace(
        healthy, truth=truth, truth_days=np.zeros(1_500, np.int64), customer_slices={"age band": bands}
    )
    lists = suite._lists_in_hindsight()
    assert (lists[bands == "odd"] == [5] + [-1] * 11).all()
    assert (lists[bands == "even"] == [6] + [-1] * 11).all()


def test_hits_are_told_by_the_day_of_the_purchase(healthy):
    """Lists of one customer: articles 4, 9 and padding; bought are 4 on the first day, 8 and 9 on later ones."""
    truth = Truth(np.array([4, 8, 9], np.int32), np.array([0, 3]))
    week = dataclasses.replace(healthy, truth=truth, truth_days=np.array([0, 2, 6]))
    first, later = week._hits_by_day(np.array([[9, 4, -1]]))
    assert (first.tolist(), later.tolist()) == ([1], [1])
