"""What the Merlin ranker promises beyond every ranker: its loss, its epochs, its files."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from planted_ranking_rows import FEW_ROWS, NAMES, planted_rows, say_nothing, shuffled

from recommender.errors import ModelDiverged
from recommender.models.ranking.deep_cross_ranker import (
    DeepCross,
    fit_deep_cross,
    listwise_softmax_loss,
    load_deep_cross,
)
from recommender.models.ranking.feature_scaling import FeatureScaling
from recommender.models.ranking.ranker_files import DESCRIPTION
from recommender.models.ranking.rankers import score_rows
from recommender.models.ranking.ranking_rows import RankingRows, map_within_candidates
from recommender.settings.rankers import DeepCrossSettings

SETTINGS = DeepCrossSettings(**FEW_ROWS["deep_cross"])


def loss_of(scores, sizes, bought):
    return listwise_softmax_loss(torch.tensor(scores), torch.tensor(sizes), torch.tensor(bought))


def test_the_loss_compares_a_purchase_with_the_candidates_of_its_own_customer():
    first = -math.log(math.e**2 / (math.e + math.e**2))
    second = -math.log(math.e**0 / (math.e**0 + math.e**3 + math.e**1))
    loss = loss_of([1.0, 2.0, 0.0, 3.0, 1.0], [2, 3], [False, True, True, False, False])
    assert loss.item() == pytest.approx((first + second) / 2)


def test_another_purchase_of_the_customer_is_not_compared_with():
    first = -math.log(math.e**2 / (math.e + math.e**2))
    second = -math.log(math.e**3 / (math.e + math.e**3))
    assert loss_of([1.0, 2.0, 3.0], [3], [False, True, True]).item() == pytest.approx((first + second) / math.sqrt(2))


def test_a_customer_who_bought_every_candidate_adds_nothing_and_breaks_nothing():
    """A softmax over no candidate at all would have NaN for a gradient."""
    scores = torch.tensor([1.0, 2.0, 0.0, 0.0], requires_grad=True)
    loss = listwise_softmax_loss(scores, torch.tensor([2, 2]), torch.tensor([True, True, True, False]))
    loss.backward()
    assert loss.item() == pytest.approx(math.log(2) / 2)
    assert scores.grad.tolist() == pytest.approx([0, 0, -0.25, 0.25])


def test_cross_layers_multiply_features():
    torch.manual_seed(0)
    scaling = FeatureScaling(torch.tensor([False] * 2), torch.zeros(2), torch.ones(2), torch.tensor([False] * 2))
    cross = DeepCross(scaling, replace(SETTINGS, cross_layers=1)).cross
    layer = next(module for module in cross.modules() if isinstance(module, torch.nn.Linear))
    x = torch.tensor([[2.0, -3.0]])
    np.testing.assert_allclose(cross(x).detach(), (x * layer(x) + x).detach())  # equation 1 of the paper


def test_a_product_of_two_features_is_learned():
    generator = np.random.default_rng(4)
    features = generator.normal(size=(300 * 10, 2)).astype(np.float32)
    best = (features[:, 0] * features[:, 1]).reshape(300, 10).argmax(axis=1)
    is_bought = (np.arange(10) == best[:, None]).ravel()
    rows = RankingRows(features, ("left", "right"), np.full(300, 10), is_bought)
    ranker = fit_deep_cross(rows, None, replace(SETTINGS, epochs=10), 1, say_nothing)
    assert map_within_candidates(score_rows(ranker, rows), rows) > 0.9  # no weighing of the two comes near


def test_training_stops_after_patience_epochs_without_a_better_one():
    lines = []
    settings = replace(SETTINGS, epochs=40, patience=2)
    ranker = fit_deep_cross(planted_rows(), shuffled(planted_rows(seed=9), seed=3), settings, 1, lines.append)
    scores = [float(line.split("MAP@12 ")[1].split()[0]) for line in lines]
    assert len(lines) == ranker.best_iteration + 2 < 40
    assert scores[ranker.best_iteration - 1] == max(scores)


def test_the_kept_weights_are_those_of_the_best_epoch():
    lines, validation = [], shuffled(planted_rows(seed=9), seed=3)
    ranker = fit_deep_cross(planted_rows(), validation, SETTINGS, 1, lines.append)
    score = map_within_candidates(score_rows(ranker, validation), validation)
    assert f"MAP@12 {score:.4f}" in lines[ranker.best_iteration - 1]


def test_a_diverging_loss_stops_training_with_the_remedy():
    with pytest.raises(ModelDiverged, match="lower learning_rate"):
        fit_deep_cross(planted_rows(), None, replace(SETTINGS, learning_rate=1e30), 1, say_nothing)


def test_weights_of_another_number_of_features_are_refused(tmp_path):
    fit_deep_cross(planted_rows(groups=10), None, replace(SETTINGS, epochs=1), 1, say_nothing).save(tmp_path)
    description = json.loads((tmp_path / DESCRIPTION).read_text())
    description["feature_names"] = list(NAMES[:4])
    (tmp_path / DESCRIPTION).write_text(json.dumps(description))
    with pytest.raises(ValueError, match="are of 5 features, the description names 4"):
        load_deep_cross(tmp_path)
