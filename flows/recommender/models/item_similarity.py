"""Item-to-item recommenders: what is bought by the same customers, scored over a customer's own history.

Stage: beside the two-tower models. In: purchases as integers, an as-of day. Out: `Ease` and `ItemKnn`, fitted on what
lies before the day; both score any customers and articles of it:

    score(customers, articles) -> (n, m) float32, 0 where the model has nothing to say

Own articles are kept: a shop sells the same thing again. implicit is imported inside the function that needs it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from scipy import linalg, sparse

from recommender.errors import NotEnoughData
from recommender.features.interactions import Interactions

HALF_LIFE_DAYS = 120.0  # a purchase of this age counts half
EASE_MAX_ARTICLES = 12_000
"""A dense matrix of them is 0.6 GB, of which fitting holds several."""


class CatalogueTooLarge(ValueError):
    """More articles than a model's dense weights are meant for."""


@dataclass(frozen=True)
class Ease:
    """EASE: a linear model that predicts each article from all others, fitted in closed form.

    Attributes:
        history: (n_customers, n_sold) float32 recency-weighted purchases.
        weights: (n_sold, n_sold) float32, row: article bought, column: article scored.
        columns: (n_articles,) int64 column of each catalogue position, -1 for an article that never sold.
    """

    history: sparse.csr_matrix
    weights: np.ndarray
    columns: np.ndarray

    def score(self, customers: np.ndarray, articles: np.ndarray) -> np.ndarray:
        """Return the scores of some customers for some articles.

        Args:
            customers: (n,) int rows of the purchases' customers.
            articles: (m,) int catalogue positions.

        Returns:
            (n, m) float32; 0 for a customer without purchases and for an article that never sold.
        """
        return self.history[customers] @ self.weights_of(articles)

    def weights_of(self, articles: np.ndarray) -> np.ndarray:
        """Return the (n_sold, m) float32 weights by which `history` scores some articles, (m,) catalogue positions."""
        columns = self.columns[articles]
        weights = np.take(self.weights, columns, axis=1)  # row by row in memory, as products read it
        weights[:, columns < 0] = 0
        return weights

    def with_purchases(
        self, purchases: Interactions, as_of_day: date, half_life_days: float | None = HALF_LIFE_DAYS
    ) -> Ease:
        """Return the same weights over other histories of the same customers, see `fit_ease`."""
        history = history_before(purchases, as_of_day, half_life_days)
        return replace(self, history=history[:, self.columns >= 0])


def fit_ease(
    purchases: Interactions,
    as_of_day: date,
    half_life_days: float | None = HALF_LIFE_DAYS,
    l2: float = 20.0,
    own_weight: float = 0.5,
    max_articles: int = EASE_MAX_ARTICLES,
) -> Ease:
    """Fit EASE on what was bought before a day: B = I - P diag(1 / diag P), P = (X'X + l2 I)^-1.

    EASE forbids an article to predict itself, so its diagonal is 0, and what is bought again and again is scored by
    other articles alone. A diagonal above 0 relaxes that.

    Args:
        purchases: of any time; those from the day on are left out.
        as_of_day: first day that nothing is known of.
        half_life_days: a purchase of this age counts half, None counts all the same.
        l2: positive; more pulls the weights towards 0.
        own_weight: an article's weight on itself, the diagonal; 0 is EASE as published.
        max_articles: most articles sold that the dense weights may span.

    Raises:
        CatalogueTooLarge: when more articles have sold.
        NotEnoughData: when nothing was bought before the day.

    Sources: Steck, Embarrassingly shallow autoencoders for sparse data, WWW 2019, https://arxiv.org/abs/1905.03375;
    for the diagonal: Moon et al., It's enough: relaxing diagonal constraints in linear autoencoders for
    recommendation, SIGIR 2023, https://arxiv.org/abs/2305.12922
    """
    history = history_before(purchases, as_of_day, half_life_days)
    sold = np.flatnonzero(history.getnnz(axis=0))
    if len(sold) > max_articles:
        raise CatalogueTooLarge(
            f"{len(sold):,} articles have sold, EASE's dense weights are for {max_articles:,} at most; "
            "raise max_articles where memory allows, or use item_knn"
        )
    history = history[:, sold]
    columns = np.full(purchases.n_articles, -1)
    columns[sold] = np.arange(len(sold))
    weights = ease_weights(history, l2)
    np.fill_diagonal(weights, own_weight)
    return Ease(history, weights, columns)


def ease_weights(history: sparse.csr_matrix, l2: float) -> np.ndarray:
    """Return EASE's (n_sold, n_sold) float32 weights with their diagonal of 0, see `fit_ease`.

    Inverts in float32, and again in float64 where that has too few digits.

    Raises:
        ValueError: when l2 is not positive.
    """
    if l2 <= 0:
        raise ValueError(f"l2 must be positive, got {l2}")
    gram = (history.T @ history).toarray()
    gram[np.diag_indices_from(gram)] += l2
    precision = _inverse(gram, np.float32)
    if not np.isfinite(precision).all():
        precision = _inverse(gram, np.float64)
    weights = -precision / np.diag(precision)
    np.fill_diagonal(weights, 0)
    return weights.astype(np.float32, copy=False)


def _inverse(gram: np.ndarray, dtype: type) -> np.ndarray:
    """Invert a positive definite matrix; NaN where it has none in this precision."""
    try:
        return linalg.inv(gram.astype(dtype), assume_a="pos", overwrite_a=True, check_finite=False)
    except linalg.LinAlgError:
        return np.full(gram.shape, np.nan, dtype)


@dataclass(frozen=True)
class ItemKnn:
    """Nearest neighbours between articles: the cosine of their BM25-weighted buyers.

    Attributes:
        history: (n_customers, n_articles) float32 recency-weighted purchases.
        last_baskets: (n_customers, n_articles) float32, 1 for what was bought on the customer's last purchase day.
        similarity: (n_articles, n_articles) float32, row: article bought, with its nearest neighbours, itself included.
    """

    history: sparse.csr_matrix
    last_baskets: sparse.csr_matrix
    similarity: sparse.csr_matrix

    def score(self, customers: np.ndarray, articles: np.ndarray) -> np.ndarray:
        """Return the summed similarity of some articles to all that each customer bought.

        Args:
            customers: (n,) int rows of the purchases' customers.
            articles: (m,) int catalogue positions.

        Returns:
            (n, m) float32; 0 for a customer without purchases and where no article bought is a neighbour.
        """
        return self._score(self.history, customers, articles)

    def last_basket_score(self, customers: np.ndarray, articles: np.ndarray) -> np.ndarray:
        """Return `score` as if each customer had only bought what was bought on the last purchase day."""
        return self._score(self.last_baskets, customers, articles)

    def with_purchases(
        self, purchases: Interactions, as_of_day: date, half_life_days: float | None = HALF_LIFE_DAYS
    ) -> ItemKnn:
        """Return the same neighbours over other histories of the same customers, see `fit_item_knn`."""
        history = history_before(purchases, as_of_day, half_life_days)
        return replace(self, history=history, last_baskets=_last_baskets(purchases.before(as_of_day)))

    def weights_of(self, articles: np.ndarray) -> sparse.csr_matrix:
        """Return the (n_articles, m) weights by which purchases score some articles, (m,) catalogue positions."""
        return self.similarity[:, articles]

    def _score(self, bought: sparse.csr_matrix, customers: np.ndarray, articles: np.ndarray) -> np.ndarray:
        return (bought[customers] @ self.weights_of(articles)).toarray()


def fit_item_knn(
    purchases: Interactions, as_of_day: date, half_life_days: float | None = HALF_LIFE_DAYS, neighbours: int = 20
) -> ItemKnn:
    """Find each article's nearest neighbours by what was bought before a day.

    Args:
        purchases: of any time; those from the day on are left out.
        as_of_day: first day that nothing is known of.
        half_life_days: a purchase of this age counts half, None counts all the same.
        neighbours: kept for each article, itself included.

    Raises:
        NotEnoughData: when nothing was bought before the day.

    Source: Deshpande and Karypis, Item-based top-N recommendation algorithms, ACM TOIS 22(1), 2004.
    """
    from implicit.nearest_neighbours import all_pairs_knn

    history = history_before(purchases, as_of_day, half_life_days)
    weighted = bm25_weights(history)
    lengths = np.sqrt(weighted.multiply(weighted).sum(axis=0).A1)
    weighted.data /= lengths[weighted.indices]
    similarity = all_pairs_knn(weighted, neighbours, show_progress=False).tocsr().astype(np.float32)
    return ItemKnn(history, _last_baskets(purchases.before(as_of_day)), similarity)


def bm25_weights(history: sparse.csr_matrix, k1: float = 1.2, b: float = 0.75) -> sparse.csr_matrix:
    """Weigh purchases by BM25, articles as documents and their buyers as terms.

    weight = idf(customer) * h * (k1 + 1) / (h + k1 * (1 - b + b * length / mean length)), where h is the entry of
    `history` and an article's length the sum of its entries; idf(customer) = ln(1 + (N - n + 0.5) / (n + 0.5)) for n of
    N articles sold. Whoever buys everything says little about what goes together.

    Args:
        history: (n_customers, n_articles) positive purchases.

    Returns:
        (n_customers, n_articles) float64, the same entries.

    Source: Robertson and Zaragoza, The probabilistic relevance framework: BM25 and beyond, 2009.
    """
    lengths = history.sum(axis=0).A1.astype(np.float64)
    n_sold, n_bought = np.count_nonzero(lengths), history.getnnz(axis=1)
    idf = np.log1p((n_sold - n_bought + 0.5) / (n_bought + 0.5))
    damping = k1 * (1 - b + b * lengths * n_sold / lengths.sum())  # (n_articles,)
    entries = history.data.astype(np.float64)
    weights = np.repeat(idf, n_bought) * entries * (k1 + 1) / (entries + damping[history.indices])
    return sparse.csr_matrix((weights, history.indices, history.indptr), shape=history.shape)


def history_before(purchases: Interactions, as_of_day: date, half_life_days: float | None) -> sparse.csr_matrix:
    """Return `Interactions.matrix` of what was bought before a day.

    Raises:
        NotEnoughData: when nothing was.
    """
    known = purchases.before(as_of_day)
    if not len(known):
        raise NotEnoughData(f"nothing was bought before {as_of_day}; there is nothing to fit on")
    return known.matrix(as_of_day, half_life_days)


def _last_baskets(purchases: Interactions) -> sparse.csr_matrix:
    """Return (n_customers, n_articles) float32, 1 for what was bought on the customer's last purchase day."""
    last_day = np.full(len(purchases.customer_ids), -1, np.int32)
    np.maximum.at(last_day, purchases.customers, purchases.days)
    is_last = purchases.days == last_day[purchases.customers]
    pairs = purchases.customers[is_last], purchases.articles[is_last]
    shape = len(purchases.customer_ids), purchases.n_articles
    return sparse.csr_matrix((np.ones(is_last.sum(), np.float32), pairs), shape=shape)
