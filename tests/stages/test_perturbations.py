"""Histories changed a little: what is hidden is the newest article, what is shuffled stays the customer's own."""

from datetime import date

import numpy as np
import torch
from planted_day import ANN, CANDIDATES, CAT, planted_day, planted_fitted_day, scores_of

from recommender.features.snapshots import QuerySnapshot
from recommender.stages.candidate_sets import candidate_sets
from recommender.stages.perturbations import forgetting_newest, newest_articles, shuffled, without_newest
from recommender.stages.retrieve import GENERATORS

HISTORIES = [[5, 3, 9], [], [7], [4, 8]]  # most recent first


def queries() -> QuerySnapshot:
    codes = torch.tensor([code for history in HISTORIES for code in history])
    offsets = torch.tensor(np.cumsum([0, *map(len, HISTORIES)]))
    return QuerySnapshot(
        as_of_day=date(2020, 9, 16),
        customers=np.arange(4, dtype=np.int32),
        codes=torch.zeros(4, 1, dtype=torch.int64),
        numbers=torch.zeros(4, 1),
        history_codes=codes,
        history_numbers=torch.stack([codes * 1.0, codes * 10.0], dim=1),
        history_offsets=offsets,
    )


def histories(snapshot: QuerySnapshot) -> list[list[int]]:
    return [part.tolist() for part in torch.tensor_split(snapshot.history_codes, snapshot.history_offsets[1:-1])]


def test_the_newest_article_of_each_customer_is_hidden():
    less = without_newest(queries())
    assert histories(less) == [[3, 9], [], [], [8]]
    assert less.history_numbers[:, 0].tolist() == [3, 9, 8]
    assert less.has_history().tolist() == [True, False, False, True]


def test_shuffling_keeps_everybodys_articles_with_their_numbers():
    mixed = shuffled(queries(), seed=1)
    assert [sorted(history) for history in histories(mixed)] == [sorted(history) for history in HISTORIES]
    assert mixed.history_numbers[:, 1].tolist() == [10.0 * code for code in mixed.history_codes.tolist()]


def test_some_order_changes():
    assert any(histories(shuffled(queries(), seed)) != HISTORIES for seed in range(5))


def scores_by_name(fitted) -> dict[str, np.ndarray]:
    """What each generator says of every candidate."""
    return {each.name: scores_of(each) for each in fitted.generators}


def test_the_newest_article_is_the_first_of_the_history():
    """Ann bought articles 0 and 1 on her last day, Bob article 2, Cat nothing."""
    assert newest_articles(planted_day()).tolist() == [0, 2, -1]


def test_a_forgotten_article_is_gone_from_everything_that_is_known_of_its_customer():
    fitted = planted_fitted_day(dict.fromkeys(GENERATORS, 5))
    before, after = fitted, forgetting_newest(fitted)
    assert after.day.history.toarray().tolist() == [[0, 1, 0, 0, 0, 0], [0, 0, 0, 0, 1, 0], [0] * 6]
    assert after.day.own.keys.tolist() == [ANN * len(CANDIDATES) + 1]
    scores = scores_by_name(after)
    assert np.isfinite(scores["own"]).tolist() == [[False, True, False, False, False], [False] * 5, [False] * 5]
    for name in ("ease", "item_knn", "last_basket"):
        assert (scores[name][ANN] != scores_by_name(before)[name][ANN]).any(), name
    (pairs,) = candidate_sets(after.day, after.generators, after.sizes, np.array([ANN]))
    bought = pairs.features[:, pairs.feature_names.index("own_purchase_days")]
    assert np.isnan(bought).tolist() == [True, False, True, True, True]


def test_what_the_shop_sold_and_who_never_bought_stay_as_they_were():
    fitted = planted_fitted_day(dict.fromkeys(GENERATORS, 5))
    before, after = scores_by_name(fitted), scores_by_name(forgetting_newest(fitted))
    for name in ("rising", "popular"):
        np.testing.assert_array_equal(before[name], after[name])
    for name, scores in before.items():
        np.testing.assert_array_equal(scores[CAT], after[name][CAT])
    assert len(fitted.day.purchases) == len(forgetting_newest(fitted).day.purchases)
