"""Caps, diversity and what holds for every ordered list."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender.columns import Columns
from recommender.config import OrderSettings
from recommender.stages.order import order_lists

N_ATTRIBUTES = len(Columns.ARTICLE_ATTRIBUTES)
DIVERSITIES = 0.0, 0.37, 2.9  # whose penalties never make up for whole scores exactly, where rounding would decide


def codes(product_code, department=None, others=None):
    """Attribute codes (n_articles, n_attributes): all distinct but these."""
    n = len(product_code)
    given_codes = {"product_code": product_code, "department": department or range(n)}
    columns = [given_codes.get(name, others or range(n)) for name in Columns.ARTICLE_ATTRIBUTES]
    return np.array([list(column) for column in columns], np.int32).T


def order(positions, scores, attribute_codes, k, caps=None, diversity=0.0):
    """Order lists, anything numpy warns of being an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return order_lists(
            np.array(positions),
            np.array(scores, np.float32),
            attribute_codes,
            k,
            OrderSettings(depth=len(positions[0]), diversity=diversity, caps=caps or {}),
        )


def test_without_caps_and_diversity_the_order_is_the_score():
    lists = order([[3, 1, 2, 0]], [[9, 7, 5, 1]], codes([0, 0, 0, 0]), 3)
    assert lists.positions.tolist() == [[3, 1, 2]]
    assert lists.scores.tolist() == [[9, 7, 5]]
    assert lists.positions.dtype == np.int32
    assert lists.scores.dtype == np.float32


def test_a_cap_passes_over_the_third_of_a_product():
    """Articles 0, 1 and 2 are of one product; 2 is passed over for 3 and 4."""
    lists = order([[0, 1, 2, 3, 4]], [[5, 4, 3, 2, 1]], codes([7, 7, 7, 8, 9]), 4, {"product_code": 2})
    assert lists.positions.tolist() == [[0, 1, 3, 4]]
    assert lists.scores.tolist() == [[5, 4, 2, 1]]


def test_each_cap_counts_its_own_attribute():
    """One of a product: 0 or 1, 2 or 3. Two of a department: 0 and 2 fill theirs, so 4 is passed over for 5."""
    attribute_codes = codes([0, 0, 1, 1, 2, 3], department=[5, 6, 5, 6, 5, 6])
    lists = order([range(6)], [[6, 5, 4, 3, 2, 1]], attribute_codes, 3, {"product_code": 1, "department": 2})
    assert lists.positions.tolist() == [[0, 2, 5]]


def test_caps_count_for_each_customer_alone():
    lists = order([[0, 1, 2], [2, 1, 0]], [[3, 2, 1], [3, 2, 1]], codes([0, 0, 1]), 2, {"product_code": 1})
    assert lists.positions.tolist() == [[0, 2], [2, 1]]


def test_caps_that_leave_too_few_yield_to_a_full_list():
    """One of a product leaves 0 and 3; the best of the barred, 1, fills the list, and 2 stays out."""
    lists = order([[0, 1, 2, 3]], [[4, 3, 2, 1]], codes([0, 0, 0, 1]), 3, {"product_code": 1})
    assert lists.positions.tolist() == [[0, 3, 1]]
    assert lists.scores.tolist() == [[4, 1, 1]]  # scores never rise: article 1 takes the score of the one before


def test_diversity_by_hand():
    """The scores 3, 2, 1 deviate by sqrt(2 / 3) = 0.816 from their mean.

    Articles 0 and 1 share all 12 attributes, 2 shares none. With diversity 2 article 1 is worth 2 - 2 * 0.816 * 1 =
    0.367 after 0, less than the 1 of article 2; with diversity 1 it is worth 2 - 0.816 = 1.184, still more.
    """
    same = [[0, 0, 1]] * N_ATTRIBUTES
    attribute_codes = np.array(same, np.int32).T
    scores = [[3, 2, 1]]
    assert order([[0, 1, 2]], scores, attribute_codes, 3, diversity=1.0).positions.tolist() == [[0, 1, 2]]
    diverse = order([[0, 1, 2]], scores, attribute_codes, 3, diversity=2.0)
    assert diverse.positions.tolist() == [[0, 2, 1]]
    assert diverse.scores.tolist() == [[3, 1, 1]]


def test_likeness_is_the_share_of_attributes_in_common_with_the_most_similar_chosen():
    """Article 1 shares 3 of 12 attributes with 0: at diversity d it is worth 2 - d * 0.816 * 3 / 12.

    That meets the 1 of article 2, which shares none, at d = 1 / (0.816 / 4) = 4.899.
    """
    attribute_codes = np.tile(np.arange(3, dtype=np.int32)[:, None], N_ATTRIBUTES)
    attribute_codes[1, :3] = attribute_codes[0, :3]
    for diversity, expected in ((4.8, [0, 1, 2]), (5.0, [0, 2, 1])):
        lists = order([[0, 1, 2]], [[3, 2, 1]], attribute_codes, 3, diversity=diversity)
        assert lists.positions.tolist() == [expected]


def test_short_lists_end_in_padding():
    lists = order([[4, 2, -1, -1], [1, -1, -1, -1]], [[2, 1, -np.inf, -np.inf]] * 2, codes([0] * 5), 3)
    assert lists.positions.tolist() == [[4, 2, -1], [1, -1, -1]]
    assert np.isnan(lists.scores).tolist() == [[False, False, True], [False, True, True]]


def test_padding_fills_a_list_longer_than_the_depth():
    lists = order([[1, 0]], [[2, 1]], codes([0, 1]), 4)
    assert lists.positions.tolist() == [[1, 0, -1, -1]]


@pytest.mark.parametrize("caps", [{}, {"product_code": 1}])
def test_padding_counts_for_no_cap_and_no_diversity(caps):
    """Padding is not article 0: another customer's short list changes nothing."""
    lists = order([[0, 1, 2], [1, -1, -1]], [[3, 2, 1], [3, -np.inf, -np.inf]], codes([0, 1, 2]), 3, caps, 0.5)
    assert lists.positions.tolist() == [[0, 1, 2], [1, -1, -1]]


@pytest.mark.parametrize("caps", [{}, {"product_code": 1}])
def test_a_customer_without_candidates_has_an_empty_list_and_changes_no_other(caps):
    """No scores deviate by nothing: numpy's own deviation of none is NaN, with a warning."""
    lists = order([[-1, -1], [1, 0]], [[-np.inf, -np.inf], [2, 1]], codes([0, 1]), 2, caps, diversity=0.5)
    assert lists.positions.tolist() == [[-1, -1], [1, 0]]
    assert np.isnan(lists.scores[0]).all()
    assert lists.scores[1].tolist() == [2, 1]


@st.composite
def ranked_candidates(draw):
    """Candidates of some customers by falling score, attributes, k and settings."""
    n_articles, n, k = draw(st.integers(4, 12)), draw(st.integers(1, 3)), draw(st.integers(1, 6))
    depth = draw(st.integers(2, n_articles))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    positions = np.stack([rng.permutation(n_articles)[:depth] for _ in range(n)])
    scores = -np.sort(-rng.integers(-3, 4, (n, depth)).astype(np.float32), axis=1)
    lengths = rng.integers(1, depth + 1, n)
    is_behind = np.arange(depth) >= lengths[:, None]
    positions[is_behind], scores[is_behind] = -1, -np.inf
    caps = draw(st.dictionaries(st.sampled_from(["product_code", "department"]), st.integers(1, 3)))
    attribute_codes = rng.integers(0, 3, (n_articles, N_ATTRIBUTES)).astype(np.int32)
    return positions, scores, attribute_codes, k, OrderSettings(depth, draw(st.sampled_from(DIVERSITIES)), caps)


@given(ranked_candidates())
@settings(max_examples=200, deadline=None)
def test_lists_are_full_distinct_of_the_candidates_and_never_rise(case):
    positions, scores, attribute_codes, k, order_settings = case
    lists = order_lists(positions, scores, attribute_codes, k, order_settings)
    assert lists.positions.shape == lists.scores.shape == (len(positions), k)
    for candidates, ordered, worth in zip(positions, lists.positions, lists.scores, strict=True):
        n_open = int((candidates >= 0).sum())
        taken = ordered[: min(k, n_open)]
        assert len(set(taken.tolist())) == len(taken)
        assert set(taken.tolist()) <= set(candidates[:n_open].tolist())
        assert (ordered[n_open:] == -1).all()
        assert np.isnan(worth[n_open:]).all()
        assert (np.diff(worth[: len(taken)]) <= 0).all()


@given(ranked_candidates())
@settings(max_examples=100, deadline=None)
def test_without_caps_and_diversity_candidates_keep_their_order(case):
    positions, scores, attribute_codes, k, order_settings = case
    lists = order_lists(positions, scores, attribute_codes, k, OrderSettings(order_settings.depth, 0.0, {}))
    width = min(k, positions.shape[1])
    np.testing.assert_array_equal(lists.positions[:, :width], positions[:, :width])
    expected = np.where(positions[:, :width] >= 0, scores[:, :width], np.nan)
    np.testing.assert_array_equal(lists.scores[:, :width], expected)


@given(ranked_candidates())
@settings(max_examples=100, deadline=None)
def test_a_list_breaks_a_cap_only_when_nothing_else_is_left(case):
    """Whenever an article stands above its cap, every candidate left at that place would have broken one."""
    positions, scores, attribute_codes, k, order_settings = case
    lists = order_lists(positions, scores, attribute_codes, k, order_settings)
    columns = {Columns.ARTICLE_ATTRIBUTES.index(name): most for name, most in order_settings.caps.items()}

    def is_barred(article, chosen):
        return any(
            sum(attribute_codes[other, column] == attribute_codes[article, column] for other in chosen) >= most
            for column, most in columns.items()
        )

    for candidates, ordered in zip(positions, lists.positions, strict=True):
        taken = [article for article in ordered.tolist() if article >= 0]
        for place, article in enumerate(taken):
            if is_barred(article, taken[:place]):
                left = set(candidates[candidates >= 0].tolist()) - set(taken[:place])
                assert all(is_barred(other, taken[:place]) for other in left)


def one_by_one(positions, scores, attribute_codes, k, order_settings) -> list[int]:
    """Order one customer's candidates as the words say: each place to the best of those that no cap bars, if any."""
    codes, left, chosen = attribute_codes[positions], np.flatnonzero(positions >= 0).tolist(), []
    columns = {Columns.ARTICLE_ATTRIBUTES.index(name): most for name, most in order_settings.caps.items()}
    deviation = np.std(scores[left].astype(np.float64)) if left else 0

    def is_barred(place):
        return any((codes[chosen, column] == codes[place, column]).sum() >= most for column, most in columns.items())

    def worth(place):
        likeness = max(((codes[other] == codes[place]).mean() for other in chosen), default=0)
        return scores[place] - order_settings.diversity * deviation * likeness

    while left and len(chosen) < k:
        allowed = [place for place in left if not is_barred(place)]
        chosen.append(max(allowed or left, key=worth))  # the first of several
        left.remove(chosen[-1])
    return positions[chosen].tolist()


@given(ranked_candidates())
@settings(max_examples=300, deadline=None)
def test_every_list_is_the_one_that_is_chosen_one_by_one(case):
    lists = order_lists(*case)
    for positions, scores, ordered in zip(*case[:2], lists.positions, strict=True):
        expected = one_by_one(positions, scores, *case[2:])
        assert ordered[: len(expected)].tolist() == expected
