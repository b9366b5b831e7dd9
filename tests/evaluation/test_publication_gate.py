"""The second gate: a sound refit passes, every way to collapse is refused, and where nothing can be told it waits."""

import dataclasses

import numpy as np
import pytest

from recommender.config import DEFAULT_FILE, Settings, read_file
from recommender.evaluation.behavioral_check import CheckResult, run_tests
from recommender.evaluation.promotion import decide
from recommender.evaluation.publication_gate import PublicationGate

N_CUSTOMERS, N_ARTICLES, K = 300, 200, 12
THRESHOLDS = Settings.of(read_file(DEFAULT_FILE), "demo").publication_gate
COMPARISONS = set(THRESHOLDS)
COUNTED = {"worst healthy": "evaluated", "customers": N_CUSTOMERS}


def rank_articles(affinity: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Top K of (n_customers, n_articles) affinities: positions and scores, padded when there are fewer articles."""
    positions = np.argsort(-affinity, axis=1, kind="stable")[:, :K].astype(np.int32)
    scores = np.take_along_axis(affinity, positions, axis=1).astype(np.float32)
    padding = ((0, 0), (0, K - positions.shape[1]))
    return np.pad(positions, padding, constant_values=-1), np.pad(scores, padding, constant_values=np.nan)


def refitted_gate(n_customers: int = N_CUSTOMERS, n_articles: int = N_ARTICLES, seed: int = 7) -> PublicationGate:
    """A sound refit: it agrees with the evaluated models but for a week's news, and its two-tower saw the week."""
    rng = np.random.default_rng(seed)
    affinity = rng.normal(size=(n_customers, n_articles))
    lists, scores = rank_articles(affinity)
    evaluated_lists, evaluated_scores = rank_articles(affinity + 0.3 * rng.normal(size=affinity.shape))
    customer_ids = np.array([f"customer {row}" for row in range(n_customers)], dtype=str)
    evaluated_precision = rng.uniform(0, 0.3, n_customers)
    return PublicationGate(
        customer_ids=customer_ids,
        known_customer_ids=customer_ids,
        lists=lists,
        scores=scores,
        is_personal=np.ones(n_customers, dtype=bool),
        evaluated_lists=evaluated_lists,
        evaluated_scores=evaluated_scores,
        two_tower_precision=1.5 * evaluated_precision,
        evaluated_two_tower_precision=evaluated_precision,
        first_step_precision=0.2 * evaluated_precision,
        is_on_sale=np.ones(n_articles, dtype=bool),
    )


@pytest.fixture
def healthy() -> PublicationGate:
    return refitted_gate()


def judged(gate: PublicationGate) -> dict[str, CheckResult]:
    """The result of every test, by name."""
    return {result.name: result for result in run_tests(gate, THRESHOLDS)}


def failed(gate: PublicationGate) -> set[str]:
    return {name for name, result in judged(gate).items() if result.passed is False}


def undecided(gate: PublicationGate) -> set[str]:
    """The tests without enough data; none of the others may fail."""
    assert failed(gate) == set()
    waiting = {name: result.value for name, result in judged(gate).items() if result.passed is None}
    assert not any(value is not None and np.isnan(value) for value in waiting.values())
    return set(waiting)


def served(gate: PublicationGate, lists: np.ndarray, **more: np.ndarray) -> PublicationGate:
    return dataclasses.replace(gate, lists=lists.astype(np.int32), **more)


def test_a_sound_refit_passes(healthy):
    results = judged(healthy)
    assert {result.passed for result in results.values()} == {True}
    assert decide(list(results.values())).is_passed


@pytest.mark.parametrize("seed", range(5))
def test_a_sound_refit_stands_near_the_evaluated_models(seed):
    """Both are made alike, so that nothing but chance and the week's news keeps their standings from 1."""
    results = judged(refitted_gate(seed=seed))
    assert results["catalogue_coverage"].value == pytest.approx(1, abs=0.02)
    assert results["difference_between_customers"].value == pytest.approx(1, abs=0.02)
    assert results["score_spread"].value == pytest.approx(1, abs=0.15)
    assert results["overlap_with_evaluated"].value == pytest.approx(0.75, abs=0.02)  # a quarter is news


def test_the_same_list_for_all_is_refused(healthy):
    gate = served(healthy, np.tile(healthy.lists[0], (N_CUSTOMERS, 1)))
    assert failed(gate) == {"catalogue_coverage", "difference_between_customers", "overlap_with_evaluated"}
    results = judged(gate)
    assert (results["catalogue_coverage"].value, results["difference_between_customers"].value) == (0, 0)
    assert not decide(list(results.values())).is_passed


def test_the_same_articles_in_another_order_are_still_the_same_list(healthy):
    lists = np.random.default_rng(0).permuted(np.tile(healthy.lists[0], (N_CUSTOMERS, 1)), axis=1)
    assert judged(served(healthy, lists))["difference_between_customers"].value == 0


def test_two_lists_for_all_are_refused(healthy):
    lists = healthy.lists[np.arange(N_CUSTOMERS) % 2]
    assert {"catalogue_coverage", "overlap_with_evaluated"} <= failed(served(healthy, lists))


def test_random_lists_are_refused(healthy):
    lists, scores = rank_articles(np.random.default_rng(1).normal(size=(N_CUSTOMERS, N_ARTICLES)))
    assert failed(served(healthy, lists, scores=scores)) == {"overlap_with_evaluated"}


@pytest.mark.parametrize("by", [1, N_CUSTOMERS // 2])
def test_lists_of_other_customers_are_refused(healthy, by):
    """Also where each has the very list of the customer with whose evaluated one it is compared."""
    assert failed(served(healthy, np.roll(healthy.lists, by, axis=0))) == {"overlap_with_evaluated"}
    assert "overlap_with_evaluated" in failed(served(healthy, np.roll(healthy.evaluated_lists, by, axis=0)))


def test_the_evaluated_lists_offered_again_are_refused(healthy):
    gate = served(healthy, healthy.evaluated_lists, scores=healthy.evaluated_scores)
    assert failed(gate) == {"lists_are_new"}
    assert judged(gate)["lists_are_new"].value == 0
    assert judged(gate)["overlap_with_evaluated"].value == 1


def test_most_lists_may_stay_as_they_were(healthy):
    is_old = np.arange(N_CUSTOMERS)[:, None] % 5 > 0
    gate = served(healthy, np.where(is_old, healthy.evaluated_lists, healthy.lists))
    assert failed(gate) == set()
    assert judged(gate)["lists_are_new"].value == pytest.approx(1 / 5, abs=0.02)


def test_a_two_tower_that_learned_nothing_is_refused_though_the_ranker_covers_up_for_it(healthy):
    """0.36 of the evaluated one's where 0.2 are those of one step: 0.16 of 0.8."""
    gate = dataclasses.replace(healthy, two_tower_precision=0.36 * healthy.evaluated_two_tower_precision)
    assert failed(gate) == {"two_tower_learned"}
    learned = judged(gate)["two_tower_learned"]
    assert (learned.value, learned.low, learned.high) == pytest.approx((0.2, 0.2, 0.2))
    mean = healthy.evaluated_two_tower_precision.mean()
    means = {"model": 0.36 * mean, "one step": 0.2 * mean, "evaluated": mean}
    assert learned.details == {**{name: pytest.approx(each) for name, each in means.items()}, **COUNTED}


def test_a_two_tower_that_stopped_after_its_first_step_is_refused(healthy):
    """Whichever step that was: on the average it does no better than the best of several."""
    gate = dataclasses.replace(healthy, two_tower_precision=healthy.first_step_precision[::-1])
    assert failed(gate) == {"two_tower_learned"}
    assert judged(gate)["two_tower_learned"].value == pytest.approx(0)


def test_parts_of_a_way_say_where_the_sick_reference_is(healthy):
    names = "catalogue_coverage", "difference_between_customers", "overlap_with_evaluated", "two_tower_learned"
    assert {name: getattr(healthy, name)().sick for name in names} == dict.fromkeys(names, 0)


def test_an_evaluated_two_tower_that_may_as_well_have_made_one_step_is_no_measure(healthy):
    """It is better by 2.6 standard errors, which is luck where the best of eight is compared with it."""
    gain = np.resize([1.0, -1.0], N_CUSTOMERS)
    gain += 2.6 * np.sqrt(N_CUSTOMERS / (N_CUSTOMERS - 1) / N_CUSTOMERS)
    evaluated = healthy.first_step_precision + gain
    gate = dataclasses.replace(healthy, two_tower_precision=evaluated, evaluated_two_tower_precision=evaluated)
    assert undecided(gate) == {"two_tower_learned"}
    dead = dataclasses.replace(gate, two_tower_precision=0.1 * evaluated)
    assert failed(dead) == {"two_tower_learned"}  # far less than the evaluated one, wherever the way begins


def test_a_two_tower_fails_only_when_its_whole_interval_does(healthy):
    """Of ten buyers the evaluated one finds what five buy, the refitted one three of them; 0.75 is asked for.

    Around 0.6 times the evaluated value 3 buyers are 0.4 above and 2 are 0.6 below: their squares sum up to 1.2 in ten.
    """
    evaluated, refitted = (np.repeat([1.0, 0.0], [found, 10 - found]) for found in (5, 3))

    def of(n_buyers: int) -> CheckResult:
        precision = {
            "two_tower_precision": np.resize(refitted, n_buyers),
            "evaluated_two_tower_precision": np.resize(evaluated, n_buyers),
            "first_step_precision": np.zeros(n_buyers),
        }
        return judged(dataclasses.replace(healthy, **precision))["two_tower_learned"]

    reach = 1.96 * np.sqrt(0.12 * 60 / 59) / np.sqrt(60) / 0.5
    assert (of(60).low, of(60).value, of(60).high) == pytest.approx((0.6 - reach, 0.6, 0.6 + reach))
    assert (of(1_000).passed, of(60).passed, of(40).passed) == (False, True, None)


@pytest.mark.parametrize("n_buyers", [0, 1, 49])
def test_few_buyers_tell_nothing_of_the_two_tower(healthy, n_buyers):
    nothing = np.zeros(n_buyers)
    few = {
        "two_tower_precision": nothing,
        "evaluated_two_tower_precision": nothing + 1,
        "first_step_precision": nothing,
    }
    gate = dataclasses.replace(healthy, **few)
    assert undecided(gate) == {"two_tower_learned"}


def test_an_evaluated_two_tower_that_found_nothing_is_no_measure(healthy):
    gate = dataclasses.replace(healthy, evaluated_two_tower_precision=np.zeros(N_CUSTOMERS))
    assert undecided(gate) == {"two_tower_learned"}


def test_without_a_two_tower_nothing_is_asked_of_it(healthy):
    names = "two_tower_precision", "evaluated_two_tower_precision", "first_step_precision"
    gate = dataclasses.replace(healthy, **dict.fromkeys(names))
    assert undecided(gate) == {"two_tower_learned"}


def test_overlap_counts_from_what_another_customers_list_has_in_common():
    """Two groups of customers. Half of each list was the evaluated one's, the other half nobody's.

    A list and its own evaluated one have 6 of 12 articles in common, it and one of the other group none.
    """
    n, half = 100, K // 2
    evaluated = np.repeat([np.arange(K), K + np.arange(K)], n // 2, axis=0)
    lists = np.hstack([evaluated[:, :half], np.tile(2 * K + np.arange(half), (n, 1))])
    gate = served(refitted_gate(n), lists, evaluated_lists=evaluated)
    overlap = judged(gate)["overlap_with_evaluated"]
    assert (overlap.value, overlap.low, overlap.high) == (1 / 2, 1 / 2, 1 / 2)
    assert overlap.details == {"overlap": 1 / 2, "with another customer's": 0, "customers": n}


def test_lists_of_one_for_everybody_that_follow_the_season_pass():
    """The popular list when it makes the lists: half of last week's is left, and nobody's differs from another's."""
    gate, half = refitted_gate(), K // 2
    evaluated, lists = np.arange(K), np.concatenate([np.arange(half), K + np.arange(half)])
    everybody = [np.tile(each, (N_CUSTOMERS, 1)).astype(np.int32) for each in (lists, evaluated)]
    popular = served(gate, everybody[0], evaluated_lists=everybody[1])
    assert undecided(popular) == {"catalogue_coverage", "difference_between_customers", "overlap_with_evaluated"}


def test_segment_lists_that_are_nearly_one_pass_and_are_refused_when_dealt_to_others():
    """Customers of two segments, whose lists differ in one article; two thirds are new, as in a season's change."""
    gate, is_second = refitted_gate(), np.arange(N_CUSTOMERS)[:, None] >= N_CUSTOMERS // 2
    common, own = np.tile(np.arange(K - 1), (N_CUSTOMERS, 1)), np.where(is_second, 100, 101)
    evaluated = np.hstack([own, common])
    changed = np.hstack([own, common[:, : K // 3 - 1], 50 + common[:, K // 3 - 1 :]])
    assert failed(served(gate, changed, evaluated_lists=evaluated)) == set()
    overlap = judged(served(gate, changed, evaluated_lists=evaluated))["overlap_with_evaluated"]
    assert overlap.value == pytest.approx((4 / 12 - 3 / 12) / (1 - 11 / 12))
    dealt = served(gate, np.roll(changed, N_CUSTOMERS // 2, axis=0), evaluated_lists=evaluated)
    assert failed(dealt) == {"overlap_with_evaluated"}


@pytest.mark.parametrize("n_articles", [1, 8, K])
def test_a_shop_without_a_choice_is_not_refused(n_articles):
    """Every list holds the same articles, and even their order may have stayed."""
    gate = refitted_gate(n_articles=n_articles)
    in_one_order = served(gate, gate.evaluated_lists, scores=gate.evaluated_scores)
    without_choice = {
        "catalogue_coverage",
        "difference_between_customers",
        "overlap_with_evaluated",
        "lists_are_new",
    }
    for each in (gate, in_one_order):
        assert undecided(each) == without_choice | ({"score_spread"} if n_articles == 1 else set())


def test_one_article_more_than_a_list_holds_is_a_choice():
    gate = refitted_gate(n_articles=K + 1)
    assert undecided(gate) == set()
    assert "overlap_with_evaluated" in failed(served(gate, np.roll(gate.lists, 1, axis=0)))


@pytest.mark.parametrize("n_customers", [0, 1, 2, 9, 10, 49])
def test_few_customers_refuse_nothing(n_customers):
    gate = refitted_gate(n_customers)
    dealt = served(gate, np.roll(gate.lists, 1, axis=0))
    for each in (gate, dealt):
        assert undecided(each) == COMPARISONS


def test_fifty_customers_are_enough():
    assert undecided(refitted_gate(50)) == set()
    assert judged(refitted_gate(50))["catalogue_coverage"].needs == {"customers": 50}


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


def test_equal_scores_are_no_measure_where_the_evaluated_ones_were_equal(healthy):
    """As those of a best seller list in a shop where each article sold once."""
    equal = np.ones_like(healthy.scores)
    gate = dataclasses.replace(healthy, scores=equal, evaluated_scores=equal)
    assert undecided(gate) == {"score_spread"}


def test_a_known_customer_without_list_is_refused(healthy):
    known = np.append(healthy.known_customer_ids, ["forgotten"])
    gate = dataclasses.replace(healthy, known_customer_ids=known)
    assert failed(gate) == {"every_customer_has_a_list"}


def test_an_empty_list_is_no_list(healthy):
    lists = healthy.lists.copy()
    lists[5] = -1
    assert failed(served(healthy, lists)) == {"every_customer_has_a_list", "k_per_customer"}


def test_nothing_but_empty_lists_is_refused(healthy):
    gate = served(healthy, np.full_like(healthy.lists, -1), scores=np.full_like(healthy.scores, np.nan))
    assert {"every_customer_has_a_list", "k_per_customer", "overlap_with_evaluated", "score_spread"} <= failed(gate)


def test_duplicates_and_withdrawn_articles_are_refused(healthy):
    lists = healthy.lists.copy()
    lists[0, 1] = lists[0, 0]
    assert failed(served(healthy, lists)) == {"no_duplicates"}
    is_on_sale = np.ones(N_ARTICLES, dtype=bool)
    is_on_sale[healthy.lists[0, 0]] = False
    assert failed(dataclasses.replace(healthy, is_on_sale=is_on_sale)) == {"only_articles_on_sale"}


def test_segment_lists_shared_by_cold_customers_are_no_collapse(healthy):
    is_personal = np.arange(N_CUSTOMERS) < 60
    lists = np.where(is_personal[:, None], healthy.lists, healthy.lists[0])
    assert undecided(served(healthy, lists, is_personal=is_personal)) == set()


def test_a_shop_in_which_nobody_bought_before_is_not_refused(healthy):
    lists = np.tile(healthy.lists[0], (N_CUSTOMERS, 1))
    gate = served(healthy, lists, is_personal=np.zeros(N_CUSTOMERS, dtype=bool))
    assert undecided(gate) == COMPARISONS - {"two_tower_learned"}


def test_customers_the_evaluated_models_made_no_list_for_are_not_compared(healthy):
    gate = dataclasses.replace(healthy, evaluated_lists=np.full_like(healthy.evaluated_lists, -1))
    assert undecided(gate) == COMPARISONS - {"two_tower_learned"}


def test_only_customers_of_both_models_are_compared(healthy):
    """Lists of -1 stand for a customer who was not drawn: the first half alone is compared."""
    is_drawn = np.arange(N_CUSTOMERS)[:, None] < N_CUSTOMERS // 2
    half = dataclasses.replace(healthy, evaluated_lists=np.where(is_drawn, healthy.evaluated_lists, -1))
    results = judged(half)
    assert {each.passed for each in results.values()} == {True}
    for name in COMPARISONS - {"two_tower_learned"}:
        assert results[name].details["customers"] == N_CUSTOMERS // 2
    spoiled = served(half, np.where(is_drawn, healthy.lists, healthy.lists[0]))
    assert failed(spoiled) == set()


def test_every_comparison_that_chance_moves_has_an_interval_that_is_half_as_wide_for_four_times_the_customers(healthy):
    few, many = judged(healthy), judged(refitted_gate(4 * N_CUSTOMERS))
    for name in ("difference_between_customers", "overlap_with_evaluated"):
        assert few[name].low < few[name].value < few[name].high
        assert many[name].high - many[name].low == pytest.approx((few[name].high - few[name].low) / 2, rel=0.2), name
    assert few["catalogue_coverage"].low < few["catalogue_coverage"].value < few["catalogue_coverage"].high
