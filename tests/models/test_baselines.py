"""Baselines on a shop small enough to work out by hand: five articles, three customers, two segments."""

from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from recommender.features.catalogue import Catalogue
from recommender.features.interactions import Interactions
from recommender.features.mart_files import MartMissing
from recommender.models.baseline_shop import BaselineShop
from recommender.models.baselines import BASELINES, popular, repurchase, segment_lists, segment_popular

TODAY = date(2020, 9, 16)
TOMORROW = date(2020, 9, 17)
ARTICLES = ["0000000001", "0000000002", "0000000003", "0000000004", "0000000005"]
A, B, C, D, E = range(5)  # their positions
CUSTOMERS = ["ann", "bob", "cy"]
EVERYTHING = np.arange(5)


def purchases(*rows: tuple[str, int, date]) -> Interactions:
    rows = sorted(rows, key=lambda row: row[2])
    mart = pa.table(
        {
            "customer_code": [CUSTOMERS.index(customer) for customer, _, _ in rows],
            "article_id": [ARTICLES[article] for _, article, _ in rows],
            "purchase_day": pa.array([day for _, _, day in rows], pa.date32()),
        }
    )
    return Interactions.of(mart, np.array(CUSTOMERS, object), Catalogue(np.array(ARTICLES, object)))


PURCHASES = [
    ("ann", A, date(2020, 9, 1)),
    ("ann", A, date(2020, 9, 8)),
    ("ann", C, date(2020, 9, 15)),
    ("bob", D, date(2020, 9, 10)),
    ("bob", E, date(2020, 9, 10)),
]


def article_features(day: date, buyers: list[int]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "as_of_day": day,
            "article_id": ARTICLES,
            "buyers_1w": buyers,
            "sales_1w": buyers,
            "sales_4w": buyers,
        }
    )


def segment_sales(day: date, *rows: tuple[str, int, int]) -> pd.DataFrame:
    return pd.DataFrame(
        [(day, segment, ARTICLES[article], buyers) for segment, article, buyers in rows],
        columns=["as_of_day", "segment", "article_id", "buyers_1w"],
    )


BUYERS = [1, 5, 2, 3, 3]  # most first: B, then D and E tied, C, A


def make_shop(features=None, extra_purchases=(), extra_features=None, extra_segment_sales=None):
    features = article_features(TODAY, BUYERS) if features is None else features
    segments = segment_sales(TODAY, ("young", C, 4), ("young", A, 2), ("old", E, 1))
    return BaselineShop.of(
        TODAY,
        ARTICLES,
        purchases(*PURCHASES, *extra_purchases),
        pd.concat([features, extra_features]),
        pd.DataFrame({"as_of_day": TODAY, "customer_code": [0, 1, 2], "segment": ["young", "old", "young"]}),
        pd.concat([segments, extra_segment_sales]),
    )


def test_popular_ranks_by_buyers_and_breaks_ties_by_article_id():
    lists = popular(make_shop(), ["ann", "cy"], EVERYTHING, k=4)
    assert lists.positions.tolist() == [[B, D, E, C]] * 2
    np.testing.assert_allclose(lists.scores[0], [5 / 5, 3 / 5, 3 / 5, 2 / 5])


def test_articles_with_equal_buyers_rank_by_units_sold():
    five_more_units_of_e = article_features(TODAY, BUYERS).assign(sales_1w=[1, 5, 2, 3, 8])
    lists = popular(make_shop(five_more_units_of_e), ["ann"], EVERYTHING, k=3)
    assert lists.positions.tolist() == [[B, E, D]]


def test_only_candidates_are_recommended_and_a_short_list_is_padded():
    lists = popular(make_shop(), ["ann"], np.array([A, E]), k=4)
    assert lists.positions.tolist() == [[E, A, -1, -1]]
    assert np.isnan(lists.scores[0]).tolist() == [False, False, True, True]


def test_segment_popular_is_filled_with_popular():
    lists = segment_popular(make_shop(), ["ann", "bob", "cy"], EVERYTHING, k=4)
    assert lists.positions.tolist() == [[C, A, B, D], [E, B, D, C], [C, A, B, D]]


def test_every_segment_has_a_list_filled_with_popular():
    """One that only customers are in, and one that only sales are in, as those of any channel are."""
    shop = make_shop(extra_segment_sales=segment_sales(TODAY, ("young / any channel", D, 7)))
    names, lists = segment_lists(shop, EVERYTHING, k=3)
    assert names == ["old", "young", "young / any channel"]
    assert lists.positions.tolist() == [[E, B, D], [C, A, B], [D, B, E]]


def test_customer_without_segment_gets_popular():
    lists = segment_popular(make_shop(), ["stranger"], EVERYTHING, k=3)
    assert lists.positions.tolist() == [[B, D, E]]


def test_repurchase_puts_the_most_recent_first():
    lists = repurchase(make_shop(), ["ann"], EVERYTHING, k=4)
    assert lists.positions.tolist() == [[C, A, B, D]]
    np.testing.assert_allclose(lists.scores[0], [1 + 1 / 1, 1 + 1 / 8, 5 / 5, 3 / 5])


def test_repurchase_by_frequency_puts_the_most_purchase_days_first():
    lists = repurchase(make_shop(), ["ann"], EVERYTHING, k=4, order="frequent")
    assert lists.positions.tolist() == [[A, C, B, D]]
    np.testing.assert_allclose(lists.scores[0], [1 + 2, 1 + 1, 5 / 5, 3 / 5])


def test_articles_bought_on_one_day_rank_by_popularity():
    lists = repurchase(make_shop(article_features(TODAY, [0, 0, 0, 1, 9])), ["bob"], EVERYTHING, k=2)
    assert lists.positions.tolist() == [[E, D]]


def test_customer_without_purchases_is_served_popular():
    lists = repurchase(make_shop(), ["cy", "stranger"], EVERYTHING, k=3)
    assert lists.positions.tolist() == [[B, D, E]] * 2


def test_own_article_that_is_no_candidate_is_left_out():
    lists = repurchase(make_shop(), ["ann"], np.array([A, B]), k=2)
    assert lists.positions.tolist() == [[A, B]]


def test_more_own_articles_than_k_are_cut():
    lists = repurchase(make_shop(), ["ann"], EVERYTHING, k=1)
    assert lists.positions.tolist() == [[C]]


@pytest.mark.parametrize("name", BASELINES)
def test_nothing_from_the_as_of_day_on_changes_a_list(name):
    """The leak guard: purchases, sales and segments of later days are planted, big enough to win."""
    planted = make_shop(
        extra_purchases=[("ann", E, TODAY), ("ann", E, TOMORROW), ("cy", A, TODAY)],
        extra_features=article_features(TOMORROW, [99, 0, 0, 0, 0]),
        extra_segment_sales=segment_sales(TOMORROW, ("young", E, 99), ("old", A, 99)),
    )
    customers = ["ann", "bob", "cy"]
    clean = BASELINES[name](make_shop(), customers, EVERYTHING, k=4)
    np.testing.assert_array_equal(BASELINES[name](planted, customers, EVERYTHING, k=4).positions, clean.positions)


@pytest.mark.parametrize("name", BASELINES)
def test_lists_obey_the_contract(name):
    positions, scores = BASELINES[name](make_shop(), ["ann", "bob", "cy", "stranger"], EVERYTHING, k=4)
    assert (positions.dtype, scores.dtype) == (np.int32, np.float32)
    assert all(len(set(row)) == 4 for row in positions.tolist())
    assert np.isfinite(scores).all()
    assert (np.diff(scores, axis=1) <= 0).all()


@pytest.mark.parametrize("name", BASELINES)
def test_lists_do_not_depend_on_who_else_is_asked_for(name):
    together = BASELINES[name](make_shop(), ["cy", "bob", "ann"], EVERYTHING, k=4)
    alone = BASELINES[name](make_shop(), ["ann"], EVERYTHING, k=4)
    np.testing.assert_array_equal(together.positions[2], alone.positions[0])


def test_marts_of_another_day_are_refused():
    with pytest.raises(MartMissing, match="article_features has no row for 2020-09-17"):
        BaselineShop.of(
            TOMORROW,
            ARTICLES,
            purchases(*PURCHASES),
            article_features(TODAY, [1, 1, 1, 1, 1]),
            pd.DataFrame({"as_of_day": [TODAY], "customer_code": [0], "segment": ["young"]}),
            segment_sales(TODAY, ("young", C, 4)),
        )


def test_purchases_of_another_catalogue_are_refused():
    features = article_features(TODAY, BUYERS)
    with pytest.raises(ValueError, match="purchases are of 5 articles, article_ids has 4"):
        BaselineShop.of(TODAY, ARTICLES[:4], purchases(*PURCHASES), features, features, features)


def test_candidates_outside_the_catalogue_are_refused():
    with pytest.raises(ValueError, match=r"\[0, 5\), got"):
        popular(make_shop(), ["ann"], np.array([2, 5]))


def test_unknown_order_is_refused():
    with pytest.raises(ValueError, match="'recent' or 'frequent', got 'newest'"):
        repurchase(make_shop(), ["ann"], EVERYTHING, order="newest")
