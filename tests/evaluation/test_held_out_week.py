"""The test week on the planted day: whose lists are scored, against what, and what the behavioral suite is given."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from planted_day import ARTICLES, CANDIDATES, TODAY, planted_fitted_day, planted_truth
from planted_purchases import ids_of
from planted_snapshots import truth_of

from recommender.evaluation.held_out_week import HeldOutWeek, read_oracle
from recommender.features.catalogue import Catalogue
from recommender.models.baseline_shop import BaselineShop
from recommender.models.baselines import BASELINES
from recommender.models.collaborative_baselines import COLLABORATIVE_BASELINES
from recommender.models.ranked_lists import RankedLists

K, DEPTH = 2, 3
WITHDRAWN = 4
ARTICLE_IDS = ids_of(6)


@pytest.fixture
def week() -> HeldOutWeek:
    """Ann buys articles 0 and 4, Bob nothing, cold Cat article 5."""
    return HeldOutWeek(planted_fitted_day({"two_tower": 5, "popular": 5}), planted_truth(), K, DEPTH)


def ranked(*positions: list[int]) -> RankedLists:
    """One list for each of Ann, Bob and Cat."""
    return RankedLists(np.array(positions, np.int32), np.tile(np.float32([3, 2, 1]), (len(positions), 1)))


def test_the_two_towers_own_lists_are_as_deep_as_published_and_neither_ranked_nor_capped(week):
    """Its scores for articles 0, 1, 2, 3, 5: Ann 3, 2, 1, 0, 2; Bob 0, 1, 2, 3, 2; Cat 3, 3, 3, 3, 4."""
    lists = week.two_tower_lists()
    assert lists.positions.tolist() == [[0, 1, 5], [3, 2, 5], [5, 0, 1]]
    assert lists.scores.tolist() == [[3, 2, 2], [3, 2, 2], [4, 3, 3]]


def test_a_week_without_the_two_tower_has_no_lists_of_it():
    assert HeldOutWeek(planted_fitted_day({"popular": 5}), planted_truth(), K, DEPTH).two_tower_lists() is None
    with_its_score = HeldOutWeek(planted_fitted_day({"popular": 5, "two_tower": 0}), planted_truth(), K, DEPTH)
    assert with_its_score.two_tower_lists().positions.tolist() == [[0, 1, 5], [3, 2, 5], [5, 0, 1]]


def test_metrics_count_the_first_k_ranks_and_customers_who_bought(week):
    metrics = week.metrics_of(ranked([1, 0, 4], [0, 1, 2], [5, 1, 2]))
    assert (metrics["customers"], metrics["customers_all"]) == (1, 2)  # Bob bought nothing, Cat is cold
    assert metrics["map@2"] == (1 / 2) / 2  # article 0 at rank 2; 4 stands behind k
    assert metrics["map@2_all"] == ((1 / 2) / 2 + 1) / 2
    assert metrics["coverage"] == 2 / len(CANDIDATES)


def test_every_baseline_fills_its_lists_with_what_may_be_recommended(week):
    day = week.fitted.day
    features = pd.DataFrame({"as_of_day": TODAY, "article_id": [ARTICLE_IDS[each] for each in CANDIDATES], **ARTICLES})
    codes = {"customer_code": day.customer_rows}
    customers = pd.DataFrame({"as_of_day": TODAY, **codes, "segment": ["one", "two", "three"]})
    sales = pd.DataFrame({"as_of_day": TODAY, "segment": ["one"], "article_id": [ARTICLE_IDS[0]], "buyers_1w": [1]})
    shop = BaselineShop.of(TODAY, ARTICLE_IDS, day.purchases, features, customers, sales)
    lists, reasons = week.baseline_lists(shop, seed=7), []
    again = week.baseline_lists(shop, seed=7, report=reasons.append)
    assert lists.keys() == BASELINES.keys() | COLLABORATIVE_BASELINES.keys()
    assert reasons == []
    assert lists["popular"].positions.tolist() == [[1, 2, 5]] * 3  # 6, 2 and 1 buyers; 0 has 1, too, and sold less
    assert lists["repurchase"].positions[0].tolist() == [0, 1, 2]  # Ann's own, bought on 3 and 1 days; then popular
    for name, ranked_lists in lists.items():
        assert np.isin(ranked_lists.positions, CANDIDATES).all(), name
        np.testing.assert_array_equal(again[name].positions, ranked_lists.positions, name)


def test_a_week_in_which_nobody_bought_judges_nobody(week):
    idle = replace(week, truth=truth_of([[], [], []]))
    assert idle.metrics_of(week.two_tower_lists())["customers_all"] == 0
    assert np.isnan(idle.average_precision_of(week.two_tower_lists())).tolist() == [True, True]  # Ann and Bob


def test_the_oracle_keeps_its_ranks_and_leaves_out_what_no_catalogue_has(tmp_path):
    rows = [
        ("ann", ARTICLE_IDS[3], 1, 0.5),
        ("ann", "9999999999", 2, 0.4),  # never sold: its place stays empty
        ("ann", ARTICLE_IDS[0], 3, 0.3),
        ("ann", ARTICLE_IDS[1], 4, 0.2),  # behind the depth
        ("eve", ARTICLE_IDS[2], 1, 0.9),  # not of the week
    ]
    path = tmp_path / "oracle.parquet"
    pd.DataFrame(rows, columns=["customer_id", "article_id", "rank", "probability"]).to_parquet(path)
    catalogue = Catalogue(np.array(ARTICLE_IDS, dtype=object))
    lists = read_oracle(path, np.array(["bob", "ann"], dtype=object), catalogue, DEPTH)
    assert lists.positions.tolist() == [[-1, -1, -1], [3, -1, 0]]
    np.testing.assert_array_equal(lists.scores, np.float32([[np.nan] * 3, [0.5, np.nan, 0.3]]))
