"""Recommenders that must never be published, each made out of a healthy one, with the test that has to catch it."""

import dataclasses

import numpy as np

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


def single_department(suite: BehavioralSuite) -> BehavioralSuite:
    """Everything from the department that sells most."""
    names, codes = suite.codes["department"]
    largest = np.argmax(np.bincount(codes, weights=suite.last_week_sales, minlength=len(names)))
    return _replaced(suite, codes != largest)


def ids_shifted_by_one(suite: BehavioralSuite) -> BehavioralSuite:
    """Every article's neighbour in the catalogue, as an index read with the wrong offset gives."""
    on_sale = np.flatnonzero(suite.is_on_sale)
    column = np.searchsorted(on_sale, suite.lists)
    return _with(suite, on_sale[(column + 1) % len(on_sale)])


def colour_variants(suite: BehavioralSuite) -> BehavioralSuite:
    """One product in as many colours as there are, for every tenth customer."""
    lists = suite.lists.copy()
    names, codes = suite.codes["product_code"]
    counts = np.bincount(codes[suite.is_on_sale], minlength=len(names))
    flood = np.flatnonzero((codes == np.argmax(counts)) & suite.is_on_sale)
    if len(flood) <= suite.common_sense.most_per_product_code:  # the planted products have no more colours than allowed
        suite = dataclasses.replace(suite, attributes={**suite.attributes, "product_code": _joined(suite)})
        return colour_variants(suite)
    flood = flood[: lists.shape[1]]
    for row in range(0, len(lists), 10):
        rest = lists[row][~np.isin(lists[row], flood)]
        lists[row] = np.concatenate([flood, rest])[: lists.shape[1]]
    return _with(suite, lists)


def withdrawn_articles(suite: BehavioralSuite) -> BehavioralSuite:
    """The last rank of some lists is an article that is no longer sold."""
    lists = suite.lists.copy()
    lists[::50, -1] = np.flatnonzero(~suite.is_on_sale)[0]
    return _with(suite, lists)


def fails_cold_customers(suite: BehavioralSuite) -> BehavioralSuite:
    """Whoever has a history is served well, everybody else the slowest sellers."""
    slowest = np.argsort(np.where(suite.is_on_sale, suite.last_week_sales, np.iinfo(np.int64).max), kind="stable")
    lists = np.where(suite.has_history[:, None], suite.lists, slowest[: suite.lists.shape[1]])
    return _with(suite, lists)


SABOTEURS = {
    "popularity for everyone": (popularity_for_everyone, "better_than_popular"),
    "shuffled labels": (shuffled_labels, "better_than_popular"),
    "blind for new articles": (blind_for_new_articles, "new_articles_recommended"),
    "leaked test week": (leaked_test_week, "not_too_good_to_be_true"),
    "single department": (single_department, "department_balance"),
    "ids shifted by one": (ids_shifted_by_one, "better_than_popular"),
    "colour variants": (colour_variants, "no_colour_variant_floods"),
    "withdrawn articles": (withdrawn_articles, "only_articles_on_sale"),
    "fails cold customers": (fails_cold_customers, "cold_customers_no_worse_than_popular"),
}
"""Name to how it is made and the test that must fail."""


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
        lists[row] = np.concatenate([kept, filling])[: lists.shape[1]]
    return _with(suite, lists)


def _joined(suite: BehavioralSuite) -> np.ndarray:
    """Product codes of which each stands for all articles of a department and colour."""
    return np.char.add(suite.attributes["department"].astype(str), suite.attributes["colour_group"].astype(str))
