"""The training loop on planted data, without Merlin or NVTabular."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from planted_snapshots import BagOfArticles, candidates, group_week, queries, truth_of

from recommender.errors import ModelDiverged
from recommender.models.retrieval import recommend
from recommender.models.training import (
    TrainingSettings,
    hide_some_history,
    sample_candidates,
    train,
)
from recommender.models.training_week import TrainingWeek

SETTINGS = TrainingSettings(epochs=15, patience=15, batch_size=32, learning_rate=0.05, weight_decay=0.0, seed=1)


def planted_weeks(n_weeks: int = 3):
    return [
        group_week(groups=4, articles_per_group=6, customers_per_group=20, week=week, seed=5) for week in range(n_weeks)
    ]


def fit(settings: TrainingSettings, **options):
    torch.manual_seed(settings.seed)
    model = BagOfArticles(n_articles=24)
    weeks = [TrainingWeek.of(*week) for week in planted_weeks()]
    return model, train(model, weeks, settings, report=lambda epoch: None, **options)


@pytest.mark.parametrize("sampled_negatives", [0, 6], ids=["full softmax", "sampled with logQ"])
def test_planted_groups_are_learned(sampled_negatives):
    model, _ = fit(TrainingSettings(**{**vars(SETTINGS), "sampled_negatives": sampled_negatives}))
    articles, customers, _ = group_week(groups=4, articles_per_group=6, customers_per_group=5, week=9, seed=99)
    lists = recommend(model, customers, articles, k=6)
    own_group = np.repeat(np.arange(4), 5)[:, None]
    assert (lists.positions // 6 == own_group).mean() > 0.9  # by chance 1 in 4


def test_two_runs_with_one_seed_give_the_same_weights():
    first, second = fit(SETTINGS)[0], fit(SETTINGS)[0]
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, other)


def test_the_weights_of_the_best_epoch_are_kept():
    seen = []

    def validate(model):
        seen.append(model.article.weight.detach().clone())
        return [0.1, 0.3, 0.2][len(seen) - 1]

    model, curve = fit(TrainingSettings(**{**vars(SETTINGS), "epochs": 3}), validate=validate)
    assert [epoch.validation_map for epoch in curve] == [0.1, 0.3, 0.2]
    assert torch.equal(model.article.weight, seen[1])


def test_an_epoch_tells_what_the_machine_did():
    for epoch in fit(SETTINGS)[1]:
        assert 0 < epoch.cpu_cores < 64
        assert epoch.peak_memory_mib > 100  # torch alone takes that
        assert (epoch.peak_gpu_memory_mib is None) == (not torch.cuda.is_available())


def test_training_stops_when_validation_has_not_improved_for_patience_epochs():
    scores = iter([0.5, 0.4, 0.4, 0.9])
    settings = TrainingSettings(**{**vars(SETTINGS), "patience": 2})
    _, curve = fit(settings, validate=lambda model: next(scores))
    assert len(curve) == 3  # epochs 2 and 3 brought nothing; 0.9 is never reached


def test_a_refit_stops_at_the_epoch_that_was_best_on_the_same_schedule():
    snapshots = []
    fit(SETTINGS, validate=lambda model: snapshots.append(model.article.weight.detach().clone()) or 0.0)
    refitted, curve = fit(SETTINGS, last_epoch=4)
    assert len(curve) == 4
    assert torch.equal(refitted.article.weight, snapshots[3])


@pytest.mark.parametrize("epochs", [1, 9, 10, 11, 20])
def test_any_number_of_steps_is_trained(epochs):
    """One batch an epoch: with ten, the rate rises for a single step."""
    week = TrainingWeek.of(*planted_weeks(1)[0])
    curve = train(BagOfArticles(n_articles=24), [week], TrainingSettings(epochs=epochs), report=lambda epoch: None)
    assert len(curve) == epochs


def test_a_diverging_loss_stops_training_with_the_remedy():
    with pytest.raises(ModelDiverged, match="lower learning_rate"):
        week = TrainingWeek.of(*planted_weeks()[0])
        model = BagOfArticles(24)
        model.article.weight.data.fill_(float("nan"))
        train(model, [week], SETTINGS, report=lambda epoch: None)


def test_training_without_a_purchase_says_so():
    empty = TrainingWeek.of(candidates(3), queries([[0]]), truth_of([[]]))
    with pytest.raises(ValueError, match="no training week has a purchase"):
        train(BagOfArticles(3), [empty], SETTINGS)


def test_hidden_history_keeps_each_customers_own_articles():
    torch.manual_seed(0)
    shown = hide_some_history(queries([[0, 1, 2, 3], [], [4, 5]]), share=0.5)
    first, second, third = (
        set(shown.history_codes[start:end].tolist())
        for start, end in zip(shown.history_offsets[:-1], shown.history_offsets[1:], strict=True)
    )
    assert first <= {3, 4, 5, 6} and second == set() and third <= {7, 8}
    assert 0 < len(shown.history_codes) < 6


def test_sampled_candidates_hold_every_target_and_their_true_chance():
    torch.manual_seed(0)
    week = TrainingWeek.of(candidates(50), queries([[0]] * 4), truth_of([[1], [1], [2], [3]]))
    targets = torch.tensor([1, 2])
    drawn = torch.zeros(50)
    chances = torch.zeros(50)
    for _ in range(3000):
        chosen, columns, log_chance = sample_candidates(week, targets, negatives=10)
        assert torch.equal(chosen[columns], targets)
        drawn[chosen] += 1 / 3000
        chances[chosen] = log_chance.exp()
    unsold = torch.arange(4, 50)
    assert drawn[unsold].mean().item() == pytest.approx(1 - (1 - 1 / 50) ** 10, rel=0.03)
    assert chances[unsold].mean().item() == pytest.approx(1 - (1 - 1 / 50) ** 10, rel=1e-4)
    # article 1 is half of the week's purchases: missed by two purchases and ten draws with 1/4 * (49/50)^10
    assert chances[1].item() == pytest.approx(1 - 0.25 * (49 / 50) ** 10, rel=1e-4)


def test_training_and_retrieval_need_pytorch_alone():
    """They are measured on machines that have nothing else."""
    code = "import recommender.models.training, recommender.models.retrieval, sys; print('\\n'.join(sys.modules))"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"merlin", "nvtabular", "metaflow", "pandas", "pyarrow", "pydantic", "scipy"} & set(modules)
