"""Ranking rows: what they refuse, how they are cut and joined, and how scores order them."""

from dataclasses import replace

import numpy as np
import pytest
from planted_ranking_rows import planted_rows

from recommender.models.ranking.ranking_rows import RankingRows, map_within_candidates, with_some_not_bought


def rows_of(features, sizes, bought, names=("price", "age")) -> RankingRows:
    return RankingRows(np.array(features, np.float32), names, np.array(sizes), np.array(bought, bool))


@pytest.fixture
def rows():
    """Three customer-weeks of 2, 1 and 2 candidates; the second bought none of them."""
    features = [[1, 10], [2, np.nan], [3, 30], [4, 40], [5, 50]]
    return rows_of(features, [2, 1, 2], [True, False, False, True, True])


def assert_same(one: RankingRows, other: RankingRows) -> None:
    assert one.feature_names == other.feature_names
    np.testing.assert_array_equal(one.features[:], other.features[:])
    for name in ("group_sizes", "is_bought"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
        assert getattr(one, name).dtype == getattr(other, name).dtype


def test_each_row_knows_its_group_and_each_group_what_was_bought(rows):
    assert len(rows) == 5
    assert rows.groups().tolist() == [0, 0, 1, 2, 2]
    assert rows.bought_counts().tolist() == [1, 0, 2]


def test_a_customer_without_candidates_is_a_group_of_none():
    rows = rows_of([[1, 2]], [0, 1, 0], [True])
    assert rows.groups().tolist() == [1]
    assert rows.bought_counts().tolist() == [0, 1, 0]
    assert rows.with_positives_only().group_sizes.tolist() == [1]


def test_groups_without_a_purchase_are_dropped_whole(rows):
    kept = rows.with_positives_only()
    assert kept.group_sizes.tolist() == [2, 2]
    assert kept.features[:][:, 0].tolist() == [1, 2, 4, 5]
    assert kept.is_bought.tolist() == [True, False, True, True]
    assert kept.with_positives_only() is kept


def test_the_same_features_in_another_order_are_refused(rows):
    rows.check_features(["price", "age"])
    with pytest.raises(ValueError, match="must be age, price, in this order, got price, age"):
        rows.check_features(["age", "price"])


def test_joining_and_cutting_leave_the_features_where_they_are(rows):
    """Eight weeks are larger than memory; what is in one array is so because somebody asked for it."""
    cut = RankingRows.concatenate([rows, rows]).with_positives_only()
    rows.features[0, 0] = 9
    assert cut.features[:][:, 0].tolist() == [9, 2, 4, 5, 9, 2, 4, 5]
    held = cut.in_memory()
    rows.features[0, 0] = 1
    assert held.features[:, 0].tolist() == [9, 2, 4, 5, 9, 2, 4, 5]


def test_parts_joined_are_the_rows_they_were_cut_from(rows):
    first = rows_of(rows.features[:2], [2], rows.is_bought[:2])
    rest = rows_of(rows.features[2:], [1, 2], rows.is_bought[2:])
    assert_same(RankingRows.concatenate([first, rest]), rows)


def test_parts_with_features_in_another_order_are_not_joined(rows):
    with pytest.raises(ValueError, match="in this order"):
        RankingRows.concatenate([rows, replace(rows, feature_names=("age", "price"))])


def test_joining_nothing_says_so():
    with pytest.raises(ValueError, match="no ranking rows to join"):
        RankingRows.concatenate([])


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"feature_names": ("price",)}, ValueError, r"features must be \(n_rows, 1\).*got \(2, 2\)"),
        ({"feature_names": ("price", "price")}, ValueError, "must be distinct, got price, price"),
        ({"group_sizes": np.array([1])}, ValueError, "sum to the 2 rows, got shape .1,., sum 1"),
        ({"group_sizes": np.array([3, -1])}, ValueError, "at least 0"),
        ({"is_bought": np.array([True])}, ValueError, r"is_bought must be \(2,\)"),
        ({"features": np.zeros((2, 2))}, TypeError, "features must be float32, got float64"),
        ({"is_bought": np.array([0, 1])}, TypeError, "is_bought must be bool, got int64"),
        ({"features": np.array([[1, 2], [3, np.inf]], np.float32)}, ValueError, "age is infinite in some row"),
    ],
)
def test_rows_that_do_not_fit_together_are_refused(change, error, message):
    whole = {
        "features": np.zeros((2, 2), np.float32),
        "feature_names": ("price", "age"),
        "group_sizes": np.array([2]),
        "is_bought": np.array([False, True]),
    }
    RankingRows(**whole)
    with pytest.raises(error, match=message):
        RankingRows(**{**whole, **change})


def rows_with_bought(bought: list[list[bool]]) -> RankingRows:
    flat = np.array([each for group in bought for each in group], bool)
    return RankingRows(np.zeros((len(flat), 1), np.float32), ("any",), np.array([len(each) for each in bought]), flat)


def test_map_within_candidates_by_hand():
    rows = rows_with_bought([[True, False, True], [False, True]])
    scores = np.array([0.9, 0.5, 0.1, 0.8, 0.2])
    first, second = (1 / 1 + 2 / 3) / 2, 1 / 2
    assert map_within_candidates(scores, rows) == pytest.approx((first + second) / 2)


def test_map_within_candidates_stops_at_k():
    rows = rows_with_bought([[False, True, True, True]])
    scores = np.array([4.0, 3.0, 2.0, 1.0])
    assert map_within_candidates(scores, rows, k=2) == pytest.approx((1 / 2) / 2)  # one hit of the two that fit


def test_map_within_candidates_leaves_out_groups_without_purchase_or_rows():
    rows = rows_with_bought([[False, False], [], [True]])
    assert map_within_candidates(np.array([1.0, 2.0, 0.0]), rows) == 1
    assert np.isnan(map_within_candidates(np.zeros(1), rows_with_bought([[False]])))


def test_equal_scores_keep_the_order_of_the_rows():
    assert map_within_candidates(np.zeros(3), rows_with_bought([[False, False, True]])) == pytest.approx(1 / 3)


def test_map_within_candidates_needs_a_score_for_each_row():
    with pytest.raises(ValueError, match=r"scores must be \(2,\), one for each row, got \(3,\)"):
        map_within_candidates(np.zeros(3), rows_with_bought([[False, True]]))


def numbered_rows(groups: int) -> RankingRows:
    """Planted rows that carry their number as a feature."""
    rows = planted_rows(groups)
    return replace(rows, features=np.repeat(np.arange(len(rows), dtype=np.float32)[:, None], 5, axis=1))


def numbers_of(rows: RankingRows) -> np.ndarray:
    return rows.features[:][:, 0].astype(int)


def test_what_was_bought_stays_and_of_the_rest_about_as_many_as_asked_for():
    rows = planted_rows(groups=500)
    drawn = with_some_not_bought(rows, most=6_000, seed=1)
    assert drawn.bought_counts().tolist() == [1] * 500
    assert 5_800 <= len(drawn) - 500 <= 6_200
    assert drawn.group_sizes.sum() == len(drawn)


def test_rows_that_are_drawn_stay_with_their_group_and_keep_their_order():
    rows = numbered_rows(groups=300)
    drawn = with_some_not_bought(rows, most=3_000, seed=1)
    places = numbers_of(drawn)
    assert (np.diff(places) > 0).all()
    assert (rows.groups()[places] == drawn.groups()).all()
    assert (rows.is_bought[places] == drawn.is_bought).all()


def test_every_row_that_was_not_bought_is_as_likely_to_be_drawn():
    rows = numbered_rows(groups=100)
    times = np.zeros(len(rows))
    for seed in range(200):
        times[numbers_of(with_some_not_bought(rows, 1_000, seed))] += 1
    share = times[~rows.is_bought] / 200
    assert abs(share.mean() - 1_000 / 1_900) < 0.005
    assert share.std() < 0.045  # 0.035 of 200 draws


def test_as_few_as_asked_for_are_taken_as_they_are():
    rows = planted_rows(groups=20)
    assert with_some_not_bought(rows, most=380, seed=1) is rows


def test_of_very_many_customers_each_keeps_some_to_tell_from():
    rows = planted_rows(groups=500)
    assert 4_700 <= len(with_some_not_bought(rows, most=1, seed=1)) - 500 <= 5_300


def test_the_same_seed_draws_the_same():
    rows = planted_rows(groups=100)
    one, same, other = (with_some_not_bought(rows, 1_000, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.features[:], same.features[:])
    assert one.group_sizes.tolist() != other.group_sizes.tolist()
