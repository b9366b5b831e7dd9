"""One candidate of the grid in, a trained model on disk and its record out; `choice` chooses among the records."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from recommender.config import Candidate
from recommender.features.model_inputs import ModelInputs
from recommender.features.time_split import WEEK
from recommender.models.model_files import save_model
from recommender.models.retrieval import recommend
from recommender.models.trained_candidate import Epoch, TrainedCandidate
from recommender.models.training import TrainingSettings, train
from recommender.models.training_week import TrainingWeek
from recommender.ranking_metrics import average_precision_at_k, find_hits, first_k


def train_candidate(
    candidate: Candidate,
    inputs: ModelInputs,
    training_days: Sequence[date],
    validation_day: date,
    folder: Path,
    report: Callable[[Epoch], None] = print,
    k: int = 12,
) -> TrainedCandidate:
    """Train a candidate on some weeks, keep the epoch with the best MAP@k in the validation week, and save it.

    Raises:
        NotEnoughData, ModelDiverged: see `training.train`.
    """
    started = time.perf_counter()
    by_epoch: list[np.ndarray] = []

    def validate(fitted: nn.Module) -> float:
        by_epoch.append(validation_average_precision(fitted, inputs, validation_day, k))
        return _mean_or_zero(by_epoch[-1])

    model = build_model(candidate, inputs, known_until=validation_day)
    curve = train(
        model,
        _training_weeks(inputs, training_days),
        training_settings(candidate, inputs, validation_day),
        validate=validate,
        report=report,
    )
    save_model(model, folder)
    best = max(curve, key=lambda epoch: epoch.validation_map)
    return TrainedCandidate(
        candidate=candidate,
        folder=folder,
        curve=tuple(curve),
        best_epoch=best.epoch,
        validation_map=best.validation_map,
        parameters=sum(weight.numel() for weight in model.parameters()),
        seconds=time.perf_counter() - started,
        average_precision=by_epoch[best.epoch - 1].astype(np.float32),
        k=k,
    )


def fit_until(
    candidate: Candidate,
    last_epoch: int,
    inputs: ModelInputs,
    training_days: Sequence[date],
    as_of_day: date,
    folder: Path,
    report: Callable[[Epoch], None] = print,
) -> nn.Module:
    """Train a candidate afresh on weeks that end before a day, up to an epoch of its schedule, and save it.

    Args:
        candidate: what to train.
        last_epoch: as a run with a validation week found best.
        inputs: hold the training days.
        training_days: as-of days to learn from.
        as_of_day: first day that the model may not see.
        folder: where the model goes.
        report: called after every epoch.

    Raises:
        ValueError: when the target week of a training day does not end before the day.
    """
    check_training_days(training_days, as_of_day)
    model = build_model(candidate, inputs, as_of_day)
    settings = training_settings(candidate, inputs, as_of_day)
    train(model, _training_weeks(inputs, training_days), settings, last_epoch=last_epoch, report=report)
    save_model(model, folder)
    return model


def check_training_days(training_days: Sequence[date], as_of_day: date) -> None:
    """Raise ValueError when the target week of a training day does not end before the day of the model."""
    if late := [day for day in training_days if day + WEEK > as_of_day]:
        raise ValueError(f"the week from {late[0]} does not end before {as_of_day}; leave it out of the training days")


def build_model(candidate: Candidate, inputs: ModelInputs, known_until: date) -> nn.Module:
    """Make an empty two-tower of the candidate's sizes, its weights drawn from the candidate's seed.

    Args:
        known_until: articles of later as-of days do not lend their attributes to the code table.
    """
    from recommender.models.article_encoder import article_code_table
    from recommender.models.two_tower import TowerSettings, TwoTower

    torch.manual_seed(candidate.seed)
    known = [snapshot for day, snapshot in inputs.candidates.items() if day <= known_until]
    return TwoTower(
        inputs.candidate_schema,
        inputs.query_schema,
        article_code_table(known),
        TowerSettings(**_picked(candidate.settings, TowerSettings)),
    )


def training_settings(candidate: Candidate, inputs: ModelInputs, known_until: date) -> TrainingSettings:
    """Return how to train a candidate; too large a catalogue turns the full softmax into a sampled one."""
    settings = candidate.settings
    largest = max(int(each.is_on_sale.sum()) for day, each in inputs.candidates.items() if day <= known_until)
    negatives = settings["sampled_negatives"]
    if not negatives and largest > settings["max_softmax_articles"]:
        negatives = settings["sampled_fallback"]
    values = _picked(settings, TrainingSettings)
    return TrainingSettings(**{**values, "sampled_negatives": negatives, "seed": candidate.seed})


def validation_map(model: nn.Module, inputs: ModelInputs, day: date, k: int = 12) -> float:
    """Return the mean of `validation_average_precision`; 0 when nobody is judged."""
    return _mean_or_zero(validation_average_precision(model, inputs, day, k))


def validation_average_precision(
    model: nn.Module, inputs: ModelInputs, day: date, k: int = 12, most: int | None = None
) -> np.ndarray:
    """Return AP@k float64 (n_customers,) of the customers with history who bought something in the week from `day`.

    They stand in the order of the day's queries, which no model changes; empty where nobody bought. Of more than `most`
    so many are judged, evenly spread: ids are in order, so this is as good as a draw and the same every time.
    """
    queries, truth = inputs.queries[day], inputs.truths[day]
    judged = np.flatnonzero(queries.has_history() & (truth.sizes() > 0))
    if most is not None and len(judged) > most:
        judged = judged[np.linspace(0, len(judged) - 1, most).astype(np.int64)]
    if not len(judged):
        return np.empty(0)
    lists = recommend(model, queries.take(torch.from_numpy(judged)), inputs.candidates[day], k)
    hits = find_hits(first_k(lists.positions, k), *truth.take(judged))
    return average_precision_at_k(hits, truth.sizes()[judged])


def _mean_or_zero(average_precision: np.ndarray) -> float:
    return float(average_precision.mean()) if len(average_precision) else 0.0


def _training_weeks(inputs: ModelInputs, days: Sequence[date]) -> list[TrainingWeek]:
    known = [day for day in days if day in inputs.queries]
    return [TrainingWeek.of(inputs.candidates[day], inputs.queries[day], inputs.truths[day]) for day in known]


def _picked(settings: Mapping[str, Any], kind: type) -> dict[str, Any]:
    names = {field.name for field in fields(kind)}
    return {key: value for key, value in settings.items() if key in names}
