"""Metrics of a test week with one regular, one cold and one absent customer, worked out by hand."""

import math

import numpy as np
import pytest

from recommender.evaluation.offline_metrics import (
    accuracy_per_customer,
    beyond_accuracy_per_customer,
    evaluate,
    evaluate_beyond_accuracy,
    metric_table,
)

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
    names = list(evaluate(np.zeros((3, 12), dtype=np.int32), VALUES, OFFSETS, HAS_HISTORY, n_candidates=20))
    shared = ["map@12", "recall@12", "hit_rate@12", "ndcg@12", "mrr@12", "coverage", "customers"]
    shallow = ["map@6", "recall@6", "hit_rate@6", "ndcg@6", "mrr@6"]
    served = [*shared, *(f"{name}_all" for name in shared)]
    assert names == [*served, *shallow, *(f"{name}_all" for name in shallow)]


def test_other_depths_are_scored_where_the_lists_are_wide_enough():
    metrics = evaluate(LISTS, VALUES, OFFSETS, HAS_HISTORY, n_candidates=20, k=2, cutoffs=(1, 2, 3, 4))
    assert {name for name in metrics if name.startswith("map")} == {
        f"map@{depth}{suffix}" for depth in (1, 2, 3) for suffix in ("", "_all")
    }
    assert metrics["map@1"] == (1 / 1) / 1  # min(1, 2 bought)
    assert metrics["recall@2"] == 1 / 2
    assert metrics["recall@3"] == 2 / 2
    assert metrics["recall@1_all"] == (1 + 0) / 2
    assert metrics["coverage"] == 2 / 20  # of what is served, k = 2


def test_other_depths_leave_the_served_one_as_it_is(metrics):
    plain = evaluate(LISTS, VALUES, OFFSETS, HAS_HISTORY, n_candidates=20, k=3, cutoffs=())
    deeper = evaluate(LISTS, VALUES, OFFSETS, HAS_HISTORY, n_candidates=20, k=3, cutoffs=(1, 2))
    assert plain == metrics
    assert plain.items() < deeper.items()


def test_a_depth_below_one_is_refused():
    with pytest.raises(ValueError, match=r"at least 1, got \[0, 6\]"):
        evaluate(LISTS, VALUES, OFFSETS, HAS_HISTORY, n_candidates=20, k=3, cutoffs=(0, 6))


def test_lists_narrower_than_served_are_refused():
    with pytest.raises(ValueError, match=r"at least 12\), got \(3, 3\)"):
        evaluate(LISTS, VALUES, OFFSETS, HAS_HISTORY, n_candidates=20)


def test_metrics_per_customer_average_to_those_over_all(metrics):
    per_customer = accuracy_per_customer(LISTS, VALUES, OFFSETS, k=3)
    np.testing.assert_allclose(per_customer["map@3"], [(1 / 1 + 2 / 3) / 2, 1 / 2, np.nan])
    assert {f"{name}_all": np.nanmean(values) for name, values in per_customer.items()}.items() <= metrics.items()


@pytest.fixture
def beyond_accuracy() -> dict:
    """Row 0 buys 1 again, and 2 and 8 for the first time; row 1 buys 5 for the first time; row 2 nothing."""
    articles = np.arange(9)
    return {
        "lists": LISTS,
        "truth": (np.array([1, 2, 8, 5], dtype=np.int32), np.array([0, 3, 4, 4])),
        "owned": (np.array([1, 6, 6], dtype=np.int32), np.array([0, 2, 2, 3])),
        "buyer_shares": np.array([1 / 2, 1 / 4, 1 / 8, 1 / 2, 1 / 4, 1 / 4, 1 / 2, 1, 1 / 2]),
        "attribute_codes": np.stack([articles // 3, articles % 2], axis=1),
        "repurchase_lists": np.array([[1, 6, 0], [0, 1, 2], [6, 0, 1]], dtype=np.int32),
        "k": 3,
    }


def test_beyond_accuracy_equals_hand_arithmetic(beyond_accuracy):
    scores = beyond_accuracy_per_customer(**beyond_accuracy)
    np.testing.assert_allclose(scores["new_recall@3"], [1 / 2, 1 / 1, np.nan])  # 2 of {2, 8}; 5 of {5}
    np.testing.assert_allclose(scores["repurchase_recall@3"], [1 / 1, np.nan, np.nan])
    np.testing.assert_allclose(scores["novelty@3"], [(2 + 1 + 3) / 3, (2 + 2 + 1) / 3, (1 + 0 + 1) / 3])
    # Row 0: 1 and 3 share the second attribute, 1 and 2 the first, 3 and 2 none.
    diversity = [(1 / 2 + 1 / 2 + 1) / 3, (1 / 2 + 1 / 2 + 1) / 3, (1 / 2 + 0 + 1 / 2) / 3]
    np.testing.assert_allclose(scores["diversity@3"], diversity)
    np.testing.assert_allclose(scores["serendipity@3"], [1 / 3, 1 / 3, np.nan])  # hit 1 was to be expected


def test_beyond_accuracy_averages_over_customers_with_a_value(beyond_accuracy):
    assert evaluate_beyond_accuracy(**beyond_accuracy) == pytest.approx(
        {
            "new_recall@3": (1 / 2 + 1) / 2,
            "repurchase_recall@3": 1,
            "novelty@3": (6 + 5 + 2) / 9,
            "diversity@3": (2 + 2 + 1) / 9,
            "serendipity@3": 1 / 3,
        }
    )


def test_beyond_accuracy_reads_the_first_k_ranks_of_wider_lists(beyond_accuracy):
    wider = beyond_accuracy | {
        "lists": np.hstack([LISTS, [[8], [1], [2]]]),
        "repurchase_lists": np.hstack([beyond_accuracy["repurchase_lists"], [[2], [5], [7]]]),
    }
    assert evaluate_beyond_accuracy(**wider) == evaluate_beyond_accuracy(**beyond_accuracy)


def test_recommending_what_everybody_owns_is_not_new(beyond_accuracy):
    scores = evaluate_beyond_accuracy(**beyond_accuracy | {"lists": beyond_accuracy["repurchase_lists"]})
    assert (scores["new_recall@3"], scores["serendipity@3"], scores["repurchase_recall@3"]) == (0, 0, 1)


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


def test_table_shows_the_served_depth_alone():
    lists = np.zeros((3, 24), dtype=np.int32)
    metrics = evaluate(lists, VALUES, OFFSETS, HAS_HISTORY, n_candidates=20) | {"novelty@12": 7.0}
    assert "map@24" in metrics
    for suffix in ("", "_all"):
        header = metric_table({"popular": metrics}, suffix).splitlines()[0].split()
        assert header == "model map@12 recall@12 hit_rate@12 ndcg@12 mrr@12 coverage customers".split()


def test_table_without_a_number_says_nan():
    assert "nan" in metric_table({"popular": {"map@12": math.nan, "customers": 0}})


def test_empty_table_is_refused():
    with pytest.raises(ValueError, match="at least one model"):
        metric_table({})
