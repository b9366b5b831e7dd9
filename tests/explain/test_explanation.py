"""What an explanation says of the planted day; the numbers are those of `planted_day`."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from planted_day import ANN, BOB, CAT, planted_day, planted_fitted_day, planted_two_tower

from recommender.config import FilterSettings, OrderSettings, StageSettings
from recommender.explain.explanation import Barred, MovedDown, explain, fit_with_and_without_rules, proposals
from recommender.stages.filter import Filtered
from recommender.stages.fitted_day import FittedDay, fit_day
from recommender.stages.four_stages import recommend
from recommender.stages.pair_features import FEATURE_NAMES
from recommender.stages.retrieve import GENERATORS, fit_generators
from recommender.stages.shop_day import OwnArticles

BY_SCORE = OrderSettings(depth=5, diversity=0.0, caps={})
SIZES = {"two_tower": 4, "own": 2, "popular": 1}
BARRED_ARTICLE = 4


class TwoTowerAndPrice:
    """A ranker that adds a tenth of the price to the two-tower's score, and says so."""

    feature_names = FEATURE_NAMES
    weights = {"two_tower_score": 1.0, "article_price": 0.1}

    def contributions(self, features: np.ndarray) -> np.ndarray:
        """Return (n_pairs, n_features + 1), nothing expected of any pair."""
        values = np.zeros((len(features), len(FEATURE_NAMES) + 1))
        for name, weight in self.weights.items():
            column = FEATURE_NAMES.index(name)
            values[:, column] = weight * features[:, column]
        return values

    def score(self, features: np.ndarray) -> np.ndarray:
        """Return (n_pairs,) float32."""
        return self.contributions(features).sum(axis=1).astype(np.float32)


class TwoTowerAlone:
    """A ranker that cannot tell what moved its scores."""

    feature_names = FEATURE_NAMES

    def score(self, features: np.ndarray) -> np.ndarray:
        """Return (n_pairs,) float32."""
        return features[:, FEATURE_NAMES.index("two_tower_score")]


def planted_without_rules(sizes: dict[str, int]) -> FittedDay:
    """The day when article 4, which Bob bought once 20 days before, is not barred; the two-tower sees it at (9, 9)."""
    day, (model, queries, articles) = planted_day(), planted_two_tower()
    own = {name: np.append(numbers, np.float32(1)) for name, numbers in day.own.numbers.items()}
    own["days_since"][-1] = 20
    wider = replace(
        day,
        candidates=np.arange(6),
        article_numbers={name: np.insert(numbers, 4, 0) for name, numbers in day.article_numbers.items()},
        own=OwnArticles(np.array([0 * 6 + 0, 0 * 6 + 1, 1 * 6 + 2, 1 * 6 + 4]), own),
        segment_buyers={name: np.insert(buyers, 4, 0, axis=1) for name, buyers in day.segment_buyers.items()},
    )
    nothing_barred = Filtered(wider.candidates, np.full(6, "", dtype=object))
    generators = fit_generators(wider, sizes, (model, queries, articles))
    return FittedDay(wider, queries, nothing_barred, generators, sizes)


def explained(row, k=3, ranker=None, order=BY_SCORE, sizes=SIZES):
    """Explain a list of the planted day."""
    ranker = ranker or TwoTowerAlone()
    return explain(planted_fitted_day(sizes), ranker, order, k, row, planted_without_rules(sizes))


@pytest.mark.parametrize("row", [ANN, BOB, CAT])
@pytest.mark.parametrize("order", [BY_SCORE, OrderSettings(5, 0.5, {"product_code": 1})])
def test_the_explained_list_is_the_recommended_one(row, order):
    lists = recommend(planted_fitted_day(SIZES), TwoTowerAndPrice(), order, 3)
    found = explained(row, ranker=TwoTowerAndPrice(), order=order).recommended
    assert [each.position for each in found] == lists.positions[row].tolist()
    assert [each.score for each in found] == lists.scores[row].tolist()


def test_every_purchase_is_told_latest_first():
    ann = explained(ANN)
    assert (ann.customer_id, ann.as_of_day) == ("ann", date(2020, 9, 16))
    assert ann.purchases == [
        (date(2020, 9, 6), 0),
        (date(2020, 9, 6), 1),
        (date(2020, 8, 7), 0),
        (date(2020, 7, 8), 0),
    ]


def test_each_article_names_who_proposed_it_and_how_high():
    """The two-tower's best four of Ann's 3, 2, 1, 0, 2 are articles 0, 1, 5 (a tie) and 2; most buyers: 1."""
    ann = explained(ANN, k=4)
    assert ann.n_candidates == 4
    assert [(each.position, each.generator_ranks) for each in ann.recommended] == [
        (0, {"two_tower": 1, "own": 1}),
        (1, {"two_tower": 2, "own": 2, "popular": 1}),
        (5, {"two_tower": 3}),
        (2, {"two_tower": 4}),
    ]


def test_a_generator_that_proposes_nothing_is_not_named():
    fitted = planted_fitted_day({"two_tower": 0, "own": 5})
    assert proposals(fitted, ANN) == {0: {"own": 1}, 1: {"own": 2}}
    assert proposals(fitted, CAT) == {}


def test_features_are_the_pair_s_own():
    """Ann bought article 0 on 3 days, the last time 10 days before; article 5 costs 8, never."""
    first, _, third = explained(ANN).recommended
    assert tuple(first.features) == FEATURE_NAMES
    assert (first.features["own_purchase_days"], first.features["own_days_since"]) == (3, 10)
    assert np.isnan(third.features["own_purchase_days"])
    assert third.features["article_price"] == 8


def test_contributions_are_told_the_largest_first():
    """Ann's article 0: 3 by the two-tower and 0.1 * 20 = 2 by its price; article 2: 1 and 4, as much, and behind it."""
    first, second, _ = explained(ANN, ranker=TwoTowerAndPrice()).recommended
    assert (first.position, second.position) == (0, 2)
    assert list(first.contributions.items())[:2] == [("two_tower_score", 3.0), ("article_price", 2.0)]
    assert list(second.contributions.items())[:2] == [("article_price", 4.0), ("two_tower_score", 1.0)]
    assert set(list(first.contributions.values())[2:]) == {0.0}


def test_a_ranker_without_contributions_tells_none():
    assert [each.contributions for each in explained(ANN).recommended] == [{}] * 3


def test_a_barred_article_is_told_with_its_rule_and_its_would_be_generators():
    """Article 4 scores 9 for Bob and for Ann, and 18 for Cat; Bob has bought it after article 2."""
    assert explained(BOB).barred == [Barred(4, "denied", date(2020, 8, 27), {"two_tower": 1, "own": 2})]
    assert explained(ANN).barred == explained(CAT).barred == [Barred(4, "denied", None, {"two_tower": 1})]


def test_a_barred_article_that_was_bought_is_told_when_nobody_would_propose_it():
    assert explained(BOB, sizes={"popular": 1}).barred == [Barred(4, "denied", date(2020, 8, 27), {})]
    assert explained(ANN, sizes={"popular": 1}).barred == []


def test_what_most_generators_would_propose_comes_first():
    """Two articles barred by hand: Bob's article 4 has two generators, article 3 one."""
    fitted = planted_fitted_day(SIZES)
    barred_by = np.array(["", "", "", "off_sale", "denied", ""], dtype=object)
    fitted = replace(fitted, filtered=replace(fitted.filtered, barred_by=barred_by))
    found = explain(fitted, TwoTowerAlone(), BY_SCORE, 3, BOB, planted_without_rules(SIZES)).barred
    assert [(each.position, each.rule) for each in found] == [(4, "denied"), (3, "off_sale")]


def test_what_a_cap_moved_down_is_told_with_the_cap():
    """Ann's best are articles 0, 1, 5 and 2; 0 and 1 are of one product, so at most one of them is listed."""
    ann = explained(ANN, order=OrderSettings(5, 0.0, {"product_type": 2, "product_code": 1}))
    assert [(each.position, each.ranker_rank) for each in ann.recommended] == [(0, 1), (5, 3), (2, 4)]
    assert ann.moved_down == [MovedDown(1, 2, "product_code")]


def test_what_diversity_moved_down_has_no_cap():
    """Article 1 shares Ann's article 0's product, article 5 its product type; 2 shares nothing with either."""
    ann = explained(ANN, k=2, order=OrderSettings(5, 100.0, {}), sizes={"two_tower": 4})
    assert [each.position for each in ann.recommended] == [0, 2]
    assert ann.moved_down == [MovedDown(1, 2, None)]


def test_without_caps_nothing_is_moved():
    assert explained(ANN).moved_down == []


@pytest.mark.filterwarnings("ignore:Degrees of freedom:RuntimeWarning")
def test_a_customer_without_candidates_has_an_empty_explanation():
    cat = explained(CAT, sizes={"own": 5})
    assert (cat.n_candidates, cat.recommended, cat.barred, cat.moved_down, cat.purchases) == (0, [], [], [], [])


@pytest.fixture(scope="module")
def small_shop(demo_marts, demo_windows, model_inputs, trained_candidate):
    """What fits the small shop's validation week, with rules that bar some of it."""
    from recommender.models.model_files import load_model

    day, model = demo_windows.validation_as_of_day, load_model(trained_candidate.folder)
    return demo_marts, day, model_inputs, model, FilterSettings(14, is_season_checked=True)


@pytest.fixture(scope="module")
def first_buyers(model_inputs, demo_windows) -> np.ndarray:
    """Some of the week's buyers: the marts hold own articles of an earlier day for these alone."""
    return model_inputs.truths[demo_windows.validation_as_of_day].buyers()[:20]


@pytest.mark.parametrize(
    "sizes", [dict.fromkeys(GENERATORS, 20), {"ease": 20, "item_knn": 0}, {"own": 5, "last_basket": 5}]
)
def test_fitting_once_for_both_days_changes_no_score(small_shop, first_buyers, sizes):
    *arguments, rules = small_shop
    stages = StageSettings(sizes, rules, {}, BY_SCORE)
    rows, customers = first_buyers, np.arange(len(first_buyers))
    apart = fit_day(*arguments, sizes, rules, rows=rows)
    fitted, without_rules = fit_with_and_without_rules(*arguments, stages, rows)
    assert fitted.sizes == sizes
    assert [each.name for each in fitted.generators] == [each.name for each in apart.generators]
    assert set(apart.day.candidates) < set(without_rules.day.candidates)
    for one, other in zip(fitted.generators, apart.generators, strict=True):
        every_pair = np.arange(len(customers) * fitted.day.n_candidates)
        scores, others = (each.scored(customers).at(every_pair) for each in (one, other))
        np.testing.assert_array_equal(scores, others, one.name)
