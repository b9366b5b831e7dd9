"""Where a value stands between a sick reference and the worst healthy one: worked examples."""

import numpy as np
import pytest

from recommender.evaluation.behavior.standing import GROUPS, standing_of_customers, standing_of_lists
from recommender.ratios import ratio

SICK = np.zeros(4)
HEALTHY = np.array([3.0, 4, 5, 4])  # 4 on average, with a reach of 1.96 * sqrt(2 / 3) / 2 = 0.8


@pytest.mark.parametrize(("level", "standing"), [(0.0, 0), (4.0, 1), (1.0, 0.25), (6.0, 1.5), (-2.0, -0.5)])
def test_the_sick_stand_at_0_and_the_healthy_at_1(level, standing):
    found = standing_of_customers(np.full(4, level), SICK, {"own": HEALTHY}, "popular")
    assert found.value == standing
    assert found.details == {"model": level, "popular": 0, "own": 4, "worst healthy": "own"}
    assert found.data == {"customers": 4}


def test_the_interval_is_that_of_the_ratio_of_both_gains():
    values, sick = np.array([1.0, 2, 4, 3]), np.array([0.0, 1, 1, 0])
    expected = ratio(values - sick, HEALTHY - sick)
    found = standing_of_customers(values, sick, {"own": HEALTHY}, "popular")
    assert (found.value, found.low, found.high) == (expected.value, expected.low, expected.high)


def test_the_worst_healthy_reference_is_the_one_nearest_to_the_sick():
    found = standing_of_customers(HEALTHY, SICK, {"ease": 4 * HEALTHY, "own": 2 * HEALTHY, "knn": 3 * HEALTHY}, "none")
    assert (found.details["worst healthy"], found.value) == ("own", 1 / 2)


def test_a_reference_that_chance_alone_may_have_made_better_is_passed_over():
    """A gain of 1 on average with a reach of 1.96 * sqrt(16 / 3) / 2 = 2.3 says nothing."""
    uncertain = np.array([3.0, 3, -1, -1])
    found = standing_of_customers(HEALTHY, SICK, {"own": HEALTHY, "knn": uncertain}, "none")
    assert (found.details["worst healthy"], found.value) == ("own", 1)
    assert found.details["knn"] == 1


@pytest.mark.parametrize(
    "healthy",
    [{}, {"own": SICK}, {"own": -HEALTHY}, {"own": np.array([3.0, 3, -1, -1])}, {"own": np.full(4, 4e-16)}],
    ids=str,
)
def test_without_a_reference_that_is_surely_better_nothing_is_measured(healthy):
    found = standing_of_customers(HEALTHY, SICK, healthy, "none")
    assert found.value is found.low is found.high is None
    assert found.details["model"] == 4


def test_customers_without_a_value_of_any_reference_are_left_out():
    nan = np.nan
    values, own = np.array([1.0, 2, nan, 5, 2]), np.array([4.0, 4, 4, nan, 4])
    found = standing_of_customers(values, np.array([0.0, 0, 0, 0, nan]), {"own": own}, "none")
    assert found.data == {"customers": 2}
    assert found.value == (1 + 2) / (4 + 4)


@pytest.mark.parametrize("n", [0, 1])
def test_nobody_or_one_customer_tells_nothing(n):
    assert standing_of_customers(HEALTHY[:n], SICK[:n], {"own": HEALTHY[:n]}, "none").value is None


N = 100
POPULAR, OWN = np.zeros((N, 2), int), np.arange(2 * N).reshape(N, 2)


def n_distinct(lists: np.ndarray) -> float:
    return len(np.unique(lists))


def test_a_statistic_of_all_lists_stands_by_its_value_over_everybody():
    """1 article in the popular lists, 200 in the own ones, 101 where every second customer has the popular list."""
    half = np.where(np.arange(N)[:, None] % 2, OWN, 0)
    found = standing_of_lists(n_distinct, half, POPULAR, {"own": OWN}, "popular")
    assert found.details == {"model": 101, "popular": 1, "own": 200, "worst healthy": "own"}
    assert found.value == (101 - 1) / (200 - 1)
    assert found.data == {"customers": N}


def test_the_interval_of_a_statistic_comes_from_ten_groups_of_customers_by_students_t():
    """Groups are every tenth customer: the model has 19, 17, 15 ... distinct articles more than the popular list."""
    lists = OWN.copy()
    for group in range(GROUPS):
        lists[group::GROUPS][:group] = 0  # as many of the group's ten customers get article 0
    gains = np.array([n_distinct(lists[group::GROUPS]) for group in range(GROUPS)]) - 1
    own = np.array([n_distinct(OWN[group::GROUPS]) for group in range(GROUPS)]) - 1
    found = standing_of_lists(n_distinct, lists, POPULAR, {"own": OWN}, "popular")
    residuals = gains - gains.sum() / own.sum() * own
    reach = 2.262 * residuals.std(ddof=1) / np.sqrt(10) / own.mean()
    assert found.high - found.value == pytest.approx(reach)
    assert found.value - found.low == pytest.approx(reach)
    assert reach > 0.1


def test_the_worst_healthy_lists_are_chosen():
    fewer = OWN // 4
    found = standing_of_lists(n_distinct, OWN, POPULAR, {"own": OWN, "fewer": fewer}, "popular")
    assert found.details["worst healthy"] == "fewer"
    assert found.value == (200 - 1) / (50 - 1)


def test_fewer_customers_than_groups_tell_nothing_of_chance():
    few = GROUPS - 1
    found = standing_of_lists(n_distinct, OWN[:few], POPULAR[:few], {"own": OWN[:few]}, "popular")
    assert found.value is None
    assert found.details["own"] == 2 * few


def test_lists_that_are_no_healthier_than_the_sick_are_no_reference():
    assert standing_of_lists(n_distinct, OWN, POPULAR, {"own": POPULAR}, "popular").value is None
    assert standing_of_lists(n_distinct, OWN, POPULAR, {}, "popular").value is None


def test_lists_that_are_better_in_every_group_but_not_on_the_whole_are_no_reference():
    """Each group of customers sees its own ten articles, and everybody together as many as the sick ones do."""
    by_group = np.arange(N)[:, None] % GROUPS
    sick = np.tile(by_group, 2)
    healthy = np.stack([np.arange(N) // GROUPS, np.arange(N) // GROUPS], axis=1)
    assert [n_distinct(each[::GROUPS]) for each in (sick, healthy)] == [1, 10]
    assert standing_of_lists(n_distinct, healthy, sick, {"own": healthy}, "popular").value is None
