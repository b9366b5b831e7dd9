"""The report's further measures on a planted week of three customers, worked out by hand.

Ann has bought articles 0 and 1 before and buys 0 and the withdrawn 4, Bob has bought 2 and 4 and buys 2 again, and cold
Cat buys 5, which was first sold three days ago.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from planted_day import CAT, planted_fitted_day
from planted_snapshots import truth_of

from recommender.columns import Columns
from recommender.evaluation.held_out_week import HeldOutWeek
from recommender.evaluation.quality_report import candidate_recall, new_article_recall, quality_report
from recommender.models.ranked_lists import RankedLists
from recommender.stages.ranking_week import RankingWeek, ranking_week

K, DEPTH = 2, 3
SIZES = {"own": 2, "fresh": 1}
N_ATTRIBUTES = len(Columns.ARTICLE_ATTRIBUTES)


def week_of(bought: list[list[int]]) -> HeldOutWeek:
    """The planted day when Ann, Bob and Cat buy these articles in the week from it."""
    return HeldOutWeek(planted_fitted_day(SIZES), truth_of(bought), K, DEPTH)


def candidates_of(week: HeldOutWeek) -> RankingWeek:
    """The week's candidates; their file is mapped, and goes with the last reader."""
    with TemporaryDirectory() as folder:
        return ranking_week(week.fitted, week.truth, Path(folder) / "week")


def ranked(*positions: list[int]) -> RankedLists:
    """One list for each of Ann, Bob and Cat."""
    return RankedLists(np.array(positions, np.int32), np.tile(np.float32([3, 2, 1]), (len(positions), 1)))


LISTS = {
    "served": ranked([0, 1, 2], [2, 3, 1], [5, 0, 1]),
    "repurchase": ranked([0, 1, 3], [1, 3, 0], [1, 0, 5]),  # Cat's 5 stands behind the ranks that count
}


@pytest.fixture(scope="module")
def week():
    return week_of([[0, 4], [2], [5]])


@pytest.fixture(scope="module")
def report(week):
    return quality_report(week, LISTS, candidates_of(week))


def test_map_is_of_customers_with_history_and_has_an_interval(report):
    """Ann's is 1/2 in both, Bob's 1 and 0. Half of all draws of two from these two hold one of them twice."""
    ann, served_bob, repurchase_bob = 1 / 2, 1, 0
    served, repurchase = report["map"]["served"], report["map"]["repurchase"]
    assert served["mean"] == (ann + served_bob) / 2
    assert (served["low"], served["high"]) == (ann, served_bob)
    assert repurchase["mean"] == (ann + repurchase_bob) / 2
    assert (repurchase["low"], repurchase["high"]) == (repurchase_bob, ann)


def test_what_is_served_is_compared_with_every_model_customer_by_customer(report):
    gain = [1 / 2 - 1 / 2, 1 - 0]  # Ann's, Bob's
    expected = {"mean": sum(gain) / 2, "low": gain[0], "high": gain[1]}
    assert report["map"]["repurchase"]["served_minus_this"] == expected
    assert report["map"]["served"]["served_minus_this"] == {"mean": 0, "low": 0, "high": 0}


def test_beyond_accuracy_is_of_customers_with_history(report):
    """Of the four customers, two bought article 0, two article 1, one article 2 and one article 3."""
    one_in_common = 1 - 1 / N_ATTRIBUTES  # the product: of articles 0 and 1, and of 2 and 3
    assert report["beyond_accuracy"]["served"] == pytest.approx(
        {
            "new_recall@2": 0 / 1,  # Ann's 4; Bob bought nothing new, and Cat's 5 is no history's
            "repurchase_recall@2": (1 / 1 + 1 / 1) / 2,
            "novelty@2": ((1 + 1) / 2 + (2 + 2) / 2) / 2,
            "diversity@2": one_in_common,
            "serendipity@2": (0 / 2 + 1 / 2) / 2,  # the repurchase list names Ann's 0, not Bob's 2
        }
    )
    assert report["beyond_accuracy"]["repurchase"]["serendipity@2"] == 0


def test_activity_slices_count_every_customer_of_the_week(report):
    """Ann bought on three days, Bob on two, Cat never."""
    rows = {row["slice"]: row for row in report["slices"]["activity"]}
    assert {name: row["customers"] for name, row in rows.items()} == {
        "cold": 1,
        "1": 0,
        "2": 1,
        "3-5": 1,
        "6-10": 0,
        "11+": 0,
    }
    assert [rows[name]["map@2"] for name in ("cold", "2", "3-5")] == [1, 1, 1 / 2]
    assert [rows[name]["recall@2"] for name in ("cold", "2", "3-5")] == [1 / 1, 1 / 1, 1 / 2]
    assert rows["3-5"]["hit_rate@2"] == 1
    assert np.isnan(rows["1"]["map@2"])


def test_new_articles_are_those_first_sold_in_the_week_before(report):
    assert report["new_articles"] == {"served": 1 / 1, "repurchase": 0 / 1}  # Cat's 5


def test_cold_customers_have_their_own_recall(report):
    assert report["cold_customers"] == {"served": 1 / 1, "repurchase": 0 / 1}


def test_candidates_are_counted_against_everything_bought(report):
    """Own proposes Ann's 0 and Bob's 2, fresh Cat's 5, and nobody the withdrawn 4."""
    assert report["candidates"] == {"own": 2 / 4, "fresh": 1 / 4, "all": 3 / 4}


def test_a_week_without_new_articles_or_cold_buyers_has_no_number_for_them():
    week = week_of([[0], [2], []])
    report = quality_report(week, LISTS, candidates_of(week))
    assert report["new_articles"] == {"served": None, "repurchase": None}
    assert report["cold_customers"] == {"served": None, "repurchase": None}


def test_new_article_recall_averages_over_those_who_bought_one():
    """Article 5 is bought by Ann and Cat, and listed for Cat alone."""
    assert new_article_recall(week_of([[0, 5], [2], [5]]), LISTS["served"]) == (0 / 1 + 1 / 1) / 2


def test_nothing_bought_is_no_share_of_candidates(week):
    assert candidate_recall(candidates_of(week), 0) == {}


def test_the_report_does_not_depend_on_the_order_of_the_models(week, report):
    reversed_lists = dict(reversed(LISTS.items()))
    again = quality_report(week, reversed_lists, candidates_of(week))
    assert again["map"] == report["map"]
    assert again["beyond_accuracy"] == report["beyond_accuracy"]


def test_a_customer_of_the_week_who_got_no_list_counts_as_missed(week):
    without_cat = LISTS["served"].positions.copy()
    without_cat[CAT] = -1
    lists = {**LISTS, "served": RankedLists(without_cat, LISTS["served"].scores)}
    report = quality_report(week, lists, candidates_of(week))
    assert report["cold_customers"]["served"] == 0
