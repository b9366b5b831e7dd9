"""Ranked lists made from entries, and taken, spread and joined."""

import numpy as np
import pytest

from recommender.models.ranked_lists import RankedLists, empty_lists, join_lists, top_per_row

NAN = float("nan")


@pytest.fixture
def lists() -> RankedLists:
    """Two customers' lists of two, the second one short."""
    return RankedLists(np.array([[4, 7], [2, -1]], np.int32), np.array([[0.9, 0.5], [0.3, NAN]], np.float32))


def check(lists: RankedLists, positions: list[list[int]], scores: list[list[float]]) -> None:
    assert lists.positions.tolist() == positions
    np.testing.assert_array_equal(lists.scores, np.array(scores, np.float32).reshape(lists.positions.shape))
    assert (lists.positions.dtype, lists.scores.dtype) == (np.int32, np.float32)


def test_empty_lists_hold_nothing():
    check(empty_lists(2, 3), [[-1, -1, -1]] * 2, [[NAN] * 3] * 2)
    assert empty_lists(2).positions.shape == (2, 0)


def test_lists_are_taken_in_the_order_asked_for_and_nobody_has_an_empty_one(lists):
    check(lists.take(np.array([1, -1, 0])), [[2, -1], [-1, -1], [4, 7]], [[0.3, NAN], [NAN, NAN], [0.9, 0.5]])


def test_spread_lists_stand_at_their_rows_and_all_others_are_empty(lists):
    spread = lists.spread(np.array([3, 0]), n_customers=4)
    check(spread, [[2, -1], [-1, -1], [-1, -1], [4, 7]], [[0.3, NAN], [NAN, NAN], [NAN, NAN], [0.9, 0.5]])
    np.testing.assert_array_equal(spread.take(np.array([3, 0])).scores, lists.scores)


def test_joined_lists_follow_each_other(lists):
    check(join_lists([lists, empty_lists(1, 2)], k=2), [[4, 7], [2, -1], [-1, -1]], [[0.9, 0.5], [0.3, NAN], [NAN] * 2])
    check(join_lists([], k=2), [], [])


def test_the_best_entries_of_each_row_are_kept_and_ties_fall_by_the_lower_tie():
    """Row 0 has three entries, two of them equal; row 1 none; row 2 one."""
    rows, articles = np.array([2, 0, 0, 0]), np.array([9, 5, 6, 8])
    scores, ties = np.array([1.0, 0.5, 0.5, 2.0]), np.array([0, 3, 1, 7])
    lists = top_per_row(rows, articles, scores, ties, n_rows=3, k=2)
    check(lists, [[8, 6], [-1, -1], [9, -1]], [[2.0, 0.5], [NAN, NAN], [1.0, NAN]])
