"""Nights that must never be published, each made out of a healthy one, with the test that has to catch it.

In: `NightInputs`, or the suite of a planted week. Out: the same, spoiled.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from benchmarks.calibration.inputs import NightInputs
from recommender.evaluation.behavior.suite import BehavioralSuite
from recommender.evaluation.slices import LAST_DAY_OF_FIRST_MONTH


def popularity_for_everyone(suite: BehavioralSuite) -> BehavioralSuite:
    """The twelve best sellers, whoever asks."""
    return _with(suite, suite.baselines["popular"])


def shuffled_labels(suite: BehavioralSuite) -> BehavioralSuite:
    """What training on shuffled labels comes to: good lists, of somebody else."""
    return _with(suite, np.random.default_rng(3).permutation(suite.lists))


def blind_for_new_articles(suite: BehavioralSuite) -> BehavioralSuite:
    """Articles of the first month are replaced by the customer's next best older ones."""
    return _replaced(suite, suite.article_ages <= LAST_DAY_OF_FIRST_MONTH)


def leaked_test_week(suite: BehavioralSuite) -> BehavioralSuite:
    """Purchases of the week come first."""
    lists = suite.lists.copy()
    for row in range(len(lists)):
        bought = suite.truth.of_row(row)
        bought = bought[suite.is_on_sale[bought]][: lists.shape[1]]
        rest = lists[row][~np.isin(lists[row], bought)]
        lists[row] = np.concatenate([bought, rest])[: lists.shape[1]]
    return _with(suite, lists)


def single_department(suite: BehavioralSuite) -> BehavioralSuite | None:
    """Everything from the department that sells most; None where it cannot fill a list."""
    names, codes = suite.codes["department"]
    largest = np.argmax(np.bincount(codes, weights=suite.last_week_sales, minlength=len(names)))
    if (suite.is_on_sale & (codes == largest)).sum() < suite.lists.shape[1]:
        return None
    return _replaced(suite, codes != largest)


def ids_shifted_by_one(suite: BehavioralSuite) -> BehavioralSuite:
    """Every article's neighbour in the catalogue, as an index read with the wrong offset gives."""
    on_sale = np.flatnonzero(suite.is_on_sale)
    column = np.searchsorted(on_sale, suite.lists)
    return _with(suite, on_sale[(column + 1) % len(on_sale)])


def colour_variants(suite: BehavioralSuite) -> BehavioralSuite | None:
    """One product in as many colours as there are, for every tenth customer; None where no article has so many."""
    flood, most = _most_colours(suite), suite.common_sense.most_per_product_code
    if len(flood) <= most:  # the planted products have no more colours than allowed
        suite = dataclasses.replace(suite, attributes={**suite.attributes, "product_code": _joined(suite)})
        flood = _most_colours(suite)
    if len(flood) <= most:
        return None
    lists = suite.lists.copy()
    for row in range(0, len(lists), 10):
        rest = lists[row][~np.isin(lists[row], flood)]
        lists[row] = np.concatenate([flood, rest])[: lists.shape[1]]
    return _with(suite, lists)


def withdrawn_articles(suite: BehavioralSuite) -> BehavioralSuite | None:
    """The last rank of some lists is an article that is no longer sold; None where all are."""
    withdrawn = np.flatnonzero(~suite.is_on_sale)
    if not len(withdrawn):
        return None
    lists = suite.lists.copy()
    lists[::50, -1] = withdrawn[0]
    return _with(suite, lists)


def fails_cold_customers(suite: BehavioralSuite) -> BehavioralSuite:
    """Whoever has a history is served well, everybody else the slowest sellers."""
    slowest = np.argsort(np.where(suite.is_on_sale, suite.last_week_sales, np.iinfo(np.int64).max), kind="stable")
    lists, sellable = suite.lists.copy(), slowest[: min(suite.lists.shape[1], int(suite.is_on_sale.sum()))]
    lists[~suite.has_history, : len(sellable)] = sellable
    return _with(suite, lists)


def ranker_that_saw_the_week(night: NightInputs) -> NightInputs:
    """The test week is among those that taught the ranker."""
    suite = _with(night.suite, night.leaked_lists)
    rehearsal = suite.rehearsal and dataclasses.replace(suite.rehearsal, judged_likelihood_now=night.leaked_likelihood)
    return dataclasses.replace(night, suite=dataclasses.replace(suite, rehearsal=rehearsal))


def lists_of_seven_days_before(night: NightInputs) -> NightInputs:
    """What the evaluated models made a week ago is offered as tonight's."""
    gate = night.gate
    rows = np.flatnonzero(gate.evaluated_lists[:, 0] >= 0)
    lists, scores = gate.lists.copy(), gate.scores.copy()
    lists[rows], scores[rows] = gate.evaluated_lists[rows], gate.evaluated_scores[rows]
    return dataclasses.replace(night, gate=dataclasses.replace(gate, lists=lists, scores=scores))


def lists_dealt_to_others(night: NightInputs) -> NightInputs:
    """Tonight's lists, each to another customer."""
    rows = np.flatnonzero(night.gate.is_personal)
    lists, scores = night.gate.lists.copy(), night.gate.scores.copy()
    dealt = np.random.default_rng(3).permutation(rows)
    lists[rows], scores[rows] = lists[dealt], scores[dealt]
    return dataclasses.replace(night, gate=dataclasses.replace(night.gate, lists=lists, scores=scores))


def tower_of_one_step(night: NightInputs) -> NightInputs:
    """The refit of the two-tower stopped after its first step."""
    gate = dataclasses.replace(night.gate, two_tower_precision=night.one_step_precision)
    return dataclasses.replace(night, gate=gate)


class Saboteur(NamedTuple):
    """How a night is spoiled, and the test that must fail.

    Attributes:
        spoil: of a suite where `of_lists`, otherwise of a night.
        caught_by: name of the test.
        of_lists: whether it changes nothing but the test week's lists.
        is_of_gate: whether the publication gate has to catch it.
    """

    spoil: Callable
    caught_by: str
    of_lists: bool = True
    is_of_gate: bool = False

    def night(self, healthy: NightInputs) -> NightInputs | None:
        """Return the spoiled night; None in a shop that it cannot spoil."""
        if not self.of_lists:
            return self.spoil(healthy)
        suite = self.spoil(healthy.suite)
        return None if suite is None else dataclasses.replace(healthy, suite=suite)


SABOTEURS = {
    "popularity for everyone": Saboteur(popularity_for_everyone, "better_than_popular"),
    "shuffled labels": Saboteur(shuffled_labels, "better_than_popular"),
    "blind for new articles": Saboteur(blind_for_new_articles, "new_articles_recommended"),
    "leaked test week": Saboteur(leaked_test_week, "gain_over_earlier_ranker"),
    "single department": Saboteur(single_department, "department_balance"),
    "ids shifted by one": Saboteur(ids_shifted_by_one, "no_worse_than_popular"),
    "colour variants": Saboteur(colour_variants, "no_colour_variant_floods"),
    "withdrawn articles": Saboteur(withdrawn_articles, "only_articles_on_sale"),
    "fails cold customers": Saboteur(fails_cold_customers, "cold_customers_no_worse_than_popular"),
    "ranker that saw the week": Saboteur(ranker_that_saw_the_week, "part_of_a_leaks_gain", of_lists=False),
    "lists of seven days before": Saboteur(
        lists_of_seven_days_before, "lists_are_new", of_lists=False, is_of_gate=True
    ),
    "lists dealt to others": Saboteur(lists_dealt_to_others, "overlap_with_evaluated", of_lists=False, is_of_gate=True),
    "tower of one step": Saboteur(tower_of_one_step, "two_tower_learned", of_lists=False, is_of_gate=True),
}
"""By name."""


def _with(suite: BehavioralSuite, lists: np.ndarray) -> BehavioralSuite:
    lists = lists.astype(np.int32)
    return dataclasses.replace(suite, lists=lists, lists_again=lists)


def _replaced(suite: BehavioralSuite, is_barred: np.ndarray) -> BehavioralSuite:
    """Give every customer best sellers that are not barred in place of the barred articles."""
    order = np.argsort(-suite.last_week_sales, kind="stable")
    allowed = order[(~is_barred & suite.is_on_sale)[order]]
    lists = suite.lists.copy()
    for row in range(len(lists)):
        kept = lists[row][(lists[row] >= 0) & ~is_barred[lists[row]]]
        others = np.roll(allowed, -(row % max(1, len(allowed) // 4)))
        filling = others[~np.isin(others, kept)]
        rest = lists[row][(lists[row] >= 0) & ~np.isin(lists[row], kept)]  # where there is not enough else
        lists[row] = np.concatenate([kept, filling, rest, lists[row]])[: lists.shape[1]]
    return _with(suite, lists)


def _most_colours(suite: BehavioralSuite) -> np.ndarray:
    """Positions of the articles on sale of the product that has most of them, as many as a list holds."""
    names, codes = suite.codes["product_code"]
    counts = np.bincount(codes[suite.is_on_sale], minlength=len(names))
    return np.flatnonzero((codes == np.argmax(counts)) & suite.is_on_sale)[: suite.lists.shape[1]]


def _joined(suite: BehavioralSuite) -> np.ndarray:
    """Product codes of which each stands for all articles of a department and colour."""
    return np.char.add(suite.attributes["department"].astype(str), suite.attributes["colour_group"].astype(str))
