"""Ablations on candidates planted by hand."""

from datetime import date

import numpy as np

from benchmarks.weekly_ablations import own_then_popular, rank_week
from benchmarks.weekly_lists import CANDIDATE_SET, _retrieved
from recommender.config import OrderSettings
from recommender.stages.ranking_week import RankingWeek

NAN = float("nan")
WEEK = RankingWeek(
    as_of_day=date(2020, 9, 16),
    positions=np.array([0, 2, 3, 1, 2], np.int32),
    offsets=np.array([0, 3, 5]),
    features=np.array([[NAN, 3], [0.5, 1], [NAN, 9], [NAN, 4], [0.2, 1]], np.float32),
    feature_names=("own_score", "article_buyers_1w"),
    proposed_by={"own": np.array([0, 1, 0, 0, 1], bool), "popular": np.array([1, 0, 1, 1, 0], bool)},
    is_bought=np.array([1, 1, 0, 0, 1], bool),
    customer_ids=np.array(["ann", "bob"]),
    n_bought=np.array([4, 1]),
)
CODES = np.arange(4)[:, None].repeat(12, axis=1)  # no two articles are alike


def test_without_ranker_own_articles_come_before_popular_ones():
    np.testing.assert_allclose(own_then_popular(WEEK), [3 / 10, 1.5, 9 / 10, 4 / 10, 1.2], rtol=1e-6)


def test_lists_follow_the_scores_and_ties_fall_to_the_lower_position():
    order = OrderSettings(depth=3, diversity=0.0, caps={})
    lists = rank_week(WEEK, np.array([1, 5, 1, 2, 3], np.float32), CODES, order, 3)
    assert lists.positions.tolist() == [[2, 0, 3], [2, 1, -1]]


def test_recall_of_a_generator_counts_what_was_bought_and_never_proposed():
    """The first customer bought two proposed articles and two others, the second one."""
    retrieved = _retrieved(WEEK, WEEK.n_bought)
    assert retrieved["own"].tolist() == [1 / 4, 1]
    assert retrieved["popular"].tolist() == [1 / 4, 0]
    assert retrieved[CANDIDATE_SET].tolist() == [2 / 4, 1]
