"""What a trained candidate remembers, how a large catalogue is trained, and what a model of a day learns from."""

from dataclasses import fields, replace
from datetime import timedelta

import numpy as np
import pytest
import torch
from planted_snapshots import FIRST_DAY, candidates, truth_of
from small_shop import SMALL_TWO_TOWER

from recommender.config import Candidate
from recommender.features.model_inputs import ModelInputs
from recommender.models.grid import (
    check_training_days,
    fit_until,
    training_settings,
    validation_average_precision,
    validation_map,
)
from recommender.models.model_files import load_model
from recommender.models.training import TrainingSettings
from recommender.settings.sections import TwoTowerSettings

WEEK, ONE_DAY = timedelta(days=7), timedelta(days=1)


def test_a_candidate_remembers_the_kept_epochs_customers(trained_candidate, model_inputs, demo_windows):
    day = demo_windows.validation_as_of_day
    again = validation_average_precision(load_model(trained_candidate.folder), model_inputs, day)
    remembered = trained_candidate.average_precision
    assert remembered.dtype == np.float32
    np.testing.assert_array_equal(remembered, again.astype(np.float32))
    assert remembered.mean(dtype=float) == pytest.approx(trained_candidate.validation_map, abs=1e-8)


def test_only_the_first_k_articles_count(trained_candidate, model_inputs, demo_windows):
    """Of one article the average precision is 1 or 0."""
    day, model = demo_windows.validation_as_of_day, load_model(trained_candidate.folder)
    of_one = validation_average_precision(model, model_inputs, day, k=1)
    assert set(of_one.tolist()) == {0.0, 1.0}
    assert validation_map(model, model_inputs, day, k=1) == pytest.approx(of_one.mean())
    assert replace(trained_candidate, k=1).as_dict()["validation_map@1"] == trained_candidate.validation_map


def test_of_many_customers_some_are_judged_evenly_spread(trained_candidate, model_inputs, demo_windows):
    day, model = demo_windows.validation_as_of_day, load_model(trained_candidate.folder)
    everybody = validation_average_precision(model, model_inputs, day)
    some = validation_average_precision(model, model_inputs, day, most=3)
    np.testing.assert_allclose(some, everybody[[0, (len(everybody) - 1) // 2, -1]])
    enough = validation_average_precision(model, model_inputs, day, most=len(everybody))
    np.testing.assert_array_equal(enough, everybody)


def test_a_validation_week_in_which_nobody_bought_has_no_customers_and_map_0(
    trained_candidate, model_inputs, demo_windows
):
    day = demo_windows.validation_as_of_day
    bought_nothing = truth_of([[]] * len(model_inputs.queries[day]))
    inputs, model = replace(model_inputs, truths={day: bought_nothing}), load_model(trained_candidate.folder)
    assert validation_average_precision(model, inputs, day).shape == (0,)
    assert validation_map(model, inputs, day) == 0


@pytest.mark.parametrize(("n_articles", "expected"), [(50, 0), (51, 8)], ids=["at the limit", "above it"])
def test_a_catalogue_too_large_for_a_full_softmax_is_sampled(n_articles, expected):
    settings = {"sampled_negatives": 0, "max_softmax_articles": 50, "sampled_fallback": 8}
    inputs = ModelInputs(None, {FIRST_DAY: candidates(n_articles)}, {}, {}, None, None)
    assert training_settings(Candidate("any", 1, settings), inputs, FIRST_DAY).sampled_negatives == expected


def test_articles_on_sale_later_do_not_decide_how_training_is_done():
    later = FIRST_DAY.replace(year=FIRST_DAY.year + 1)
    inputs = ModelInputs(None, {FIRST_DAY: candidates(3), later: candidates(99, later)}, {}, {}, None, None)
    settings = {"sampled_negatives": 0, "max_softmax_articles": 50, "sampled_fallback": 8}
    assert training_settings(Candidate("any", 1, settings), inputs, FIRST_DAY).sampled_negatives == 0


def test_the_settings_hold_whatever_training_and_towers_take():
    from recommender.models.two_tower import TowerSettings

    taken = {field.name for kind in (TowerSettings, TrainingSettings) for field in fields(kind)} - {"seed"}
    assert TwoTowerSettings.__annotations__.keys() == taken | {"seeds", "max_softmax_articles", "sampled_fallback"}


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
    parts = {name: {day: getattr(model_inputs, name)[day] for day in known} for name in ("candidates", "queries")}
    learned_from = {day: model_inputs.truths[day] for day in demo_windows.training_as_of_days}
    blind = replace(model_inputs, **parts, truths=learned_from)
    weights, blind_weights = (
        fitted_until(2, inputs, demo_windows, tmp_path / name)
        for name, inputs in (("all", model_inputs), ("blind", blind))
    )
    assert all(torch.equal(weights[name], blind_weights[name]) for name in weights)
