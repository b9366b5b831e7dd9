"""Item-to-item models on purchases small enough to work out by hand."""

from datetime import date
from math import log, sqrt

import numpy as np
import pytest
from planted_purchases import TODAY, best_not_owned, interactions, two_groups
from scipy import sparse

from recommender.models.item_similarity import (
    CatalogueTooLarge,
    bm25_weights,
    ease_weights,
    fit_ease,
    fit_item_knn,
)

A, B, C, D = range(4)
YESTERDAY, TEN_DAYS_AGO, TWENTY_DAYS_AGO = date(2020, 9, 15), date(2020, 9, 6), date(2020, 8, 27)
PURCHASES = [
    ("ann", A, TWENTY_DAYS_AGO),
    ("ann", B, TEN_DAYS_AGO),
    ("bob", A, TEN_DAYS_AGO),
    ("bob", B, TEN_DAYS_AGO),
    ("bob", C, TEN_DAYS_AGO),
    ("cy", C, TEN_DAYS_AGO),
]
CUSTOMERS = ["ann", "bob", "cy", "dee"]  # dee bought nothing
ANN, BOB, CY, DEE = range(4)
FITS = {"ease": fit_ease, "item_knn": fit_item_knn}


def small(extra=()):
    return interactions([*PURCHASES, *extra], 4, CUSTOMERS)


@pytest.mark.parametrize("name", FITS)
def test_the_withheld_article_scores_highest_of_those_not_owned(name):
    rows, withheld = two_groups()
    purchases = interactions(rows, 12)
    expected = [withheld[customer] for customer in purchases.customer_ids]
    assert best_not_owned(FITS[name](purchases, TODAY), purchases).tolist() == expected


@pytest.mark.parametrize("name", FITS)
def test_own_articles_are_kept_and_the_other_group_scores_lower(name):
    purchases = interactions(two_groups()[0], 12)
    scores = FITS[name](purchases, TODAY).score(np.array([0]), np.arange(12))
    assert scores[0, :6].min() > max(scores[0, 6:].max(), 0)  # customer 0 owns 1 to 5 and lacks 0


def test_ease_is_the_closed_form():
    """Of ann (A, B), bob (A, B, C) and cy (C), all counting 1, with l2 = 1:

                     3 2 1                    8 -5 -1
        X'X + I  =   2 3 1    and thus  P =  -5  8 -1   / 13
                     1 1 3                   -1 -1  5

    B_ij = -P_ij / P_jj off the diagonal.
    """
    model = fit_ease(small(), TODAY, half_life_days=None, l2=1, own_weight=0)
    by_hand = [[0, 5 / 8, 1 / 5], [5 / 8, 0, 1 / 5], [1 / 8, 1 / 8, 0]]
    np.testing.assert_allclose(model.weights, by_hand, rtol=1e-5)
    expected_of_ann = [0 + 5 / 8, 5 / 8 + 0, 1 / 5 + 1 / 5, 0]  # A + B; D never sold
    np.testing.assert_allclose(model.score(np.array([ANN]), np.arange(4)), [expected_of_ann], rtol=1e-5)


def test_ease_scores_a_recent_purchase_higher_by_its_half_life():
    model = fit_ease(small(), TODAY, half_life_days=10, l2=1, own_weight=0.5)
    weights = model.weights
    assert np.diag(weights).tolist() == [0.5] * 3
    expected = 0.25 * weights[A] + 0.5 * weights[B]  # bought 20 and 10 days ago
    np.testing.assert_allclose(model.score(np.array([ANN]), np.array([A, B, C])), [expected], rtol=1e-5)


def test_ease_falls_back_to_float64_where_float32_finds_no_inverse():
    """The columns differ by 1 beside 10,000; of their sums of squares, 100,000,000, float32 does not keep the 1."""
    history = sparse.csr_matrix(np.array([[1e4, 1e4], [0, 1]]))
    weights = ease_weights(history, l2=1e-3)
    gram = np.array([[1e8 + 1e-3, 1e8], [1e8, 1e8 + 1 + 1e-3]])
    np.testing.assert_allclose(weights, [[0, 1e8 / gram[0, 0]], [1e8 / gram[1, 1], 0]], rtol=1e-3)
    assert weights.dtype == np.float32


def test_ease_refuses_a_catalogue_above_its_limit():
    with pytest.raises(CatalogueTooLarge, match="3 articles have sold.*2 at most; raise max_articles.*item_knn"):
        fit_ease(small(), TODAY, max_articles=2)
    fit_ease(small(), TODAY, max_articles=3)  # of 4 articles in the catalogue 3 have sold


def test_ease_refuses_an_l2_of_zero():
    with pytest.raises(ValueError, match="l2 must be positive, got 0"):
        fit_ease(small(), TODAY, l2=0)


def test_bm25_weights_by_hand():
    history = sparse.csr_matrix(np.array([[1.0, 2, 0], [0, 1, 0]]))
    weights = bm25_weights(history, k1=1.2, b=0.75).toarray()
    idf_of_two, idf_of_one = log(1 + 0.5 / 2.5), log(1 + 1.5 / 1.5)  # of two articles sold; the third never sold
    short, long = 1.2 * (0.25 + 0.75 * 1 / 2), 1.2 * (0.25 + 0.75 * 3 / 2)  # lengths 1 and 3, mean 2
    expected = [
        [idf_of_two * 1 * 2.2 / (1 + short), idf_of_two * 2 * 2.2 / (2 + long), 0],
        [0, idf_of_one * 1 * 2.2 / (1 + long), 0],
    ]
    np.testing.assert_allclose(weights, expected)


def test_similarity_is_the_cosine_of_weighted_buyers():
    model = fit_item_knn(small(), TODAY, half_life_days=None)
    ann, bob, cy = log(1 + 1.5 / 2.5), log(1 + 0.5 / 3.5), log(1 + 2.5 / 1.5)  # of 3 articles sold: 2, 3 and 1
    similar = bob * bob / (sqrt(ann**2 + bob**2) * sqrt(bob**2 + cy**2))  # all articles are of length 2
    expected = [[1, 1, similar, 0], [1, 1, similar, 0], [similar, similar, 1, 0], [0, 0, 0, 0]]
    np.testing.assert_allclose(model.similarity.toarray(), expected, rtol=1e-5)
    np.testing.assert_allclose(model.score(np.array([CY]), np.arange(4)), [expected[C]], rtol=1e-5)


def test_only_the_nearest_neighbours_are_kept():
    similarity = fit_item_knn(small(), TODAY, neighbours=1).similarity
    assert similarity.getnnz(axis=1).tolist() == [1, 1, 1, 0]


def test_the_last_basket_is_what_was_bought_on_the_last_day():
    model = fit_item_knn(small(), TODAY, half_life_days=10)
    similarity = model.similarity.toarray()
    everybody, articles = np.arange(4), np.arange(4)
    expected = [similarity[B], similarity[[A, B, C]].sum(axis=0), similarity[C], np.zeros(4)]
    np.testing.assert_allclose(model.last_basket_score(everybody, articles), expected, rtol=1e-5)
    of_ann = 0.25 * similarity[A] + 0.5 * similarity[B]
    np.testing.assert_allclose(model.score(np.array([ANN]), articles), [of_ann], rtol=1e-5)


@pytest.mark.parametrize("name", FITS)
def test_scores_have_the_asked_shape_and_order(name):
    model = FITS[name](small(), TODAY)
    everything = model.score(np.arange(4), np.arange(4))
    some = model.score(np.array([CY, ANN]), np.array([D, A]))
    assert (some.dtype, some.shape) == (np.float32, (2, 2))
    np.testing.assert_array_equal(some, everything[[CY, ANN]][:, [D, A]])


@pytest.mark.parametrize("name", FITS)
def test_customers_without_purchases_and_articles_never_sold_score_zero(name):
    scores = FITS[name](small(), TODAY).score(np.arange(4), np.arange(4))
    assert not scores[DEE].any()
    assert not scores[:, D].any()


@pytest.mark.parametrize("name", FITS)
def test_purchases_from_the_as_of_day_on_change_nothing(name):
    planted = small([("ann", C, TODAY), ("dee", D, TODAY), ("cy", A, date(2020, 9, 20))])
    scores = [FITS[name](purchases, TODAY).score(np.arange(4), np.arange(4)) for purchases in (small(), planted)]
    np.testing.assert_array_equal(*scores)


@pytest.mark.parametrize("name", FITS)
def test_nothing_bought_before_the_day_is_refused(name):
    with pytest.raises(ValueError, match="nothing was bought before 2020-08-01"):
        FITS[name](small(), date(2020, 8, 1))
