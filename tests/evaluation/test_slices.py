"""Slices of customers and of articles, worked out by hand."""

import doctest
import math

import numpy as np
import pytest

from recommender.bootstrap import mean_interval
from recommender.evaluation import slices
from recommender.evaluation.behavior.accuracy_checks import popularity_head
from recommender.evaluation.slices import ACTIVITY_SLICES, activity_slice, article_age_slices, by_slice
from recommender.ranking_metrics import select_truth

# Ann has two weeks, Bob two of which one has no truth, Cem one; Dee bought nothing that counts.
CUSTOMERS = np.array(["ann", "ann", "bob", "bob", "cem", "dee"])
LABELS = np.array(["3-5", "3-5", "3-5", "3-5", "cold", "cold"])
VALUES = {
    "map@12": np.array([0.1, 0.3, 0.5, np.nan, 0.2, np.nan]),
    "new_recall@12": np.array([1.0, 0.0, np.nan, np.nan, np.nan, np.nan]),
}


@pytest.fixture
def rows() -> dict[str, dict]:
    return {row["slice"]: row for row in by_slice(VALUES, LABELS, CUSTOMERS, seed=1, slices=ACTIVITY_SLICES)}


def test_slices_stand_in_the_order_asked_for(rows):
    assert tuple(rows) == ACTIVITY_SLICES
    assert [row["slice"] for row in by_slice(VALUES, LABELS, CUSTOMERS, seed=1)] == ["3-5", "cold"]
    bands = np.array(["60+", "<20", "20-24", "<20", "60+", "unknown"])
    assert [row["slice"] for row in by_slice(VALUES, bands, CUSTOMERS, seed=1)] == ["<20", "20-24", "60+", "unknown"]


def test_mean_is_over_the_weeks_with_truth_and_customers_count_once(rows):
    assert rows["3-5"]["customers"] == 2  # ann and bob
    assert rows["3-5"]["map@12"] == pytest.approx((0.1 + 0.3 + 0.5) / 3)
    assert rows["3-5"]["new_recall@12"] == (1 + 0) / 2
    assert rows["cold"]["customers"] == 1  # dee has no value
    assert rows["cold"]["map@12"] == 0.2


def test_interval_is_that_of_the_slice_alone(rows):
    alone = mean_interval(VALUES["map@12"][:4], CUSTOMERS[:4], seed=1)
    assert (rows["3-5"]["map@12_low"], rows["3-5"]["map@12_high"]) == (alone.low, alone.high)
    # Ann twice, (0.1 + 0.3) / 2, or bob twice, 0.5
    assert (alone.low, alone.high) == pytest.approx((0.2, 0.5))


def test_slice_of_one_customer_has_no_bounds(rows):
    assert math.isnan(rows["cold"]["map@12_low"])
    assert math.isnan(rows["3-5"]["new_recall@12_high"])


def test_slice_without_customers_is_shown_as_such(rows):
    assert rows["11+"]["customers"] == 0
    assert math.isnan(rows["11+"]["map@12"])
    assert rows["11+"].keys() == rows["3-5"].keys()


def test_unknown_labels_and_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"one of the slices \['cold'\], got \['3-5'\]"):
        by_slice(VALUES, LABELS, CUSTOMERS, seed=1, slices=["cold"])
    with pytest.raises(ValueError, match=r"must all be \(n,\), got \(6,\), \(5,\)"):
        by_slice(VALUES, LABELS, CUSTOMERS[:5], seed=1)


def test_every_number_of_purchase_days_has_its_slice():
    labels = activity_slice(np.array([0, 1, 2, 3, 5, 6, 10, 11, 500]))
    assert labels.tolist() == ["cold", "1", "2", "3-5", "3-5", "6-10", "6-10", "11+", "11+"]


def test_every_sold_article_is_in_one_age_slice():
    ages = np.array([1, 7, 8, 28, 29, 900, np.nan])
    masks = article_age_slices(ages)
    assert list(masks) == ["first week", "first month", "older"]
    assert masks["first week"].tolist() == [True, True, False, False, False, False, False]
    assert masks["first month"].tolist() == [False, False, True, True, False, False, False]
    assert sum(masks.values()).tolist() == [1, 1, 1, 1, 1, 1, 0]  # not sold yet: in none


@pytest.mark.parametrize(("count", "name"), [(activity_slice, "purchase_days"), (article_age_slices, "age_days")])
def test_negative_counts_are_refused(count, name):
    with pytest.raises(ValueError, match=f"{name} must be at least 0, got -3"):
        count(np.array([4, -3]))


def test_article_slices_and_popularity_cut_the_truth():
    values, offsets = np.array([0, 1, 2], dtype=np.int32), np.array([0, 2, 3])
    new_values, new_offsets = select_truth(values, offsets, article_age_slices(np.array([3, 40, 5]))["first week"])
    assert (new_values.tolist(), new_offsets.tolist()) == ([0, 2], [0, 1, 2])
    tail_values, tail_offsets = select_truth(values, offsets, ~popularity_head(np.array([6, 2, 2])))  # 6 of 10: head
    assert (tail_values.tolist(), tail_offsets.tolist()) == ([1, 2], [0, 1, 2])


def test_docstring_examples_are_true():
    assert doctest.testmod(slices).failed == 0
