"""Matrix factorisation by implicit: a vector for every customer and every article, their inner product is the score.

Stage: beside the two-tower models. In: purchases as integers, an as-of day, a seed. Out: `Factors`, fitted on what lies
before the day. Own articles are kept. implicit and threadpoolctl are imported inside the functions that need them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from recommender.features.interactions import Interactions
from recommender.models.item_similarity import history_before

if TYPE_CHECKING:
    from implicit.cpu.matrix_factorization_base import MatrixFactorizationBase


MOST_PAIRS = 150_000_000
"""Drawn by BPR at most. It draws them one by one on one core: 50 passes over 30 million purchases took a quarter of an
hour. Little is lost: of 3 million purchases 12 passes taught it as much as 50."""


@dataclass(frozen=True)
class Factors:
    """A fitted factorisation.

    Attributes:
        customers: (n_customers, d) float32, zeros for a customer without purchases.
        articles: (n_articles, d) float32, zeros for an article that never sold.
    """

    customers: np.ndarray
    articles: np.ndarray

    def score(self, customers: np.ndarray, articles: np.ndarray) -> np.ndarray:
        """Return the inner products of some customers and some articles.

        Args:
            customers: (n,) int rows of the purchases' customers.
            articles: (m,) int catalogue positions.

        Returns:
            (n, m) float32; 0 for a customer without purchases and for an article that never sold.
        """
        return self.customers[customers] @ self.articles[articles].T


def fit_als(
    purchases: Interactions,
    as_of_day: date,
    seed: int,
    factors: int = 64,
    iterations: int = 15,
    regularization: float = 1.0,
    alpha: float = 10.0,
    half_life_days: float | None = 120.0,
) -> Factors:
    """Fit implicit ALS on what was bought before a day: weighted least squares on bought or not.

    Args:
        purchases: of any time; those from the day on are left out.
        as_of_day: first day that nothing is known of.
        seed: of the first factors; one seed gives one result.
        factors: length of the vectors.
        iterations: sweeps over customers and articles.
        regularization: weight of the vectors' squared lengths.
        alpha: how much more a purchase of today counts than an article not bought.
        half_life_days: a purchase of this age counts half, None counts all the same.

    Raises:
        ValueError: when nothing was bought before the day.

    Source: Hu, Koren and Volinsky, Collaborative filtering for implicit feedback datasets, ICDM 2008.
    """
    from implicit.cpu.als import AlternatingLeastSquares
    from threadpoolctl import threadpool_limits

    history = history_before(purchases, as_of_day, half_life_days)
    with threadpool_limits(1, "blas"):  # implicit's own threads and those of BLAS would fight over the cores
        model = AlternatingLeastSquares(factors, regularization, alpha, iterations=iterations, random_state=seed)
        model.fit(history, show_progress=False)
    return _factors_of(model, history)


def fit_bpr(
    purchases: Interactions,
    as_of_day: date,
    seed: int,
    factors: int = 64,
    iterations: int = 50,
    learning_rate: float = 0.05,
    regularization: float = 0.01,
) -> Factors:
    """Fit BPR on what was bought before a day: an article bought should score above one that was not.

    Purchases have no weight here, neither by age nor by number.

    Args:
        purchases: of any time; those from the day on are left out.
        as_of_day: first day that nothing is known of.
        seed: of the first factors and of what is sampled; one seed gives one result.
        factors: length of the vectors, beside an article's bias.
        iterations: each draws as many pairs as there are entries in the history; fewer where those were more than
            MOST_PAIRS.
        learning_rate: of gradient descent.
        regularization: weight of the vectors' squared lengths.

    Raises:
        ValueError: when nothing was bought before the day.

    Source: Rendle et al., BPR: Bayesian personalized ranking from implicit feedback, UAI 2009,
    https://arxiv.org/abs/1205.2618
    """
    from implicit.cpu.bpr import BayesianPersonalizedRanking
    from threadpoolctl import threadpool_limits

    history = history_before(purchases, as_of_day, half_life_days=None)
    affordable = max(1, MOST_PAIRS // history.nnz)
    with threadpool_limits(1, "blas"):
        model = BayesianPersonalizedRanking(
            factors,
            learning_rate,
            regularization,
            iterations=min(iterations, affordable),
            num_threads=1,  # more update the same factors without locks: the result would depend on their timing
            random_state=seed,
        )
        model.fit(history, show_progress=False)
    return _factors_of(model, history)


def _factors_of(model: MatrixFactorizationBase, history: sparse.csr_matrix) -> Factors:
    """Take a fitted model's vectors, and zeros for whom and what it saw no purchase of."""
    has_history, has_sold = (history.getnnz(axis=axis) > 0 for axis in (1, 0))
    return Factors(model.user_factors * has_history[:, None], model.item_factors * has_sold[:, None])
