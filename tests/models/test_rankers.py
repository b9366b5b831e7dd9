"""What every ranker promises, on planted candidates."""

from dataclasses import replace

import numpy as np
import pytest
from planted_ranking_rows import FEW_ROWS, GROUP_SIZE, MAP_BY_CHANCE, NAMES, planted_rows, say_nothing, shuffled

from recommender.models.ranking.ranker_files import DESCRIPTION
from recommender.models.ranking.rankers import LENGTH_SETTING, RANKERS, fit_ranker, load_ranker, score_rows
from recommender.models.ranking.ranking_rows import RankingRows, map_within_candidates
from recommender.settings.rankers import RANKER_SETTINGS

every_kind = pytest.mark.parametrize("kind", RANKERS)


def fit(kind, rows=None, validation=None, seed=1):
    return fit_ranker(kind, planted_rows() if rows is None else rows, validation, FEW_ROWS[kind], seed, say_nothing)


@pytest.fixture(scope="module")
def fitted():
    return {kind: fit(kind) for kind in RANKERS}


@every_kind
def test_the_feature_that_decides_puts_the_bought_row_first(fitted, kind):
    fresh = planted_rows(groups=100, seed=9)
    assert map_within_candidates(score_rows(fitted[kind], fresh), fresh) > 0.9  # 0.155 by chance


@every_kind
def test_purchases_at_random_leave_nothing_to_learn(kind):
    ranker = fit(kind, shuffled(planted_rows(), seed=2))
    fresh = shuffled(planted_rows(groups=400, seed=9), seed=3)
    assert map_within_candidates(score_rows(ranker, fresh), fresh) == pytest.approx(MAP_BY_CHANCE, abs=0.06)


@every_kind
def test_validation_by_purchases_at_random_stops_early(kind):
    stopped = fit(kind, shuffled(planted_rows(), seed=2), shuffled(planted_rows(seed=9), seed=3))
    assert stopped.best_iteration < fit(kind).best_iteration


@every_kind
def test_as_many_iterations_without_validation_make_the_same_ranker(kind):
    validation = shuffled(planted_rows(groups=50, seed=5), seed=6)
    stopped = fit(kind, validation=validation)
    length = {"lambdarank": "n_trees", "deep_cross": "epochs"}[kind]
    settings = {**FEW_ROWS[kind], length: stopped.best_iteration}
    again = fit_ranker(kind, planted_rows(), None, settings, 1, say_nothing)
    assert again.best_iteration == stopped.best_iteration
    np.testing.assert_array_equal(score_rows(again, validation), score_rows(stopped, validation))


@every_kind
def test_validation_counts_the_first_k_articles_and_says_so(kind):
    lines, settings = [], {**FEW_ROWS[kind], LENGTH_SETTING[kind]: 50 if kind == "lambdarank" else 1}
    fit_ranker(kind, planted_rows(), planted_rows(seed=9), settings, 1, lines.append, k=3)
    assert "@3 " in lines[0] and "@12" not in lines[0]


@every_kind
def test_one_seed_gives_one_ranker_and_another_seed_another(fitted, kind):
    fresh = planted_rows(seed=9)
    expected = score_rows(fitted[kind], fresh)
    np.testing.assert_array_equal(score_rows(fit(kind), fresh), expected)
    assert not np.array_equal(score_rows(fit(kind, seed=2), fresh), expected)


@every_kind
def test_a_loaded_ranker_scores_as_the_fitted_one_did(fitted, kind, tmp_path):
    fresh = planted_rows(seed=9)
    fitted[kind].save(tmp_path / "ranker")
    loaded = load_ranker(tmp_path / "ranker")
    assert (loaded.feature_names, loaded.best_iteration) == (NAMES, fitted[kind].best_iteration)
    np.testing.assert_array_equal(score_rows(loaded, fresh), score_rows(fitted[kind], fresh))


@every_kind
def test_scores_are_float32_finite_and_one_for_each_row(fitted, kind):
    unknown = np.full((3, len(NAMES)), np.nan, np.float32)
    scores = fitted[kind].score(unknown)
    assert (scores.dtype, scores.shape) == (np.float32, (3,))
    assert np.isfinite(scores).all()
    assert np.ptp(scores) < 1e-5  # a row's place among the others may round differently
    assert fitted[kind].score(unknown[:0]).shape == (0,)


@every_kind
def test_a_feature_that_was_constant_in_training_has_no_say(fitted, kind):
    fresh = planted_rows(seed=9)
    moved = fresh.features.copy()
    moved[:, NAMES.index("constant")] = np.where(np.arange(len(fresh)) % 2, 1000, np.nan)
    np.testing.assert_array_equal(fitted[kind].score(moved), fitted[kind].score(fresh.features))


@every_kind
def test_features_in_another_order_are_an_error(fitted, kind):
    turned = replace(planted_rows(), feature_names=NAMES[::-1])
    with pytest.raises(ValueError, match="in this order"):
        score_rows(fitted[kind], turned)
    with pytest.raises(ValueError, match="in this order"):
        fit(kind, validation=turned)


@every_kind
def test_features_of_another_width_are_an_error(fitted, kind):
    with pytest.raises(ValueError, match=r"must be \(n, 5\) float32.*got \(2, 4\)"):
        fitted[kind].score(np.zeros((2, 4), np.float32))


@every_kind
def test_groups_without_a_purchase_change_nothing(fitted, kind):
    rows = planted_rows()
    unbought = replace(planted_rows(groups=20, seed=7), is_bought=np.zeros(20 * GROUP_SIZE, bool))
    np.testing.assert_array_equal(
        fit(kind, RankingRows.concatenate([unbought, rows])).score(rows.features), fitted[kind].score(rows.features)
    )


@every_kind
@pytest.mark.parametrize("groups", [0, 3], ids=["no rows", "nothing bought"])
def test_nothing_to_learn_from_says_so(kind, groups):
    rows = planted_rows(groups=3).features[: groups * GROUP_SIZE]
    empty = RankingRows(rows, NAMES, np.full(groups, GROUP_SIZE), np.zeros(len(rows), bool))
    with pytest.raises(ValueError, match=f"in the training rows .{len(rows)} rows of {groups} customer-weeks"):
        fit(kind, empty)
    with pytest.raises(ValueError, match="in the validation rows"):
        fit(kind, validation=empty)


@every_kind
def test_a_misspelt_setting_is_an_error(kind):
    with pytest.raises(ValueError, match=f"{kind} has no setting learning_rat; it takes"):
        fit_ranker(kind, planted_rows(), None, {"learning_rat": 0.1}, 1)


def test_the_settings_know_the_kinds_that_there_are():
    assert RANKER_SETTINGS.keys() == RANKERS.keys() == LENGTH_SETTING.keys()


def test_an_unknown_kind_is_an_error_that_names_the_known(tmp_path):
    with pytest.raises(ValueError, match="no ranker is called 'forest'; there are lambdarank, deep_cross"):
        fit_ranker("forest", planted_rows(), None, {}, 1)
    (tmp_path / DESCRIPTION).write_text('{"kind": "forest"}')
    with pytest.raises(ValueError, match="no ranker is called 'forest'"):
        load_ranker(tmp_path)
