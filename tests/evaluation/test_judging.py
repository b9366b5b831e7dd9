"""From a shop day to the suite's arrays: on the small shop, with a trained two-tower and ranker."""

import csv
from dataclasses import replace
from datetime import date

import numpy as np
import pyarrow.compute as pc
import pytest
from small_shop import SMALL_STAGES

from recommender.columns import Columns
from recommender.config import CommonSenseSettings
from recommender.evaluation.behavior.judging import Judging
from recommender.evaluation.behavior.perturbed_lists import perturbed_lists
from recommender.evaluation.behavioral_check import run_tests, test_names
from recommender.evaluation.held_out_week import HeldOutWeek, lists_of_week
from recommender.features.interactions import day_number
from recommender.features.time_split import WEEK
from recommender.models.baseline_shop import BaselineShop
from recommender.models.ranked_lists import RankedLists
from recommender.models.ranking.rankers import load_ranker
from recommender.ranking_metrics import mean_over_customers, overlap_at_k
from recommender.stages import fitted_day
from recommender.stages.four_stages import recommend
from recommender.stages.shop_day import ShopDay, read_shop_day
from recommender.weeks.weekly_models import FittedModels

K, DEPTH = 12, 24
COMMON_SENSE = CommonSenseSettings({"index_group": ["Baby/Children"]}, 3.0, 3)
SCARCE_IN_A_SMALL_SHOP = {
    "part_of_a_leaks_gain",
    "gain_over_earlier_ranker",
    "gain_over_week_before",
    "cold_customers_no_worse_than_popular",
    "cold_customers_beyond_hindsight",
    "miss_rate_equality_difference",
    "no_slice_worse_than_rules",
    "kinds_of_articles_found",
    "better_than_popular",
    "finds_tail_articles",
    "exposure_of_other_articles",
    "prices_near_usual",
}


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
    judging = Judging(demo_marts, catalogue, COMMON_SENSE)
    return judging.suite(week, served, served, baselines, week.two_tower_lists(), perturbed)


def test_the_suite_runs_on_a_real_week(suite):
    """Of 600 customers few are cold, no slice is large, references differ by chance, and there is no earlier ranker."""
    anything = {"minimum": -1e9}
    results = {result.name: result for result in run_tests(suite, dict.fromkeys(test_names(type(suite)), anything))}
    unmeasured = {name for name, result in results.items() if result.value is None}
    assert unmeasured >= {"part_of_a_leaks_gain", "gain_over_earlier_ranker", "gain_over_week_before"}
    assert unmeasured <= SCARCE_IN_A_SMALL_SHOP
    assert [name for name in results.keys() - unmeasured if np.isnan(results[name].value)] == []


def test_truth_days_are_those_of_the_first_purchase_in_the_week(suite, week, catalogue, demo_raw_dir):
    """Counted from the raw file, row by row."""
    first_day, days = week.fitted.day.as_of_day, {}
    with (demo_raw_dir / "transactions_train.csv").open() as file:
        for row in csv.DictReader(file):
            day = (date.fromisoformat(row["t_dat"]) - first_day).days
            if 0 <= day < 7:
                pair = row["customer_id"], row["article_id"]
                days[pair] = min(day, days.get(pair, 7))
    owners = np.repeat(week.customer_ids, week.truth.sizes())
    pairs = zip(owners, catalogue.article_ids[week.truth.values], strict=True)
    assert dict(zip(pairs, suite.truth_days.tolist(), strict=True)) == days
    assert len(set(days.values())) == 7


def test_truth_days_of_a_sample_are_those_of_its_customers(week, lists, suite, demo_marts, catalogue):
    """What others bought in the week is in the marts and not in the sample."""
    rows = np.arange(1, len(week.customer_ids), 3)
    day = week.fitted.day
    sampled_day = replace(day, customer_ids=day.customer_ids[rows], customer_rows=day.customer_rows[rows])
    sampled = replace(week, fitted=replace(week.fitted, day=sampled_day), truth=week.truth.take(rows))
    by_customer = np.split(suite.truth_days, week.truth.offsets[1:-1])
    found = Judging(demo_marts, catalogue, COMMON_SENSE)._truth_days(sampled)
    assert found.tolist() == np.concatenate([by_customer[row] for row in rows]).tolist()


@pytest.fixture(scope="module")
def models(weekly_two_towers, demo_windows, ranker_folder) -> FittedModels:
    return FittedModels(weekly_two_towers[demo_windows.test_as_of_day], ranker_folder)


def lists_twice(models: FittedModels, demo_marts, catalogue) -> tuple[RankedLists, RankedLists]:
    """Make the week's lists, and once more with other purchases planted in the week."""
    week, once = lists_of_week(models, SMALL_STAGES, K, DEPTH)
    planted = demo_marts.interactions(catalogue).with_others_from(week.fitted.day.as_of_day, seed=7)
    return once, lists_of_week(models, SMALL_STAGES, K, DEPTH, planted)[1]


def determinism(week, lists, once, again, demo_marts, catalogue):
    baselines = {name: each for name, each in lists.items() if name != "served"}
    suite = Judging(demo_marts, catalogue, COMMON_SENSE).suite(week, once, again, baselines)
    return suite.determinism().value


def test_other_purchases_in_the_week_change_no_list(models, week, lists, demo_marts, catalogue):
    once, again = lists_twice(models, demo_marts, catalogue)
    np.testing.assert_array_equal(once.positions, lists["served"].positions)
    assert determinism(week, lists, once, again, demo_marts, catalogue) == 0


def test_generators_that_peek_at_the_weeks_purchases_are_caught(
    models, week, lists, demo_marts, catalogue, monkeypatch
):
    """They count the week as if it had been bought the day before; made twice of the same purchases, nothing shows."""
    monkeypatch.setattr(fitted_day, "read_shop_day", read_day_that_peeks)
    once, again = lists_twice(models, demo_marts, catalogue)
    same = lists_of_week(models, SMALL_STAGES, K, DEPTH)[1]
    assert determinism(week, lists, once, same, demo_marts, catalogue) == 0
    assert determinism(week, lists, once, again, demo_marts, catalogue) > len(week.customer_ids) / 10


def read_day_that_peeks(marts, as_of_day, customer_rows, candidates, catalogue, purchases) -> ShopDay:
    day = read_shop_day(marts, as_of_day, customer_rows, candidates, catalogue, purchases)
    known = purchases.before(as_of_day + WEEK)
    return replace(day, purchases=replace(known, days=np.minimum(known.days, day_number(as_of_day) - 1)))


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
    customer = week.fitted.day.customer_rows[3]
    row = features.filter(pc.equal(features[Columns.CUSTOMER_CODE], customer)).to_pylist()[0]
    assert suite.customer_slices["age band"][3] == row["age_band"]
    assert (suite.customer_slices["activity"] == "cold").tolist() == (~suite.has_history).tolist()


def test_lists_without_a_two_tower_have_nothing_to_perturb(week, lists, demo_marts, catalogue):
    judged, judging = lists["ease"], Judging(demo_marts, catalogue, COMMON_SENSE)
    suite = judging.suite(week, judged, judged, {"popular": lists["popular"]})
    assert suite.perturbed is suite.two_tower is suite.rehearsal is None
    assert suite.baselines.keys() == {"popular"}


def test_the_suite_sees_the_first_k_ranks(suite, lists):
    np.testing.assert_array_equal(suite.lists, lists["served"].positions[:, :K])
    assert {each.shape[1] for each in (suite.two_tower, *suite.baselines.values())} == {K}


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
    without = replace(week, fitted=replace(week.fitted, generators=others))
    assert perturbed_lists(without, lists["served"], load_ranker(ranker_folder), SMALL_STAGES.order) is None
