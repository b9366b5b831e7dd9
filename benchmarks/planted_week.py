"""A made week for the behavioral suite: customers who love two departments, and a recommender that found out which.

In: how many customers and articles, a seed. Out: `BehavioralSuite` of a healthy recommender, made without a model, so
that the suite can be timed at any size and a test can say what each sabotage changes.

Everybody's lists are drawn from what a customer loves, the recommender's with an eye for best sellers, those of its
references without; what it had bought before is all that repurchase knows.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy import sparse

from recommender.config import CommonSenseSettings
from recommender.evaluation.behavior.judged_week import POPULAR, REPURCHASE, Perturbed, Rehearsal
from recommender.evaluation.behavior.suite import BehavioralSuite
from recommender.evaluation.slices import activity_slice
from recommender.features.truth import Truth
from recommender.model_names import EASE, ITEM_KNN
from recommender.ranking_metrics import average_precision_at_k, find_hits, find_repeats, group_truth

K = 12
DEPARTMENTS = 20
CHILDREN = 0  # the guarded department
FEWEST_LOVED, MOST_LOVED = 40, 200  # best sellers of the loved departments that purchases and lists come from
OWNED, BOUGHT = 10, 3  # articles of a customer before and in the week
SHARE_COLD, SHARE_WITHDRAWN, SHARE_NEW = 0.05, 0.1, 0.15
SHARE_LOVED = 0.7  # of purchases; the rest are best sellers of the shop
DEAREST = 100.0  # the dearest article's price as a multiple of the cheapest one's
GENERAL_TASTE, OWN_TASTE = 2.0, 1.0  # powers of sales that purchases in the week and before it follow
GAINED_BY_LEARNING = 0.2  # in likelihood, by a ranker that learned from the week
PERTURBED = 2_000  # customers whose histories are changed
AGE_BANDS = np.array(["15-24", "25-34", "35-44", "45-59", "60+"], dtype=object)


@dataclass(frozen=True)
class PlantedArticles:
    """A catalogue: department, sales and price of each article, and which may be recommended."""

    departments: np.ndarray
    sales: np.ndarray
    prices: np.ndarray
    is_on_sale: np.ndarray

    @classmethod
    def draw(cls, n_articles: int, rng: np.random.Generator) -> PlantedArticles:
        """Draw sales with a long tail; the last articles were withdrawn and sell nothing."""
        is_on_sale = np.arange(n_articles) < (1 - SHARE_WITHDRAWN) * n_articles
        sales = rng.permutation(np.ceil(2 * n_articles / np.arange(1, n_articles + 1) ** 0.8)).astype(np.int64)
        departments = np.arange(n_articles) % DEPARTMENTS
        prices = 0.01 * DEAREST ** (departments / DEPARTMENTS)
        return cls(departments, np.where(is_on_sale, sales, 0), prices, is_on_sale)

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


@dataclass(frozen=True)
class PlantedCustomers:
    """What each of n customers loves, the best sellers of two departments, and who is cold.

    Attributes:
        articles: of the shop.
        popular: positions of its best sellers, best first.
        loved: (n, depth) positions.
        is_cold: (n,) bool.
    """

    articles: PlantedArticles
    popular: np.ndarray
    loved: np.ndarray
    is_cold: np.ndarray

    @classmethod
    def draw(cls, n_customers: int, articles: PlantedArticles, rng: np.random.Generator) -> PlantedCustomers:
        """Draw any two departments for each customer."""
        pairs = list(combinations(range(DEPARTMENTS), 2))
        depth = min(max(len(articles.sales) // DEPARTMENTS, FEWEST_LOVED), MOST_LOVED)
        loved = np.stack([articles.best(pair, depth) for pair in pairs])[rng.integers(len(pairs), size=n_customers)]
        popular = articles.best(tuple(range(DEPARTMENTS)), MOST_LOVED)
        return cls(articles, popular, loved, rng.random(n_customers) < SHARE_COLD)

    def lists(self, power: float, rng: np.random.Generator) -> np.ndarray:
        """Return (n, K) int32 loved articles, drawn by a power of their sales; the cold get best sellers."""
        chosen = np.where(self.is_cold[:, None], self.popular[:K], self._chosen(power, K, rng))
        return chosen.astype(np.int32)

    def owned(self, rng: np.random.Generator) -> np.ndarray:
        """Return (n, OWNED) loved articles that were bought before, -1 for the cold."""
        return np.where(self.is_cold[:, None], -1, self._chosen(OWN_TASTE, OWNED, rng))

    def bought(self, rng: np.random.Generator) -> Truth:
        """Return what is bought in a week."""
        own = self._chosen(GENERAL_TASTE, BOUGHT, rng)
        sales = self.articles.sales[self.popular]
        others = rng.choice(self.popular, own.shape, p=sales / sales.sum())
        bought = np.where(rng.random(own.shape) < SHARE_LOVED, own, others)
        return Truth(*group_truth(np.repeat(np.arange(len(own)), BOUGHT), bought.ravel(), len(own)))

    def repurchase(self, owned: np.ndarray) -> np.ndarray:
        """Return (n, K) int32: each customer's own articles that are on sale, then best sellers, none twice."""
        first = np.where(self.articles.is_on_sale[owned], owned, -1)
        both = np.concatenate([first, np.tile(self.popular[: 2 * K], (len(first), 1))], axis=1)
        is_left_out = (both < 0) | find_repeats(both)
        order = np.argsort(is_left_out, axis=1, kind="stable")
        return np.take_along_axis(both, order, axis=1)[:, :K].astype(np.int32)

    def usual_prices(self, owned: np.ndarray) -> np.ndarray:
        """Return (n,) float64 mean prices paid, NaN for the cold."""
        return np.where(self.is_cold, np.nan, self.articles.prices[owned].mean(axis=1))

    def _chosen(self, power: float, size: int, rng: np.random.Generator) -> np.ndarray:
        """(n, size) loved articles without replacement, by a power of their sales: the Gumbel trick."""
        keys = power * np.log(self.articles.sales[self.loved] + 1.0) + rng.gumbel(size=self.loved.shape)
        return np.take_along_axis(self.loved, np.argsort(-keys, axis=1)[:, :size], axis=1)


def planted_week(n_customers: int, n_articles: int, seed: int = 7) -> BehavioralSuite:
    """Return the suite of a healthy recommender.

    Args:
        n_customers: of the week, one in twenty of them cold.
        n_articles: size of the catalogue, at least 400; a tenth is withdrawn.
        seed: of everything.
    """
    rng = np.random.default_rng(seed)
    articles = PlantedArticles.draw(n_articles, rng)
    customers = PlantedCustomers.draw(n_customers, articles, rng)
    owned, truth, lists = customers.owned(rng), customers.bought(rng), customers.lists(GENERAL_TASTE, rng)
    return BehavioralSuite(
        lists=lists,
        scores=np.tile(np.linspace(1, 0, K, dtype=np.float32), (n_customers, 1)),
        lists_again=lists,
        baselines={
            POPULAR: np.tile(customers.popular[:K], (n_customers, 1)).astype(np.int32),
            REPURCHASE: customers.repurchase(owned),
            **{name: customers.lists(OWN_TASTE, rng) for name in (EASE, ITEM_KNN)},
        },
        truth=truth,
        truth_days=rng.integers(7, size=len(truth.values)),
        has_history=~customers.is_cold,
        is_on_sale=articles.is_on_sale,
        last_week_sales=articles.sales,
        attributes=articles.attributes(),
        article_ages=np.where(rng.random(n_articles) < SHARE_NEW, 10.0, 200.0),
        prices=articles.prices,
        usual_prices=customers.usual_prices(owned),
        history=_history(owned, n_articles),
        customer_slices={
            "activity": activity_slice(np.where(customers.is_cold, 0, rng.integers(1, 15, n_customers))),
            "age band": rng.choice(AGE_BANDS, n_customers),
        },
        customer_names=np.arange(n_customers).astype(str).astype(object),
        article_names=np.arange(n_articles).astype(str).astype(object),
        common_sense=CommonSenseSettings({"index_group": ["Baby/Children"]}, 3.0, 3),
        two_tower=customers.lists(OWN_TASTE, rng),
        perturbed=_perturbed(lists[~customers.is_cold][:PERTURBED], customers.popular),
        rehearsal=_rehearsal(customers, truth, rng),
    )


def _history(owned: np.ndarray, n_articles: int) -> sparse.csr_matrix:
    rows, places = np.nonzero(owned >= 0)
    ones = np.ones(len(rows), np.float32)
    return sparse.csr_matrix((ones, (rows, owned[rows, places])), shape=(len(owned), n_articles))


def _perturbed(lists: np.ndarray, popular: np.ndarray) -> Perturbed:
    """A two-tower, and stages, that replace one article when the newest purchase is hidden."""
    less = lists.copy()
    less[:, -1] = popular[-1]
    return Perturbed(lists, lists, less, lists, less)


def _rehearsal(customers: PlantedCustomers, truth: Truth, rng: np.random.Generator) -> Rehearsal:
    """An earlier ranker that is as good as tonight's, in the week before and in this one."""
    week_before = customers.bought(rng)

    def precision(power: float, week: Truth) -> np.ndarray:
        return average_precision_at_k(find_hits(customers.lists(power, rng), *week), week.sizes())

    likelihood_then, likelihood_now = (rng.gamma(4, 0.5, len(week.sizes())) for week in (week_before, truth))
    return Rehearsal(
        earlier_then=precision(GENERAL_TASTE, week_before),
        reference_then=precision(OWN_TASTE, week_before),
        earlier_likelihood_then=likelihood_then,
        judged_likelihood_then=likelihood_then * (1 + GAINED_BY_LEARNING),
        rows=np.arange(len(customers.loved)),
        earlier_now=precision(GENERAL_TASTE, truth),
        reference_now=precision(OWN_TASTE, truth),
        earlier_likelihood_now=likelihood_now,
        judged_likelihood_now=likelihood_now * rng.normal(1, GAINED_BY_LEARNING, len(likelihood_now)),
        temperature=1.0,
        n_weeks=8,
    )
