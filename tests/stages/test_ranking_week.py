"""A week as the ranker learns it: the planted day's candidates, what was bought, and the week with less of it."""

import json
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from planted_day import NAN, planted_fitted_day, planted_truth
from planted_snapshots import truth_of

from recommender.stages import candidate_sets as candidate_sets_module
from recommender.stages.ranking_week import DESCRIPTION, FEATURES, RankingWeek, UnreadableWeek, ranking_week
from recommender.stages.retrieve import GENERATORS

SIZES = {"two_tower": 1, "own": 1, "popular": 1}


def week_of(sizes: dict[str, int]) -> RankingWeek:
    """Collect the planted week with some generators, its features in memory."""
    with tempfile.TemporaryDirectory() as folder:
        week = ranking_week(planted_fitted_day(sizes), planted_truth(), Path(folder) / "week")
        return replace(week, features=week.features[:])


def feature(week: RankingWeek, name: str) -> list[float]:
    """Return one feature of all pairs."""
    return week.feature(name).tolist()


def test_a_week_holds_positions_and_what_was_bought_of_them():
    """Ann buys articles 0 and 4, Cat article 5. Columns 0, 1 | 1, 2, 3 | 1, 4 are candidates, column 4 is
    article 5; Ann's article 4 is no candidate and no label.
    """
    week = week_of(SIZES)
    assert week.positions.tolist() == [0, 1, 1, 2, 3, 1, 5]
    assert week.positions.dtype == np.int32
    assert week.offsets.tolist() == [0, 2, 5, 7]
    assert week.is_bought.tolist() == [True, False, False, False, False, False, True]
    rows = week.rows()
    assert rows.group_sizes.tolist() == [2, 3, 2]
    assert rows.bought_counts().tolist() == [1, 0, 1]


def test_a_week_knows_whose_it_is_and_what_was_bought_beside_its_candidates():
    week = week_of(SIZES)
    assert week.customer_ids.tolist() == ["ann", "bob", "cat"]
    assert week.n_bought.tolist() == [2, 0, 1]


def precision(week: RankingWeek, scores: np.ndarray, k: int) -> np.ndarray:
    """Each customer's average precision of the k candidates that score highest."""
    return week.average_precision(week.best(scores, k).positions)


def test_average_precision_goes_by_falling_score_and_counts_what_is_no_candidate_as_missed():
    """Candidates 0, 1 | 1, 2, 3 | 1, 5; Ann buys 0 and, beside them, 4; Bob nothing; Cat 5."""
    week = week_of(SIZES)
    scores = np.array([1.0, 2, 3, 2, 1, 9, 8])  # Ann's 0 and Cat's 5 come second
    found = precision(week, scores, 2)
    assert found[[0, 2]].tolist() == [1 / 2 * 1 / 2, 1 / 2]
    assert np.isnan(found[1])
    assert precision(week, scores, 1)[[0, 2]].tolist() == [0, 0]
    assert precision(week, -scores, 1)[[0, 2]].tolist() == [1 / 1, 1]  # one place, so one of two is all


def test_average_precision_of_equal_scores_goes_by_position():
    """Whatever the order that the candidates came in."""
    week = week_of(SIZES)
    backwards = replace(week, positions=np.array([1, 0, 3, 2, 1, 5, 1]), is_bought=week.is_bought[[1, 0, *range(2, 7)]])
    same = np.zeros(7)
    assert precision(week, same, 2)[0] == precision(backwards, same, 2)[0] == 1 / 2


def test_a_candidate_without_a_score_is_not_listed():
    """Own articles alone: neither Ann's article 1 nor anything of Cat's."""
    scores = np.array([NAN, 1, 1, NAN, NAN, NAN, NAN])
    assert precision(week_of(SIZES), scores, 12)[[0, 2]].tolist() == [0, 0]
    assert precision(week_of(SIZES), -1 / scores[[1, 0, *range(2, 7)]], 12)[[0, 2]].tolist() == [1 / 2, 0]


def test_average_precision_of_customers_without_candidates_is_zero():
    week = week_of(SIZES).without(["two_tower", "popular"])  # Ann's 0, Bob's 2, nothing of Cat's
    assert precision(week, np.ones(2), 12)[[0, 2]].tolist() == [1 / 2, 0]


@pytest.mark.parametrize("scores_per_chunk", [5, 10])
def test_a_week_is_the_same_in_chunks(monkeypatch, scores_per_chunk):
    whole = week_of(SIZES)
    monkeypatch.setattr(candidate_sets_module, "SCORES_PER_CHUNK", scores_per_chunk)
    in_chunks = week_of(SIZES)
    for name in ("positions", "offsets", "features", "is_bought"):
        np.testing.assert_array_equal(getattr(in_chunks, name), getattr(whole, name))
    assert {name: marks.tolist() for name, marks in in_chunks.proposed_by.items()} == {
        name: marks.tolist() for name, marks in whole.proposed_by.items()
    }


def test_without_a_generator_its_own_articles_go_and_labels_follow():
    """Columns 0, 1 | 1, 2 | 1 stay: the two-tower alone proposed Bob's column 3 and Cat's column 4."""
    week = week_of(SIZES).without(["two_tower"])
    assert week.positions.tolist() == [0, 1, 1, 2, 1]
    assert week.offsets.tolist() == [0, 2, 4, 5]
    assert week.is_bought.tolist() == [True, False, False, False, False]
    assert {name: marks.tolist() for name, marks in week.proposed_by.items()} == {
        "own": [True, False, False, True, False],
        "popular": [False, True, True, False, True],
    }
    assert feature(week, "n_generators") == [1, 1, 1, 1, 1]
    for name in ("two_tower_score", "two_tower_rank", "two_tower_gap"):
        assert np.isnan(feature(week, name)).all()


def test_without_own_the_marts_own_features_stay():
    """They are no generator's: what the customer bought is known either way."""
    week = week_of(SIZES).without(["own"])
    assert week.positions.tolist() == [0, 1, 1, 3, 1, 5]
    assert np.isnan(feature(week, "own_score")).all()
    assert feature(week, "own_days_since")[:2] == [10, 10]


def test_without_everybody_else_a_customer_may_be_left_with_nothing():
    week = week_of(SIZES).without(["two_tower", "popular"])
    assert week.positions.tolist() == [0, 2]
    assert week.offsets.tolist() == [0, 1, 2, 2]
    assert week.rows().group_sizes.tolist() == [1, 1, 0]


def test_without_leaves_the_week_itself_as_it_was():
    week = week_of(SIZES)
    before = week.features.copy()
    week.without(["two_tower"])
    np.testing.assert_array_equal(week.features, before)
    assert list(week.proposed_by) == ["two_tower", "own", "popular"]


@pytest.mark.parametrize("name", GENERATORS)
def test_without_is_the_week_of_the_other_generators(name):
    sizes = dict.fromkeys(GENERATORS, 2)
    found = week_of(sizes).without([name])
    expected = week_of({other: size for other, size in sizes.items() if other != name})
    np.testing.assert_array_equal(found.positions, expected.positions)
    np.testing.assert_array_equal(found.offsets, expected.offsets)
    np.testing.assert_array_equal(found.is_bought, expected.is_bought)
    assert {other: marks.tolist() for other, marks in found.proposed_by.items()} == {
        other: marks.tolist() for other, marks in expected.proposed_by.items()
    }
    for feature_name in found.feature_names:
        np.testing.assert_array_equal(feature(found, feature_name), feature(expected, feature_name), feature_name)


def test_without_several_is_without_one_after_the_other():
    week = week_of(dict.fromkeys(GENERATORS, 2))
    at_once, in_turn = week.without(["two_tower", "rising"]), week.without(["rising"]).without(["two_tower"])
    np.testing.assert_array_equal(at_once.positions, in_turn.positions)
    np.testing.assert_array_equal(at_once.features, in_turn.features)


def test_without_counts_ranks_among_what_is_left():
    """Ann's articles 0, 1 and 5 come from the two-tower, popular and fresh; the two-tower says 3, 2 and 2 of them.

    Without popular, article 5 comes second and no longer third.
    """
    sizes = {"two_tower": 1, "popular": 1, "fresh": 1}
    assert feature(week_of(sizes), "two_tower_rank")[:3] == [0, 1, 2]
    found = week_of(sizes).without(["popular"])
    assert found.positions[:2].tolist() == [0, 5]
    assert feature(found, "two_tower_rank")[:2] == [0, 1]


@pytest.mark.parametrize("name", ["two_towers", "ease"])
def test_without_a_generator_that_the_week_lacks_is_an_error(name):
    """Misspelt, or switched off already."""
    with pytest.raises(ValueError, match=f"no generator {name}; there are two_tower, own, popular"):
        week_of(SIZES).without([name])


def test_without_all_generators_is_an_error():
    with pytest.raises(ValueError, match="at least one generator must be left"):
        week_of(SIZES).without(SIZES)


def test_a_week_says_how_large_it_is():
    """Seven candidates of three customers."""
    assert str(week_of(SIZES)) == "3 customers, 2 candidates each, 2 of them bought"


def assert_same(one: RankingWeek, other: RankingWeek) -> None:
    for name in ("positions", "offsets", "is_bought", "customer_ids", "n_bought"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    np.testing.assert_array_equal(one.features[:], other.features[:])
    assert (one.feature_names, one.as_of_day) == (other.feature_names, other.as_of_day)
    assert {name: marks.tolist() for name, marks in one.proposed_by.items()} == {
        name: marks.tolist() for name, marks in other.proposed_by.items()
    }


def test_a_saved_week_is_read_back_whole_and_nothing_lies_beside_it(tmp_path):
    week = week_of(SIZES)
    week.save(tmp_path / "week")
    assert_same(RankingWeek.load(tmp_path / "week"), week)
    assert [path.name for path in tmp_path.iterdir()] == ["week"]


def test_a_week_saved_again_takes_the_place_of_the_old_one(tmp_path):
    """A task that is tried again meets what it wrote before, whole or, where it was killed, half."""
    week_of(SIZES).save(tmp_path / "week")
    (tmp_path / "week.unfinished").mkdir()
    (tmp_path / "week.unfinished" / "half").write_text("")
    fewer = week_of(SIZES).without(["own"])
    fewer.save(tmp_path / "week")
    assert_same(RankingWeek.load(tmp_path / "week"), fewer)
    assert [path.name for path in tmp_path.iterdir()] == ["week"]
    assert "half" not in [path.name for path in (tmp_path / "week").iterdir()]


def test_a_save_that_fails_leaves_the_old_week_and_nothing_beside_it(tmp_path):
    week = week_of(SIZES)
    week.save(tmp_path / "week")
    with pytest.raises(ValueError, match="is infinite"):
        replace(week, features=np.full_like(week.features, np.inf)).save(tmp_path / "week")
    assert_same(RankingWeek.load(tmp_path / "week"), week)
    assert [path.name for path in tmp_path.iterdir()] == ["week"]


def test_features_of_a_week_that_was_read_back_stay_in_their_file(tmp_path):
    week = week_of(SIZES)
    week.save(tmp_path / "week")
    again = RankingWeek.load(tmp_path / "week")
    week.features[:] = 7
    week.features.tofile(tmp_path / "week" / FEATURES)
    assert (again.features[2:4] == 7).all()


@pytest.mark.parametrize("change", ["no folder", "one file", "another description", "half the features"])
def test_a_week_that_another_release_wrote_is_told_as_such(tmp_path, change):
    """Only a resumed run can meet one: earlier releases pickled it into one file."""
    folder = tmp_path / "week"
    if change != "no folder":
        week_of(SIZES).save(folder)
    if change == "one file":
        folder = folder / FEATURES
    if change == "another description":
        (folder / DESCRIPTION).write_text(json.dumps({"as_of_day": "2020-09-16"}))
    if change == "half the features":
        (folder / FEATURES).write_bytes((folder / FEATURES).read_bytes()[:100])
    with pytest.raises(UnreadableWeek, match="is no ranking week as this release writes it .*; begin a new run"):
        RankingWeek.load(folder)


def test_a_week_of_nobody_is_an_error(tmp_path):
    fitted = planted_fitted_day(SIZES)
    nobody = replace(fitted.day, customer_ids=fitted.day.customer_ids[:0])
    with pytest.raises(ValueError, match="nobody bought anything in the week from 2020-09-16"):
        ranking_week(replace(fitted, day=nobody), truth_of([]), tmp_path / "week")
    assert not list(tmp_path.iterdir())


def test_a_week_in_which_no_candidate_was_bought_has_no_label(tmp_path):
    week = ranking_week(planted_fitted_day(SIZES), truth_of([[4], [], []]), tmp_path / "week")
    assert not week.is_bought.any()
