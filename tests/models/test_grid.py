"""The choice among trained candidates, and how a large catalogue is trained."""

from pathlib import Path

import pytest
from planted_snapshots import FIRST_DAY, candidates

from recommender.config import Candidate
from recommender.features.model_inputs import ModelInputs
from recommender.models.grid import TrainedCandidate, choose, describe_choice, training_settings


def trained(name: str, validation_map: float, seed: int = 1, parameters: int = 10) -> TrainedCandidate:
    return TrainedCandidate(
        Candidate(name, seed, {}), Path(f"/models/{name}-{seed}"), (), 1, validation_map, parameters, 1.0
    )


@pytest.mark.parametrize("winner", range(3))
def test_the_winner_keeps_its_own_files_whichever_position_it_had(winner):
    runs = [trained(f"candidate{place}", 0.2 if place == winner else 0.1) for place in range(3)]
    assert choose(runs).folder == Path(f"/models/candidate{winner}-1")


def test_the_mean_over_seeds_decides_not_the_luckiest_seed():
    lucky = [trained("lucky", 0.30, seed=1), trained("lucky", 0.10, seed=2)]
    steady = [trained("steady", 0.24, seed=2), trained("steady", 0.22, seed=1)]
    chosen = choose([*lucky, *steady])
    assert (chosen.candidate.name, chosen.candidate.seed) == ("steady", 1)


def test_a_tie_goes_to_the_smaller_model_in_any_order():
    large, small = trained("a-large", 0.2, parameters=20), trained("b-small", 0.2, parameters=10)
    assert choose([large, small]) is small
    assert choose([small, large]) is small


def test_nothing_to_choose_from_is_an_error():
    with pytest.raises(ValueError, match="at least one"):
        choose([])


def test_the_choice_is_described_best_first_with_the_chosen_one_marked():
    worse, better = trained("worse", 0.1), trained("better", 0.2)
    lines = describe_choice([worse, better], better).splitlines()
    assert lines[0].startswith("-> better-seed1") and "0.2000" in lines[0]
    assert lines[1].startswith("   worse-seed1")


@pytest.mark.parametrize(("n_articles", "expected"), [(50, 0), (51, 8)], ids=["at the limit", "above it"])
def test_a_catalogue_too_large_for_a_full_softmax_is_sampled(n_articles, expected):
    settings = {"sampled_negatives": 0, "max_softmax_articles": 50, "sampled_fallback": 8}
    inputs = ModelInputs(None, {FIRST_DAY: candidates(n_articles)}, {}, None, None)
    assert training_settings(Candidate("any", 1, settings), inputs, FIRST_DAY).sampled_negatives == expected


def test_articles_on_sale_later_do_not_decide_how_training_is_done():
    later = FIRST_DAY.replace(year=FIRST_DAY.year + 1)
    inputs = ModelInputs(None, {FIRST_DAY: candidates(3), later: candidates(99, later)}, {}, None, None)
    settings = {"sampled_negatives": 0, "max_softmax_articles": 50, "sampled_fallback": 8}
    assert training_settings(Candidate("any", 1, settings), inputs, FIRST_DAY).sampled_negatives == 0
