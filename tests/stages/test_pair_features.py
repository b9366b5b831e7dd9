"""Every feature of some pairs of the planted day, computed by hand."""

import warnings
from dataclasses import replace
from math import log

import numpy as np
import pytest
from planted_day import (
    ANN,
    ARTICLES,
    BOB,
    CAT,
    CUSTOMERS,
    EVERYBODY,
    NAN,
    OWN,
    TODAY,
    planted_day,
    planted_two_tower,
)

from recommender.columns import Columns
from recommender.features.interactions import day_number
from recommender.stages.candidate_sets import candidate_sets
from recommender.stages.pair_features import FEATURE_NAMES, pair_features
from recommender.stages.retrieve import GENERATORS, fit_generators

NO = -np.inf
ROWS = np.array([BOB, ANN, CAT])
OWNERS, COLUMNS = np.array([0, 0, 0, 1, 1, 2]), np.array([1, 2, 4, 0, 3, 4])
BOBS_1, BOBS_2, BOBS_4, ANNS_0, ANNS_3, CATS_4 = range(6)
SCORES = {
    "two_tower": np.array([1, 2, 2, 0, 3, 4], np.float32),
    "own": np.array([NO, 0.5, NO, 1.5, NO, NO], np.float32),
    "ease": np.array([NO, 0.25, NO, 0.75, -0.25, NO], np.float32),
    "rising": np.array([7, 6, 5, 4, NO, 2], np.float32),
    "popular": np.array([6, 2, 1, 1, 0, 1], np.float32),
}
PROPOSED_BY = {
    "two_tower": np.array([False, True, True, False, True, True]),
    "own": np.array([False, True, False, True, False, False]),
    "ease": np.array([False, True, False, True, True, False]),
    "popular": np.array([True, False, False, False, False, False]),
}
OTHER_ATTRIBUTES = [name for name in Columns.ARTICLE_ATTRIBUTES if name not in ("product_code", "product_type")]
NOT_OWNED = {f"own_{name}": NAN for name in OWN} | {"own_overdue": NAN}
SWITCHED_OFF = dict.fromkeys(("item_knn_score", "item_knn_rank", "item_knn_gap", "last_basket_score"), NAN)


def looked_up(customer: int, column: int) -> dict[str, float]:
    """What the marts say of the article and of the customer."""
    of_article = {f"article_{name}": values[column] for name, values in ARTICLES.items()}
    return of_article | {f"customer_{name}": values[customer] for name, values in CUSTOMERS.items()}


def lift(own: int, of: int, usual: float) -> float:
    """Log of a share of purchases, pulled towards the usual share by ten purchases, over the usual share."""
    return log((own + 10 * usual) / (of + 10) / usual)


def affinities(product_code: float, product_type: float, others: float) -> dict[str, float]:
    """Affinities by attribute, and their sum."""
    by_name = dict.fromkeys(OTHER_ATTRIBUTES, others) | {"product_code": product_code, "product_type": product_type}
    return {f"affinity_{name}": value for name, value in by_name.items()} | {"affinity": sum(by_name.values())}


def describe(scores=SCORES, proposed_by=PROPOSED_BY, day=None):
    """Return the features of the pairs, anything numpy warns of being an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return pair_features(day or planted_day(), ROWS, OWNERS, COLUMNS, scores, proposed_by)


def feature(name: str, *args, **kwargs) -> list[float]:
    """Return one feature of all pairs."""
    return describe(*args, **kwargs)[:, FEATURE_NAMES.index(name)].tolist()


# Nine purchases in the shop: articles 0 to 3 four, two, one and one time, article 4 once, article 5 never. Six are of
# the product of articles 0 and 1, three of that of articles 2 to 4; five of the product type of articles 0, 3 and 5,
# four of that of articles 1, 2 and 4. Every other attribute tells all articles apart.
EXPECTED = {
    # Bob's own article 2: bought once, 40 where he usually pays 20, five of his segment bought it in the month.
    BOBS_2: looked_up(BOB, 2)
    | SWITCHED_OFF
    | affinities(product_code=lift(2, 2, 3 / 9), product_type=lift(2, 2, 4 / 9), others=lift(1, 2, 1 / 9))
    | {f"own_{name}": values[2] for name, values in OWN.items()}
    | {
        "two_tower_score": 2,
        "own_score": 0.5,
        "ease_score": 0.25,
        "rising_score": 6,
        "two_tower_rank": 0,
        "two_tower_gap": 0,
        "ease_rank": 0,
        "ease_gap": 0,
        "n_generators": 3,
        "own_overdue": NAN,
        "article_trend": log((1 + 4 * 2) / (1 + 20)),
        "segment_buyers_1w": 1,
        "segment_buyers_4w": 5,
        "segment_trend": log((1 + 4 * 1) / (1 + 5)),
        "segment_lift": log((5 / (1 + 7) + 1e-5) / (14 / (1 + 25) + 1e-5)),
        "price_to_usual": log(40 / 20),
    },
    # Ann's own article 0: three of her four purchases, every 30 days, ten days ago.
    ANNS_0: looked_up(ANN, 0)
    | SWITCHED_OFF
    | affinities(product_code=lift(3 + 1, 4, 6 / 9), product_type=lift(3, 4, 5 / 9), others=lift(3, 4, 4 / 9))
    | {f"own_{name}": values[0] for name, values in OWN.items()}
    | {
        "two_tower_score": 0,
        "own_score": 1.5,
        "ease_score": 0.75,
        "rising_score": 4,
        "two_tower_rank": 1,
        "two_tower_gap": 0 - 3,
        "ease_rank": 0,
        "ease_gap": 0,
        "n_generators": 2,
        "own_overdue": 10 / 30,
        "article_trend": log((1 + 4 * 0) / (1 + 3)),
        "segment_buyers_1w": 1,
        "segment_buyers_4w": 3,
        "segment_trend": log((1 + 4 * 1) / (1 + 3)),
        "segment_lift": log((3 / (1 + 3) + 1e-5) / (2 / (1 + 25) + 1e-5)),
        "price_to_usual": log(20 / 10),
    },
    # Article 3, which Ann's segment did not buy: of the product type of her article 0, of no product she bought.
    ANNS_3: looked_up(ANN, 3)
    | SWITCHED_OFF
    | NOT_OWNED
    | affinities(product_code=lift(0, 4, 3 / 9), product_type=lift(3, 4, 5 / 9), others=lift(0, 4, 1 / 9))
    | {
        "two_tower_score": 3,
        "own_score": NAN,
        "ease_score": -0.25,
        "rising_score": NAN,
        "two_tower_rank": 0,
        "two_tower_gap": 0,
        "ease_rank": 1,
        "ease_gap": -0.25 - 0.75,
        "n_generators": 2,
        "article_trend": log((1 + 4 * 0) / (1 + 2)),
        "segment_buyers_1w": 0,
        "segment_buyers_4w": 0,
        "segment_trend": 0,
        "segment_lift": log(1e-5 / (2 / (1 + 25) + 1e-5)),
        "price_to_usual": log(5 / 10),
    },
    # Cat bought nothing, in a segment that bought nothing: nothing is more or less to her taste than to the shop's.
    CATS_4: looked_up(CAT, 4)
    | SWITCHED_OFF
    | NOT_OWNED
    | affinities(0, 0, 0)
    | {
        "two_tower_score": 4,
        "own_score": NAN,
        "ease_score": NAN,
        "rising_score": 2,
        "two_tower_rank": 0,
        "two_tower_gap": 0,
        "ease_rank": NAN,
        "ease_gap": NAN,
        "n_generators": 1,
        "article_trend": log((1 + 4 * 1) / (1 + 1)),
        "segment_buyers_1w": 0,
        "segment_buyers_4w": 0,
        "segment_trend": 0,
        "segment_lift": log(1e-5 / (1 / (1 + 25) + 1e-5)),
        "price_to_usual": NAN,
    },
}


@pytest.mark.parametrize("pair", EXPECTED, ids=["Bob's own", "Ann's own", "new to Ann", "cold"])
def test_every_feature_by_hand(pair):
    found = dict(zip(FEATURE_NAMES, describe()[pair].tolist(), strict=True))
    assert found == pytest.approx(EXPECTED[pair], rel=1e-5, abs=1e-6, nan_ok=True)


def test_features_are_float32_in_the_order_of_their_names():
    features = describe()
    assert features.shape == (6, len(FEATURE_NAMES))
    assert features.dtype == np.float32
    assert len(set(FEATURE_NAMES)) == len(FEATURE_NAMES)


def test_ranks_count_a_customers_pairs_and_ties_fall_by_column():
    """Bob's are 1, 2 and 2: the second comes first; Ann's are 0 and 3; Cat has one."""
    assert feature("two_tower_rank") == [2, 0, 1, 1, 0, 0]


def test_gaps_are_below_the_customers_best():
    assert feature("two_tower_gap") == [1 - 2, 0, 0, 0 - 3, 0, 0]


def test_what_a_generator_does_not_propose_has_no_score_rank_or_gap():
    for name in ("ease_score", "ease_rank", "ease_gap"):
        assert np.isnan(feature(name)).tolist() == [True, False, True, False, False, True]


def test_a_generator_switched_off_is_unknown_throughout():
    without = {name: values for name, values in SCORES.items() if name != "ease"}
    for name in ("ease_score", "ease_rank", "ease_gap"):
        assert np.isnan(feature(name, scores=without)).all()


@pytest.mark.parametrize("nothing", [0, -1])
def test_a_price_of_nothing_is_to_no_usual_price(nothing):
    """Gifts and corrections are sold at 0: neither that price nor a customer who never paid has a logarithm."""
    day = planted_day()
    day.article_numbers["price"][1] = nothing
    day.customer_numbers["mean_price"][ANN] = nothing
    expected = [NAN, log(40 / 20), log(8 / 20), NAN, NAN, NAN]  # Bob's three, Ann's two, and Cat, who never paid
    assert feature("price_to_usual", day=day) == pytest.approx(expected, rel=1e-6, nan_ok=True)
    assert not np.isinf(describe(day=day)).any()


def test_what_nobody_ever_bought_is_as_little_to_ones_taste_as_anything_not_bought():
    """Article 5's product has sold to nobody; Bob bought two times, pulled by ten purchases: 10 / 12 of its share."""
    assert feature("affinity_product_code")[BOBS_4] == pytest.approx(log(10 / 12))


def test_of_two_values_bought_as_often_the_rarer_one_says_more():
    """Bob bought articles 2 and 4 once each; where the shop buys article 4 ten times more, article 2 lifts higher."""
    day, nine_times = planted_day(), {"customers": 0, "articles": 4, "days": day_number(TODAY) - 1}
    bought = {name: np.append(getattr(day.purchases, name), [value] * 9) for name, value in nine_times.items()}
    day = replace(day, purchases=replace(day.purchases, **bought), candidates=np.array([0, 1, 2, 3, 4]))
    article_2, article_4 = (feature(f"affinity_{OTHER_ATTRIBUTES[0]}", day=day)[pair] for pair in (BOBS_2, BOBS_4))
    assert article_2 == pytest.approx(lift(1, 2, 1 / 18))
    assert article_4 == pytest.approx(lift(1, 2, 10 / 18))
    assert article_2 > article_4


def test_no_pairs_have_no_features():
    nothing = np.empty(0, np.int64)
    empty = {name: values[:0] for name, values in SCORES.items()}
    none_proposed = {name: values[:0] for name, values in PROPOSED_BY.items()}
    features = pair_features(planted_day(), ROWS, nothing, nothing, empty, none_proposed)
    assert features.shape == (0, len(FEATURE_NAMES))


def test_a_customers_features_do_not_depend_on_the_others():
    day, sizes = planted_day(), dict.fromkeys(GENERATORS, 3)
    generators = fit_generators(day, sizes, planted_two_tower())
    (together,) = candidate_sets(day, generators, sizes)
    for row in EVERYBODY:
        (alone,) = candidate_sets(day, generators, sizes, np.array([row]))
        np.testing.assert_array_equal(alone.features, together.features[together.owners == row])


def test_an_own_article_is_found_under_its_owner_alone():
    """Bob's key for column 2 must not be found for Ann, nor Ann's for Bob."""
    day = planted_day()
    owners, columns = np.divmod(np.arange(15), 5)
    empty = {name: np.zeros(15, np.float32) for name in ("popular",)}
    features = pair_features(day, EVERYBODY, owners, columns, empty, {"popular": np.ones(15, bool)})
    is_own = np.isfinite(features[:, FEATURE_NAMES.index("own_days_since")])
    assert list(zip(owners[is_own].tolist(), columns[is_own].tolist(), strict=True)) == [(ANN, 0), (ANN, 1), (BOB, 2)]


def test_a_day_on_which_nobody_owns_anything_has_no_own_features():
    day = planted_day()
    none = {name: values[:0] for name, values in day.own.numbers.items()}
    day = replace(day, own=replace(day.own, keys=day.own.keys[:0], numbers=none))
    assert np.isnan(feature("own_days_since", day=day)).all()
