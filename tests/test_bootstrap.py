"""Intervals over customers: few and many by hand, coverage in simulations, and a planted difference."""

import math

import numpy as np
import pytest

from recommender import bootstrap
from recommender.bootstrap import mean_interval, paired_difference


def width(interval: bootstrap.Interval) -> float:
    return interval.high - interval.low


def test_two_customers_by_hand():
    # Drawn twice out of a: 0, a: 0, a: 0, b: 1. aa has mean 0 (1/4), ab and ba 1/4 (1/2), bb 1 (1/4).
    values, clusters = np.array([0.0, 0.0, 1.0, 0.0]), np.array(["a", "a", "b", "a"])
    assert mean_interval(values, clusters, seed=1, level=0.95) == (1 / 4, 0, 1)
    assert mean_interval(values, clusters, seed=1, level=0.40) == (1 / 4, 1 / 4, 1 / 4)  # 0.3 to 0.7


def test_two_customers_by_hand_when_two_are_many(monkeypatch):
    # a sums to 0 over 3 weeks, b to 1 over 1. Mean 1/4; residuals -3/4 and 3/4, so the standard error is
    # sqrt(2/1 * 2 * 9/16) / 4 = 3/8; the normal's 97.5% quantile is 1.959964.
    monkeypatch.setattr(bootstrap, "MANY_CLUSTERS", 1)
    interval = mean_interval(np.array([0.0, 0.0, 1.0, 0.0]), np.array(["a", "a", "b", "a"]), seed=1)
    assert interval == pytest.approx((1 / 4, 1 / 4 - 1.959964 * 3 / 8, 1 / 4 + 1.959964 * 3 / 8), abs=1e-6)


def test_equal_values_leave_nothing_to_chance():
    assert mean_interval(np.full(9, 0.5), np.arange(9) // 2, seed=0) == (0.5, 0.5, 0.5)


def test_rows_without_truth_are_left_out():
    values, clusters = np.array([0.2, np.nan, 0.8, np.nan]), np.array([1, 2, 3, 3])
    is_known = np.array([True, False, True, False])
    assert mean_interval(values, clusters, seed=4) == mean_interval(values[is_known], clusters[is_known], seed=4)


def test_single_customer_has_a_mean_and_no_bounds():
    mean, low, high = mean_interval(np.array([0.25, 0.75, np.nan]), np.array(["ann", "ann", "bob"]), seed=0)
    assert mean == (0.25 + 0.75) / 2
    assert math.isnan(low)
    assert math.isnan(high)


def test_no_values_are_nan_throughout():
    assert all(map(math.isnan, mean_interval(np.array([np.nan]), np.array(["ann"]), seed=0)))
    assert all(map(math.isnan, mean_interval(np.array([]), np.array([]), seed=0)))


def test_a_seed_gives_one_interval_whatever_fits_into_memory(monkeypatch):
    values, clusters = np.random.default_rng(0).random(300), np.arange(300) // 3
    at_once = mean_interval(values, clusters, seed=7)
    monkeypatch.setattr(bootstrap, "DRAWS_AT_ONCE", 700)  # 100 customers: 7 resamples at a time
    assert mean_interval(values, clusters, seed=7) == pytest.approx(at_once, abs=1e-12)
    assert mean_interval(values, clusters, seed=8) != at_once


def test_names_of_customers_do_not_matter():
    values, rows = np.random.default_rng(0).random(40), np.arange(40) // 2
    names = np.array([f"customer {row:02d}" for row in rows], dtype=object)
    assert mean_interval(values, names, seed=2) == mean_interval(values, rows, seed=2)


def test_repeating_every_week_adds_no_knowledge():
    """Four equal weeks are one week four times; as if of strangers they would halve the interval: 1 / sqrt(4)."""
    week = np.random.default_rng(5).random(200)
    once = mean_interval(week, np.arange(200), seed=3)
    clustered = mean_interval(np.tile(week, 4), np.tile(np.arange(200), 4), seed=3)
    as_if_strangers = mean_interval(np.tile(week, 4), np.arange(800), seed=3)
    assert clustered == pytest.approx(once, abs=1e-12)
    assert width(clustered) / width(as_if_strangers) == pytest.approx(math.sqrt(4), rel=0.1)


def weeks_of(rng: np.random.Generator, n_customers: int) -> tuple[np.ndarray, np.ndarray]:
    """Return values and clusters: customers with one to four weeks each around an own mean; over all the mean is 0."""
    clusters = np.repeat(np.arange(n_customers), rng.integers(1, 5, size=n_customers))
    return rng.normal(size=n_customers)[clusters] + rng.normal(scale=0.5, size=len(clusters)), clusters


def test_at_6000_customers_both_ways_agree(monkeypatch):
    """A bound of 2,000 draws has a standard error of 1.5% of the interval's width: 5% are three of them."""
    values, clusters = weeks_of(np.random.default_rng(4), 6000)
    formula = mean_interval(values, clusters, seed=1)
    monkeypatch.setattr(bootstrap, "MANY_CLUSTERS", 6000)
    drawn = mean_interval(values, clusters, seed=1)
    assert formula != drawn
    assert formula == pytest.approx(drawn, abs=0.05 * width(drawn))


def test_many_customers_need_no_seed_and_no_order():
    values, clusters = weeks_of(np.random.default_rng(4), 6000)
    names = np.array([f"customer {row}" for row in clusters], dtype=object)
    backwards = mean_interval(values[::-1], names[::-1], seed=2, n_resamples=1)
    assert backwards == pytest.approx(mean_interval(values, clusters, seed=1), abs=1e-12)


@pytest.mark.parametrize("n_customers", [400, 6000], ids=["few, drawn", "many, by formula"])
@pytest.mark.parametrize(("repetitions", "n_resamples"), [(300, 400), pytest.param(2000, 1000, marks=pytest.mark.long)])
def test_interval_holds_the_true_mean_as_often_as_its_level_says(n_customers, repetitions, n_resamples):
    """Percentile intervals fall short of their level with few clusters, hence 400 of them."""
    rng, n_covered = np.random.default_rng(17), 0
    for repetition in range(repetitions):
        values, clusters = weeks_of(rng, n_customers)
        interval = mean_interval(values, clusters, seed=repetition, n_resamples=n_resamples)
        n_covered += interval.low <= 0 <= interval.high
    three_deviations = 3 * math.sqrt(0.95 * 0.05 / repetitions)  # 0.038 of 300, 0.015 of 2,000
    assert n_covered / repetitions == pytest.approx(0.95, abs=three_deviations)


def test_planted_difference_is_found_though_the_models_own_intervals_overlap():
    rng = np.random.default_rng(2)
    clusters = np.arange(400) // 2
    difficulty = rng.random(400)
    better, worse = difficulty + 0.02 + rng.normal(scale=0.01, size=400), difficulty
    difference = paired_difference(better, worse, clusters, seed=1)
    assert difference.low < 0.02 < difference.high
    assert difference.low > 0
    assert mean_interval(better, clusters, seed=1).low < mean_interval(worse, clusters, seed=1).high
    assert paired_difference(worse, better, clusters, seed=1).mean == pytest.approx(-difference.mean)


def test_pair_counts_only_where_both_are_known():
    values_a, values_b = np.array([0.5, 0.9, np.nan, 0.7]), np.array([0.25, np.nan, 0.1, 0.45])
    assert paired_difference(values_a, values_b, np.arange(4), seed=0) == pytest.approx((0.25, 0.25, 0.25))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"clusters": np.arange(2)}, r"must both be \(n,\), got \(3,\) and \(2,\)"),
        ({"level": 95}, "between 0 and 1, got 95"),
        ({"n_resamples": 0}, "at least 1, got 0"),
    ],
)
def test_impossible_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        mean_interval(**({"values": np.zeros(3), "clusters": np.arange(3), "seed": 0} | arguments))


def test_pairs_of_different_length_are_refused():
    with pytest.raises(ValueError, match=r"one shape, got \(3,\) and \(1,\)"):
        paired_difference(np.zeros(3), np.zeros(1), np.arange(3), seed=0)
