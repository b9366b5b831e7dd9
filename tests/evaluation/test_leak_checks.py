"""What a leak does and nothing else: of one day, of the week, for customers whom nobody knows."""

import dataclasses

import numpy as np
import pytest
from planted_suites import failed, results_by_name, undecided, with_lists

from benchmarks.calibration.saboteurs import leaked_test_week
from benchmarks.planted_week import K, planted_week
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


def test_a_leak_of_the_whole_week_into_the_lists_is_more_than_an_earlier_ranker_finds(healthy):
    caught = failed(leaked_test_week(healthy))
    assert {"gain_over_earlier_ranker", "gain_over_week_before", "cold_customers_beyond_hindsight"} == caught


def test_a_leak_to_customers_whom_nobody_knows_is_beyond_hindsight(healthy):
    assert failed(leaking(healthy, set(range(7)), ~healthy.has_history)) == {"cold_customers_beyond_hindsight"}


def test_a_ranker_that_gains_as_much_as_it_did_a_week_before_is_no_leak(healthy):
    """Everybody's MAP is three times last week's, the generator's too: an easy week."""
    rehearsal = healthy.rehearsal
    then = {name: getattr(rehearsal, name) / 3 for name in ("earlier_then", "reference_then")}
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
    then, reference_now = {"earlier_then": np.full(60, 0.2), "reference_then": np.full(60, 0.1)}, np.full(n, now / 3)
    rehearsal = dataclasses.replace(healthy.rehearsal, **then, rows=np.arange(n), reference_now=reference_now)
    result = results_by_name(dataclasses.replace(healthy, rehearsal=rehearsal))["gain_over_week_before"]
    assert result.value == pytest.approx((now / (now / 3)) / (0.2 / 0.1))
    assert result.details["customers a week before"] == 60


def test_the_gain_over_an_earlier_ranker_by_hand(healthy):
    """Lists with half as much again as the earlier ranker's, and lists with a tenth more."""

    def result(multiple: float):
        earlier = healthy.average_precision[healthy.rehearsal.rows] / multiple
        rehearsal = dataclasses.replace(healthy.rehearsal, earlier_now=earlier)
        return results_by_name(dataclasses.replace(healthy, rehearsal=rehearsal))["gain_over_earlier_ranker"]

    assert (result(1.5).low, result(1.5).value) == pytest.approx((1.5, 1.5))
    assert (result(1.5).passed, result(1.1).passed) == (False, True)


def having_learned(suite: BehavioralSuite, learned: np.ndarray, gain: float = 0.2) -> BehavioralSuite:
    """A ranker that makes purchases likelier than the earlier one, by 0.2 nats, which learning a week lifts by some."""
    n = len(suite.lists)
    rehearsal = dataclasses.replace(
        suite.rehearsal,
        earlier_likelihood_then=np.full(len(learned), 2.0),
        judged_likelihood_then=2 + learned,
        rows=np.arange(n),
        earlier_likelihood_now=np.full(n, 1.0),
        judged_likelihood_now=np.full(n, 1 + gain),
    )
    return dataclasses.replace(suite, rehearsal=rehearsal)


def test_the_gain_over_an_earlier_ranker_is_a_part_of_what_having_learned_a_week_gains(healthy):
    result = results_by_name(having_learned(healthy, np.full(60, 0.8)))["part_of_a_leaks_gain"]
    assert (result.low, result.value, result.high) == pytest.approx((0.25, 0.25, 0.25))
    assert result.passed
    assert result.details["ranker in the week learned"] == pytest.approx(2.8)


def test_a_ranker_that_gains_as_much_as_in_the_week_that_it_learned_is_a_leak(healthy):
    assert failed(having_learned(healthy, np.full(60, 0.2))) == {"part_of_a_leaks_gain"}


def test_an_earlier_ranker_that_does_worse_than_chance_is_no_excuse(healthy):
    suite = having_learned(healthy, np.full(60, 0.2))
    names = "earlier_likelihood_now", "judged_likelihood_now"
    worse = dataclasses.replace(suite.rehearsal, **{name: getattr(suite.rehearsal, name) - 5 for name in names})
    assert failed(dataclasses.replace(suite, rehearsal=worse)) == {"part_of_a_leaks_gain"}


def test_where_having_learned_a_week_gains_nothing_for_sure_it_counts_as_much_as_it_could(healthy):
    """Half of the customers lose a half, the others gain as much: 0 with a reach of an eighth, or so."""
    learned = np.tile([-0.5, 0.5], 30)
    reach = 1.96 * 0.5 / np.sqrt(60)
    result = results_by_name(having_learned(healthy, learned))["part_of_a_leaks_gain"]
    assert result.value == pytest.approx(0.2 / reach, rel=1e-3)
    assert result.passed is False
    twice_as_wide = results_by_name(having_learned(healthy, 4 * learned))["part_of_a_leaks_gain"]
    assert twice_as_wide.value == pytest.approx(0.2 / (4 * reach), rel=1e-3)


def test_a_small_gain_is_no_leak_where_having_learned_a_week_gains_nothing(healthy):
    """A fifth of the 0.02 nats that a leak has to gain at least to be one."""
    result = results_by_name(having_learned(healthy, np.zeros(60), gain=0.004))["part_of_a_leaks_gain"]
    assert result.value == pytest.approx(0.2)
    assert result.passed is True or result.passed is None


def test_few_customers_of_the_week_before_tell_nothing_of_what_a_leak_gains(healthy):
    assert "part_of_a_leaks_gain" in undecided(having_learned(healthy, np.full(49, 0.2)))


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
