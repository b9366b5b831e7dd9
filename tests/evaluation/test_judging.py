"""From a shop day to the suite's arrays: on the small shop, with a trained two-tower and ranker."""

import dataclasses

import numpy as np
import pyarrow.compute as pc
import pytest
from small_shop import SMALL_STAGES

from recommender.columns import Columns
from recommender.config import CommonSenseSettings
from recommender.evaluation.behavior.judging import Judging
from recommender.evaluation.behavior.perturbed_lists import perturbed_lists
from recommender.evaluation.behavioral_check import run_tests
from recommender.evaluation.held_out_week import HeldOutWeek
from recommender.models.baseline_shop import BaselineShop
from recommender.models.ranked_lists import RankedLists
from recommender.models.ranking.rankers import load_ranker
from recommender.ranking_metrics import mean_over_customers, overlap_at_k
from recommender.stages.four_stages import recommend

K, DEPTH = 12, 24
COMMON_SENSE = CommonSenseSettings({"index_group": ["Baby/Children"]}, 3.0, 3)


@pytest.fixture(scope="module")
def week(weekly_two_towers, demo_windows) -> HeldOutWeek:
    weekly = weekly_two_towers[demo_windows.test_as_of_day]
    return HeldOutWeek(*weekly.fit_for_buyers(SMALL_STAGES), K, DEPTH)


@pytest.fixture(scope="module")
def lists(week, ranker_folder, demo_marts, catalogue) -> dict[str, RankedLists]:
    served = recommend(week.fitted, load_ranker(ranker_folder), SMALL_STAGES.order, DEPTH)
    shop = BaselineShop.read(demo_marts, week.fitted.day.as_of_day, catalogue.article_ids, week.fitted.day.purchases)
    return {"served": served, **week.baseline_lists(shop, 7, lambda reason: None)}


@pytest.fixture(scope="module")
def catalogue(weekly_two_towers, demo_windows):
    return weekly_two_towers[demo_windows.test_as_of_day].inputs().catalogue


@pytest.fixture(scope="module")
def perturbed(week, lists, ranker_folder):
    return perturbed_lists(week, lists["served"], load_ranker(ranker_folder), SMALL_STAGES.order)


@pytest.fixture(scope="module")
def suite(week, lists, perturbed, demo_marts, catalogue):
    served, baselines = lists["served"], {name: each for name, each in lists.items() if name != "served"}
    return Judging(demo_marts, catalogue, COMMON_SENSE, 1).suite(week, served, served, baselines, perturbed)


def test_every_test_of_the_suite_has_its_data(suite):
    anything = {"minimum": -1e9}
    names = [name for name in dir(suite) if hasattr(getattr(type(suite), name, None), "behavioral_check")]
    results = run_tests(suite, dict.fromkeys(names, anything))
    assert {result.name for result in results if result.value is None} <= {"cold_customers_no_worse_than_popular"}


def test_arrays_are_by_article_and_not_by_column(suite, week):
    day = week.fitted.day
    assert np.flatnonzero(suite.is_on_sale).tolist() == day.candidates.tolist()
    np.testing.assert_array_equal(suite.last_week_sales[day.candidates], day.article_numbers[Columns.SALES_1W])
    assert suite.last_week_sales[~suite.is_on_sale].sum() == 0
    assert np.isnan(suite.article_ages[~suite.is_on_sale]).all()


def test_attributes_are_those_of_the_articles(suite, demo_marts, catalogue):
    articles = demo_marts.table("articles")
    for position in (0, len(catalogue) // 2, len(catalogue) - 1):
        row = articles.filter(pc.equal(articles[Columns.ARTICLE_ID], catalogue.article_ids[position])).to_pylist()[0]
        assert suite.attributes["department"][position] == row["department"]
        assert suite.attributes["product_code"][position] == str(row["product_code"])
        assert suite.article_names[position] == f"{row['article_id']} {row['product_name']}"


def test_customers_are_sliced_by_what_was_known_on_the_day(suite, week, demo_marts):
    features = demo_marts.table("customer_features", as_of_days=[week.fitted.day.as_of_day])
    customer = week.customer_ids[3]
    row = features.filter(pc.equal(features[Columns.CUSTOMER_ID], customer)).to_pylist()[0]
    assert suite.customer_slices["age band"][3] == row["age_band"]
    assert (suite.customer_slices["activity"] == "cold").tolist() == (~suite.has_history).tolist()


def test_lists_without_a_two_tower_have_nothing_to_perturb(week, lists, demo_marts, catalogue):
    judged, judging = lists["ease"], Judging(demo_marts, catalogue, COMMON_SENSE, 1)
    suite = judging.suite(week, judged, judged, {"popular": lists["popular"]})
    assert suite.perturbed is None
    assert suite.baselines.keys() == {"popular"}


def test_the_suite_sees_the_first_k_ranks(suite, lists):
    np.testing.assert_array_equal(suite.lists, lists["served"].positions[:, :K])


def test_the_order_of_a_basket_is_nothing_to_the_two_tower_and_one_purchase_is_little(perturbed):
    assert len(perturbed.unchanged) > 5
    assert (np.sort(perturbed.unchanged) == np.sort(perturbed.shuffled)).mean() > 0.99
    changed = (perturbed.unchanged != perturbed.without_newest).any(axis=1)
    assert changed.mean() > 0


def test_one_purchase_less_changes_what_is_served_but_not_all_of_it(perturbed):
    changed = (perturbed.served != perturbed.served_without_newest).any(axis=1)
    assert changed.mean() > 0
    assert mean_over_customers(overlap_at_k(perturbed.served, perturbed.served_without_newest)) > 0.5


def test_a_week_without_a_two_tower_has_nothing_to_perturb(week, lists, ranker_folder):
    others = [each for each in week.fitted.generators if each.name != "two_tower"]
    without = dataclasses.replace(week, fitted=dataclasses.replace(week.fitted, generators=others))
    assert perturbed_lists(without, lists["served"], load_ranker(ranker_folder), SMALL_STAGES.order) is None
