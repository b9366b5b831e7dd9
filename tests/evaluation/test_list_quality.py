"""Novelty, diversity, serendipity and the split truth: hand-made arithmetic, and a slow obvious reference."""

import doctest
import itertools
import math

import numpy as np
import pytest

from recommender.evaluation import list_quality
from recommender.evaluation.list_quality import intra_list_diversity, novelty, serendipity, split_truth_by_novelty
from recommender.ranking_metrics import group_truth


def test_novelty_is_the_mean_self_information_in_bits():
    shares = np.array([1.0, 0.5, 0.25, 0.125])
    lists = np.array([[0, 1, 2], [3, 3, 1], [2, -1, -1], [-1, -1, -1]])
    expected = [(0 + 1 + 2) / 3, (3 + 1) / 2, 2 / 1, np.nan]  # the repeated 3 counts once
    np.testing.assert_allclose(novelty(lists, shares), expected)


def test_article_nobody_bought_is_as_novel_as_the_rarest_bought_one():
    shares = np.array([0.5, 1 / 64, 0.0])  # one buyer of 64, and none
    np.testing.assert_allclose(novelty(np.array([[1], [2]]), shares), [6, 6])


@pytest.mark.parametrize("shares", [[0.5, 1.5], [-0.1, 0.5], [np.nan, 0.5], [0.0, 0.0]])
def test_impossible_shares_are_refused(shares):
    with pytest.raises(ValueError, match=r"must lie in \[0, 1\] and hold one above 0"):
        novelty(np.array([[0, 1]]), np.array(shares))


# Articles by (product group, colour, department).
CODES = np.array([[1, 1, 1], [1, 1, 2], [1, 2, 2], [3, 3, 3]])


def test_diversity_is_the_mean_distance_of_all_pairs():
    lists = np.array([[0, 1, 2], [3, 0, -1], [2, 2, 1], [0, -1, -1], [-1, -1, -1]])
    # 0-1 share group and colour, 1-2 group and department, 0-2 the group; 3 shares nothing.
    expected = [(1 / 3 + 1 / 3 + 2 / 3) / 3, 3 / 3, 1 / 3, np.nan, np.nan]
    np.testing.assert_allclose(intra_list_diversity(lists, CODES), expected)


def test_diversity_of_one_article_everywhere_is_unknown_and_of_twins_zero():
    twins = np.array([[5, 5], [5, 5]])
    np.testing.assert_allclose(intra_list_diversity(np.array([[0, 1], [1, 1]]), twins), [0.0, np.nan])


def test_diversity_equals_the_slow_reference():
    rng = np.random.default_rng(3)
    codes = rng.integers(4, size=(30, 5))
    lists = rng.integers(-1, 30, size=(50, 7))
    for ranked, diversity in zip(lists, intra_list_diversity(lists, codes), strict=True):
        pairs = list(itertools.combinations(set(ranked[ranked >= 0].tolist()), 2))
        assert diversity == pytest.approx(np.mean([(codes[a] != codes[b]).mean() for a, b in pairs]))


def test_codes_without_attributes_are_refused():
    with pytest.raises(ValueError, match=r"at least 1 attribute\), got \(4, 0\)"):
        intra_list_diversity(np.array([[0, 1]]), CODES[:, :0])


def test_serendipity_counts_hits_that_the_primitive_recommender_does_not_list():
    lists = np.array([[1, 2, 3, 4], [1, 2, -1, -1], [5, 6, 7, 8], [-1, -1, -1, -1]])
    hits = np.array([[1, 1, 1, 0], [0, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]], dtype=bool)
    expected_lists = np.array([[1, 9], [-1, -1], [5, 6], [1, 2]])
    np.testing.assert_allclose(serendipity(hits, expected_lists, lists), [2 / 4, 1 / 2, 0 / 4, np.nan])


def test_primitive_recommender_is_never_serendipitous():
    lists = np.random.default_rng(1).permuted(np.tile(np.arange(12), (20, 1)), axis=1)
    assert serendipity(np.ones(lists.shape, dtype=bool), lists, lists).tolist() == [0.0] * 20


def test_lists_of_other_customers_are_refused():
    lists = np.array([[1, 2], [3, 4]])
    with pytest.raises(ValueError, match=r"as many rows, got \(2, 2\), \(2, 2\) and \(1, 2\)"):
        serendipity(lists > 2, lists[:1], lists)


def test_truth_is_split_by_what_the_customer_had_bought():
    # Customer 0 buys 3 and 9 and had 9; customer 1 buys 9 for the first time; 2 buys nothing; 3 only what it had.
    truth = group_truth(np.array([0, 0, 1, 3]), np.array([3, 9, 9, 5]), 4)
    owned = group_truth(np.array([0, 0, 2, 3]), np.array([9, 20, 9, 5]), 4)
    split = split_truth_by_novelty(*truth, *owned)
    assert [array.tolist() for array in split.repurchase] == [[9, 5], [0, 1, 1, 1, 2]]
    assert [array.tolist() for array in split.new] == [[3, 9], [0, 1, 2, 2, 2]]


def test_halves_of_a_random_truth_make_the_whole():
    rng = np.random.default_rng(8)
    truth, owned = (group_truth(rng.integers(50, size=n), rng.integers(30, size=n), 50) for n in (200, 400))
    halves = split_truth_by_novelty(*truth, *owned)
    np.testing.assert_array_equal(halves.repurchase[1] + halves.new[1], truth[1])
    for row in range(50):
        bought, had, again, first = (
            set(values[offsets[row] : offsets[row + 1]].tolist()) for values, offsets in (truth, owned, *halves)
        )
        assert again == bought & had
        assert first == bought - had


def test_customers_without_any_purchase_split_into_nothing():
    nothing = np.array([], dtype=np.int32), np.array([0, 0, 0])
    split = split_truth_by_novelty(*nothing, *nothing)
    assert [offsets.tolist() for _, offsets in split] == [[0, 0, 0], [0, 0, 0]]


def test_purchases_of_other_customers_are_refused():
    with pytest.raises(ValueError, match=r"same customers, got offsets \(2,\) and \(3,\)"):
        split_truth_by_novelty(np.array([1]), np.array([0, 1]), np.array([1]), np.array([0, 1, 1]))


def test_self_information_of_a_share_is_its_logarithm():
    assert novelty(np.array([[0]]), np.array([0.003]))[0] == pytest.approx(-math.log2(0.003))


def test_docstring_examples_are_true():
    assert doctest.testmod(list_quality).failed == 0
