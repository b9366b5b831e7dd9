"""Purchases as integers: rows, days and recency weights, worked out by hand."""

from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from recommender.features.catalogue import Catalogue
from recommender.features.interactions import Interactions, day_number

CATALOGUE = Catalogue(np.array(["0000000001", "0000000002", "0000000003"], dtype=object))
CUSTOMERS = np.array(["ann", "bob", "cy"], dtype=object)
ANN, BOB, CY = range(3)
A, B, C = range(3)
TODAY = date(2020, 9, 16)
PURCHASES = [
    (BOB, "0000000002", date(2020, 8, 27)),  # 20 days ago
    (ANN, "0000000003", date(2020, 9, 6)),  # 10 days ago
    (BOB, "0000000002", date(2020, 9, 6)),
    (ANN, "0000000001", date(2020, 9, 15)),  # yesterday
]


def mart(rows) -> pa.Table:
    customers, articles, days = zip(*rows, strict=True)
    return pa.table({"customer_code": customers, "article_id": articles, "purchase_day": pa.array(days, pa.date32())})


@pytest.fixture(scope="module")
def purchases():
    return Interactions.of(mart(PURCHASES), CUSTOMERS, CATALOGUE)


def test_ids_become_rows_and_positions(purchases):
    assert purchases.customers.tolist() == [BOB, ANN, BOB, ANN]
    assert purchases.articles.tolist() == [B, C, B, A]
    assert (np.diff(purchases.days) == [10, 0, 9]).all()
    assert (purchases.n_articles, len(purchases)) == (3, 4)
    assert {array.dtype for array in (purchases.customers, purchases.articles, purchases.days)} == {np.dtype(np.int32)}


def test_days_count_from_1970():
    assert day_number(date(1970, 1, 1)) == 0
    assert day_number(date(1971, 1, 2)) == 366


def test_before_leaves_the_day_itself_out(purchases):
    assert len(purchases.before(date(2020, 9, 6))) == 1
    assert len(purchases.before(date(2020, 9, 7))) == 3
    assert len(purchases.before(date(2020, 8, 27))) == 0
    assert len(purchases.before(TODAY)) == 4
    assert purchases.before(date(2020, 9, 6)).customer_ids is CUSTOMERS  # rows keep their meaning


def test_others_from_a_day_are_the_same_customers_with_each_others_articles(purchases):
    day = date(2020, 9, 6)
    others = [purchases.with_others_from(day, seed) for seed in range(20)]
    for each in others:
        assert each.articles[0] == B  # before the day
        assert sorted(each.articles[1:]) == [A, B, C]
        assert each.customers is purchases.customers
        assert each.days is purchases.days
    assert len({tuple(each.articles) for each in others}) > 3
    assert purchases.articles.tolist() == [B, C, B, A]  # untouched
    np.testing.assert_array_equal(others[3].articles, purchases.with_others_from(day, seed=3).articles)


def test_others_from_a_day_change_nothing_that_is_known_on_it(purchases):
    for day in (date(2020, 9, 6), TODAY):
        known = purchases.with_others_from(day, seed=1).before(day)
        np.testing.assert_array_equal(known.articles, purchases.before(day).articles)
    np.testing.assert_array_equal(purchases.with_others_from(TODAY, seed=1).articles, purchases.articles)


def test_matrix_counts_purchase_days(purchases):
    matrix = purchases.matrix(TODAY)
    assert matrix.dtype == np.float32
    assert matrix.toarray().tolist() == [[1, 0, 1], [0, 2, 0], [0, 0, 0]]


def test_matrix_halves_a_purchase_with_each_half_life(purchases):
    matrix = purchases.matrix(TODAY, half_life_days=10)
    yesterday, ten, twenty = 0.5**0.1, 0.5, 0.25
    expected = [[yesterday, 0, ten], [0, twenty + ten, 0], [0, 0, 0]]
    np.testing.assert_allclose(matrix.toarray(), expected, rtol=1e-6)


def test_matrix_of_nothing_is_empty(purchases):
    nothing = purchases.before(date(2020, 1, 1)).matrix(TODAY)
    assert (nothing.shape, nothing.nnz) == ((3, 3), 0)


def test_matrix_refuses_purchases_of_the_day_itself(purchases):
    with pytest.raises(ValueError, match="purchases reach beyond 2020-09-15; take those `before` it"):
        purchases.matrix(date(2020, 9, 15))


def test_unknown_customers_are_refused():
    with pytest.raises(KeyError, match="customer 1 bought something, but customers.csv has only 1"):
        Interactions.of(mart(PURCHASES), CUSTOMERS[:1], CATALOGUE)


def test_unknown_articles_are_refused():
    with pytest.raises(KeyError, match="article 0000000009"):
        Interactions.of(mart([(ANN, "0000000009", TODAY)]), CUSTOMERS, CATALOGUE)


def test_the_marts_give_every_purchase(demo_marts):
    rows = demo_marts.table("purchases")
    catalogue = Catalogue.of(rows["article_id"])
    purchases = demo_marts.interactions(catalogue)
    assert purchases.customers.tolist() == rows["customer_code"].to_pylist()
    assert purchases.customer_ids.tolist() == demo_marts.customer_ids().tolist()
    assert catalogue.article_ids[purchases.articles].tolist() == rows["article_id"].to_pylist()
    assert (np.diff(purchases.days) >= 0).all()
    assert (np.diff(np.argsort(purchases.customer_ids)) == 1).all()
