"""Shops at the edge: a test that has nothing to compare says so, and no healthy night is refused for it."""

import dataclasses
import math
import warnings

import numpy as np
import pytest
from planted_suites import results_by_name, take, undecided, with_lists
from scipy import sparse

from benchmarks.planted_week import K, planted_week
from recommender.evaluation.behavior.judged_week import Perturbed
from recommender.evaluation.behavior.suite import BehavioralSuite
from recommender.evaluation.behavioral_check import test_names

STABILITY = {"served_without_newest_purchase", "one_purchase_less", "shuffled_basket"}
REHEARSED = {"part_of_a_leaks_gain", "gain_over_earlier_ranker", "gain_over_week_before"}
COLD = {"cold_customers_no_worse_than_popular", "cold_customers_beyond_hindsight"}
STANDING_OF_TASTE = {"catalogue_coverage", "exposure_of_other_articles", "popularity_as_in_own_purchases"}
STANDING_OF_TASTE |= {"novelty_over_popular", "difference_between_customers"}
RULES = {"no_duplicates", "only_articles_on_sale", "k_per_customer", "finite_scores", "determinism"}


@pytest.fixture(scope="module")
def healthy() -> BehavioralSuite:
    return planted_week(n_customers=1_500, n_articles=800)


@pytest.fixture(autouse=True)
def warnings_are_errors():
    """A division by zero or a mean of nothing is a NaN, and a NaN refuses."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def selling_only(suite: BehavioralSuite, n_articles: int) -> BehavioralSuite:
    """The shop with its best sellers alone: everybody's list has all of them and is then empty."""
    best = np.argsort(-suite.last_week_sales, kind="stable")[:n_articles]
    is_on_sale = np.isin(np.arange(len(suite.is_on_sale)), best)
    lists = np.full(suite.lists.shape, -1, np.int32)
    lists[:, : min(n_articles, K)] = best[:K]
    scores = np.where(lists >= 0, suite.scores, np.nan).astype(np.float32)
    some = {field.name: lists[: len(suite.perturbed.served)] for field in dataclasses.fields(Perturbed)}
    return dataclasses.replace(
        suite,
        lists=lists,
        scores=scores,
        lists_again=lists,
        baselines=dict.fromkeys(suite.baselines, lists),
        is_on_sale=is_on_sale,
        last_week_sales=np.where(is_on_sale, suite.last_week_sales, 0),
        two_tower=lists,
        perturbed=Perturbed(**some),
        rehearsal=None,
    )


def without_articles_beyond(suite: BehavioralSuite, n_articles: int) -> BehavioralSuite:
    """A catalogue smaller than a list is long, of which everybody had and bought the first article."""
    n = len(suite.lists)
    shop = selling_only(dataclasses.replace(suite, last_week_sales=np.arange(800, 0, -1)), n_articles)
    by_article = ("is_on_sale", "last_week_sales", "article_ages", "prices", "article_names")
    return dataclasses.replace(
        shop,
        **{name: getattr(shop, name)[:n_articles] for name in by_article},
        attributes={name: values[:n_articles] for name, values in shop.attributes.items()},
        truth=suite.truth._replace(values=np.zeros(n, np.int32), offsets=np.arange(n + 1)),
        truth_days=np.zeros(n, np.int64),
        history=sparse.csr_matrix(suite.has_history[:, None] * np.eye(1, n_articles, dtype=np.float32)),
    )


def without(suite: BehavioralSuite, *names: str) -> BehavioralSuite:
    baselines = {name: lists for name, lists in suite.baselines.items() if name not in names}
    return dataclasses.replace(suite, baselines=baselines)


def everybody_is(label: str, suite: BehavioralSuite) -> BehavioralSuite:
    labels = np.full(len(suite.lists), label, dtype=object)
    return dataclasses.replace(suite, customer_slices=dict.fromkeys(suite.customer_slices, labels))


def all_cold(suite: BehavioralSuite) -> BehavioralSuite:
    """A shop of newcomers: the four stages serve them all best sellers, and there is nothing to perturb."""
    shop = take(suite, np.flatnonzero(~suite.has_history))
    nobody = {field.name: np.empty((0, K), np.int32) for field in dataclasses.fields(Perturbed)}
    return dataclasses.replace(shop, perturbed=Perturbed(**nobody))


def no_sales(suite: BehavioralSuite) -> BehavioralSuite:
    return dataclasses.replace(suite, last_week_sales=np.zeros_like(suite.last_week_sales))


EDGES = {
    "one customer": (lambda suite: take(suite, np.arange(1)), STANDING_OF_TASTE | REHEARSED | COLD),
    "two customers": (lambda suite: take(suite, np.arange(2)), STANDING_OF_TASTE | REHEARSED | COLD),
    "ninety customers": (
        lambda suite: take(suite, np.arange(90)),
        COLD | {"miss_rate_equality_difference", "kinds_of_articles_found", "first_day_favoured"},
    ),
    "nobody has a history": (
        all_cold,
        STANDING_OF_TASTE
        | STABILITY
        | {
            "no_worse_than_popular",
            "better_than_popular",
            "finds_head_articles",
            "finds_tail_articles",
            "misses_near_purchases",
            "prices_near_usual",
            "guarded_articles_shown",
            "no_slice_worse_than_rules",
            "miss_rate_equality_difference",
        },
    ),
    "nobody is cold": (
        lambda suite: take(suite, np.flatnonzero(suite.has_history)),
        COLD | {"cold_customers_served"},
    ),
    "one article on sale": (
        lambda suite: selling_only(suite, 1),
        STANDING_OF_TASTE | {"no_colour_variant_floods", "department_balance", "better_than_popular"},
    ),
    "fewer on sale than a list is long": (
        lambda suite: selling_only(suite, K - 1),
        STANDING_OF_TASTE | {"no_colour_variant_floods", "better_than_popular"},
    ),
    "a catalogue smaller than a list": (lambda suite: without_articles_beyond(suite, 3), STANDING_OF_TASTE),
    "no new articles": (
        lambda suite: dataclasses.replace(suite, article_ages=np.full(800, 200.0)),
        {"new_articles_recommended"},
    ),
    "no known age": (
        lambda suite: dataclasses.replace(suite, article_ages=np.full(800, np.nan)),
        {"new_articles_recommended"},
    ),
    "no sales last week": (
        no_sales,
        {
            "department_balance",
            "guarded_articles_shown",
            "finds_head_articles",
            "novelty_over_popular",
        },
    ),
    "no prices": (lambda suite: dataclasses.replace(suite, prices=np.full(800, np.nan)), {"prices_near_usual"}),
    "prices of zero": (lambda suite: dataclasses.replace(suite, prices=np.zeros(800)), {"prices_near_usual"}),
    "one price": (lambda suite: dataclasses.replace(suite, prices=np.full(800, 0.03)), set()),
    "one kind of customer": (lambda suite: everybody_is("unknown", suite), {"miss_rate_equality_difference"}),
    "one department": (
        lambda suite: dataclasses.replace(suite, attributes={**suite.attributes, "department": np.full(800, "all")}),
        {"department_balance"},
    ),
    "no guarded part": (
        lambda suite: dataclasses.replace(suite, attributes={**suite.attributes, "index_group": np.full(800, "Gifts")}),
        {"guarded_articles_shown"},
    ),
    "a baseline that won": (
        lambda suite: dataclasses.replace(suite, two_tower=None, perturbed=None, rehearsal=None),
        STABILITY | REHEARSED,
    ),
    "one week to learn from": (lambda suite: dataclasses.replace(suite, rehearsal=None), REHEARSED),
    "ease is left out": (lambda suite: without(suite, "ease"), set()),
    "no personal baseline but repurchase": (lambda suite: without(suite, "ease", "item_knn"), set()),
    "customers are alike": (
        lambda suite: dataclasses.replace(
            suite, baselines=dict.fromkeys(suite.baselines, suite.baselines["popular"]), two_tower=None
        ),
        STANDING_OF_TASTE | {"better_than_popular", "finds_tail_articles"},
    ),
    "an earlier ranker that found nothing": (
        lambda suite: dataclasses.replace(
            suite, rehearsal=dataclasses.replace(suite.rehearsal, earlier_now=np.zeros(1_500), earlier_then=np.zeros(9))
        ),
        REHEARSED - {"part_of_a_leaks_gain"},  # which asks how likely, not how many
    ),
    "nothing is bought on the first day": (
        lambda suite: dataclasses.replace(suite, truth_days=np.full_like(suite.truth_days, 3)),
        {"first_day_favoured"},
    ),
    "all is bought on the first day": (
        lambda suite: dataclasses.replace(suite, truth_days=np.zeros_like(suite.truth_days)),
        {"first_day_favoured"},
    ),
}


@pytest.mark.parametrize("name", EDGES)
def test_a_shop_at_the_edge_is_told_what_it_has_too_little_of_and_not_refused(healthy, name):
    change, expected = EDGES[name]
    results = results_by_name(change(healthy))
    assert {each.name for each in results.values() if each.passed is None} >= expected
    assert [each.name for each in results.values() if each.is_refused] == []
    assert [each.name for each in results.values() if each.passed is not None and math.isnan(each.value)] == []
    assert all(results[rule].passed for rule in RULES)


def test_every_comparison_is_without_data_at_some_edge():
    """Rules judge any list; only what cannot be broken there is left out."""
    without_data = set().union(*(expected for _, expected in EDGES.values()))
    assert set(test_names(BehavioralSuite)) - without_data == RULES


def test_the_last_article_is_not_taken_for_the_padding_of_a_list(healthy):
    """Lists of 1 to 12 articles; the last article of the catalogue is in none, and neither sold nor owned."""
    length = 1 + np.arange(1_500)[:, None] % 12

    def cut(lists: np.ndarray) -> np.ndarray:
        return np.where(np.arange(K) < length, lists, -1).astype(np.int32)

    lists = cut(healthy.lists)
    perturbed = {name: cut(healthy.lists)[: len(each)] for name, each in vars(healthy.perturbed).items()}
    padded = dataclasses.replace(
        healthy,
        lists=lists,
        lists_again=lists,
        baselines={name: cut(each) for name, each in healthy.baselines.items()},
        two_tower=cut(healthy.two_tower),
        perturbed=Perturbed(**perturbed),
    )
    changed = {name: _with_last(values, values[0]) for name, values in healthy.attributes.items()}
    other = dataclasses.replace(
        padded,
        attributes={**changed, "index_group": _with_last(healthy.attributes["index_group"], "Baby/Children")},
        article_ages=_with_last(healthy.article_ages, 1.0),
        prices=_with_last(healthy.prices, 1e-9),
        article_names=_with_last(healthy.article_names, "another"),
    )
    before, after = (
        {name: (each.value, each.details) for name, each in results_by_name(suite).items()} for suite in (padded, other)
    )
    assert {name for name, each in before.items() if repr(each) != repr(after[name])} == set()
    assert before["k_per_customer"][0] == 1_500 - 1_500 / 12


def _with_last(values: np.ndarray, last) -> np.ndarray:
    values = values.astype(object) if values.dtype.kind in "OU" else values.copy()
    values[-1] = last
    return values


def test_of_a_short_list_the_furthest_misses_name_what_is_in_it(healthy):
    lists = np.where(np.arange(K) < 1, healthy.lists, -1)
    misses = results_by_name(with_lists(healthy, lists))["misses_near_purchases"].details["furthest_misses"]
    assert [each["recommended"] for each in misses] == [[str(lists[int(each["who"]), 0])] for each in misses]


def test_empty_lists_of_two_customers_leave_the_likeness_of_the_others(healthy):
    lists = {name: each.copy() for name, each in vars(healthy.perturbed).items()}
    for each in lists.values():
        each[:2] = -1
    results = results_by_name(dataclasses.replace(healthy, perturbed=Perturbed(**lists)))
    assert results["one_purchase_less"].passed
    assert results["one_purchase_less"].details["customers"] == len(lists["served"]) - 2


def test_a_cap_that_no_list_can_break_is_kept(healthy):
    rules = dataclasses.replace(healthy.common_sense, most_per_product_code=K + 1)
    assert results_by_name(dataclasses.replace(healthy, common_sense=rules))["no_colour_variant_floods"].passed


def test_without_a_cap_no_colour_floods(healthy):
    rules = dataclasses.replace(healthy.common_sense, most_per_product_code=None)
    assert results_by_name(dataclasses.replace(healthy, common_sense=rules))["no_colour_variant_floods"].passed


def test_no_colour_floods_where_the_cap_leaves_too_few_articles_for_a_list(healthy):
    """Three products of four articles: at most nine within the cap of three, and a list takes twelve."""
    codes = np.where(np.arange(800) < 12, np.arange(800) // 4, -1).astype(str)
    shop = dataclasses.replace(
        selling_only(healthy, 12),
        is_on_sale=np.arange(800) < 12,
        attributes={**healthy.attributes, "product_code": codes},
    )
    assert "no_colour_variant_floods" in undecided(shop)
