"""Metrics of a test week with one regular, one cold and one absent customer, worked out by hand."""

import math

import numpy as np
import pytest

from recommender.evaluation.offline_metrics import evaluate, metric_table

# Row 0 has history and bought 1 and 2; row 1 is cold and bought 5; row 2 has history and bought nothing.
LISTS = np.array([[1, 3, 2], [4, 5, 0], [6, 7, 8]], dtype=np.int32)
VALUES, OFFSETS = np.array([1, 2, 5], dtype=np.int32), np.array([0, 2, 3, 3])
HAS_HISTORY = np.array([True, False, True])


@pytest.fixture
def metrics():
    return evaluate(LISTS, VALUES, OFFSETS, HAS_HISTORY, n_candidates=20, k=3)


def test_metrics_without_suffix_are_those_of_customers_with_history(metrics):
    assert metrics["customers"] == 1
    assert metrics["map@3"] == pytest.approx((1 / 1 + 2 / 3) / 2)
    assert metrics["recall@3"] == 2 / 2
    assert metrics["hit_rate@3"] == 1
    assert metrics["ndcg@3"] == pytest.approx((1 + 1 / 2) / (1 + 1 / math.log2(3)))
    assert metrics["mrr@3"] == 1
    assert metrics["coverage"] == 3 / 20


def test_metrics_with_suffix_all_include_cold_customers(metrics):
    assert metrics["customers_all"] == 2
    assert metrics["map@3_all"] == pytest.approx(((1 / 1 + 2 / 3) / 2 + 1 / 2) / 2)
    assert metrics["mrr@3_all"] == (1 + 1 / 2) / 2
    assert metrics["coverage_all"] == 6 / 20


def test_names_are_those_of_the_report():
    names = evaluate(np.zeros((3, 12), dtype=np.int32), VALUES, OFFSETS, HAS_HISTORY, n_candidates=20)
    shared = ["map@12", "recall@12", "hit_rate@12", "ndcg@12", "mrr@12", "coverage", "customers"]
    assert list(names) == [*shared, *(f"{name}_all" for name in shared)]


def test_week_of_cold_customers_only_has_no_metric_but_all():
    metrics = evaluate(LISTS, VALUES, OFFSETS, np.zeros(3, dtype=bool), n_candidates=20, k=3)
    assert math.isnan(metrics["map@3"])
    assert (metrics["customers"], metrics["coverage"]) == (0, 0)
    assert metrics["map@3_all"] > 0


def test_history_of_other_customers_is_refused():
    with pytest.raises(ValueError, match=r"must be \(3,\), got \(2,\)"):
        evaluate(LISTS, VALUES, OFFSETS, np.array([True, False]), n_candidates=20, k=3)


def test_table_marks_the_best_and_leaves_the_oracle_aside():
    def row(value, customers=1234):
        return {"map@12": value, "customers": customers, "map@12_all": value / 2, "customers_all": customers}

    table = metric_table({"popular": row(0.1), "two_tower": row(0.25), "oracle": row(0.5)})
    assert table.splitlines() == [
        "model       map@12  customers",
        "oracle     0.5000       1,234",
        "two_tower  0.2500*      1,234",
        "popular    0.1000       1,234",
    ]
    assert "0.1250*" in metric_table({"popular": row(0.1), "two_tower": row(0.25)}, suffix="_all")


def test_table_without_a_number_says_nan():
    assert "nan" in metric_table({"popular": {"map@12": math.nan, "customers": 0}})


def test_empty_table_is_refused():
    with pytest.raises(ValueError, match="at least one model"):
        metric_table({})
