"""What both gates judge of a shop's night, kept: thresholds are tried on it in seconds, and nothing is trained again.

In: a `FittedNight`. Out: `NightInputs`, pickled beside it, with what some saboteurs need that are no change of lists:
lists by a ranker that saw the test week, how likely it makes its purchases, and a two-tower trained for one step.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.calibration.nights import FittedNight, settings_of
from recommender.evaluation.behavior.judged_week import Rehearsal
from recommender.evaluation.behavior.suite import BehavioralSuite
from recommender.evaluation.evaluated_week import evaluate_week
from recommender.evaluation.held_out_week import lists_of_week
from recommender.evaluation.publication_gate import PublicationGate
from recommender.evaluation.usual_weeks import UsualWeeks
from recommender.models.first_step import EPOCHS
from recommender.models.grid import build_model, training_settings, validation_average_precision
from recommender.models.ranking.purchase_likelihood import purchase_likelihood
from recommender.models.ranking.rankers import load_ranker, score_rows
from recommender.models.training import train
from recommender.models.training_week import TrainingWeek
from recommender.release.tonights_lists import COMPARED_CUSTOMERS, ListRequest, Recommender, lists_for_everybody
from recommender.weeks.configuration import NO_CHAMPION, Opponent
from recommender.weeks.weekly_models import FittedModels

INPUTS = "inputs.pkl"


@dataclass(frozen=True)
class NightInputs:
    """What is judged.

    Attributes:
        name: of the shop with its seed.
        winner: who made the lists.
        metrics: model to metric to value, of the test week.
        weeks: the data of the newest weeks.
        suite: of the test week's lists.
        gate: of the lists for everybody.
        leaked_lists: (n, k) int32 of the suite's customers, by a ranker that learned from the test week.
        leaked_likelihood: (s,) float64 of their purchases by its scores, for the rehearsal's rows; None without one.
        one_step_precision: (n_buyers,) float64, average precision of a two-tower trained for one step alone.
    """

    name: str
    winner: str
    metrics: dict[str, dict[str, float]]
    weeks: UsualWeeks
    suite: BehavioralSuite
    gate: PublicationGate
    leaked_lists: np.ndarray
    leaked_likelihood: np.ndarray | None
    one_step_precision: np.ndarray


def collect_inputs(night: FittedNight) -> NightInputs:
    """Make and score the lists of a fitted night."""
    settings = settings_of(night)
    week, _ = evaluate_week(night.models, Opponent(None, reason=NO_CHAMPION), settings, night.oracle_file)
    k = settings.lists.k
    request = ListRequest(
        night.windows.publishing_as_of_day,
        night.configuration.candidate,
        stages=settings.stages,
        k=settings.lists.published_k,
        recommender=Recommender(week.contest.winner, settings.ranking.seed),
        purchases=settings.lists.purchases,
    )
    tonight = lists_for_everybody(request, night.refitted, night.models.evaluated)
    leaky = FittedModels(night.models.evaluated.two_tower, night.refitted.ranker_folder)
    leaked = lists_of_week(leaky, settings.stages, k, settings.lists.published_k)[1]
    return NightInputs(
        name=night.name,
        winner=week.contest.winner,
        metrics=week.metrics,
        weeks=night.weeks,
        suite=week.suite,
        gate=tonight.gate(k),
        leaked_lists=leaked.positions[:, :k],
        leaked_likelihood=_leaked_likelihood(night, week.suite.rehearsal),
        one_step_precision=_one_step(night),
    )


def _leaked_likelihood(night: FittedNight, rehearsal: Rehearsal | None) -> np.ndarray | None:
    if rehearsal is None:
        return None
    rows = night.models.evaluated.two_tower.week().rows()
    return purchase_likelihood(score_rows(load_ranker(night.refitted.ranker_folder), rows), rows, rehearsal.temperature)


def _one_step(night: FittedNight) -> np.ndarray:
    """Train the night's two-tower for a single step, on the test week's purchases, and judge it by these.

    Not with the night's seed, which draws the weights of what it is compared with.
    """
    inputs, day = night.refitted.two_tower.inputs(), night.windows.test_as_of_day
    chosen, known_until = night.configuration.candidate, night.windows.publishing_as_of_day
    candidate = replace(chosen, seed=chosen.seed + 1)
    model = build_model(candidate, inputs, known_until)
    weeks = [TrainingWeek.of(inputs.candidates[day], inputs.queries[day], inputs.truths[day])]
    settings = training_settings(candidate, inputs, known_until)
    everybody = replace(settings, batch_size=len(inputs.queries[day]), epochs=EPOCHS)
    train(model, weeks, everybody, last_epoch=1)
    return validation_average_precision(model, inputs, day, most=COMPARED_CUSTOMERS)


def read_inputs(folder: Path) -> NightInputs:
    """Read back what `keep_inputs` wrote; not for files of unknown origin, it unpickles."""
    return pickle.loads((folder / INPUTS).read_bytes())


def keep_inputs(inputs: NightInputs, folder: Path) -> None:
    """Write the inputs beside the night, whole or not at all."""
    beside = folder / f"{INPUTS}.unfinished"
    beside.write_bytes(pickle.dumps(inputs))
    beside.rename(folder / INPUTS)
