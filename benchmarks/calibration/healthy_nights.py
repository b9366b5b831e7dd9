"""Nights of a healthy shop that chance alone makes different: how many of them would be refused?

In: `NightInputs`. Out: others, with customers drawn from its own, with replacement, and an earlier week for the newest.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from benchmarks.calibration.inputs import NightInputs
from recommender.evaluation.behavior.judged_week import Perturbed, Rehearsal
from recommender.evaluation.behavior.suite import BehavioralSuite
from recommender.evaluation.publication_gate import PublicationGate
from recommender.evaluation.usual_weeks import UsualWeeks

FEWEST_WEEKS = 12  # two that are judged, and enough before them


def simulated_nights(night: NightInputs, n_nights: int, seed: int) -> Iterator[NightInputs]:
    """Yield nights of as many customers, drawn with replacement; each of them brings lists, purchases and history.

    The data are held against usual as of any week of the shop's that has enough weeks before it.
    """
    rng = np.random.default_rng(seed)
    for _ in range(n_nights):
        weeks, suite, gate = _weeks_of(night.weeks, rng), _suite_of(night.suite, rng), _gate_of(night.gate, rng)
        yield replace(night, weeks=weeks, suite=suite, gate=gate)


def _weeks_of(weeks: UsualWeeks, rng: np.random.Generator) -> UsualWeeks:
    """Leave out some of the newest weeks."""
    n_left_out = rng.integers(max(1, len(weeks.weeks["purchases"]) - FEWEST_WEEKS))
    return replace(weeks, weeks={name: values[n_left_out:] for name, values in weeks.weeks.items()})


def _suite_of(suite: BehavioralSuite, rng: np.random.Generator) -> BehavioralSuite:
    rows = _drawn(len(suite.lists), rng)
    starts, sizes = suite.truth.offsets[rows], suite.truth.sizes()[rows]
    places = np.repeat(starts - np.concatenate([[0], np.cumsum(sizes)[:-1]]), sizes) + np.arange(sizes.sum())
    return replace(
        suite,
        lists=suite.lists[rows],
        scores=suite.scores[rows],
        lists_again=suite.lists_again[rows],
        baselines={name: lists[rows] for name, lists in suite.baselines.items()},
        truth=suite.truth.take(rows),
        truth_days=suite.truth_days[places],
        has_history=suite.has_history[rows],
        usual_prices=suite.usual_prices[rows],
        history=suite.history[rows],
        customer_slices={name: labels[rows] for name, labels in suite.customer_slices.items()},
        customer_names=suite.customer_names[rows],
        two_tower=None if suite.two_tower is None else suite.two_tower[rows],
        perturbed=suite.perturbed and _perturbed_of(suite.perturbed, rng),
        rehearsal=suite.rehearsal and _rehearsal_of(suite.rehearsal, rows, rng),
    )


def _perturbed_of(perturbed: Perturbed, rng: np.random.Generator) -> Perturbed:
    rows = _drawn(len(perturbed.served), rng)
    return Perturbed(**{name: lists[rows] for name, lists in vars(perturbed).items()})


def _rehearsal_of(rehearsal: Rehearsal, rows: np.ndarray, rng: np.random.Generator) -> Rehearsal:
    """Draw the customers of the week before, and keep those of the judged week that were drawn and scored."""
    before = _drawn(len(rehearsal.earlier_then), rng)
    place = np.full(rows.max() + 1, -1)
    place[rehearsal.rows[rehearsal.rows <= rows.max()]] = np.flatnonzero(rehearsal.rows <= rows.max())
    drawn = np.flatnonzero(place[rows] >= 0)
    now = place[rows[drawn]]
    names_then = "earlier_then", "reference_then", "earlier_likelihood_then", "judged_likelihood_then"
    names_now = "earlier_now", "reference_now", "earlier_likelihood_now", "judged_likelihood_now"
    values = {name: getattr(rehearsal, name)[before] for name in names_then}
    return replace(rehearsal, rows=drawn, **values, **{name: getattr(rehearsal, name)[now] for name in names_now})


def _gate_of(gate: PublicationGate, rng: np.random.Generator) -> PublicationGate:
    rows = _drawn(len(gate.lists), rng)
    drawn = {
        name: getattr(gate, name)[rows]
        for name in ("customer_ids", "lists", "scores", "is_personal", "evaluated_lists", "evaluated_scores")
    }
    drawn["known_customer_ids"] = np.unique(drawn["customer_ids"])
    if gate.two_tower_precision is not None:
        buyers = _drawn(len(gate.two_tower_precision), rng)
        names = "two_tower_precision", "evaluated_two_tower_precision", "first_step_precision"
        drawn |= {name: getattr(gate, name)[buyers] for name in names}
    return replace(gate, **drawn)


def _drawn(n: int, rng: np.random.Generator) -> np.ndarray:
    return rng.integers(n, size=n)
