"""Collaborative baselines on planted groups, beside the others and left out where they cannot run."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from planted_purchases import N_ARTICLES, TODAY, ids_of, interactions, two_groups

from recommender.models.baseline_shop import BaselineShop
from recommender.models.baselines import BASELINES
from recommender.models.collaborative_baselines import (
    COLLABORATIVE_BASELINES,
    SEEDED,
    every_baseline,
    rank_by,
    run_baselines,
)
from recommender.models.item_similarity import EASE_MAX_ARTICLES

GROUPED, WITHHELD = two_groups()
CUSTOMERS = sorted(WITHHELD)
EVERYTHING = np.arange(N_ARTICLES)
POPULAR_FIRST = [11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]  # buyers grow with the position


def make_shop(rows=GROUPED, n_articles=N_ARTICLES, customers=(*CUSTOMERS, "new")):
    buyers = np.arange(1, n_articles + 1)
    features = {"as_of_day": TODAY, "article_id": ids_of(n_articles)}
    features |= dict.fromkeys(("buyers_1w", "sales_1w", "sales_4w"), buyers)
    return BaselineShop.of(
        TODAY,
        ids_of(n_articles),
        interactions(list(rows), n_articles, sorted(customers)),
        pd.DataFrame(features),
        pd.DataFrame({"as_of_day": TODAY, "customer_code": range(len(customers)), "segment": "all"}),
        pd.DataFrame({"as_of_day": [TODAY], "segment": ["all"], "article_id": [ids_of(1)[0]], "buyers_1w": [1]}),
    )


class GivenScores:
    """Scores written out, one row per customer of the shop."""

    def __init__(self, scores):
        self.scores = np.array(scores, np.float32)

    def score(self, customers, articles):
        return self.scores[np.ix_(customers, articles)]


@pytest.mark.parametrize("name", COLLABORATIVE_BASELINES)
def test_a_list_starts_with_the_own_group_withheld_article_included(name):
    lists = COLLABORATIVE_BASELINES[name](make_shop(), CUSTOMERS, EVERYTHING, k=6)
    for customer, positions in zip(CUSTOMERS, lists.positions.tolist(), strict=True):
        first = WITHHELD[customer] // 6 * 6
        assert sorted(positions) == list(range(first, first + 6))


@pytest.mark.parametrize("name", COLLABORATIVE_BASELINES)
def test_customers_without_purchases_get_popular(name):
    lists = COLLABORATIVE_BASELINES[name](make_shop(), ["new", "stranger"], EVERYTHING, k=4)
    assert lists.positions.tolist() == [POPULAR_FIRST[:4]] * 2


@pytest.mark.parametrize("name", COLLABORATIVE_BASELINES)
def test_lists_obey_the_contract(name):
    customers = ["c00-0", "stranger", "new", "c07-1"]
    positions, scores = COLLABORATIVE_BASELINES[name](make_shop(), customers, np.array([1, 4, 8, 11]), k=5)
    assert (positions.dtype, scores.dtype, positions.shape) == (np.int32, np.float32, (4, 5))
    assert [sorted(row) for row in positions.tolist()] == [[-1, 1, 4, 8, 11]] * 4
    assert np.isnan(scores[:, 4]).all()
    assert (np.diff(scores[:, :4], axis=1) <= 0).all()


@pytest.mark.parametrize("name", COLLABORATIVE_BASELINES)
def test_nothing_from_the_as_of_day_on_changes_a_list(name):
    later = [("new", 0, TODAY), ("c00-0", 8, TODAY), ("c00-0", 9, date(2020, 9, 20))]
    clean, planted = (
        COLLABORATIVE_BASELINES[name](make_shop(rows), [*CUSTOMERS, "new"], EVERYTHING, k=6)
        for rows in (GROUPED, [*GROUPED, *later])
    )
    np.testing.assert_array_equal(clean.positions, planted.positions)


def test_ties_fall_by_popularity_and_what_has_no_score_by_popularity_behind():
    shop = make_shop([("ann", 0, date(2020, 9, 1))], n_articles=6, customers=["ann"])
    lists = rank_by(GivenScores([[3, 0, 1, 1, 1, -1]]), shop, ["ann"], np.arange(6), k=6)
    assert lists.positions.tolist() == [[0, 4, 3, 2, 5, 1]]  # 1 has no score; it is filled in behind
    above = [1 + (1 + 3 / 4) / 2, *[1 + (1 + 1 / 2) / 2] * 3, 1 + (1 - 1 / 2) / 2]
    np.testing.assert_allclose(lists.scores[0], [*above, 2 / 6])  # 2 buyers of 6
    cut = rank_by(GivenScores([[3, 0, 1, 1, 1, -1]]), shop, ["ann"], np.arange(6), k=2)
    assert cut.positions.tolist() == [[0, 4]]


def test_articles_of_equal_sales_tie_by_id():
    shop = make_shop([("ann", 0, date(2020, 9, 1))], n_articles=3, customers=["ann"])
    equal = pd.DataFrame({"as_of_day": TODAY, "article_id": ids_of(3), "buyers_1w": 1, "sales_1w": 1, "sales_4w": 1})
    shop = BaselineShop.of(TODAY, ids_of(3), shop.interactions, equal, shop.customer_features, shop.segment_sales)
    lists = rank_by(GivenScores([[1, 1, 2]]), shop, ["ann"], np.arange(3), k=3)
    assert lists.positions.tolist() == [[2, 0, 1]]


def test_all_baselines_run_and_one_seed_gives_the_same_lists():
    notices = []
    first, again = (run_baselines(make_shop(), CUSTOMERS, EVERYTHING, 6, 7, notices.append) for _ in range(2))
    assert list(first) == [*BASELINES, *COLLABORATIVE_BASELINES]
    assert not notices
    for name, lists in first.items():
        np.testing.assert_array_equal(lists.positions, again[name].positions)
        np.testing.assert_array_equal(lists.scores, again[name].scores)


def test_side_by_side_each_makes_the_lists_that_it_makes_alone():
    together = run_baselines(make_shop(), CUSTOMERS, EVERYTHING, 6, 7)
    for name, recommend in every_baseline(7).items():
        np.testing.assert_array_equal(together[name].scores, recommend(make_shop(), CUSTOMERS, EVERYTHING, 6).scores)


def test_the_seed_reaches_the_factorisations():
    first, other = (run_baselines(make_shop(), CUSTOMERS, EVERYTHING, 6, seed) for seed in (7, 8))
    differing = {name for name in first if (first[name].scores != other[name].scores).any()}
    assert differing == set(SEEDED)


def test_a_catalogue_too_large_for_ease_leaves_it_out_with_a_notice():
    n_articles = EASE_MAX_ARTICLES + 1
    rows = [(f"c{article % 500:03d}", article, date(2020, 9, 1)) for article in range(n_articles)]
    shop = make_shop(rows, n_articles, sorted({customer for customer, _, _ in rows}))
    notices = []
    lists = run_baselines(shop, ["c000"], np.arange(20), 3, 7, notices.append)
    assert set(lists) == {*BASELINES, *COLLABORATIVE_BASELINES} - {"ease"}
    assert len(notices) == 1
    assert notices[0].startswith(f"ease is left out: {n_articles:,} articles have sold")
