"""Metrics per customer: hand-made arithmetic, and a slow obvious reference on generated lists."""

import doctest
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender import ranking_metrics
from recommender.ranking_metrics import (
    average_precision_at_k,
    coverage,
    find_hits,
    find_repeats,
    first_k,
    group_truth,
    hit_rate_at_k,
    map_at_k,
    mean_over_customers,
    ndcg_at_k,
    overlap_at_k,
    recall_at_k,
    reciprocal_rank_at_k,
    select_truth,
    truth_sizes,
)

# Three customers, k = 3: hits at ranks 1 and 3 of four bought; no hit of one bought; nothing bought.
HITS = np.array([[True, False, True], [False, False, False], [False, False, False]])
SIZES = np.array([4, 1, 0])


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        (average_precision_at_k, 1 / 3 * (1 / 1 + 2 / 3)),  # min(3, 4) = 3
        (recall_at_k, 2 / 3),
        (hit_rate_at_k, 1.0),
        (
            ndcg_at_k,
            (1 / math.log2(2) + 1 / math.log2(4)) / (1 / math.log2(2) + 1 / math.log2(3) + 1 / math.log2(4)),
        ),
        (reciprocal_rank_at_k, 1 / 1),
    ],
)
def test_metric_equals_hand_arithmetic(metric, expected):
    np.testing.assert_allclose(metric(HITS, SIZES), [expected, 0.0, np.nan])


def test_perfect_list_scores_one_though_more_was_bought_than_fits():
    hits, sizes = np.ones((1, 12), dtype=bool), np.array([40])
    for metric in (average_precision_at_k, recall_at_k, hit_rate_at_k, ndcg_at_k, reciprocal_rank_at_k):
        assert metric(hits, sizes)[0] == pytest.approx(1.0)


def test_list_that_ends_early_is_divided_by_k_not_by_its_length():
    lists = np.array([[7, -1, -1]], dtype=np.int32)
    hits = find_hits(lists, np.array([7, 8]), np.array([0, 2]))
    assert recall_at_k(hits, np.array([2]))[0] == 1 / 2


def test_article_named_twice_counts_once_at_its_first_rank():
    hits = find_hits(np.array([[5, 9, 5, 5]]), np.array([5]), np.array([0, 1]))
    assert hits.tolist() == [[True, False, False, False]]


def test_padding_never_hits_the_neighbours_last_article():
    # Keys are row * stride + article, so -1 in row 1 lands on row 0's largest article.
    hits = find_hits(np.array([[0, 9], [-1, -1]]), np.array([9, 3]), np.array([0, 1, 2]))
    assert hits.tolist() == [[False, True], [False, False]]


def test_mean_leaves_out_customers_without_truth():
    assert mean_over_customers(np.array([0.5, np.nan, 0.0])) == (0.5 + 0.0) / 2
    assert math.isnan(mean_over_customers(np.array([np.nan])))
    assert math.isnan(mean_over_customers(np.array([])))


def test_map_uses_the_first_k_ranks_only():
    lists, values, offsets = np.array([[4, 6, 5]]), np.array([5, 6]), np.array([0, 2])
    assert map_at_k(lists, values, offsets, k=2) == (1 / 2) / 2
    assert map_at_k(lists, values, offsets, k=3) == pytest.approx((1 / 2 + 2 / 3) / 2)


def test_narrow_lists_are_refused_rather_than_scored_kindly():
    with pytest.raises(ValueError, match=r"at least 12\), got \(1, 3\)"):
        first_k(np.array([[1, 2, 3]]), 12)


def test_coverage_counts_distinct_articles_without_padding():
    assert coverage(np.array([[1, 2], [2, -1]]), n_candidates=8) == 2 / 8
    with pytest.raises(ValueError, match="at least one candidate"):
        coverage(np.array([[1]]), n_candidates=0)


def test_overlap_ignores_order_and_repeats():
    lists = np.array([[1, 2, 3], [1, 1, 1], [-1, -1, -1], [1, 2, -1]])
    others = np.array([[3, 2, 1], [1, 4, 5], [-1, -1, -1], [2, -1, -1]])
    np.testing.assert_allclose(overlap_at_k(lists, others), [3 / 3, 1 / 3, np.nan, 1 / 2])


def test_selected_truth_keeps_rows_and_leaves_nan_for_emptied_customers():
    values, offsets = select_truth(np.array([0, 2, 1]), np.array([0, 2, 3]), np.array([True, False, True]))
    assert values.tolist() == [0, 2]
    assert offsets.tolist() == [0, 2, 2]


def test_disagreeing_shapes_are_named():
    with pytest.raises(ValueError, match=r"got \(2, 1\) and \(2,\)"):
        find_hits(np.array([[1], [2]]), np.array([1]), np.array([0, 1]))
    with pytest.raises(ValueError, match="number of truth_values, 3, got 0 to 1"):
        find_hits(np.array([[1]]), np.array([1, 2, 3]), np.array([0, 1]))


def test_truth_that_names_an_article_twice_is_refused():
    with pytest.raises(ValueError, match="twice; build it with group_truth"):
        find_hits(np.array([[1]]), np.array([1, 1]), np.array([0, 2]))


def test_truth_of_an_unknown_row_is_refused():
    with pytest.raises(ValueError, match=r"\[0, 2\), got 0 to 2"):
        group_truth(np.array([0, 2]), np.array([1, 1]), 2)


def test_docstring_examples_are_true():
    assert doctest.testmod(ranking_metrics).failed == 0


# The reference: plain Python, one customer at a time, as the formulas read.


def slow_scores(ranked: list[int], bought: set[int], k: int) -> dict[str, float]:
    hit_ranks, seen = [], set()
    for rank, article in enumerate(ranked, start=1):
        if article in bought and article not in seen:
            hit_ranks.append(rank)
        seen.add(article)
    reachable = min(k, len(bought))
    return {
        "map": sum(sum(r <= rank for r in hit_ranks) / rank for rank in hit_ranks) / reachable,
        "recall": len(hit_ranks) / reachable,
        "hit_rate": float(len(hit_ranks) > 0),
        "ndcg": sum(1 / math.log2(r + 1) for r in hit_ranks)
        / sum(1 / math.log2(r + 1) for r in range(1, reachable + 1)),
        "mrr": max((1 / rank for rank in hit_ranks), default=0.0),
    }


articles = st.integers(min_value=0, max_value=9)


@st.composite
def lists_and_truth(draw):
    k = draw(st.integers(min_value=1, max_value=6))
    customers = draw(st.lists(st.tuples(st.lists(articles, max_size=k), st.sets(articles)), min_size=1, max_size=8))
    return k, customers


@settings(max_examples=200, deadline=None)
@given(lists_and_truth())
def test_fast_metrics_equal_the_slow_reference(case):
    k, customers = case
    lists = np.array([ranked + [-1] * (k - len(ranked)) for ranked, _ in customers], dtype=np.int32)
    pairs = [(row, article) for row, (_, bought) in enumerate(customers) for article in bought]
    rows, positions = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    values, offsets = group_truth(rows, positions, len(customers))
    hits, sizes = find_hits(lists, values, offsets), truth_sizes(offsets)
    fast = {
        "map": average_precision_at_k(hits, sizes),
        "recall": recall_at_k(hits, sizes),
        "hit_rate": hit_rate_at_k(hits, sizes),
        "ndcg": ndcg_at_k(hits, sizes),
        "mrr": reciprocal_rank_at_k(hits, sizes),
    }
    for row, (ranked, bought) in enumerate(customers):
        slow = slow_scores(ranked, bought, k) if bought else dict.fromkeys(fast, math.nan)
        np.testing.assert_allclose([fast[name][row] for name in fast], [slow[name] for name in fast])


@given(st.lists(st.lists(st.integers(min_value=-1, max_value=4), min_size=5, max_size=5), min_size=1, max_size=5))
def test_repeats_are_articles_seen_earlier_in_the_row(rows):
    expected = [[a >= 0 and a in row[:rank] for rank, a in enumerate(row)] for row in rows]
    assert find_repeats(np.array(rows)).tolist() == expected
