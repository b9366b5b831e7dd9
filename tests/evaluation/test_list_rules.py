"""Rules of every list, each broken on purpose once."""

import numpy as np
import pytest

from recommender.evaluation.list_rules import (
    count_articles_not_on_sale,
    count_floods,
    count_lists_with_duplicates,
    count_scores_not_finite,
    count_short_lists,
    overlap_with_another,
    share_with_full_list,
)

ON_SALE = np.array([True, True, True, False])


def test_lists_with_duplicates_are_counted_once_each():
    lists = np.array([[0, 1, 2], [1, 1, 1], [0, 2, 0], [2, -1, -1]])
    assert count_lists_with_duplicates(lists).value == 2


def test_withdrawn_and_unknown_articles_are_not_on_sale():
    lists = np.array([[0, 3, 4], [-2, 1, -1]])  # 3 is withdrawn, 4 and -2 do not exist, -1 is padding
    measured = count_articles_not_on_sale(lists, ON_SALE)
    assert (measured.value, measured.details) == (3, {"recommendations": 5})


def test_short_lists_are_counted():
    assert count_short_lists(np.array([[0, 1, 2], [0, 1, -1], [-1, -1, -1]]), ON_SALE).value == 2


def test_a_catalogue_smaller_than_k_shortens_every_list():
    measured = count_short_lists(np.array([[0, 1, 2, -1, -1]]), ON_SALE)
    assert (measured.value, measured.details["expected"]) == (0, 3)


def test_scores_count_only_where_an_article_stands():
    scores = np.array([[1.0, np.nan, np.inf], [2.0, 1.0, np.nan]])
    assert count_scores_not_finite(np.array([[0, 1, 2], [0, 1, -1]]), scores).value == 2


def test_scores_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"\(1, 2\), got \(1, 3\)"):
        count_scores_not_finite(np.zeros((1, 2)), np.zeros((1, 3)))


def test_share_with_full_list():
    assert share_with_full_list(np.array([[0, 1], [0, -1], [2, 1]]), ON_SALE) == pytest.approx(2 / 3)
    assert np.isnan(share_with_full_list(np.empty((0, 2)), ON_SALE))


def test_floods_count_lists_above_the_cap_and_no_empty_places():
    codes = np.array([1, 1, 1, 2, 3])
    lists = np.array([[0, 1, 3, 4], [0, 1, 2, 4], [0, -1, -1, -1]], np.int32)
    assert count_floods(lists, codes, most=2).value == 1
    assert count_floods(lists, codes, most=1).value == 2
    for most in (4, 6, 20):  # a cap may be higher than a list is long
        assert count_floods(lists, codes, most).value == 0


def test_overlap_with_another_customer_is_that_of_the_lists_half_way_on():
    """The first and the third list share two of three articles, the second and the fourth none."""
    lists = np.array([[0, 1, 2], [3, 4, 5], [2, 1, 6], [7, 8, 9]])
    assert overlap_with_another(lists) == pytest.approx([2 / 3, 0, 2 / 3, 0])


def test_a_single_customer_has_no_other_and_an_empty_list_no_overlap():
    assert overlap_with_another(np.array([[0, 1]])).tolist() == [1]
    assert np.isnan(overlap_with_another(np.full((2, 3), -1))).all()
    assert overlap_with_another(np.empty((0, 3), np.int32)).shape == (0,)


def test_a_cap_above_the_length_of_a_list_is_kept():
    codes = np.zeros(4, np.int64)
    assert count_floods(np.array([[0, 1, 2]]), codes, most=4).value == 0
    assert count_floods(np.array([[0, 1, 2]]), codes, most=3).value == 0
    assert count_floods(np.array([[0, 1, 2]]), codes, most=2).value == 1
