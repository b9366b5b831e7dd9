"""The delta method on arrays of a few customers, by arithmetic, and against the bootstrap."""

import numpy as np
import pytest

from recommender.ratios import (
    Interval,
    estimates_ratio,
    is_surely_positive,
    log_ratio,
    mean_reach,
    quantile_of_several,
    ratio,
)


def planted(n: int = 4_000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Values of two lists for the same customers: what one finds hard, so does the other."""
    rng = np.random.default_rng(seed)
    ease = rng.gamma(0.5, 1.0, n)
    return ease * rng.uniform(0.5, 1.5, n), ease * rng.uniform(0.2, 0.8, n) + 0.01


def bootstrap_interval(statistic, *values: np.ndarray) -> np.ndarray:
    """The 2.5% and 97.5% quantiles of a statistic over 2,000 draws of as many customers."""
    rng, n = np.random.default_rng(1), len(values[0])
    draws = (rng.integers(n, size=n) for _ in range(2_000))
    return np.quantile([statistic(*(each[rows] for each in values)) for rows in draws], [0.025, 0.975])


def test_an_interval_reaches_as_far_to_either_side():
    assert (Interval(2.0, 0.5).low, Interval(2.0, 0.5).high) == (1.5, 2.5)


def test_the_reach_of_a_mean_is_its_standard_error_times_the_normal_quantile():
    """Deviations from 2 are -2, 0, 2: a variance of 8 / 2."""
    assert mean_reach(np.array([0.0, 2.0, 4.0])) == pytest.approx(1.96 * 2 / np.sqrt(3))


def test_a_mean_is_surely_positive_when_its_interval_leaves_0_out():
    """2 of 3 against 1 of 3 with reaches of 1.96 * 2 / sqrt(3) = 2.3 and 1.96 * 1 / sqrt(3) = 1.1."""
    assert not is_surely_positive(np.array([0.0, 2, 4]))
    assert is_surely_positive(np.array([1.0, 2, 3]))
    assert not is_surely_positive(np.array([1.0, 2, 3]), quantile=4.0)
    assert is_surely_positive(np.ones(2))
    assert not is_surely_positive(np.zeros(2))


@pytest.mark.parametrize("n", [0, 1])
def test_of_fewer_than_two_values_nothing_is_sure(n):
    assert not is_surely_positive(np.ones(n))


def test_a_ratio_of_means_and_its_reach_by_hand():
    """The ratio is 6 / 3 = 2, the residuals 1 - 2 * 1, 2 - 2 * 1, 3 - 2 * 1: -1, 0, 1, of variance 2 / 2."""
    found = ratio(np.array([1.0, 2, 3]), np.array([1.0, 1, 1]))
    assert found.value == 2
    assert found.reach == pytest.approx(1.96 * 1 / np.sqrt(3) / 1)


def test_a_ratio_of_what_rises_and_falls_together_has_no_chance_in_it():
    assert ratio(np.array([2.0, 4, 8]), np.array([1.0, 2, 4])) == (2, 0)


def test_the_reach_of_a_ratio_is_positive_under_a_negative_denominator():
    assert ratio(np.array([1.0, 2, 3]), np.array([-1.0, -1, -1])).reach > 0


def test_the_interval_of_a_ratio_is_the_bootstraps():
    model, reference = planted()
    found = ratio(model, reference)
    low, high = bootstrap_interval(lambda a, b: a.sum() / b.sum(), model, reference)
    assert found.low == pytest.approx(low, abs=0.1 * (high - low))
    assert found.high == pytest.approx(high, abs=0.1 * (high - low))


def test_the_interval_of_a_ratio_is_narrower_than_its_parts_suggest():
    model, reference = planted()
    independent = ratio(model, reference).value * np.hypot(
        mean_reach(model) / model.mean(), mean_reach(reference) / reference.mean()
    )
    assert ratio(model, reference).reach < independent / 2


def test_a_log_ratio_and_its_influence_by_hand():
    """Sums of 4 and 2: each customer's share of the one less the share of the other."""
    found = log_ratio(np.array([1.0, 3]), np.array([1.0, 1]))
    assert found.value == pytest.approx(np.log(2))
    assert found.influence.tolist() == [1 / 4 - 1 / 2, 3 / 4 - 1 / 2]
    assert found.variance == pytest.approx((1 / 16 + 1 / 16) * 2 / 1)


def test_ratios_of_the_same_customers_are_subtracted_influence_by_influence():
    one = log_ratio(np.array([1.0, 3]), np.array([1.0, 1]))
    same = one - one
    assert (same.value, same.variance) == (0, 0)


def test_the_variance_of_a_log_ratio_of_ratios_is_the_bootstraps():
    values = *planted(seed=0), *planted(seed=2)
    found = log_ratio(*values[:2]) - log_ratio(*values[2:])
    low, high = bootstrap_interval(lambda a, b, c, d: np.log(a.sum() / b.sum()) - np.log(c.sum() / d.sum()), *values)
    assert 2 * 1.96 * np.sqrt(found.variance) == pytest.approx(high - low, rel=0.1)


def test_the_influence_of_a_single_customer_has_a_variance():
    assert log_ratio(np.ones(1), np.ones(1)).variance == 0


def test_the_luckiest_of_several_has_to_be_surer():
    """A 40th of 5% to either side is two standard errors and some; of one it is the usual interval."""
    assert quantile_of_several(1) == pytest.approx(1.96, abs=1e-3)
    assert quantile_of_several(8) == pytest.approx(2.734, abs=1e-3)


def test_bounds_of_a_ratio_of_two_estimates_are_where_it_is_as_far_off_as_chance_goes():
    """At either bound v the difference 3 - 2 v lies 1.96 of its own standard errors from 0."""
    low, high = estimates_ratio(3.0, 0.04, 2.0, 0.09)
    assert low < 1.5 < high
    for bound in (low, high):
        assert abs(3 - bound * 2) == pytest.approx(1.96 * np.sqrt(0.04 + bound**2 * 0.09))


def test_bounds_hold_the_true_ratio_as_often_as_they_say_though_the_lower_one_is_near_0():
    """The one below is 3.5 of its standard errors from 0, where the delta method is too sure upwards."""
    rng, hits, n = np.random.default_rng(0), 0, 4_000
    for above, below in zip(rng.normal(0.5, 0.1, n), rng.normal(0.35, 0.1, n), strict=True):
        if below <= 0.2:
            hits += 1  # nothing can be said, and nothing is said wrongly
            continue
        low, high = estimates_ratio(above, 0.01, below, 0.01)
        hits += low <= 0.5 / 0.35 <= high
    assert hits / n == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize("below", [0.19, 0.0, -3.0])
def test_nothing_is_a_multiple_of_what_may_be_0(below):
    with pytest.raises(ValueError, match="may as well be 0"):
        estimates_ratio(1.0, 0.01, below, 0.01)
