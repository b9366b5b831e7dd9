"""Rules at their edges, by hand; their errors and the interval's coverage, by simulation."""

import json
import math
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from scipy.stats import norm

from recommender.bootstrap import paired_difference
from recommender.config import PromotionSettings
from recommender.evaluation import challenge
from recommender.evaluation.challenge import Challenge, compare, describe, unopposed
from recommender.json_values import without_nan

NOT_WORSE, BETTER = (PromotionSettings(rule, 0.05, minimum_customers=100) for rule in ("not_worse", "better"))
SHARE_WITHOUT_HIT = 0.3


def average_precision(n: int, correlation: float, loss: float, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Draw challenger and champion, whose true MAP differs by the relative loss.

    Like on the real data three in ten customers are not hit and the others' values have a long tail, with a standard
    deviation larger than the mean; two fits agree on who is easy to serve. The correlation is that of the normal
    deviates behind them. The loss takes from every customer's value a share between nothing and twice the loss.
    """
    deviates = rng.multivariate_normal([0, 0], [[1, correlation], [correlation, 1]], size=n).T
    quantiles = np.maximum(norm.cdf(deviates) - SHARE_WITHOUT_HIT, 0) / (1 - SHARE_WITHOUT_HIT)
    challenger, champion = 0.8 * quantiles**2.5  # MAP 0.8 * 0.7 / 3.5 = 0.16
    return challenger * (1 - rng.uniform(0, 2 * loss, size=n)), champion


@pytest.fixture
def coarse_bootstrap(monkeypatch):
    """As many resamples as a simulation can afford; the bounds of an interval are a little noisier for it."""
    monkeypatch.setattr(challenge, "paired_difference", partial(paired_difference, n_resamples=300))


def acceptance_rate(repetitions: int, **shop: float) -> float:
    rng = np.random.default_rng(3)
    nights = (compare(*average_precision(**shop, rng=rng), NOT_WORSE) for _ in range(repetitions))
    return float(np.mean([night.accepted for night in nights]))


def planted(differences: list[float], champion: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    """Challenger and champion of 200 customers; the differences are repeated."""
    return champion + np.tile(differences, 200 // len(differences)), np.full(200, champion)


def test_the_simulated_shop_is_like_the_real_ones():
    """Two seeds measured: MAP 0.16 and 0.22, standard deviation 0.21 and 0.24, correlation 0.90 and 0.96."""
    challenger, champion = average_precision(100_000, 0.97, 0, np.random.default_rng(0))
    assert champion.mean() == pytest.approx(0.8 * 0.7 / 3.5, abs=0.003)
    assert 0.21 < champion.std() < 0.24
    assert 0.94 < np.corrcoef(challenger, champion)[0, 1] < 0.96


@pytest.mark.parametrize(
    ("n", "repetitions"),
    [(1000, 50), pytest.param(1000, 1000, marks=pytest.mark.long), pytest.param(3000, 400, marks=pytest.mark.long)],
)
def test_an_equal_is_accepted_and_one_that_is_five_percent_worse_refused(coarse_bootstrap, n, repetitions):
    slack = 3 * math.sqrt(0.05 * 0.95 / repetitions)
    assert acceptance_rate(repetitions, n=n, correlation=0.97, loss=0.0) >= 0.95 - slack
    assert acceptance_rate(repetitions, n=n, correlation=0.97, loss=0.05) <= 0.05 + slack


def test_with_few_customers_both_errors_are_alike(coarse_bootstrap):
    """Nobody could be shown to be not worse here; the estimate decides, and neither side is favoured."""
    accepted = [acceptance_rate(300, n=200, correlation=0.9, loss=loss) for loss in (0.0, 0.05)]
    assert accepted[0] > 0.6 > 0.4 > accepted[1]
    assert accepted[0] == pytest.approx(1 - accepted[1], abs=0.12)


@pytest.mark.parametrize("repetitions", [300, pytest.param(2000, marks=pytest.mark.long)])
def test_the_interval_covers_the_true_difference_as_often_as_it_says(coarse_bootstrap, repetitions):
    rng, loss, n_covered = np.random.default_rng(5), 0.05, 0
    for _ in range(repetitions):
        interval = compare(*average_precision(400, 0.97, loss, rng), NOT_WORSE).difference
        n_covered += interval.low <= -loss * 0.16 <= interval.high
    assert n_covered / repetitions == pytest.approx(0.95, abs=3 * math.sqrt(0.95 * 0.05 / repetitions))


def test_a_loss_that_is_shown_to_be_below_the_margin_is_accepted():
    # 0.5 * 0.05 = 0.025 is the margin. The estimate is nearer to it than to 0, but the interval has no width.
    made = compare(*planted([-0.024]), NOT_WORSE)
    assert made.accepted
    assert made.difference == pytest.approx((-0.024, -0.024, -0.024))
    assert made.reason == (
        "MAP 0.4760 against the champion's 0.5000: -0.0240 [-0.0240, -0.0240], which rules out 5% worse"
    )


def test_a_loss_of_the_margin_is_refused():
    made = compare(*planted([-0.026]), NOT_WORSE)
    assert made.accepted is False
    assert made.reason.endswith("[-0.0260, -0.0260], nearer to 5% worse than to equal")


@pytest.mark.parametrize(("mean", "accepted"), [(-0.0124, True), (-0.0126, False)])
def test_where_the_margin_cannot_be_ruled_out_half_of_it_decides(mean, accepted):
    made = compare(*planted([mean - 0.4, mean + 0.4]), NOT_WORSE)
    assert made.difference.low < -0.025 < 0 < made.difference.high
    assert made.accepted is accepted


def test_the_margin_is_relative_to_the_champions_map():
    assert compare(*planted([-0.004], champion=0.1), NOT_WORSE).accepted
    assert not compare(*planted([-0.006], champion=0.1), NOT_WORSE).accepted


@pytest.mark.parametrize(
    ("differences", "accepted"),
    [([0.001], True), ([0.0], False), ([-0.4, 0.42], False)],
    ids=["a gain beyond doubt", "equal", "a gain by chance"],
)
def test_better_asks_for_a_gain_that_chance_does_not_explain(differences, accepted):
    made = compare(*planted(differences), BETTER)
    assert made.accepted is accepted
    assert made.reason.endswith("which shows a gain" if accepted else "which shows no gain")


def test_two_that_hit_nobody_are_equal():
    assert compare(np.zeros(200), np.zeros(200), NOT_WORSE).accepted


def test_too_few_customers_neither_accept_nor_refuse():
    challenger, champion = planted([-0.4])
    champion[99:] = np.nan  # bought nothing
    made = compare(challenger, champion, NOT_WORSE)
    assert made.accepted is None
    assert made.customers == 99
    assert made.reason == "not enough data for the challenge: 99 of at least 100 customers"
    assert compare(np.array([]), np.array([]), replace(NOT_WORSE, minimum_customers=1)).accepted is None


def test_maps_are_over_the_same_customers():
    challenger, champion = np.array([0.2, np.nan, 0.4, 0.9]), np.array([0.1, 0.7, 0.2, np.nan])
    made = compare(challenger, champion, replace(NOT_WORSE, minimum_customers=2))
    assert made.challenger_map == pytest.approx((0.2 + 0.4) / 2)
    assert made.champion_map == pytest.approx((0.1 + 0.2) / 2)
    assert made.customers == 2


def test_forced_is_accepted_and_remembered_with_its_reason():
    made = compare(*planted([-0.4]), BETTER, forced_reason="the champion recommends what was recalled")
    assert (made.rule, made.accepted) == ("forced", True)
    assert made.reason.startswith("forced: the champion recommends what was recalled (MAP 0.1000 against")
    assert made.as_dict()["forced_reason"] == "the champion recommends what was recalled"
    assert unopposed(np.ones(3), BETTER, "no champion yet", "trial").reason == "forced: trial (no champion yet)"


def test_without_an_opponent_it_is_accepted_and_says_why():
    made = unopposed(np.array([0.5, np.nan, 0.1]), BETTER, "no champion yet")
    assert made == Challenge("better", pytest.approx(0.3), None, None, 2, True, "no champion yet")
    assert made.remark() == ""  # nothing that a verdict would have to mention


def test_it_is_plain_values_and_one_line():
    values = json.loads(json.dumps(without_nan(compare(*planted([0.01]), NOT_WORSE).as_dict())))
    assert values["difference"] == pytest.approx({"mean": 0.01, "low": 0.01, "high": 0.01})
    assert describe(values).startswith("Challenge (not_worse), accepted: MAP 0.5100 against")
    assert describe({**values, "accepted": None}).startswith("Challenge (not_worse), undecided: ")


def test_one_comparison_gives_one_interval():
    pair = average_precision(300, 0.9, 0.02, np.random.default_rng(1))
    assert compare(*pair, NOT_WORSE) == compare(*pair, NOT_WORSE)


def test_different_customers_are_refused():
    with pytest.raises(ValueError, match=r"one shape, got \(3,\) and \(2,\)"):
        compare(np.zeros(3), np.zeros(2), NOT_WORSE)
