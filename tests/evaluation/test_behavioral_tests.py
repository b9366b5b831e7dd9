"""The suite on forty customers: a good model passes, each saboteur fails exactly the test made for it."""

import dataclasses
import doctest

import numpy as np
import pytest

from recommender.evaluation import behavioral_tests
from recommender.evaluation.behavioral_tests import BehavioralTests, popularity_head
from recommender.evaluation.rec_test import run_tests
from recommender.ranking_metrics import group_truth

# 8 articles: 0 and 1 sell 30 of 50 pieces, they are the head; 2 to 6 the tail; 7 was withdrawn.
SALES = np.array([18, 12, 5, 5, 4, 3, 3, 0])
ON_SALE = np.array([True] * 7 + [False])
CUSTOMERS = np.arange(40)
OWN_TAIL_ARTICLE = 2 + CUSTOMERS % 5
THRESHOLDS = {
    "better_than_popular": {"minimum": 1.2},
    "better_than_popular_on_head": {"minimum": 0.0},
    "better_than_popular_on_tail": {"minimum": 0.1},
}


def lists_of(*ranks: np.ndarray | int) -> np.ndarray:
    return np.stack([np.broadcast_to(rank, CUSTOMERS.shape) for rank in ranks], axis=1).astype(np.int32)


POPULAR = lists_of(0, 1, 2)
GOOD = lists_of(OWN_TAIL_ARTICLE, 0, 1)  # everybody buys article 0 and one own tail article


@pytest.fixture
def healthy() -> BehavioralTests:
    rows, positions = np.tile(CUSTOMERS, 2), np.concatenate([OWN_TAIL_ARTICLE, np.zeros(40, dtype=int)])
    values, offsets = group_truth(rows, positions, len(CUSTOMERS))
    return BehavioralTests(
        lists=GOOD,
        scores=np.tile(np.float32([3, 2, 1]), (40, 1)),
        lists_again=GOOD.copy(),
        popular_lists=POPULAR,
        truth_values=values,
        truth_offsets=offsets,
        has_history=CUSTOMERS < 30,
        is_on_sale=ON_SALE,
        last_week_sales=SALES,
        minimum_customers=20,
    )


def results_by_name(suite: BehavioralTests) -> dict:
    return {result.name: result for result in run_tests(suite, THRESHOLDS)}


def failed(suite: BehavioralTests) -> set[str]:
    return {name for name, result in results_by_name(suite).items() if result.passed is False}


def with_lists(suite: BehavioralTests, lists: np.ndarray, **changes) -> BehavioralTests:
    return dataclasses.replace(suite, lists=lists, lists_again=lists, **changes)


def changed(lists: np.ndarray, rows, ranks, article: int) -> np.ndarray:
    copy = lists.copy()
    copy[rows, ranks] = article
    return copy


def test_a_good_model_passes_every_test(healthy):
    assert {result.passed for result in results_by_name(healthy).values()} == {True}


def test_values_are_those_worked_out_by_hand(healthy):
    values = {name: result.value for name, result in results_by_name(healthy).items()}
    # Good: both bought articles at ranks 1 and 2. Popular: article 0 at rank 1, for one in five 2 at rank 3.
    good_map, popular_map = 1.0, (4 * (1 / 1) / 2 + (1 / 1 + 2 / 3) / 2) / 5
    assert values["better_than_popular"] == pytest.approx(good_map / popular_map)
    assert values["better_than_popular_on_head"] == 1 - 1
    assert values["better_than_popular_on_tail"] == pytest.approx(1 - 1 / 5)


def test_duplicates_are_caught(healthy):
    suite = with_lists(healthy, changed(GOOD, [3, 4], 2, 0))
    assert failed(suite) == {"no_duplicates"}
    assert results_by_name(suite)["no_duplicates"].value == 2


def test_a_withdrawn_article_is_caught(healthy):
    assert failed(with_lists(healthy, changed(GOOD, 3, 2, 7))) == {"only_articles_on_sale"}


def test_a_short_list_is_caught(healthy):
    assert failed(with_lists(healthy, changed(GOOD, 3, 2, -1))) == {"k_per_customer"}


def test_a_score_that_is_no_number_is_caught(healthy):
    scores = healthy.scores.copy()
    scores[5, 1] = np.nan
    assert failed(dataclasses.replace(healthy, scores=scores)) == {"finite_scores"}


def test_a_list_that_changes_when_scored_again_is_caught(healthy):
    swapped = GOOD[:, [1, 0, 2]]
    suite = dataclasses.replace(healthy, lists_again=swapped)
    assert failed(suite) == {"determinism"}
    assert results_by_name(suite)["determinism"].value == 40


def test_a_model_that_fails_cold_customers_is_caught(healthy):
    suite = with_lists(healthy, changed(GOOD, CUSTOMERS >= 30, slice(None), -1))
    assert failed(suite) == {"cold_customers_served", "k_per_customer"}
    assert results_by_name(suite)["cold_customers_served"].value == 0


def test_popularity_for_everyone_is_caught(healthy):
    assert failed(with_lists(healthy, POPULAR)) == {"better_than_popular", "better_than_popular_on_tail"}


def test_a_model_blind_to_best_sellers_is_caught(healthy):
    tail_only = lists_of(OWN_TAIL_ARTICLE, 2 + (CUSTOMERS + 1) % 5, 2 + (CUSTOMERS + 2) % 5)
    assert "better_than_popular_on_head" in failed(with_lists(healthy, tail_only))


def test_ids_shifted_by_one_are_caught(healthy):
    assert failed(with_lists(healthy, (GOOD + 1) % 7)) >= {"better_than_popular"}


def test_few_customers_are_not_enough_data(healthy):
    results = results_by_name(dataclasses.replace(healthy, minimum_customers=31))
    undecided = {name for name, result in results.items() if result.passed is None}
    assert undecided == set(THRESHOLDS)
    assert results["better_than_popular"].details["customers"] == 30


def test_without_cold_customers_their_test_is_undecided(healthy):
    suite = dataclasses.replace(healthy, has_history=np.ones(40, dtype=bool))
    assert results_by_name(suite)["cold_customers_served"].passed is None


def test_accuracy_is_judged_on_customers_with_history(healthy):
    spoilt_for_cold = with_lists(healthy, changed(GOOD, CUSTOMERS >= 30, 0, 1))
    assert results_by_name(spoilt_for_cold)["better_than_popular"].details["model"] == 1.0


def test_head_is_the_fewest_articles_that_make_half_of_sales():
    assert popularity_head(SALES).nonzero()[0].tolist() == [0, 1]  # 18 < 25 <= 18 + 12
    assert popularity_head(np.array([4, 4, 4, 4])).tolist() == [True, True, False, False]
    assert not popularity_head(np.zeros(3, dtype=int)).any()


def test_docstring_example_is_true():
    assert doctest.testmod(behavioral_tests).failed == 0
