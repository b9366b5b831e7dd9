"""The suite on a planted week: a healthy recommender passes, every saboteur is refused by the test made for it."""

import dataclasses
import doctest

import numpy as np
import pytest
from planted_suites import THRESHOLDS, failed, results_by_name, with_lists

from benchmarks.calibration.saboteurs import SABOTEURS
from benchmarks.planted_week import K, planted_week
from recommender.evaluation.behavior import accuracy_checks, exposure_checks
from recommender.evaluation.behavior.accuracy_checks import popularity_head
from recommender.evaluation.behavior.exposure_checks import gini_index, popularity_groups
from recommender.evaluation.behavior.suite import BehavioralSuite
from recommender.evaluation.behavioral_check import run_tests, test_names
from recommender.evaluation.promotion import decide
from recommender.ranking_metrics import mean_over_customers

OF_LISTS = [name for name, saboteur in SABOTEURS.items() if saboteur.of_lists]


@pytest.fixture(scope="module")
def healthy() -> BehavioralSuite:
    return planted_week(n_customers=1_500, n_articles=800)


def test_a_healthy_recommender_passes_every_test_of_the_shipped_settings(healthy):
    results = run_tests(healthy, THRESHOLDS)
    assert {result.name: result.outcome for result in results if not result.passed} == {}
    assert decide(results).is_passed


def test_every_part_of_a_way_says_where_the_sick_reference_is(healthy):
    told = {name: getattr(healthy, name)().sick for name in test_names(BehavioralSuite)}
    parts_of_a_way = (
        "better_than_popular", "finds_tail_articles", "catalogue_coverage", "exposure_of_other_articles",
        "popularity_as_in_own_purchases", "novelty_over_popular", "difference_between_customers",
        "misses_near_purchases", "department_balance", "new_articles_recommended", "served_without_newest_purchase",
        "one_purchase_less",
    )  # fmt: skip
    expected = {**dict.fromkeys(parts_of_a_way, 0), "part_of_a_leaks_gain": 1}
    assert {name: sick for name, sick in told.items() if sick is not None} == expected


@pytest.mark.parametrize("name", OF_LISTS)
def test_every_saboteur_is_refused_by_the_test_made_for_it(healthy, name):
    saboteur = SABOTEURS[name]
    results = run_tests(saboteur.spoil(healthy), THRESHOLDS)
    assert saboteur.caught_by in {result.name for result in results if result.is_refused}
    verdict = decide(results)
    assert not verdict.is_passed
    assert saboteur.caught_by in verdict.reason


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1, 6))
def test_at_the_demos_scale_the_healthy_pass_and_every_saboteur_is_caught(seed):
    suite = planted_week(n_customers=20_000, n_articles=4_000, seed=seed)
    assert decide(run_tests(suite, THRESHOLDS)).is_passed
    for name in OF_LISTS:
        assert SABOTEURS[name].caught_by in failed(SABOTEURS[name].spoil(suite)), name


def test_the_same_hit_rate_and_different_behavior_are_told_apart(healthy):
    """Both hit one purchase of each customer at rank 1 and nothing else; then come best sellers, or the tail."""
    sales = np.where(healthy.is_on_sale, healthy.last_week_sales, np.iinfo(np.int64).max)
    rarest, best = np.argsort(sales)[:300], np.argsort(-healthy.last_week_sales)[:30]
    suites = {}
    for name, filling in (("head", best), ("tail", rarest)):
        suites[name] = with_lists(healthy, one_hit_then(healthy, filling))
    hit_rates = {name: hit_rate(suite) for name, suite in suites.items()}
    assert hit_rates["head"] == hit_rates["tail"] == 1
    values = {
        name: {test: each.value for test, each in results_by_name(suite).items()} for name, suite in suites.items()
    }
    assert values["tail"]["catalogue_coverage"] > 2 * values["head"]["catalogue_coverage"]
    assert values["tail"]["novelty_over_popular"] > values["head"]["novelty_over_popular"] + 1.5
    assert values["tail"]["exposure_of_other_articles"] > values["head"]["exposure_of_other_articles"] + 0.2
    assert values["tail"]["difference_between_customers"] > 1.1 * values["head"]["difference_between_customers"]
    assert failed(suites["head"]) != failed(suites["tail"])


def one_hit_then(suite: BehavioralSuite, filling: np.ndarray) -> np.ndarray:
    """One purchase of each customer first, then articles of `filling` that the customer did not buy."""
    lists = np.empty_like(suite.lists)
    for row in range(len(lists)):
        bought = suite.truth.of_row(row)
        others = np.roll(filling[~np.isin(filling, bought)], -row)[: K - 1]
        lists[row] = [bought[0], *others]
    return lists


def hit_rate(suite: BehavioralSuite) -> float:
    return float(np.mean(suite.average_precision > 0))


def test_a_list_that_changes_when_scored_again_is_caught(healthy):
    swapped = healthy.lists[:, ::-1]
    suite = dataclasses.replace(healthy, lists_again=swapped)
    assert failed(suite) == {"determinism"}
    assert results_by_name(suite)["determinism"].value == len(healthy.lists)


def test_a_score_that_is_no_number_is_caught(healthy):
    scores = healthy.scores.copy()
    scores[5, 1] = np.nan
    assert failed(dataclasses.replace(healthy, scores=scores)) == {"finite_scores"}


def test_a_slice_that_a_rule_serves_better_is_found_and_named(healthy):
    """Everybody else is served as well as before, so the average hardly falls."""
    is_band = healthy.customer_slices["age band"] == "35-44"
    worst = np.argsort(np.where(healthy.is_on_sale, healthy.last_week_sales, np.iinfo(np.int64).max))[: K * 3 : 3]
    suite = with_lists(healthy, np.where(is_band[:, None], worst, healthy.lists).astype(np.int32))
    result = results_by_name(suite)["no_slice_worse_than_rules"]
    assert result.is_refused
    assert result.details["worst"] == "age band 35-44"
    table = {(row["dimension"], row["slice"]): row for row in result.details["slices"]}
    row = table["age band", "35-44"]
    assert row["customers"] == int((is_band & healthy.is_judged).sum())
    assert row["multiple_low"] <= row["multiple"] <= row["multiple_high"] < 0.8
    others = [row["multiple"] for key, row in table.items() if key[0] == "age band" and key[1] != "35-44"]
    assert min(others) > 1


def test_slices_carry_counts_and_intervals_around_their_means(healthy):
    table = results_by_name(healthy)["miss_rate_equality_difference"].details["slices"]
    judged = healthy.is_judged
    for row in (row for row in table if row["dimension"] == "age band"):
        members = judged & (healthy.customer_slices["age band"] == row["slice"])
        assert row["customers"] == members.sum()
        assert row["map"] == pytest.approx(mean_over_customers(healthy.average_precision[members]))
        assert row["map_low"] < row["map"] < row["map_high"]


def test_the_gap_between_slices_is_the_mean_distance_from_everybodys_miss_rate(healthy):
    labels = np.where(np.arange(len(healthy.lists)) % 2, "odd", "even").astype(object)
    one_band = np.full(len(labels), "unknown", dtype=object)
    blind = np.where((labels == "odd")[:, None], healthy.lists[:, :1] * 0 - 1, healthy.lists)
    suite = with_lists(healthy, blind.astype(np.int32), customer_slices={"parity": labels, "age band": one_band})
    judged = suite.is_judged
    missed = suite.average_precision[judged] == 0
    even = missed[labels[judged] == "even"].mean()
    own = np.mean([abs(even - missed.mean()), abs(1 - missed.mean())])
    rivals = [healthy.average_precision_of(lists)[judged] == 0 for lists in healthy.baselines.values()]
    gaps = [
        np.mean([abs(each[labels[judged] == name].mean() - each.mean()) for name in ("even", "odd")]) for each in rivals
    ]
    result = results_by_name(suite)["miss_rate_equality_difference"]
    assert result.value == pytest.approx(own / max(gaps))
    assert result.details["worst"] == "parity"
    assert result.outcome == "warning"


def test_nearness_of_a_miss_counts_attributes_shared_with_the_nearest_purchase(healthy):
    suite = healthy
    table = np.stack([values.astype(str) for values in suite.attributes.values()], axis=1)
    bought = suite.truth.of_row(0)
    missed = suite.lists[0][~np.isin(suite.lists[0], bought)]
    shared = [max((table[miss] == table[each]).mean() for each in bought) for miss in missed]
    assert suite._nearness(suite.lists, np.array([0]))[0] == pytest.approx(np.mean(shared))


def test_the_most_embarrassing_misses_are_the_furthest(healthy):
    worst = results_by_name(healthy)["misses_near_purchases"].details["furthest_misses"]
    nearness = [each["nearness"] for each in worst]
    assert len(worst) == 10
    assert nearness == sorted(nearness)
    row = int(worst[0]["who"])
    assert worst[0]["recommended"] == [str(article) for article in healthy.lists[row, :3]]
    bought = healthy.truth.of_row(row)
    assert set(worst[0]["bought"]) <= {str(article) for article in bought}


def test_the_order_of_a_basket_is_judged_however_few_there_are(healthy):
    few = {name: each[:3] for name, each in vars(healthy.perturbed).items()}
    perturbed = dataclasses.replace(healthy.perturbed, **(few | {"shuffled": few["without_newest"]}))
    results = results_by_name(dataclasses.replace(healthy, perturbed=perturbed))
    assert results["shuffled_basket"].passed is False
    assert results["one_purchase_less"].passed is results["served_without_newest_purchase"].passed is None


def test_lists_that_hang_on_one_purchase_are_caught(healthy):
    others = np.roll(healthy.perturbed.served, 7, axis=0)
    perturbed = dataclasses.replace(healthy.perturbed, served_without_newest=others)
    assert failed(dataclasses.replace(healthy, perturbed=perturbed)) == {"served_without_newest_purchase"}


def test_a_two_tower_that_hangs_on_one_purchase_is_caught(healthy):
    perturbed = dataclasses.replace(healthy.perturbed, without_newest=np.roll(healthy.perturbed.unchanged, 7, axis=0))
    assert failed(dataclasses.replace(healthy, perturbed=perturbed)) == {"one_purchase_less"}


def test_a_two_tower_that_reads_the_order_of_a_basket_is_caught(healthy):
    perturbed = dataclasses.replace(healthy.perturbed, shuffled=healthy.perturbed.without_newest)
    assert failed(dataclasses.replace(healthy, perturbed=perturbed)) == {"shuffled_basket"}


def test_gini_index_of_one_article_for_all_nears_one():
    assert gini_index(np.eye(1, 1000)[0]) == pytest.approx(0.999)
    assert np.isnan(gini_index(np.zeros(3)))


def test_popularity_groups_cut_sales_in_a_fifth_three_fifths_and_a_fifth():
    assert popularity_groups(np.array([10, 2, 2, 2, 2, 1, 1])).tolist() == [0, 1, 1, 1, 2, 2, 2]


def test_head_is_half_of_sales_and_nothing_without_sales():
    assert popularity_head(np.array([1, 5, 2, 2])).tolist() == [False, True, False, False]
    assert not popularity_head(np.zeros(3, dtype=int)).any()


def test_doctests_hold():
    for module in (accuracy_checks, exposure_checks):
        assert doctest.testmod(module).failed == 0
