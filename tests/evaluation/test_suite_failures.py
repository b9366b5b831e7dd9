"""Every test of the suite has a night that it fails: a test that nothing can fail guards nothing."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from planted_suites import results_by_name, with_lists

from benchmarks.calibration.saboteurs import SABOTEURS
from benchmarks.planted_week import CHILDREN, K, planted_week
from recommender.evaluation.behavior.suite import BehavioralSuite
from recommender.evaluation.behavioral_check import test_names


@pytest.fixture(scope="module")
def healthy() -> BehavioralSuite:
    return planted_week(n_customers=1_500, n_articles=800)


def lists_filled_with(fill: Callable[[BehavioralSuite], np.ndarray]) -> Callable[[BehavioralSuite], BehavioralSuite]:
    """Judge the lists that a function makes of a suite."""
    return lambda suite: with_lists(suite, fill(suite))


def twice_the_first(suite: BehavioralSuite) -> np.ndarray:
    return np.where(np.arange(K) == 1, suite.lists[:, :1], suite.lists)


def one_too_few(suite: BehavioralSuite) -> np.ndarray:
    return np.where(np.arange(K) == K - 1, -1, suite.lists)


def nothing_for_the_cold(suite: BehavioralSuite) -> np.ndarray:
    return np.where(suite.has_history[:, None], suite.lists, -1)


def slow_sellers(suite: BehavioralSuite) -> np.ndarray:
    """Each customer's stretch of the slower half of what is on sale."""
    order = np.argsort(np.where(suite.is_on_sale, suite.last_week_sales, np.iinfo(np.int64).max), kind="stable")
    starts = np.arange(len(suite.lists)) % 300
    return order[starts[:, None] + np.arange(K)]


def children_for_everybody(suite: BehavioralSuite) -> np.ndarray:
    is_guarded = suite.codes["index_group"][1] == list(suite.codes["index_group"][0]).index("Baby/Children")
    lists = suite.lists.copy()
    lists[:, -2:] = np.flatnonzero(is_guarded & suite.is_on_sale)[:2]
    return lists


def blind_for_one_band(suite: BehavioralSuite) -> np.ndarray:
    is_band = suite.customer_slices["age band"] == "35-44"
    return np.where(is_band[:, None], slow_sellers(suite), suite.lists)


def first_day_leaked(suite: BehavioralSuite) -> np.ndarray:
    """The purchases of the week's first day come first, for whoever has a history."""
    lists = suite.lists.copy()
    for row in np.flatnonzero(suite.has_history):
        days = suite.truth_days[suite.truth.offsets[row] : suite.truth.offsets[row + 1]]
        bought = suite.truth.of_row(row)[days == 0]
        lists[row] = np.concatenate([bought, lists[row][~np.isin(lists[row], bought)]])[:K]
    return lists


def unstable(name: str, changed: str) -> Callable[[BehavioralSuite], BehavioralSuite]:
    """Give each customer another one's list when the history is changed."""

    def spoil(suite: BehavioralSuite) -> BehavioralSuite:
        others = np.roll(getattr(suite.perturbed, name), 7, axis=0)
        return dataclasses.replace(suite, perturbed=dataclasses.replace(suite.perturbed, **{changed: others}))

    return spoil


def not_finite(suite: BehavioralSuite) -> BehavioralSuite:
    return dataclasses.replace(suite, scores=np.where(np.arange(K) == 3, np.inf, suite.scores))


def another_time(suite: BehavioralSuite) -> BehavioralSuite:
    return dataclasses.replace(suite, lists_again=suite.lists[:, ::-1])


def dear_articles(suite: BehavioralSuite) -> BehavioralSuite:
    """The slowest sellers, at a thousand times their price."""
    slowest = slow_sellers(suite)[0]
    prices = suite.prices.copy()
    prices[slowest] *= 1_000
    return dataclasses.replace(with_lists(suite, np.tile(slowest, (len(suite.lists), 1))), prices=prices)


def gains_as_in_the_week_learned(suite: BehavioralSuite) -> BehavioralSuite:
    """A ranker that makes purchases likelier by as much as in the week that it learned from."""
    rehearsal = suite.rehearsal
    gain = np.mean(rehearsal.judged_likelihood_then - rehearsal.earlier_likelihood_then)
    spoiled = dataclasses.replace(rehearsal, judged_likelihood_now=rehearsal.earlier_likelihood_now + gain)
    return dataclasses.replace(suite, rehearsal=spoiled)


POPULARITY, LEAK = SABOTEURS["popularity for everyone"].spoil, SABOTEURS["leaked test week"].spoil
SPOILED = {
    "no_duplicates": lists_filled_with(twice_the_first),
    "only_articles_on_sale": SABOTEURS["withdrawn articles"].spoil,
    "k_per_customer": lists_filled_with(one_too_few),
    "finite_scores": not_finite,
    "no_colour_variant_floods": SABOTEURS["colour variants"].spoil,
    "determinism": another_time,
    "cold_customers_served": lists_filled_with(nothing_for_the_cold),
    "no_worse_than_popular": SABOTEURS["ids shifted by one"].spoil,
    "better_than_popular": POPULARITY,
    "finds_head_articles": lists_filled_with(slow_sellers),
    "finds_tail_articles": POPULARITY,
    "cold_customers_beyond_hindsight": LEAK,
    "part_of_a_leaks_gain": gains_as_in_the_week_learned,
    "gain_over_earlier_ranker": LEAK,
    "gain_over_week_before": LEAK,
    "first_day_favoured": lists_filled_with(first_day_leaked),
    "miss_rate_equality_difference": lists_filled_with(blind_for_one_band),
    "no_slice_worse_than_rules": lists_filled_with(blind_for_one_band),
    "cold_customers_no_worse_than_popular": SABOTEURS["fails cold customers"].spoil,
    "kinds_of_articles_found": SABOTEURS["single department"].spoil,
    "catalogue_coverage": POPULARITY,
    "exposure_of_other_articles": POPULARITY,
    "popularity_as_in_own_purchases": POPULARITY,
    "novelty_over_popular": POPULARITY,
    "difference_between_customers": POPULARITY,
    "misses_near_purchases": SABOTEURS["shuffled labels"].spoil,
    "guarded_articles_shown": lists_filled_with(children_for_everybody),
    "prices_near_usual": dear_articles,
    "department_balance": SABOTEURS["single department"].spoil,
    "new_articles_recommended": SABOTEURS["blind for new articles"].spoil,
    "served_without_newest_purchase": unstable("served", "served_without_newest"),
    "one_purchase_less": unstable("unchanged", "without_newest"),
    "shuffled_basket": unstable("unchanged", "shuffled"),
}


@pytest.mark.parametrize("name", test_names(BehavioralSuite))
def test_every_test_fails_a_night_that_is_spoiled_for_it(healthy, name):
    assert results_by_name(SPOILED[name](healthy))[name].passed is False


def test_nothing_found_is_no_evidence_where_best_sellers_are_found_by_chance(healthy):
    """Of 60 cold customers, best sellers are bought by two: nothing found says little, of ten it would say much."""
    rows, cold = np.arange(1_500), np.flatnonzero(~healthy.has_history)[:60]
    best, other = healthy.baselines["popular"][0, 0], np.flatnonzero(~healthy.is_on_sale)[0]
    for n_found, expected in ((2, None), (10, False)):
        bought = np.full(1_500, other, np.int32)
        bought[cold[:n_found]] = best
        truth = healthy.truth._replace(values=bought, offsets=np.append(rows, 1_500))
        suite = dataclasses.replace(healthy, truth=truth, truth_days=np.zeros(1_500, np.int64))
        nothing = with_lists(suite, np.where(suite.has_history[:, None], suite.lists, slow_sellers(suite)))
        assert results_by_name(nothing)["cold_customers_no_worse_than_popular"].passed is expected


def test_guarded_articles_are_no_fault_of_a_shop_that_has_hardly_others(healthy):
    """Twelve articles on sale, two of them guarded and slow: every list has all twelve."""
    departments = healthy.codes["department"][1]
    guarded = np.flatnonzero(healthy.attributes["department"] == f"department {CHILDREN}")[:2]
    on_sale = np.append(np.flatnonzero(departments != departments[guarded[0]])[: K - 2], guarded)
    shop = with_lists(
        healthy,
        np.tile(on_sale, (1_500, 1)),
        is_on_sale=np.isin(np.arange(800), on_sale),
        last_week_sales=np.isin(np.arange(800), on_sale[:-2]) * 100 + np.isin(np.arange(800), guarded),
    )
    result = results_by_name(shop)["guarded_articles_shown"]
    assert (result.value, result.passed) == (1, True)
