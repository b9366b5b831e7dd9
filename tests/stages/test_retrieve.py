"""What every generator says of the planted day, computed by hand."""

from dataclasses import replace
from datetime import date
from math import log, log2, sqrt

import numpy as np
import pytest
import torch
from planted_day import ANN, BOB, CAT, EVERYBODY, TODAY, TWO_TOWER_SCORES, planted_day, planted_two_tower, scores_of
from planted_purchases import interactions

from recommender.errors import ModelDiverged
from recommender.models.item_similarity import EASE_MAX_ARTICLES, fit_ease, fit_item_knn
from recommender.stages.candidate_sets import candidate_sets
from recommender.stages.retrieve import GENERATORS, fit_generators

NO = -np.inf
SIZES = dict.fromkeys(GENERATORS, 2)


@pytest.fixture(scope="module")
def by_name():
    return {each.name: each for each in fit_generators(planted_day(), SIZES, planted_two_tower())}


def test_every_generator_answers_for_the_rows_asked_for(by_name):
    assert list(by_name) == list(GENERATORS)
    for generator in by_name.values():
        scores = scores_of(generator)
        assert scores.shape == (3, 5)
        assert scores.dtype == np.float32
        assert not np.isnan(scores).any()
        rows = np.array([CAT, ANN])
        np.testing.assert_array_equal(scores_of(generator, rows), scores[rows])
        nobody = generator.scored(np.empty(0, np.int64))
        assert nobody.best(2).tolist() == nobody.at(np.empty(0, np.int64)).tolist() == []


def test_a_generator_proposes_its_own_best_and_nothing_else(by_name):
    """Keys are customers times five columns; of the two-tower's three ties for Cat the lower columns count."""
    best = {name: each.scored(EVERYBODY).best(2).tolist() for name, each in by_name.items()}
    assert best["two_tower"] == [0, 1, 7, 8, 10, 14]
    assert best["own"] == [0, 1, 7]
    assert best["popular"] == [1, 2, 6, 7, 11, 12]
    assert best["fresh"] == [4, 9, 14]


def test_two_tower_is_the_inner_product(by_name):
    np.testing.assert_array_equal(scores_of(by_name["two_tower"]), [TWO_TOWER_SCORES[row] for row in EVERYBODY])


def test_own_decays_the_purchase_days_and_proposes_nothing_else(by_name):
    """Half a purchase day's worth after 60 days; article 4, which Bob bought, is no candidate."""
    expected = [
        [log(1 + 3) * 0.5 ** (10 / 60), log(1 + 1) * 0.5 ** (10 / 60), NO, NO, NO],
        [NO, NO, log(1 + 1) * 0.5 ** (3 / 60), NO, NO],
        [NO] * 5,
    ]
    np.testing.assert_allclose(scores_of(by_name["own"]), expected, rtol=1e-6)


def test_popular_counts_last_weeks_buyers_and_breaks_ties_by_the_month(by_name):
    """Articles 0 and 5 both had one buyer; article 0 had two in the month."""
    expected = [1 + 2 / 15, 6 + 6 / 15, 2 + 14 / 15, 0 + 2 / 15, 1 + 1 / 15]
    np.testing.assert_allclose(scores_of(by_name["popular"]), [expected] * 3, rtol=1e-6)


def test_rising_smooths_the_segments_buyers_and_multiplies_by_growth(by_name):
    """Ten buyers in all; article 3 had none last week and is not proposed to anybody."""
    prior = 5 * sqrt(5)
    growth = [log2(2 + 4) / log2(2 + 2), log2(2 + 24) / log2(2 + 6), log2(2 + 8) / log2(2 + 14), 0, log2(6) / log2(3)]
    ann = [1 + prior * 1 / 10, prior * 6 / 10, prior * 2 / 10, NO, prior * 1 / 10]
    bob = [prior * 1 / 10, 2 + prior * 6 / 10, 1 + prior * 2 / 10, NO, prior * 1 / 10]
    cat = [prior * 1 / 10, prior * 6 / 10, prior * 2 / 10, NO, prior * 1 / 10]
    expected = [
        [NO if share == NO else share * times for share, times in zip(shares, growth, strict=True)]
        for shares in (ann, bob, cat)
    ]
    np.testing.assert_allclose(scores_of(by_name["rising"]), expected, rtol=1e-6)


def test_fresh_is_the_two_towers_view_of_what_was_first_sold_in_the_last_week(by_name):
    """Article 5, three days old, is the only one; the two-tower gives it 2, 2 and 4."""
    expected = [[NO, NO, NO, NO, 2], [NO, NO, NO, NO, 2], [NO, NO, NO, NO, 4]]
    np.testing.assert_array_equal(scores_of(by_name["fresh"]), expected)


@pytest.mark.parametrize(("age_days", "is_fresh"), [(7, True), (8, False)])
def test_an_article_is_fresh_for_seven_days(age_days, is_fresh):
    day = planted_day()
    ages = {**day.article_numbers, "age_days": np.full(5, age_days, np.float32)}
    day = replace(day, article_numbers=ages)
    (fresh,) = fit_generators(day, {"fresh": 1}, planted_two_tower())
    assert np.isfinite(scores_of(fresh)).all() == is_fresh


def test_history_generators_are_the_item_models_of_the_days_customers(by_name):
    """The day's rows are not the purchases' rows: Abe comes first among those."""
    day = planted_day()
    customers = np.array([1, 2, 3])
    knn = fit_item_knn(day.purchases, TODAY)
    expected = {
        "ease": fit_ease(day.purchases, TODAY).score(customers, day.candidates),
        "item_knn": knn.score(customers, day.candidates),
        "last_basket": knn.last_basket_score(customers, day.candidates),
    }
    for name, scores in expected.items():
        np.testing.assert_array_equal(scores_of(by_name[name]), np.where(scores == 0, NO, scores))


def test_history_generators_follow_what_was_bought_together(by_name):
    """Abe, who bought what Ann bought, also bought article 3; article 2 has no buyer in common with hers."""
    for name in ("ease", "item_knn", "last_basket"):
        scores = scores_of(by_name[name])
        assert np.isfinite(scores[ANN, [0, 1, 3]]).all()
        assert scores[ANN, 2] == NO
        assert np.flatnonzero(np.isfinite(scores[BOB])).tolist() == [2]
        assert (scores[CAT] == NO).all()


def test_a_name_left_out_is_off():
    fitted = fit_generators(planted_day(), {"popular": 2, "own": 2}, None)
    assert [each.name for each in fitted] == ["own", "popular"]


def test_an_unknown_name_is_an_error_that_lists_the_known():
    with pytest.raises(ValueError, match="no generator poplar; there are two_tower, own, .*popular, fresh"):
        fit_generators(planted_day(), {"poplar": 2}, None)


@pytest.mark.parametrize("name", ["two_tower", "fresh"])
def test_the_two_tower_generators_need_a_model(name):
    with pytest.raises(ValueError, match="needs a fitted model"):
        fit_generators(planted_day(), {name: 2}, None)
    with pytest.raises(ValueError, match="needs a fitted model"):
        fit_generators(planted_day(), {name: 0, "popular": 2}, None)


@pytest.mark.parametrize("sizes", [{}, {"popular": 0}, {"own": 0, "popular": 0}])
def test_sizes_that_propose_nothing_are_an_error(sizes):
    with pytest.raises(ValueError, match="no generator proposes anything"):
        fit_generators(planted_day(), sizes, None)


@pytest.mark.parametrize("which", [1, 2])
def test_snapshots_of_another_day_are_refused(which):
    parts = list(planted_two_tower())
    parts[which] = replace(parts[which], as_of_day=date(2020, 9, 23))
    with pytest.raises(ValueError, match="2020-09-23.*not 2020-09-16"):
        fit_generators(planted_day(), {"two_tower": 2}, tuple(parts))


@pytest.mark.parametrize("rows", [[0, 1], [1, 0, 2]])
def test_snapshots_of_other_customers_are_refused(rows):
    model, queries, candidates = planted_two_tower()
    with pytest.raises(ValueError, match="customers are not the day's"):
        fit_generators(planted_day(), {"two_tower": 2}, (model, queries.take(torch.tensor(rows)), candidates))


def test_candidates_that_their_snapshot_lacks_are_refused():
    """Without article 1 the searched column would be article 2's."""
    model, queries, candidates = planted_two_tower()
    without = candidates.take(torch.tensor([0, 2, 3, 4, 5]))
    with pytest.raises(ValueError, match="lacks catalogue position 1$"):
        fit_generators(planted_day(), {"two_tower": 2}, (model, queries, without))


def test_a_snapshot_without_the_barred_article_scores_the_same(by_name):
    """Article 4, at position 4, is no candidate; article 5 moves into its row."""
    model, queries, candidates = planted_two_tower()
    without = candidates.take(torch.tensor([0, 1, 2, 3, 5]))
    (two_tower,) = fit_generators(planted_day(), {"two_tower": 2}, (model, queries, without))
    np.testing.assert_array_equal(scores_of(two_tower), scores_of(by_name["two_tower"]))


def test_a_two_tower_that_diverged_is_an_error():
    model, queries, candidates = planted_two_tower()
    diverged = replace(queries, numbers=queries.numbers * float("nan"))
    (two_tower,) = fit_generators(planted_day(), {"two_tower": 2}, (model, diverged, candidates))
    with pytest.raises(ModelDiverged, match="it diverged; lower its learning_rate"):
        two_tower.scored(EVERYBODY)


def test_size_0_keeps_the_score_as_a_feature_and_proposes_nothing():
    """Popular proposes article 1 alone; EASE's view of it is kept though EASE proposes nothing."""
    day, sizes = planted_day(), {"ease": 0, "popular": 1}
    (chunk,) = candidate_sets(day, fit_generators(day, sizes, None), sizes)
    assert chunk.columns.tolist() == [1, 1, 1]
    assert not chunk.proposed_by["ease"].any()
    ease = chunk.features[:, chunk.feature_names.index("ease_score")]
    assert np.isfinite(ease).tolist() == [True, False, False]
    assert chunk.features[:, chunk.feature_names.index("n_generators")].tolist() == [1, 1, 1]


def test_a_generator_that_cannot_span_the_catalogue_is_reported_and_left_out():
    """Ann bought one article more than EASE's dense weights are meant for."""
    many = EASE_MAX_ARTICLES + 1
    purchases = interactions([("ann", article, date(2020, 9, 1)) for article in range(many)], many)
    lines = []
    fitted = fit_generators(replace(planted_day(), purchases=purchases), {"ease": 2, "popular": 2}, None, lines.append)
    assert [each.name for each in fitted] == ["popular"]
    (line,) = lines
    assert line.startswith("generator ease is left out: 12,001 articles have sold")
