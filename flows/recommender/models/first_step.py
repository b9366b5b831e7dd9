"""What a two-tower knows after a single training step, which is next to nothing: the reference for one that learned.

Stage: before the second gate. In: a candidate and the week that tonight's two-tower learned last. Out: how well that
week's buyers are served by the luckiest of some two-towers of fresh weights that saw one batch of them.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import torch
from torch import nn

from recommender.config import Candidate
from recommender.features.model_inputs import ModelInputs
from recommender.models.grid import build_model, training_settings, validation_average_precision
from recommender.models.training import train
from recommender.models.training_week import TrainingWeek

FIRST_SEED = 1_000  # a night's own are small numbers
EPOCHS = 12  # of one batch: the rate starts low, as everywhere. In fewer than eleven the first step is at its peak


def first_step_precision(
    candidate: Candidate, inputs: ModelInputs, day: date, known_until: date, tries: int, most: int | None = None
) -> np.ndarray:
    """Return the average precision (n_buyers,) float64 of the best of some two-towers after one training step each.

    Fresh weights are luck: of eight the best is often twice as good as the worst.

    Args:
        candidate: what is trained, but for its seed.
        inputs: hold the week.
        day: first day of the week that the step learns from, and that is judged.
        known_until: see `grid.build_model`.
        tries: how many two-towers.
        most: see `grid.validation_average_precision`, whose order the buyers have.
    """
    week = TrainingWeek.of(inputs.candidates[day], inputs.queries[day], inputs.truths[day])
    threads = torch.get_num_threads()
    candidates = [replace(candidate, seed=seed) for seed in range(FIRST_SEED, FIRST_SEED + tries)]
    try:
        with torch.random.fork_rng():
            models = [_after_one_step(fresh, inputs, week, known_until) for fresh in candidates]
    finally:
        torch.set_num_threads(threads)  # training set its own
    return max((validation_average_precision(model, inputs, day, most=most) for model in models), key=np.sum)


def _after_one_step(candidate: Candidate, inputs: ModelInputs, week: TrainingWeek, known_until: date) -> nn.Module:
    """Train fresh weights on one batch of a week's buyers, evenly spread; where nobody bought they stay as drawn."""
    model, settings = build_model(candidate, inputs, known_until), training_settings(candidate, inputs, known_until)
    if n_buyers := len(week.queries):
        rows = torch.linspace(0, n_buyers - 1, min(n_buyers, settings.batch_size)).long()
        train(model, [week.take(rows)], replace(settings, epochs=EPOCHS), last_epoch=1, report=lambda _: None)
    return model
