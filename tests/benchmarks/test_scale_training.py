"""The benchmark of training: all three ways learn from the same purchases, and results of several shops stay."""

import json

import torch
from small_shop import SMALL_TWO_TOWER

from benchmarks.scale import training
from recommender.config import Candidate
from recommender.features.encoding import INPUTS
from recommender.models.grid import build_model
from recommender.models.training_week import TrainingWeek


def test_merlins_way_learns_from_every_purchase(model_inputs, demo_windows):
    day = demo_windows.validation_as_of_day
    week = TrainingWeek.of(model_inputs.candidates[day], model_inputs.queries[day], model_inputs.truths[day])
    model = build_model(Candidate("new", 1, SMALL_TWO_TOWER), model_inputs, day)
    with torch.no_grad():
        assert not model.article_encoder.own.table.weight.any()
    assert training.merlin_rate(model, week, size=50) > 0
    learned = model.article_encoder.own.table.weight.detach().any(dim=1)
    assert learned[week.candidates.codes[:, 0][week.targets.columns]].all()


def test_results_of_several_shops_stand_beside_each_other(evaluated_folder, model_inputs, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "RESULTS_DIR", tmp_path)
    for name in ("one", "other"):
        options = f"--name {name} --batches 2 --rounds 1 --merlin-batch 200"
        training.main([str(evaluated_folder / INPUTS), *options.split()])
    results = json.loads((tmp_path / "training.json").read_text())
    assert list(results) == ["one", "other"]
    assert results["one"]["of_merlin"] > 0
    assert results["one"]["of_towers"] > 0
