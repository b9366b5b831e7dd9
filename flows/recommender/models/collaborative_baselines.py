"""Recommenders that learn from who bought what alone: what a model that also reads attributes has to beat.

Stage: beside `baselines`, with the same shop, candidates and lists. In: a `BaselineShop`. Out: `RankedLists`.

Each is a function `(shop, customer_ids, candidates, k) -> RankedLists`, listed in `COLLABORATIVE_BASELINES`; it is
fitted on what lies before the day when it is called:

    item_knn  nearest neighbours by BM25 and cosine
    ease      the closed-form linear model; not for a catalogue larger than `EASE_MAX_ARTICLES`
    als       matrix factorisation by alternating least squares
    bpr       matrix factorisation by Bayesian personalised ranking

Places where a model has no score are filled with popular; a customer without purchases gets popular alone. Ties fall
by popularity, then by article id.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

import numpy as np

from recommender.every_core import on_every_core
from recommender.model_names import EASE, ITEM_KNN
from recommender.models.baseline_shop import BaselineShop
from recommender.models.baselines import (
    BASELINES,
    Popularity,
    fill_with_popular,
)
from recommender.models.item_similarity import CatalogueTooLarge, fit_ease, fit_item_knn
from recommender.models.matrix_factorisation import fit_als, fit_bpr
from recommender.models.ranked_lists import RankedLists, empty_lists, top_per_row

CUSTOMERS_PER_CHUNK = 1_024


class Scorer(Protocol):
    """A fitted model; see `item_similarity` and `matrix_factorisation`."""

    def score(self, customers: np.ndarray, articles: np.ndarray) -> np.ndarray:
        """Return (n, m) float32 scores of (n,) customer rows for (m,) catalogue positions; 0 where it has none."""


def item_knn(shop: BaselineShop, customer_ids: Sequence[str], candidates: np.ndarray, k: int = 12) -> RankedLists:
    """Give each customer the candidates most similar to what was bought before."""
    return rank_by(fit_item_knn(shop.interactions, shop.as_of_day), shop, customer_ids, candidates, k)


def ease(shop: BaselineShop, customer_ids: Sequence[str], candidates: np.ndarray, k: int = 12) -> RankedLists:
    """Give each customer the candidates that EASE predicts from what was bought before.

    Raises CatalogueTooLarge when more articles have sold than its dense weights are meant for.
    """
    return rank_by(fit_ease(shop.interactions, shop.as_of_day), shop, customer_ids, candidates, k)


def als(
    shop: BaselineShop, customer_ids: Sequence[str], candidates: np.ndarray, k: int = 12, seed: int = 0
) -> RankedLists:
    """Give each customer the candidates with the largest inner products in ALS."""
    return rank_by(fit_als(shop.interactions, shop.as_of_day, seed), shop, customer_ids, candidates, k)


def bpr(
    shop: BaselineShop, customer_ids: Sequence[str], candidates: np.ndarray, k: int = 12, seed: int = 0
) -> RankedLists:
    """Give each customer the candidates with the largest inner products in BPR."""
    return rank_by(fit_bpr(shop.interactions, shop.as_of_day, seed), shop, customer_ids, candidates, k)


COLLABORATIVE_BASELINES: dict[str, Callable[..., RankedLists]] = {
    ITEM_KNN: item_knn,
    EASE: ease,
    "als": als,
    "bpr": bpr,
}
"""Every collaborative baseline by the name it has in reports."""

SEEDED = ("als", "bpr")
"""Those that start from random factors and take a `seed`."""


def every_baseline(seed: int) -> dict[str, Callable[..., RankedLists]]:
    """Return every baseline by its name, collaborative ones included; those in `SEEDED` start from the seed."""
    seeded = {name: partial(COLLABORATIVE_BASELINES[name], seed=seed) for name in SEEDED}
    return BASELINES | COLLABORATIVE_BASELINES | seeded


def run_baselines(
    shop: BaselineShop,
    customer_ids: Sequence[str],
    candidates: np.ndarray,
    k: int,
    seed: int,
    report: Callable[[str], None] = print,
) -> dict[str, RankedLists]:
    """Return the lists of every baseline by its name, collaborative ones included, made on every core.

    Args:
        shop: what is known on the day.
        customer_ids: (n,) whom the lists are for.
        candidates: (m,) catalogue positions that may be recommended.
        k: length of the lists.
        seed: of the baselines in `SEEDED`.
        report: called with a line for each baseline that is left out because the catalogue is too large for it.
    """
    import implicit  # noqa: F401, whole before there are threads: two that begin to import it wait for each other

    baselines = every_baseline(seed)

    def lists_of(name: str) -> RankedLists | CatalogueTooLarge:
        try:
            return baselines[name](shop, customer_ids, candidates, k)
        except CatalogueTooLarge as reason:
            return reason

    longest_first = list(reversed(baselines))  # bpr before all: it learns on one core
    made = dict(zip(longest_first, on_every_core(lists_of, longest_first), strict=True))
    for name in baselines:
        if isinstance(made[name], CatalogueTooLarge):
            report(f"{name} is left out: {made.pop(name)}")
    return {name: made[name] for name in baselines if name in made}


def rank_by(
    model: Scorer, shop: BaselineShop, customer_ids: Sequence[str], candidates: np.ndarray, k: int
) -> RankedLists:
    """Give each customer the candidates a model scores highest, filled with popular where it has no score.

    A score s is listed as 1 + (1 + s / (1 + |s|)) / 2, which keeps the order and lies between 1 and 2, above the
    popular articles of the fill.
    """
    popularity = Popularity.of(shop, candidates)
    rows = shop.customer_rows(customer_ids)
    own = empty_lists(len(rows), k)
    known = np.flatnonzero(rows >= 0)
    for start in range(0, len(known), CUSTOMERS_PER_CHUNK):
        chunk = known[start : start + CUSTOMERS_PER_CHUNK]
        best = _best_scored(model.score(rows[chunk], popularity.order), popularity.order, k)
        own.positions[chunk], own.scores[chunk] = best
    return fill_with_popular(own, popularity, k)


def _best_scored(scores: np.ndarray, articles: np.ndarray, k: int) -> RankedLists:
    """Rank (n, m) scores of m articles, the most popular first; entries of 0 are no score."""
    scores = np.where(scores == 0, -np.inf, scores)
    kept = min(k, scores.shape[1])
    kth = np.partition(scores, -kept, axis=1)[:, -kept, None]  # (n, 1); all that tie with it stay in for now
    rows, columns = np.nonzero((scores >= kth) & np.isfinite(scores))
    entries = scores[rows, columns].astype(np.float64)
    best = top_per_row(rows, columns, entries, ties=columns, n_rows=len(scores), k=k)
    listed = 1 + (1 + best.scores / (1 + np.abs(best.scores))) / 2
    return RankedLists(np.where(best.positions < 0, -1, articles[best.positions]), listed)
