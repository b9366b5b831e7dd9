"""What one training step teaches: less than a training, and of the week that it is given."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from planted_snapshots import truth_of
from small_shop import SMALL_TWO_TOWER

from recommender.config import Candidate
from recommender.models import first_step
from recommender.models.first_step import first_step_precision
from recommender.models.grid import build_model

CANDIDATE = Candidate("small", 7, SMALL_TWO_TOWER)


@pytest.fixture(scope="module")
def day(demo_windows):
    return demo_windows.validation_as_of_day


def test_the_luckiest_of_several_is_kept(model_inputs, day):
    by_tries = [first_step_precision(CANDIDATE, model_inputs, day, day, tries).mean() for tries in (1, 2, 4, 8)]
    assert by_tries == sorted(by_tries)
    assert by_tries[-1] > by_tries[0]


@pytest.mark.parametrize("epochs", [1, 4, 10, 30])
def test_one_step_is_as_large_however_long_a_training_is(model_inputs, day, epochs):
    """At the start of a schedule, where the rate is low; ten epochs of one batch have no such start."""
    longer = replace(CANDIDATE, settings={**SMALL_TWO_TOWER, "epochs": epochs})
    of_longer, of_twelve = (
        first_step_precision(each, model_inputs, day, day, tries=1)
        for each in (longer, replace(CANDIDATE, settings={**SMALL_TWO_TOWER, "epochs": 12}))
    )
    np.testing.assert_array_equal(of_longer, of_twelve)


def test_what_runs_afterwards_has_its_threads_and_its_luck(model_inputs, day):
    torch.manual_seed(3)
    expected, threads = torch.rand(1), torch.get_num_threads()
    torch.manual_seed(3)
    try:
        torch.set_num_threads(2)
        first_step_precision(CANDIDATE, model_inputs, day, day, tries=1)
        assert torch.get_num_threads() == 2
        assert torch.equal(torch.rand(1), expected)
    finally:
        torch.set_num_threads(threads)


def test_one_step_is_the_same_every_time_and_judges_whom_a_trained_two_tower_is_judged_by(
    trained_candidate, model_inputs, day
):
    once, again = (first_step_precision(CANDIDATE, model_inputs, day, day, tries=2) for _ in range(2))
    np.testing.assert_array_equal(once, again)
    assert len(once) == len(trained_candidate.average_precision)
    assert once.mean() < trained_candidate.validation_map


def test_the_step_is_made_on_the_weeks_buyers(model_inputs, day, monkeypatch):
    """Other weights than those drawn, and other ones when other articles were bought."""
    fresh = build_model(replace(CANDIDATE, seed=first_step.FIRST_SEED), model_inputs, day)
    weights = torch.cat([each.flatten() for each in fresh.parameters()])
    trained = []
    monkeypatch.setattr(
        first_step, "validation_average_precision", lambda model, *_, **__: trained.append(model) or np.zeros(1)
    )
    first_step_precision(CANDIDATE, model_inputs, day, day, tries=1)
    nobody = replace(model_inputs, truths={day: truth_of([[]] * len(model_inputs.queries[day]))})
    first_step_precision(CANDIDATE, nobody, day, day, tries=1)
    stepped, untouched = (torch.cat([each.flatten() for each in model.parameters()]) for model in trained)
    assert not torch.equal(stepped, weights)
    assert torch.equal(untouched, weights)


def test_a_week_in_which_nobody_bought_judges_nobody(model_inputs, day):
    nobody = replace(model_inputs, truths={day: truth_of([[]] * len(model_inputs.queries[day]))})
    assert first_step_precision(CANDIDATE, nobody, day, day, tries=2).shape == (0,)
