"""The second gate: a sound refit passes, every way to collapse is refused."""

import dataclasses

import numpy as np
import pytest

from recommender.evaluation.behavioral_check import run_tests
from recommender.evaluation.promotion import decide
from recommender.evaluation.publication_gate import PublicationGate

N_CUSTOMERS, N_ARTICLES, K = 300, 200, 12
THRESHOLDS = {
    "catalogue_coverage": {"minimum": 0.2},
    "overlap_between_customers": {"maximum": 0.8},
    "overlap_with_evaluated": {"minimum": 0.2, "maximum": 0.99},
    "two_tower_overlap_with_evaluated": {"minimum": 0.2, "maximum": 0.99},
    "score_spread": {"minimum": 0.1, "maximum": 10.0},
}


def rank_articles(affinity: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Top K of (n_customers, n_articles) affinities: positions and scores."""
    positions = np.argsort(-affinity, axis=1, kind="stable")[:, :K].astype(np.int32)
    return positions, np.take_along_axis(affinity, positions, axis=1).astype(np.float32)


@pytest.fixture
def healthy() -> PublicationGate:
    rng = np.random.default_rng(7)
    affinity = rng.normal(size=(N_CUSTOMERS, N_ARTICLES))
    lists, scores = rank_articles(affinity)
    evaluated_lists, evaluated_scores = rank_articles(affinity + 0.3 * rng.normal(size=affinity.shape))
    two_tower_lists, evaluated_two_tower_lists = (
        rank_articles(affinity + 0.3 * rng.normal(size=affinity.shape))[0] for _ in range(2)
    )
    customer_ids = np.array([f"customer {row}" for row in range(N_CUSTOMERS)])
    return PublicationGate(
        customer_ids=customer_ids,
        known_customer_ids=customer_ids,
        lists=lists,
        scores=scores,
        is_personal=np.ones(N_CUSTOMERS, dtype=bool),
        evaluated_lists=evaluated_lists,
        evaluated_scores=evaluated_scores,
        two_tower_lists=two_tower_lists,
        evaluated_two_tower_lists=evaluated_two_tower_lists,
        is_on_sale=np.ones(N_ARTICLES, dtype=bool),
    )


def failed(gate: PublicationGate) -> set[str]:
    return {result.name for result in run_tests(gate, THRESHOLDS) if result.passed is False}


def test_a_sound_refit_passes(healthy):
    results = run_tests(healthy, THRESHOLDS)
    assert {result.passed for result in results} == {True}
    assert decide(results).is_passed


def test_the_same_list_for_all_is_refused(healthy):
    gate = dataclasses.replace(healthy, lists=np.tile(healthy.lists[0], (N_CUSTOMERS, 1)))
    assert failed(gate) == {"catalogue_coverage", "overlap_between_customers", "overlap_with_evaluated"}
    assert not decide(run_tests(gate, THRESHOLDS)).is_passed


def test_the_same_articles_in_another_order_are_still_the_same_list(healthy):
    rng = np.random.default_rng(0)
    gate = dataclasses.replace(healthy, lists=rng.permuted(np.tile(healthy.lists[0], (N_CUSTOMERS, 1)), axis=1))
    overlap = {result.name: result for result in run_tests(gate, THRESHOLDS)}["overlap_between_customers"]
    assert (overlap.value, overlap.passed) == (1.0, False)


def test_random_lists_are_refused(healthy):
    lists, scores = rank_articles(np.random.default_rng(1).normal(size=(N_CUSTOMERS, N_ARTICLES)))
    assert failed(dataclasses.replace(healthy, lists=lists, scores=scores)) == {"overlap_with_evaluated"}


def test_lists_of_other_customers_are_refused(healthy):
    gate = dataclasses.replace(healthy, lists=np.roll(healthy.lists, 1, axis=0))
    assert failed(gate) == {"overlap_with_evaluated"}


def test_a_refit_that_never_happened_is_refused(healthy):
    gate = dataclasses.replace(healthy, lists=healthy.evaluated_lists, scores=healthy.evaluated_scores)
    assert failed(gate) == {"overlap_with_evaluated"}


def test_a_two_tower_that_lost_its_way_is_refused_though_the_ranker_covers_up_for_it(healthy):
    random_lists, _ = rank_articles(np.random.default_rng(1).normal(size=(N_CUSTOMERS, N_ARTICLES)))
    gate = dataclasses.replace(healthy, two_tower_lists=random_lists)
    assert failed(gate) == {"two_tower_overlap_with_evaluated"}


def test_overlap_counts_from_what_chance_would_give(healthy):
    """Half of each list is the evaluated one's; of the other half K / N_ARTICLES would be by chance, and is not."""
    fresh = np.array([np.setdiff1d(np.arange(N_ARTICLES), row)[: K // 2] for row in healthy.evaluated_two_tower_lists])
    half = np.hstack([healthy.evaluated_two_tower_lists[:, : K // 2], fresh])
    gate = dataclasses.replace(healthy, two_tower_lists=half)
    overlap = {each.name: each for each in run_tests(gate, THRESHOLDS)}["two_tower_overlap_with_evaluated"]
    assert overlap.value == pytest.approx((1 / 2 - K / N_ARTICLES) / (1 - K / N_ARTICLES))
    assert overlap.details == {"overlap": 1 / 2, "by_chance": K / N_ARTICLES, "customers": N_CUSTOMERS}


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_scores_that_are_no_numbers_are_refused(healthy, value):
    gate = dataclasses.replace(healthy, scores=np.full_like(healthy.scores, value))
    assert failed(gate) == {"finite_scores", "score_spread"}


def test_a_single_nan_is_refused(healthy):
    scores = healthy.scores.copy()
    scores[3, 4] = np.nan
    assert failed(dataclasses.replace(healthy, scores=scores)) == {"finite_scores"}


def test_scores_that_no_longer_tell_articles_apart_are_refused(healthy):
    nearly_equal = 1 + healthy.scores * 1e-5
    assert failed(dataclasses.replace(healthy, scores=nearly_equal)) == {"score_spread"}


def test_exploded_scores_are_refused(healthy):
    assert failed(dataclasses.replace(healthy, scores=healthy.scores * 1e6)) == {"score_spread"}


def test_a_known_customer_without_list_is_refused(healthy):
    known = np.append(healthy.known_customer_ids, ["forgotten"])
    gate = dataclasses.replace(healthy, known_customer_ids=known)
    assert failed(gate) == {"every_customer_has_a_list"}


def test_an_empty_list_is_no_list(healthy):
    lists = healthy.lists.copy()
    lists[5] = -1
    assert failed(dataclasses.replace(healthy, lists=lists)) == {
        "every_customer_has_a_list",
        "k_per_customer",
    }


def test_duplicates_and_withdrawn_articles_are_refused(healthy):
    lists = healthy.lists.copy()
    lists[0, 1] = lists[0, 0]
    assert failed(dataclasses.replace(healthy, lists=lists)) == {"no_duplicates"}
    is_on_sale = np.ones(N_ARTICLES, dtype=bool)
    is_on_sale[healthy.lists[0, 0]] = False
    assert failed(dataclasses.replace(healthy, is_on_sale=is_on_sale)) == {"only_articles_on_sale"}


def test_segment_lists_shared_by_cold_customers_are_no_collapse(healthy):
    is_personal = np.arange(N_CUSTOMERS) < 30
    lists = np.where(is_personal[:, None], healthy.lists, healthy.lists[0])
    assert failed(dataclasses.replace(healthy, lists=lists, is_personal=is_personal)) == set()


def test_customers_the_evaluated_model_did_not_score_are_not_compared(healthy):
    evaluated = np.full_like(healthy.evaluated_lists, -1)
    results = run_tests(dataclasses.replace(healthy, evaluated_lists=evaluated), THRESHOLDS)
    undecided = {result.name for result in results if result.passed is None}
    assert undecided == {"overlap_with_evaluated", "two_tower_overlap_with_evaluated", "score_spread"}


def test_only_customers_of_both_models_are_compared(healthy):
    """Lists of -1 stand for a customer who was not drawn: the first half alone is compared."""
    is_drawn = np.arange(N_CUSTOMERS) < N_CUSTOMERS // 2
    drawn = {
        name: np.where(is_drawn[:, None], getattr(healthy, name), -1)
        for name in ("evaluated_lists", "two_tower_lists", "evaluated_two_tower_lists")
    }
    results = {each.name: each for each in run_tests(dataclasses.replace(healthy, **drawn), THRESHOLDS)}
    assert {each.passed for each in results.values()} == {True}
    for name in ("overlap_with_evaluated", "two_tower_overlap_with_evaluated", "score_spread"):
        assert results[name].details["customers"] == N_CUSTOMERS // 2
