"""The newest weeks of planted shops against the weeks before: what refuses, what warns, and what is healthy."""

import json
import math
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest

from recommender.config import DEFAULT_FILE, Settings, read_file
from recommender.evaluation.behavioral_check import CheckResult, check_thresholds, run_tests
from recommender.evaluation.usual_weeks import UsualWeeks
from recommender.features.time_split import TimeWindows, split_by_time

THRESHOLDS = Settings.of(read_file(DEFAULT_FILE), "demo").usual_weeks
CUTOFF = date(2020, 9, 23)
WEEK = timedelta(days=7)
REFUSING = ["share_of_a_slow_week"]


def shop_weeks(n_weeks: int = 30, customers: int = 400, seed: int = 1) -> dict[str, np.ndarray]:
    """A shop whose customers buy 2.5 articles a week, as chance has it; oldest week first."""
    random = np.random.default_rng(seed)
    people = random.poisson(customers, n_weeks)
    purchases = people + random.poisson(1.5 * people)
    return {
        "week_start": np.array([CUTOFF - WEEK * week for week in range(n_weeks, 0, -1)], "datetime64[D]"),
        "purchases": purchases,
        "customers": people,
        "articles": random.poisson(100, n_weeks) + 50,
        "selling_days": np.full(n_weeks, 7),
        "new_articles": random.poisson(5, n_weeks),
        "new_customers": random.binomial(people, 0.1),
        "mean_log_price": random.normal(math.log(0.03), 0.02, n_weeks),
        "online_share": random.binomial(purchases, 0.7) / purchases,
        "repeat_share": random.binomial(purchases, 0.2) / purchases,
    }


def closed(shop: dict[str, np.ndarray], weeks_before_cutoff: int) -> None:
    """Take every sale from a week."""
    for name in ("purchases", "customers", "articles", "selling_days", "new_articles", "new_customers"):
        shop[name][-weeks_before_cutoff] = 0
    for name in ("mean_log_price", "online_share", "repeat_share"):
        shop[name][-weeks_before_cutoff] = np.nan


def usual_weeks(shop: dict[str, np.ndarray], training_weeks: int = 13) -> UsualWeeks:
    first_day = shop["week_start"][0].item()
    windows = split_by_time(first_day, CUTOFF - timedelta(days=1), training_weeks, ranking_weeks=8)
    return UsualWeeks.of(pa.table(shop), windows)


def results_of(shop: dict[str, np.ndarray]) -> dict[str, CheckResult]:
    return {result.name: result for result in run_tests(usual_weeks(shop), THRESHOLDS)}


def failed_in(shop: dict[str, np.ndarray]) -> list[str]:
    """Names of the tests that refuse or warn."""
    return [name for name, result in results_of(shop).items() if result.passed is False]


def test_the_shipped_thresholds_are_those_of_the_suite():
    check_thresholds(UsualWeeks, THRESHOLDS)
    assert [result.name for result in results_of(shop_weeks()).values() if result.is_refusing] == REFUSING


@pytest.mark.parametrize("customers", [65, 400, 70_000])
@pytest.mark.parametrize("seed", range(5))
def test_chance_alone_neither_refuses_nor_warns(customers, seed):
    results = results_of(shop_weeks(customers=customers, seed=seed))
    assert {name: result.value for name, result in results.items() if result.passed is not True} == {}


def test_the_small_shop_is_as_usual(demo_marts, demo_windows):
    """Twenty weeks of the generated shop, through its real mart."""
    results = run_tests(UsualWeeks.of(demo_marts.shop_weeks(), demo_windows), THRESHOLDS)
    assert [result.passed for result in results] == [True] * 7
    assert results[0].details["selling_weeks"] == 20 - 2


def test_five_purchases_refuse():
    shop = shop_weeks()
    shop["purchases"][-1], shop["customers"][-1], shop["new_customers"][-1] = 5, 3, 0
    result = results_of(shop)["share_of_a_slow_week"]
    assert result.is_refused
    slow = sorted(shop["purchases"][2 - 30 : -2][-26:])[2]  # of 26 weeks two sold less: (26 - 1) * 0.1 = 2.5
    assert result.value == 5 / slow
    assert result.details == {
        "selling_weeks": 26,
        "test_week": "2020-09-16",
        "purchases": 5,
        "slow_week": slow,
        "usual": np.median(shop["purchases"][-28:-2]),
    }


def test_a_week_without_a_sale_refuses_even_the_smallest_shop():
    shop = shop_weeks()
    a_week = {"purchases": 3, "customers": 2, "articles": 3, "selling_days": 2, "new_articles": 0, "new_customers": 0}
    shop |= {name: np.full(30, count) for name, count in a_week.items()}
    assert "share_of_a_slow_week" not in failed_in(shop)
    closed(shop, 1)
    assert results_of(shop)["share_of_a_slow_week"].is_refused


def test_half_a_usual_week_is_no_collapse():
    """As after Christmas."""
    shop = shop_weeks()
    shop["purchases"][-1] //= 2
    shop["customers"][-1] //= 2
    result = results_of(shop)["share_of_a_slow_week"]
    assert result.passed
    assert 0.45 < result.value < 0.6


def test_a_broken_week_among_those_before_makes_the_next_one_no_more_usual():
    shop = shop_weeks()
    for week in (-4, -9):
        shop["purchases"][week] = 5
    shop["purchases"][-1] = 6
    assert results_of(shop)["share_of_a_slow_week"].is_refused


@pytest.mark.parametrize("week", [-1, -2])
@pytest.mark.parametrize("times", [0.3, 3])
@pytest.mark.parametrize("column", ["purchases", "customers"])
def test_volume_far_from_usual_warns_in_either_week(column, times, week):
    shop = shop_weeks()
    shop[column][week] = times * shop[column][week]
    result = results_of(shop)["volume_far_from_usual"]
    assert result.is_warned
    assert (result.details["farthest"], result.details["week"]) == (column, f"{CUTOFF + week * WEEK}")
    assert result.details["times"] == pytest.approx(times, rel=0.1)


def test_a_very_steady_shop_is_not_warned_of_a_few_percent():
    """The spread of its weeks is nought; a tenth is taken for it, so four of these are a factor of 1.5."""
    shop = shop_weeks()
    shop["purchases"], shop["customers"] = np.full(30, 1_000), np.full(30, 400)
    shop["purchases"][-1] = 1_300
    assert failed_in(shop) == []
    shop["purchases"][-1] = 1_600
    assert failed_in(shop) == ["volume_far_from_usual"]
    assert results_of(shop)["volume_far_from_usual"].value == pytest.approx(math.log(1_601 / 1_001) / 0.1)


def test_prices_times_a_hundred_warn_and_tell_the_factor():
    shop = shop_weeks()
    shop["mean_log_price"][-2:] += math.log(100)
    result = results_of(shop)["prices_far_from_usual"]
    assert result.is_warned
    assert result.details["times"] == pytest.approx(100, rel=0.1)
    assert failed_in(shop) == ["prices_far_from_usual"]


def test_prices_of_nothing_are_told():
    """Every price of the week is 0, which has no logarithm."""
    shop = shop_weeks()
    shop["mean_log_price"][-1] = np.nan
    assert results_of(shop)["prices_far_from_usual"].is_warned


@pytest.mark.parametrize(
    ("column", "value", "named"),
    [
        ("online_share", 0.2, "online purchases"),
        ("repeat_share", 0.0, "repeated purchases"),
        ("new_articles", 120, "new articles"),
        ("new_customers", 300, "new customers"),
    ],
)
def test_another_make_up_warns_and_names_the_share(column, value, named):
    shop = shop_weeks()
    shop["articles"][-1] = 150
    shop[column][-1] = value
    result = results_of(shop)["make_up_far_from_usual"]
    assert result.is_warned
    assert (result.details["farthest"], result.details["week"]) == (named, "2020-09-16")
    assert failed_in(shop) == ["make_up_far_from_usual"]


def test_days_without_a_sale_warn_where_the_shop_sells_daily():
    shop = shop_weeks()
    shop["selling_days"][-1] = 6
    assert failed_in(shop) == []  # a holiday
    shop["selling_days"][-1] = 3
    assert failed_in(shop) == ["days_without_sales"]
    assert results_of(shop)["days_without_sales"].value == 7 - 3


def test_days_without_a_sale_are_usual_where_the_shop_sells_on_some():
    shop = shop_weeks()
    shop["selling_days"] = np.array([2, 5, 4] * 10)
    shop["selling_days"][-1] = 1
    assert failed_in(shop) == []


def test_closed_ranking_weeks_warn_and_are_named():
    shop = shop_weeks()
    closed(shop, 5)
    result = results_of(shop)["ranking_weeks_without_sales"]
    assert result.is_warned
    assert (result.value, result.details) == (1, {"weeks": 8, "without_sales": ["2020-08-19"]})
    assert failed_in(shop) == ["ranking_weeks_without_sales"]


def test_a_missing_month_of_training_weeks_warns_and_one_closed_week_does_not():
    shop = shop_weeks()
    closed(shop, 11)
    assert failed_in(shop) == []
    for week in (12, 13, 14):
        closed(shop, week)
    assert failed_in(shop) == ["training_weeks_without_sales"]
    assert results_of(shop)["training_weeks_without_sales"].details["without_sales"] == [
        "2020-06-17",
        "2020-06-24",
        "2020-07-01",
        "2020-07-08",
    ]


def test_closed_weeks_are_none_of_those_that_stand_for_usual():
    shop = shop_weeks(n_weeks=11)
    closed(shop, 4)
    result = results_of(shop)["share_of_a_slow_week"]
    assert result.details["selling_weeks"] == 8
    assert result.passed


def test_too_few_weeks_before_are_not_enough_data():
    shop = shop_weeks(n_weeks=9)  # seven and the two that are judged
    shop["purchases"][-1] = 1
    results = list(results_of(shop).values())
    assert [result.outcome for result in results] == ["not enough data"] * 5 + ["pass"] * 2
    assert results[0].details["selling_weeks"] == 7


def test_a_shop_that_never_sold_before_the_two_weeks_has_no_usual():
    shop = shop_weeks(n_weeks=5)
    for week in (3, 4, 5):
        closed(shop, week)
    assert [result.passed for result in list(results_of(shop).values())[:5]] == [None] * 5


def test_all_weeks_without_a_sale_are_told_whether_used_or_not():
    shop = shop_weeks()
    for week in (1, 29):
        closed(shop, week)
    assert usual_weeks(shop).without_sales() == [CUTOFF - 29 * WEEK, CUTOFF - WEEK]


def test_results_are_plain_json():
    shop = shop_weeks()
    closed(shop, 2)
    for result in results_of(shop).values():
        json.dumps(result.as_dict(), allow_nan=False)


def test_dates_are_those_of_the_run():
    windows = TimeWindows(CUTOFF, CUTOFF - 30 * WEEK, (CUTOFF - 3 * WEEK,), ranking_weeks=1)
    usual = UsualWeeks.of(pa.table(shop_weeks()), windows)
    assert usual.ranking_days == (CUTOFF - 2 * WEEK,)
    assert usual.training_days == (CUTOFF - 3 * WEEK,)
