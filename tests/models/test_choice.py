"""The choice among trained candidates: who leads, who is as good, what is cheaper, and that order decides nothing."""

import math
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest

from recommender.config import Candidate
from recommender.models.choice import choose, describe_choice, lead_over
from recommender.models.trained_candidate import TrainedCandidate

CUSTOMERS = 400
DIFFICULTY = np.random.default_rng(0).random(CUSTOMERS)
"""What every candidate has in common: some customers are harder than others."""


def trained(name: str, average_precision, seed: int = 1, parameters: int = 10, best_epoch: int = 1) -> TrainedCandidate:
    average_precision = np.asarray(average_precision, dtype=np.float32)
    mean = float(average_precision.mean(dtype=float)) if len(average_precision) else 0.0
    folder = Path(f"/models/{name}-{seed}")
    return TrainedCandidate(Candidate(name, seed, {}), folder, (), best_epoch, mean, parameters, 1.0, average_precision)


def scattered(lead: float, seed: int) -> np.ndarray:
    """Return values around the common difficulty plus a lead, each customer 0.1 off in its own way.

    The standard error of a difference of two is sqrt(2) * 0.1 / sqrt(400) = 0.007.
    """
    own = np.random.default_rng(seed).normal(size=CUSTOMERS)
    return DIFFICULTY + lead + 0.1 * (own - own.mean())


def chosen(*runs: TrainedCandidate) -> tuple[str, int]:
    kept = choose(runs).kept
    return kept.candidate.name, kept.candidate.seed


@pytest.mark.parametrize("winner", range(3))
def test_the_winner_keeps_its_own_files_whichever_position_it_had(winner):
    runs = [trained(f"candidate{place}", DIFFICULTY + 0.1 * (place == winner)) for place in range(3)]
    assert choose(runs).kept is runs[winner]


def test_a_lead_within_noise_goes_to_the_cheaper_candidate():
    wide = trained("wide", scattered(0.005, seed=1), parameters=20)
    base = trained("base", scattered(0.000, seed=2), parameters=10)
    assert choose([wide, base]).kept is base
    standing = choose([wide, base]).standings[1]
    assert standing.is_tie
    assert standing.lead.mean == pytest.approx(0.005, abs=1e-6)
    assert standing.lead.high - standing.lead.mean == pytest.approx(1.96 * 0.007, rel=0.15)


def test_a_lead_above_noise_is_taken_though_it_costs_more():
    wide = trained("wide", scattered(0.03, seed=1), parameters=20)  # four standard errors
    base = trained("base", scattered(0.00, seed=2), parameters=10)
    assert choose([wide, base]).kept is wide


def test_customers_are_paired_so_that_what_all_find_hard_hides_no_lead():
    """Unpaired, a difficulty spread of 0.29 would give a standard error of 0.02 to a lead of 0.01."""
    wide, base = trained("wide", DIFFICULTY + 0.01, parameters=20), trained("base", DIFFICULTY, parameters=10)
    assert choose([wide, base]).kept is wide


def test_cost_is_weights_times_the_epochs_that_later_fits_take():
    large = trained("large", DIFFICULTY, parameters=20, best_epoch=4)  # 80
    small = trained("small", DIFFICULTY, parameters=10, best_epoch=9)  # 90
    assert choose([large, small]).kept is large
    assert [each.cost for each in choose([small, large]).standings] == [80, 90]


def test_the_mean_over_seeds_leads_and_the_best_seed_of_it_is_kept():
    """Steady leads by 0.25 - 0.20, whose t interval reaches 0.018 with 2 degrees of freedom."""
    lucky = [trained("lucky", DIFFICULTY + lead, seed) for seed, lead in ((1, 0.203), (2, 0.197))]
    steady = [trained("steady", DIFFICULTY + lead, seed, 20) for seed, lead in ((1, 0.247), (2, 0.253))]
    assert chosen(*lucky, *steady) == ("steady", 2)


def test_spread_over_seeds_makes_a_tie_of_what_customers_alone_would_tell_apart():
    """Every customer gains the same, so customers leave no doubt; seeds do.

    Variances over seeds are 0.0002 and 0.0002, so the standard error of the lead is sqrt(0.0002 * (1/2 + 1/2)) =
    0.0141, and t's 97.5% quantile with 2 degrees of freedom is 4.303.
    """
    wide = [trained("wide", DIFFICULTY + lead, seed, 20) for seed, lead in ((1, 0.03), (2, 0.05))]
    base = [trained("base", DIFFICULTY + lead, seed, 10) for seed, lead in ((1, 0.00), (2, 0.02))]
    lead = lead_over(wide, base)
    assert lead == pytest.approx((0.03, 0.03 - 4.303 * 0.014142, 0.03 + 4.303 * 0.014142), abs=1e-4)
    assert chosen(*wide, *base) == ("base", 2)
    assert chosen(wide[0], base[0]) == ("wide", 1)  # one seed each: nothing is known of their spread


def test_chance_of_customers_and_of_seeds_add_up_as_squares():
    one_seed = lead_over([trained("a", scattered(0.0, 1))], [trained("b", scattered(0.0, 2))])
    seeds = lead_over(
        [trained("a", scattered(0.0, 1) + shift, seed) for seed, shift in ((1, -0.01), (2, 0.01))],
        [trained("b", scattered(0.0, 2) + shift, seed) for seed, shift in ((1, -0.01), (2, 0.01))],
    )
    of_seeds = 4.303 * math.sqrt(0.0002)
    assert seeds.high - seeds.mean == pytest.approx(math.hypot(one_seed.high - one_seed.mean, of_seeds), rel=1e-3)
    assert seeds.mean - seeds.low == pytest.approx(math.hypot(one_seed.mean - one_seed.low, of_seeds), rel=1e-3)


def test_seeds_are_not_paired():
    """Seed 1 and seed 2 swapped in one candidate change nothing."""
    wide = [trained("wide", scattered(lead, seed), seed) for seed, lead in ((1, 0.03), (2, 0.05))]
    base = [trained("base", scattered(lead, seed + 5), seed) for seed, lead in ((1, 0.00), (2, 0.02))]
    assert lead_over(wide, base) == pytest.approx(lead_over(wide, base[::-1]), abs=1e-7)


@pytest.mark.parametrize("repetitions", [200, pytest.param(2000, marks=pytest.mark.long)])
@pytest.mark.parametrize("seed_deviation", [0.0, 0.01, 0.1])
def test_equal_settings_are_told_apart_no_more_often_than_the_level_allows(repetitions, seed_deviation):
    """Two settings of one quality, two seeds each: seeds shift everybody, customers differ by setting and seed."""
    rng, n_apart = np.random.default_rng(3), 0
    for _ in range(repetitions):
        runs = [
            [
                trained(name, own + rng.normal(scale=0.05, size=100) + rng.normal(scale=seed_deviation), seed)
                for seed in (1, 2)
            ]
            for name, own in (("a", rng.normal(scale=0.1, size=100)), ("b", rng.normal(scale=0.1, size=100)))
        ]
        lead = lead_over(*runs)
        n_apart += not lead.low <= 0 <= lead.high
    three_deviations = 3 * math.sqrt(0.05 * 0.95 / repetitions)  # 0.046 of 200, 0.015 of 2,000
    assert n_apart / repetitions < 0.05 + three_deviations


@pytest.mark.parametrize("customers", [0, 1])
def test_too_few_customers_tell_nothing_apart(customers):
    wide = trained("wide", DIFFICULTY[:customers] + 0.2, parameters=20)
    base = trained("base", DIFFICULTY[:customers], parameters=10)
    choice = choose([wide, base])
    assert choice.kept is base
    if customers:
        assert choice.reason == (
            "wide leads base by 0.2000 [-, -], which too few customers tell from noise; "
            "base is taken because it is cheaper."
        )


def test_all_equal_goes_to_the_first_name_and_seed_in_any_order():
    runs = [trained(name, DIFFICULTY, seed) for name in ("b", "a") for seed in (2, 1)]
    choices = [choose(order).as_dict() for order in permutations(runs)]
    assert (choices[0]["chosen"], choices[0]["seed"]) == ("a", 1)
    assert len({str(each) for each in choices}) == 1


def test_seconds_decide_nothing():
    slow, fast = trained("a-slow", DIFFICULTY), trained("b-fast", DIFFICULTY)
    object.__setattr__(slow, "seconds", 99.0)
    assert choose([slow, fast]).kept is slow


def test_nothing_to_choose_from_is_an_error():
    with pytest.raises(ValueError, match="at least one"):
        choose([])


def test_candidates_judged_on_other_customers_are_refused():
    with pytest.raises(ValueError, match=r"one shape, got \(400,\) and \(399,\)"):
        choose([trained("a", DIFFICULTY + 0.1), trained("b", DIFFICULTY[1:])])


def test_the_choice_is_described_best_first_with_the_chosen_one_marked():
    wide = trained("wide", np.array([0.5, 0.3, 0.2, 0.2]), parameters=2_000_000, best_epoch=2)
    base = trained("base", np.array([0.2, 0.4, 0.2, 0.2]), parameters=1_000_000, best_epoch=3)
    low, high = choose([wide, base]).standings[1].lead[1:]
    assert describe_choice(choose([wide, base])).splitlines() == [
        "candidate        seeds  validation MAP@12  best minus it              weights x epochs",
        "wide                 1  0.3000                                               4,000,000",
        f"base                 1  0.2500             0.0500 [{low:.4f}, {high:.4f}]          3,000,000  <- taken",
        f"wide leads base by 0.0500 [{low:.4f}, {high:.4f}], which is noise; base is taken because it is cheaper.",
    ]


def test_the_choice_says_how_many_articles_counted():
    choice = choose([replace(trained(name, DIFFICULTY), k=3) for name in ("base", "wide")])
    assert "  validation MAP@3   " in describe_choice(choice).splitlines()[0]
    assert choice.as_dict()["standings"][0]["validation_map@3"] == pytest.approx(DIFFICULTY.mean())


def test_the_description_shows_the_spread_over_seeds():
    runs = [trained("base", DIFFICULTY * 0 + level, seed) for seed, level in ((1, 0.1), (2, 0.3))]
    assert "base                 2  0.2000 +- 0.1414" in describe_choice(choose(runs))  # |0.3 - 0.1| / sqrt(2)


def test_the_reason_says_why_nobody_cheaper_was_taken():
    leader = trained("leader", DIFFICULTY + 0.1, parameters=10)
    worse = trained("worse", DIFFICULTY, parameters=5)
    dearer = trained("dearer", DIFFICULTY + 0.1, parameters=20)
    assert choose([leader]).reason == "leader is the only candidate."
    assert choose([leader, worse]).reason == (
        "leader leads worse by 0.1000 [0.1000, 0.1000], which is more than noise; leader is taken."
    )
    assert choose([leader, worse, dearer]).reason == (
        "leader leads; chance cannot tell dearer from it, but none is cheaper; leader is taken."
    )


def test_the_report_gets_plain_values():
    report = choose([trained("wide", scattered(0.005, 1), 7, 20), trained("base", scattered(0.0, 2), 7)]).as_dict()
    assert (report["chosen"], report["seed"]) == ("base", 7)
    assert "because it is cheaper" in report["reason"]
    leader, other = report["standings"]
    assert (leader["name"], leader["best_minus_this"], leader["is_tie"]) == ("wide", None, True)
    assert (other["name"], other["seeds"], other["cost"]) == ("base", [7], 10)
    assert set(other["best_minus_this"]) == {"mean", "low", "high"}
    assert math.isnan(other["standard_deviation"])
