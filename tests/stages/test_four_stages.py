"""The four stages in a row, on the planted day with a planted ranker, and on the small shop with a fitted one."""

import numpy as np
import pytest
from planted_day import ANN, BOB, CAT, planted_fitted_day
from small_shop import ON_SALE_DAYS

from recommender import every_core
from recommender.config import FilterSettings, OrderSettings
from recommender.stages import candidate_sets as candidate_sets_module
from recommender.stages.candidate_sets import candidate_sets
from recommender.stages.fitted_day import fit_day
from recommender.stages.four_stages import best_of_generator, rank_and_order, recommend
from recommender.stages.pair_features import FEATURE_NAMES
from recommender.stages.rank import fit_on_weeks
from recommender.stages.ranking_week import ranking_week
from recommender.stages.retrieve import GENERATORS

BY_SCORE = OrderSettings(depth=5, diversity=0.0, caps={})


class ByOneFeature:
    """A ranker that believes one feature, and takes what is unknown for 0."""

    def __init__(self, name: str):
        self.column = FEATURE_NAMES.index(name)

    def score(self, features: np.ndarray) -> np.ndarray:
        """Return (n_pairs,) float32."""
        return np.nan_to_num(features[:, self.column])


def planted_lists(sizes, k, order=BY_SCORE, rows=None, ranker="two_tower_score", **arguments):
    """Recommend on the planted day."""
    return recommend(planted_fitted_day(sizes), ByOneFeature(ranker), order, k, rows, **arguments)


def test_the_rankers_order_is_the_list_and_ties_fall_by_article():
    """The two-tower's scores are 3, 2, 1, 0, 2 for Ann, 0, 1, 2, 3, 2 for Bob and 3, 3, 3, 3, 4 for Cat."""
    lists = planted_lists({"two_tower": 5}, k=4)
    assert lists.positions.tolist() == [[0, 1, 5, 2], [3, 2, 5, 1], [5, 0, 1, 2]]
    assert lists.scores.tolist() == [[3, 2, 2, 1], [3, 2, 2, 1], [4, 3, 3, 3]]
    assert lists.positions.dtype == np.int32
    assert lists.scores.dtype == np.float32


def test_the_ranker_and_not_the_generator_decides():
    """By price: column 2 at 40, column 0 at 20, column 1 at 10."""
    lists = planted_lists({"two_tower": 5}, k=3, ranker="article_price")
    assert lists.positions.tolist() == [[2, 0, 1]] * 3


def test_caps_hold_in_the_lists():
    """Articles 0 and 1 are of one product, 2 and 3 of another."""
    lists = planted_lists({"two_tower": 5}, k=3, order=OrderSettings(5, 0.0, {"product_code": 1}))
    assert lists.positions.tolist() == [[0, 5, 2], [3, 5, 1], [5, 0, 2]]


def test_only_the_best_of_the_depth_are_looked_at():
    """Ann's best two are of one product: at depth 2 the cap yields to a full list."""
    capped = {"product_code": 1}
    assert planted_lists({"two_tower": 5}, 2, OrderSettings(2, 0.0, capped)).positions[ANN].tolist() == [0, 1]
    assert planted_lists({"two_tower": 5}, 2, OrderSettings(3, 0.0, capped)).positions[ANN].tolist() == [0, 5]


def test_a_list_longer_than_the_depth_is_filled():
    lists = planted_lists({"two_tower": 5}, k=5, order=OrderSettings(2, 0.0, {}))
    assert lists.positions.tolist() == [[0, 1, 5, 2, 3], [3, 2, 5, 1, 0], [5, 0, 1, 2, 3]]


def test_lists_longer_than_the_candidates_are_padded():
    lists = planted_lists({"own": 5, "popular": 1}, k=4, ranker="rising_score")
    assert lists.positions.tolist() == [[0, 1, -1, -1], [1, 2, -1, -1], [1, -1, -1, -1]]
    np.testing.assert_array_equal(np.isnan(lists.scores), lists.positions < 0)


def test_a_customer_without_candidates_has_an_empty_list():
    lists = planted_lists({"own": 5}, k=3)
    assert lists.positions.tolist() == [[0, 1, -1], [2, -1, -1], [-1, -1, -1]]


def test_rows_choose_the_customers_and_their_order():
    everybody = planted_lists({"two_tower": 5}, k=4).positions
    some = planted_lists({"two_tower": 5}, k=4, rows=np.array([CAT, BOB])).positions
    np.testing.assert_array_equal(some, everybody[[CAT, BOB]])


def test_nobody_gets_no_list():
    lists = planted_lists({"two_tower": 5}, k=4, rows=np.empty(0, np.int64))
    assert lists.positions.shape == lists.scores.shape == (0, 4)


def test_progress_is_told_after_every_chunk(monkeypatch):
    monkeypatch.setattr(candidate_sets_module, "SCORES_PER_CHUNK", 10)
    done = []
    planted_lists({"two_tower": 5}, k=4, progress=done.append)
    assert done == [2, 3]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("two_tower", [[0, 1, 5], [3, 2, 5], [5, 0, 1]]),
        ("own", [[0, 1, -1], [2, -1, -1], [-1, -1, -1]]),
        # Last week's buyers, 1, 6, 2, 0 and 1; article 0 has more of the month than article 5.
        ("popular", [[1, 2, 0]] * 3),
        ("fresh", [[5, -1, -1]] * 3),
    ],
)
def test_the_best_of_one_generator_alone(name, expected):
    fitted = planted_fitted_day({"two_tower": 0, "own": 1, "popular": 1, "fresh": 1})
    assert best_of_generator(fitted, name, 3).positions.tolist() == expected
    some = best_of_generator(fitted, name, 3, np.array([CAT, ANN])).positions
    assert some.tolist() == [expected[CAT], expected[ANN]]


def test_the_best_of_a_generator_that_is_off_is_an_error():
    with pytest.raises(ValueError, match="generator ease is off; there are own, popular"):
        best_of_generator(planted_fitted_day({"own": 1, "popular": 1}), "ease", 3)


@pytest.fixture(scope="module")
def shop(demo_marts, demo_windows, model_inputs, trained_candidate, tmp_path_factory):
    """The small shop's validation week: fitted on its day, with a ranker that was taught by the same week."""
    from recommender.models.model_files import load_model

    sizes = dict.fromkeys(GENERATORS, 20)
    filters = FilterSettings(ON_SALE_DAYS, is_season_checked=True)
    model = load_model(trained_candidate.folder)
    day = demo_windows.validation_as_of_day
    truth = model_inputs.truths[day]
    fitted = fit_day(demo_marts, day, model_inputs, model, sizes, filters, rows=truth.buyers())
    rankers = {"lambdarank": {"n_trees": 20, "min_rows_in_leaf": 10}}
    week = ranking_week(fitted, truth.take(truth.buyers()), tmp_path_factory.mktemp("shop") / "week")
    return fitted, fit_on_weeks([week], rankers, seed=1).ranker


ORDER = OrderSettings(depth=30, diversity=0.2, caps={"product_code": 2, "department": 6})


def lists_of(shop, k=12, rows=None):
    """Recommend on the small shop."""
    fitted, ranker = shop
    return recommend(fitted, ranker, ORDER, k, rows)


def test_chunks_give_the_lists_of_the_whole(shop, monkeypatch):
    whole = lists_of(shop)
    monkeypatch.setattr(candidate_sets_module, "SCORES_PER_CHUNK", 7 * shop[0].day.n_candidates)
    in_chunks = lists_of(shop)
    np.testing.assert_array_equal(in_chunks.positions, whole.positions)
    np.testing.assert_allclose(in_chunks.scores, whole.scores, rtol=1e-6)


def test_lists_do_not_depend_on_how_many_cores_there_are(shop, monkeypatch):
    monkeypatch.setattr(candidate_sets_module, "SCORES_PER_CHUNK", 7 * shop[0].day.n_candidates)
    lists = []
    for cores in (1, 3):
        monkeypatch.setattr(every_core, "cores", lambda cores=cores: cores)
        lists.append(lists_of(shop))
    np.testing.assert_array_equal(lists[0].positions, lists[1].positions)
    np.testing.assert_array_equal(lists[0].scores, lists[1].scores)


def test_two_runs_give_the_same_lists(shop):
    first, second = lists_of(shop), lists_of(shop)
    np.testing.assert_array_equal(first.positions, second.positions)
    np.testing.assert_array_equal(first.scores, second.scores)


def test_lists_are_full_distinct_allowed_and_never_rise(shop):
    lists, day = lists_of(shop), shop[0].day
    assert lists.positions.shape == (len(day), 12)
    assert all(len(set(row)) == 12 for row in lists.positions.tolist())
    assert np.isin(lists.positions, day.candidates).all()
    assert (np.diff(lists.scores, axis=1) <= 0).all()


def test_features_of_the_small_shop_are_finite_or_unknown(shop):
    fitted, _ = shop
    for chunk in candidate_sets(fitted.day, fitted.generators, fitted.sizes):
        assert not np.isinf(chunk.features).any()
        two_tower = chunk.features[:, chunk.feature_names.index("two_tower_score")]
        assert np.isfinite(two_tower).all()


def test_scored_candidates_can_be_ordered_apart(shop):
    """What `recommend` does, for who holds the candidates already."""
    fitted, ranker = shop
    (chunk,) = candidate_sets(fitted.day, fitted.generators, fitted.sizes)
    apart = rank_and_order(fitted.day, chunk, ranker.score(chunk.features), ORDER, 12)
    np.testing.assert_array_equal(apart.positions, lists_of(shop).positions)


def test_own_articles_come_before_a_strangers(shop):
    """Whoever bought a candidate before has it among the candidates, described by when."""
    fitted, _ = shop
    (chunk,) = candidate_sets(fitted.day, fitted.generators, fitted.sizes)
    is_own = np.isfinite(chunk.features[:, chunk.feature_names.index("own_days_since")])
    bought = fitted.day.history[chunk.owners, fitted.day.candidates[chunk.columns]]
    np.testing.assert_array_equal(is_own, np.asarray(bought).ravel() > 0)
    assert is_own[chunk.proposed_by["own"]].all()
