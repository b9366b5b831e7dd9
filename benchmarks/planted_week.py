"""A made week for the behavioral suite: customers who love two departments, and a recommender that found out which.

In: how many customers and articles, a seed. Out: `BehavioralSuite` of a healthy recommender, made without a model, so
that the suite can be timed at any size and a test can say what each sabotage changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy import sparse

from recommender.config import CommonSenseSettings
from recommender.evaluation.behavior.judged_week import Perturbed
from recommender.evaluation.behavior.suite import BehavioralSuite
from recommender.evaluation.slices import activity_slice
from recommender.features.truth import Truth
from recommender.ranking_metrics import find_repeats, group_truth

K = 12
DEPARTMENTS = 20
CHILDREN = 0  # the guarded department
FEWEST_LOVED, MOST_LOVED = 40, 200  # best sellers of the loved departments that purchases and lists come from
OWNED, BOUGHT = 10, 3  # articles of a customer before and in the week
SHARE_COLD, SHARE_WITHDRAWN, SHARE_NEW, SHARE_LOVED = 0.05, 0.1, 0.15, 0.7
AGE_BANDS = np.array(["15-24", "25-34", "35-44", "45-59", "60+"], dtype=object)


@dataclass(frozen=True)
class PlantedArticles:
    """A catalogue: department and sales of each article, and which may be recommended."""

    departments: np.ndarray
    sales: np.ndarray
    is_on_sale: np.ndarray

    @classmethod
    def draw(cls, n_articles: int, rng: np.random.Generator) -> PlantedArticles:
        """Draw sales with a long tail; the last articles were withdrawn and sell nothing."""
        is_on_sale = np.arange(n_articles) < (1 - SHARE_WITHDRAWN) * n_articles
        sales = rng.permutation(np.ceil(2 * n_articles / np.arange(1, n_articles + 1) ** 0.8)).astype(np.int64)
        return cls(np.arange(n_articles) % DEPARTMENTS, np.where(is_on_sale, sales, 0), is_on_sale)

    def best(self, departments: tuple[int, ...], depth: int) -> np.ndarray:
        """Return (depth,) positions of the best sellers of some departments."""
        sales = np.where(np.isin(self.departments, departments), self.sales, -1)
        return np.argsort(-sales, kind="stable")[:depth]

    def attributes(self) -> dict[str, np.ndarray]:
        """Return a few of H&M's columns; three articles share a product code."""
        positions = np.arange(len(self.sales))
        groups = np.where(self.departments == CHILDREN, "Baby/Children", "Ladieswear")
        return {
            "product_code": (positions // (3 * DEPARTMENTS) * DEPARTMENTS + self.departments).astype(str),
            "department": np.char.add("department ", self.departments.astype(str)),
            "index_group": groups,
            "colour_group": (positions % 7).astype(str),
        }


def planted_week(n_customers: int, n_articles: int, seed: int = 7, minimum_customers: int = 100) -> BehavioralSuite:
    """Return the suite of a healthy recommender.

    Args:
        n_customers: of the week, one in twenty of them cold.
        n_articles: size of the catalogue, at least 400; a tenth is withdrawn.
        seed: of everything.
        minimum_customers: see `JudgedWeek`.
    """
    rng = np.random.default_rng(seed)
    articles = PlantedArticles.draw(n_articles, rng)
    pairs = list(combinations(range(DEPARTMENTS), 2))
    depth = min(max(n_articles // DEPARTMENTS, FEWEST_LOVED), MOST_LOVED)
    loved = np.stack([articles.best(pair, depth) for pair in pairs])[rng.integers(len(pairs), size=n_customers)]
    is_cold = rng.random(n_customers) < SHARE_COLD
    owned = np.where(is_cold[:, None], -1, _chosen(loved, articles.sales, OWNED, rng))
    popular = articles.best(tuple(range(DEPARTMENTS)), 200)
    lists = np.where(is_cold[:, None], popular[:K], _chosen(loved, articles.sales**2, K, rng))
    truth = _bought(loved, popular, articles.sales, rng)
    return BehavioralSuite(
        lists=lists.astype(np.int32),
        scores=np.tile(np.linspace(1, 0, K, dtype=np.float32), (n_customers, 1)),
        lists_again=lists.astype(np.int32),
        baselines={
            "popular": np.tile(popular[:K], (n_customers, 1)).astype(np.int32),
            "repurchase": _filled(np.where(articles.is_on_sale[owned], owned, -1), popular),
        },
        truth=truth,
        has_history=~is_cold,
        is_on_sale=articles.is_on_sale,
        last_week_sales=articles.sales,
        minimum_customers=minimum_customers,
        attributes=articles.attributes(),
        article_ages=np.where(rng.random(n_articles) < SHARE_NEW, 10.0, 200.0),
        prices=np.full(n_articles, 0.03),
        usual_prices=np.where(is_cold, np.nan, 0.03 * rng.lognormal(0, 0.4, n_customers)),
        history=_history(owned, n_articles),
        customer_slices={
            "activity": activity_slice(np.where(is_cold, 0, rng.integers(1, 15, n_customers))),
            "age band": rng.choice(AGE_BANDS, n_customers),
        },
        customer_ids=np.arange(n_customers).astype(str).astype(object),
        article_names=np.arange(n_articles).astype(str).astype(object),
        common_sense=CommonSenseSettings({"index_group": ["Baby/Children"]}, 3.0, 3),
        perturbed=_perturbed(lists.astype(np.int32), popular),
    )


def _chosen(among: np.ndarray, sales: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """(n, size) of each row's articles, best sellers likelier: the Gumbel trick draws without replacement."""
    keys = np.log(sales[among] + 1.0) + rng.gumbel(size=among.shape)
    return np.take_along_axis(among, np.argsort(-keys, axis=1)[:, :size], axis=1)


def _bought(loved: np.ndarray, popular: np.ndarray, sales: np.ndarray, rng: np.random.Generator) -> Truth:
    own = _chosen(loved, sales**2, BOUGHT, rng)
    others = rng.choice(popular, own.shape, p=sales[popular] / sales[popular].sum())
    articles = np.where(rng.random(own.shape) < SHARE_LOVED, own, others)
    return Truth(*group_truth(np.repeat(np.arange(len(loved)), BOUGHT), articles.ravel(), len(loved)))


def _filled(first: np.ndarray, popular: np.ndarray) -> np.ndarray:
    """(n, K) int32: each row's own articles, then popular ones, none twice."""
    both = np.concatenate([first, np.tile(popular[: 2 * K], (len(first), 1))], axis=1)
    is_left_out = (both < 0) | find_repeats(both)
    order = np.argsort(is_left_out, axis=1, kind="stable")
    return np.take_along_axis(both, order, axis=1)[:, :K].astype(np.int32)


def _history(owned: np.ndarray, n_articles: int) -> sparse.csr_matrix:
    rows, places = np.nonzero(owned >= 0)
    ones = np.ones(len(rows), np.float32)
    return sparse.csr_matrix((ones, (rows, owned[rows, places])), shape=(len(owned), n_articles))


def _perturbed(lists: np.ndarray, popular: np.ndarray) -> Perturbed:
    """A two-tower, and stages, that replace one article when the newest purchase is hidden."""
    some = lists[:2_000]
    less = some.copy()
    less[:, -1] = popular[-1]
    return Perturbed(some, some, less, some, less)
