"""Customers as integers: where some stand among others."""

import numpy as np

from recommender.features.customer_rows import places_of


def test_places_follow_the_order_of_the_others():
    assert places_of(np.array([7, 2, 7, 3]), np.array([7, 3, 2], np.int32)).tolist() == [0, 2, 0, 1]


def test_whoever_is_not_among_them_has_no_place():
    """Above all others, between them, and a stranger."""
    assert places_of(np.array([9, 4, -1, 3]), np.array([3, 5])).tolist() == [-1, -1, -1, 0]


def test_among_nobody_nobody_has_a_place():
    nobody = np.empty(0, np.int32)
    assert places_of(np.array([0, 3]), nobody).tolist() == [-1, -1]
    assert places_of(nobody, np.array([0, 3])).tolist() == []
    assert places_of(nobody, nobody).tolist() == []
