"""What customers bought in a week: whose it is when customers are chosen, and what of it when articles are."""

import numpy as np
import pyarrow as pa
import pytest

from recommender.features.catalogue import Catalogue
from recommender.features.truth import Truth

CATALOGUE = Catalogue(np.array(["a", "b", "c", "d"], dtype=object))
A, B, C, D = range(4)
ANN, BOB, CAT, EVE = range(4)


@pytest.fixture
def truth() -> Truth:
    """Ann buys d and a, Bob nothing, Cat b; Eve, who is asked for by nobody, buys c."""
    bought = pa.table({"customer_code": [ANN, ANN, CAT, EVE], "article_id": ["d", "a", "b", "c"]})
    return Truth.of(bought, np.array([ANN, BOB, CAT]), CATALOGUE)


def check(truth: Truth, bought: list[list[int]]) -> None:
    assert [truth.of_row(row).tolist() for row in range(len(truth.offsets) - 1)] == bought
    assert (truth.values.dtype, truth.offsets.dtype) == (np.int32, np.int64)


def test_each_customers_articles_are_positions_in_their_order(truth):
    check(truth, [[A, D], [], [B]])
    values, offsets = truth
    assert (values.tolist(), offsets.tolist()) == ([A, D, B], [0, 2, 2, 3])


def test_the_buyers_are_those_who_bought_something(truth):
    assert truth.sizes().tolist() == [2, 0, 1]
    assert truth.buyers().tolist() == [ANN, CAT]


def test_customers_are_taken_in_the_order_asked_for(truth):
    check(truth.take(np.array([CAT, BOB, ANN, CAT])), [[B], [], [A, D], [B]])
    check(truth.take(np.empty(0, np.int64)), [])


def test_selected_articles_leave_customers_where_they_are(truth):
    check(truth.select(np.arange(4) >= B), [[D], [], [B]])


def test_nothing_bought_is_a_truth_without_values():
    nothing = pa.table({"customer_code": pa.array([], pa.int32()), "article_id": pa.array([], pa.string())})
    check(Truth.of(nothing, np.array([ANN, BOB]), CATALOGUE), [[], []])


def test_an_article_that_the_catalogue_lacks_is_an_error():
    bought = pa.table({"customer_code": [ANN], "article_id": ["z"]})
    with pytest.raises(KeyError, match="article z was never sold"):
        Truth.of(bought, np.array([ANN]), CATALOGUE)
