"""One week's own models: a two-tower fitted before the week, and candidates of the week and those after it.

Stage: run before some ranking weeks and before the test week, in parallel. In: the marts, the chosen candidate and the
epoch that served it best. Out: one folder with the two-tower, its inputs and a `RankingWeek` for each week it scores,
all blind for what they score.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from recommender.config import Candidate, StageSettings
from recommender.features.encoding import INPUTS, encode_marts
from recommender.features.interactions import Interactions
from recommender.features.marts import Marts
from recommender.features.model_inputs import ModelInputs, keep_days
from recommender.features.truth import Truth
from recommender.models.grid import check_training_days, fit_until
from recommender.models.model_files import load_model
from recommender.models.trained_candidate import Epoch
from recommender.stages.fitted_day import FittedDay, fit_day
from recommender.stages.ranking_week import RankingWeek, ranking_week

RANKING_WEEK = "ranking_week_{day}"


@dataclass(frozen=True)
class WeeklyModel:
    """Where one week's models are.

    Attributes:
        as_of_day: first day that the two-tower may not see.
        folder: holds the two-tower, its inputs and the ranking weeks.
        marts: that it was fitted on, and that the days are read from which it scores.
        scored_weeks: first days of the weeks whose candidates are collected, oldest first; not before the as-of day.
    """

    as_of_day: date
    folder: Path
    marts: Marts
    scored_weeks: tuple[date, ...] = ()

    def inputs(self) -> ModelInputs:
        """Open the encoded inputs."""
        return ModelInputs.load(self.folder / INPUTS)

    def forget_inputs(self) -> None:
        """Remove the encoded inputs, the largest files by far: what is left can be read, but scores no day any more."""
        shutil.rmtree(self.folder / INPUTS)

    def keep_inputs_of(self, days: Collection[date]) -> None:
        """Remove the encoded inputs of other days."""
        keep_days(self.folder / INPUTS, days)

    def week(self, day: date | None = None) -> RankingWeek:
        """Read the candidates of the buyers of a week, by default the model's own."""
        return RankingWeek.load(self.week_folder(day or self.as_of_day))

    def week_folder(self, day: date) -> Path:
        """Return where the candidates of a week are kept."""
        return self.folder / RANKING_WEEK.format(day=day)

    def fit_day(
        self, stages: StageSettings, as_of_day: date | None = None, rows: np.ndarray | None = None
    ) -> FittedDay:
        """Fit the generators with this two-tower on its own day, or on a later one that its inputs hold.

        `rows` (n,) int64 are those of the day's customers to serve; all by default.
        """
        return self._fit(self.inputs(), stages, as_of_day or self.as_of_day, rows)

    def fit_for_buyers(
        self,
        stages: StageSettings,
        as_of_day: date | None = None,
        most: int | None = None,
        seed: int = 0,
        purchases: Interactions | None = None,
    ) -> tuple[FittedDay, Truth]:
        """Fit the generators for the customers who bought something in the week from the day; and return what.

        Only to learn from the week or to judge lists for it; `fit_day` reveals nothing of it. Of more customers than
        `most` a sample is taken, drawn by the seed. Generators count `purchases`, by default those of the marts.
        """
        inputs, day = self.inputs(), as_of_day or self.as_of_day
        truth = inputs.truths[day]
        rows = _sample(truth.buyers(), most, seed)
        return self._fit(inputs, stages, day, rows, purchases), truth.take(rows)

    def _fit(
        self,
        inputs: ModelInputs,
        stages: StageSettings,
        day: date,
        rows: np.ndarray | None,
        purchases: Interactions | None = None,
    ) -> FittedDay:
        model, sizes, filters = load_model(self.folder), stages.sizes, stages.filters
        return fit_day(self.marts, day, inputs, model, sizes, filters, purchases, rows)


@dataclass(frozen=True)
class FittedModels:
    """What the four stages are made of: a two-tower with its inputs, and the folder of a ranker."""

    two_tower: WeeklyModel
    ranker_folder: Path


def fit_two_tower(
    candidate: Candidate,
    last_epoch: int,
    marts: Marts,
    as_of_day: date,
    training_days: Sequence[date],
    on_sale_days: int,
    folder: Path,
    scored_days: Sequence[date] = (),
    report: Callable[[Epoch], None] = print,
    some_customers: Mapping[date, np.ndarray] | None = None,
) -> WeeklyModel:
    """Fit NVTabular and a two-tower on what lies before a day, and save them with the encoded inputs.

    Args:
        candidate: what to train.
        last_epoch: the epoch of its schedule to stop after.
        marts: of the run.
        as_of_day: first day that nothing may see.
        training_days: as-of days whose target weeks end before it.
        on_sale_days: see `encoding.encode_candidates`.
        folder: where everything goes.
        scored_days: further as-of days that the model will score.
        report: called after every epoch.
        some_customers: on these days it will score only some customers, see `encoding.encode_marts`.

    Raises:
        ValueError: when a training day's target week does not end before the day.
    """
    check_training_days(training_days, as_of_day)
    days = sorted({*training_days, as_of_day, *scored_days})
    inputs = encode_marts(marts, as_of_day, on_sale_days, folder, days, some_customers)
    fit_until(candidate, last_epoch, inputs, training_days, as_of_day, folder, report)
    return WeeklyModel(as_of_day, folder, marts)


def collect_candidates(
    weekly: WeeklyModel,
    stages: StageSettings,
    most_customers: int | None = None,
    seed: int = 0,
    day: date | None = None,
) -> RankingWeek:
    """Save a week's candidates of everybody who bought something in it, or of a sample of them.

    Args:
        weekly: the two-tower.
        stages: generators and rules.
        most_customers: size of the sample; None takes everybody.
        seed: of the sample.
        day: first day of the week, by default the two-tower's own, else a later one that its inputs hold.
    """
    fitted, truth = weekly.fit_for_buyers(stages, day, most_customers, seed)
    return ranking_week(fitted, truth, weekly.week_folder(fitted.day.as_of_day))


def weeks_of(models: Iterable[WeeklyModel]) -> list[RankingWeek]:
    """Read every week that some models scored, oldest first."""
    return sorted((model.week(day) for model in models for day in model.scored_weeks), key=lambda week: week.as_of_day)


def _sample(rows: np.ndarray, most: int | None, seed: int) -> np.ndarray:
    if most is None or len(rows) <= most:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))
