"""Scores looked up instead of walked to are LightGBM's own, to the last bit."""

import lightgbm
import numpy as np
import pytest
from numba.core.caching import CacheImpl

from recommender.models.ranking import tree_scoring
from recommender.models.ranking.tree_scoring import score_trees

N_FEATURES = 7
UNKNOWN_SHARE = 0.2


def planted(n_rows: int, seed: int) -> np.ndarray:
    """Features of many scales, some values of each unknown but of the first, which never is, and the last, constant."""
    generator = np.random.default_rng(seed)
    features = generator.normal(size=(n_rows, N_FEATURES)) * 10.0 ** np.arange(-3, N_FEATURES - 3)
    features[:, 2] = np.round(features[:, 2] * 10)  # ties, and zero among them
    features[generator.random(features.shape) < UNKNOWN_SHARE] = np.nan
    features[:, 0] = np.nan_to_num(features[:, 0])
    features[:, -1] = 3
    return features.astype(np.float32)


def grown(leaves: int = 31, n_trees: int = 40, **parameters) -> lightgbm.Booster:
    """Trees on planted features, of which every one tells something, also by being unknown."""
    features = planted(4000, seed=1)
    varied = features[:, :-1]
    label = np.nan_to_num(varied / np.nanstd(varied, axis=0), nan=1.5).sum(axis=1)
    settings = {"num_leaves": leaves, "min_data_in_leaf": 3, "verbosity": -1, "num_threads": 1, **parameters}
    return lightgbm.train(settings, lightgbm.Dataset(features, label, params=parameters), n_trees)


def edge_cases(booster: lightgbm.Booster) -> np.ndarray:
    """Rows on the trees' very thresholds and beside them, and such as no tree has seen."""
    table = booster.trees_to_dataframe()
    splits = table[table.threshold.notna()].drop_duplicates(["split_feature", "threshold"])
    rows = np.tile(planted(1, seed=3), (3 * len(splits), 1))
    for row, name, threshold in zip(
        rows.reshape(-1, 3, N_FEATURES), splits.split_feature, splits.threshold, strict=True
    ):
        on_it = np.float32(threshold)
        row[:, int(name.removeprefix("Column_"))] = np.nextafter(on_it, -np.inf), on_it, np.nextafter(on_it, np.inf)
    far = np.array([[np.nan] * N_FEATURES, [0] * N_FEATURES, [3e38] * N_FEATURES, [-3e38] * N_FEATURES])
    return np.concatenate([rows, far.astype(np.float32)])


@pytest.mark.parametrize("leaves", [2, 31, 32, 33, 64])
@pytest.mark.parametrize("threads", [1, 2])
def test_scores_are_those_of_the_library(leaves, threads):
    """Up to 32 leaves fit into 32 bits, up to 64 into 64."""
    booster = grown(leaves)
    assert booster.dump_model()["tree_info"][0]["num_leaves"] == leaves
    for rows in (planted(1001, seed=2), edge_cases(booster)):
        np.testing.assert_array_equal(score_trees(booster, rows, threads), booster.predict(rows))


def test_values_that_are_unknown_are_zero_where_no_tree_has_met_one():
    """Column 0 was always known: LightGBM reads an unknown value of it as 0."""
    booster = grown()
    rows = planted(50, seed=2)
    rows[:, 0] = np.nan
    expected = booster.predict(rows)
    np.testing.assert_array_equal(score_trees(booster, rows, 1), expected)
    rows[:, 0] = 0
    np.testing.assert_array_equal(booster.predict(rows), expected)


def test_trees_that_never_split_score_everybody_alike():
    features = np.zeros((100, N_FEATURES), np.float32)
    booster = lightgbm.train({"verbosity": -1}, lightgbm.Dataset(features, np.arange(100)), 3)
    scores = score_trees(booster, planted(5, seed=2), 2)
    np.testing.assert_array_equal(scores, booster.predict(planted(5, seed=2)))
    assert len(set(scores.tolist())) == 1


def test_trees_of_more_leaves_are_left_to_the_library(monkeypatch):
    monkeypatch.setattr(tree_scoring, "_score", None)
    booster, rows = grown(leaves=65, n_trees=5), planted(100, seed=2)
    np.testing.assert_array_equal(score_trees(booster, rows, 1), booster.predict(rows))
    with pytest.raises(TypeError):
        score_trees(grown(leaves=64, n_trees=5), rows, 1)


@pytest.mark.parametrize("n_rows", [0, 1, 2])
def test_fewer_rows_than_threads_are_scored(n_rows):
    booster, rows = grown(n_trees=5), planted(2, seed=2)
    assert score_trees(booster, rows[:n_rows], 3).tolist() == booster.predict(rows)[:n_rows].tolist()


def test_rows_of_any_layout_are_scored():
    booster, rows = grown(n_trees=5), planted(20, seed=2)
    for laid in (np.asfortranarray(rows), rows[::2]):
        np.testing.assert_array_equal(score_trees(booster, laid, 1), booster.predict(laid))


def test_trees_that_split_in_another_way_are_refused():
    with pytest.raises(ValueError, match="must split by <= and know NaN or nothing as missing, got .*Zero"):
        score_trees(grown(n_trees=1, zero_as_missing=True), planted(2, seed=2), 1)


def test_where_nothing_may_be_written_it_is_compiled_all_the_same(monkeypatch):
    """As in a container whose file system is read-only and whose user has no home."""
    monkeypatch.setattr(CacheImpl, "_locator_classes", [])
    with pytest.raises(RuntimeError, match="cannot cache"):
        tree_scoring.njit(cache=True)(abs_of)
    assert tree_scoring._compiled(abs_of)(-2) == 2


def abs_of(number):
    return abs(number)
