"""How likely scores make what was bought, by hand and on purchases that were drawn by planted scores."""

import numpy as np
import pytest

from recommender.models.ranking.purchase_likelihood import best_temperature, purchase_likelihood
from recommender.models.ranking.ranking_rows import RankingRows


def rows_of(*groups: list[int]) -> RankingRows:
    """Groups of candidates: 1 was bought, 0 was not."""
    is_bought = np.array([each for group in groups for each in group], bool)
    return RankingRows(np.zeros((len(is_bought), 1), np.float32), ("a",), np.array(list(map(len, groups))), is_bought)


def drawn(temperature: float, n_groups: int = 4_000, size: int = 20) -> tuple[np.ndarray, RankingRows]:
    """Scores, and a purchase of each group that was drawn by them."""
    rng = np.random.default_rng(5)
    scores = rng.standard_normal((n_groups, size)).astype(np.float32)
    chosen = np.argmax(scores / temperature + rng.gumbel(size=scores.shape), axis=1)
    is_bought = np.arange(size) == chosen[:, None]
    return scores.ravel(), rows_of(*is_bought.tolist())


def test_by_hand():
    """With log 3 and 0 the first is bought in three of four cases, where chance would take one of two."""
    scores = np.log([3.0, 1.0, 3.0, 1.0, 3.0, 1.0])
    found = purchase_likelihood(scores, rows_of([1, 0], [0, 1], [1, 1]), temperature=1)
    first, second = np.log(3 / 4) - np.log(1 / 2), np.log(1 / 4) - np.log(1 / 2)
    np.testing.assert_allclose(found, [first, second, (first + second) / 2])


def test_scores_are_divided_by_the_temperature():
    warm = purchase_likelihood(np.log([9.0, 1.0]), rows_of([1, 0]), temperature=2)
    np.testing.assert_allclose(warm, [np.log(3 / 4) - np.log(1 / 2)])


def test_who_bought_none_of_the_candidates_or_has_none_counts_nothing():
    assert purchase_likelihood(np.array([5.0, 1.0, 2.0]), rows_of([], [0, 0], [1], []), 1).tolist() == [0, 0, 0, 0]


def test_scores_far_apart_stay_finite():
    found = purchase_likelihood(np.array([1e4, 0.0, 0.0, 1e4]), rows_of([0, 1], [0, 1]), temperature=1)
    np.testing.assert_allclose(found, [np.log(2) - 1e4, np.log(2)])


@pytest.mark.parametrize("temperature", [0.3, 1, 3])
def test_the_best_temperature_is_the_one_that_purchases_were_drawn_with(temperature):
    assert best_temperature(*drawn(temperature)) == pytest.approx(temperature, rel=0.1)


def test_at_the_best_temperature_the_unit_of_scores_does_not_matter():
    scores, rows = drawn(1)
    gained = [purchase_likelihood(s, rows, best_temperature(s, rows)).mean() for s in (scores, 50 * scores)]
    assert gained[0] > 0.3
    assert gained[1] == pytest.approx(gained[0], rel=1e-3)


def test_scores_that_are_all_alike_gain_nothing_on_chance():
    rows = rows_of([1, 0, 0], [0, 1])
    assert best_temperature(np.full(5, 7.0), rows) == 1
    np.testing.assert_allclose(purchase_likelihood(np.full(5, 7.0), rows, 1), [0, 0], atol=1e-12)
