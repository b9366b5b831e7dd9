"""The choice among trained candidates, how a large catalogue is trained, and what a model of a day learns from."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import torch
from planted_snapshots import FIRST_DAY, candidates
from small_shop import SMALL_TWO_TOWER

from recommender.config import Candidate
from recommender.features.model_inputs import ModelInputs
from recommender.models.grid import (
    TrainedCandidate,
    check_training_days,
    choose,
    describe_choice,
    fit_until,
    training_settings,
)
from recommender.models.model_files import load_model

WEEK, ONE_DAY = timedelta(days=7), timedelta(days=1)


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


def test_a_training_week_may_end_on_the_day_before_and_no_later():
    check_training_days([FIRST_DAY, FIRST_DAY + WEEK], FIRST_DAY + 2 * WEEK)
    check_training_days([], FIRST_DAY)
    with pytest.raises(ValueError, match=f"the week from {FIRST_DAY} does not end before {FIRST_DAY + WEEK - ONE_DAY}"):
        check_training_days([FIRST_DAY - WEEK, FIRST_DAY], FIRST_DAY + WEEK - ONE_DAY)


def test_a_model_of_a_day_refuses_the_week_from_it(model_inputs, demo_windows, tmp_path):
    test_day = demo_windows.test_as_of_day
    with pytest.raises(ValueError, match="leave it out of the training days"):
        fit_until(Candidate("late", 7, SMALL_TWO_TOWER), 1, model_inputs, [test_day], test_day, tmp_path / "late")
    assert not (tmp_path / "late").exists()


def fitted_until(epoch, inputs, windows, folder) -> dict[str, torch.Tensor]:
    """Fit on the two newest weeks before the validation week, and return the saved weights."""
    days, day = windows.training_as_of_days[-2:], windows.validation_as_of_day
    epochs = []
    fit_until(Candidate("short", 7, SMALL_TWO_TOWER), epoch, inputs, days, day, folder, epochs.append)
    assert [(each.epoch, each.validation_map) for each in epochs] == [(number, None) for number in range(1, epoch + 1)]
    return load_model(folder).state_dict()


def test_a_model_of_a_day_stops_at_its_epoch_and_knows_nothing_of_later_weeks(model_inputs, demo_windows, tmp_path):
    known = {day for day in model_inputs.queries if day <= demo_windows.validation_as_of_day}
    blind = replace(
        model_inputs,
        candidates={day: model_inputs.candidates[day] for day in known},
        queries={day: model_inputs.queries[day] for day in known},
    )
    weights, blind_weights = (
        fitted_until(2, inputs, demo_windows, tmp_path / name)
        for name, inputs in (("all", model_inputs), ("blind", blind))
    )
    assert all(torch.equal(weights[name], blind_weights[name]) for name in weights)
