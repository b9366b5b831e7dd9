"""A day planted by hand: three customers, six articles, and numbers small enough to follow every score on paper.

The numbers of an article, a customer and a segment are planted one by one, not counted from the purchases. Article 4
is withdrawn: column 4 is article 5, and whoever takes a column for a position finds the wrong article.
"""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import torch
from planted_purchases import interactions
from planted_snapshots import candidates, queries, truth_of
from torch import nn

from recommender.columns import Columns
from recommender.features.snapshots import CandidateSnapshot, QuerySnapshot
from recommender.features.truth import Truth
from recommender.stages.filter import Filtered
from recommender.stages.fitted_day import FittedDay
from recommender.stages.generators import Generator
from recommender.stages.retrieve import fit_generators
from recommender.stages.shop_day import OwnArticles, ShopDay

TODAY = date(2020, 9, 16)
ANN, BOB, CAT = 0, 1, 2
"""Ann buys article 0 every 30 days and article 1 once; Bob bought articles 2 and 4; Cat is cold."""
EVERYBODY = np.arange(3)
CANDIDATES = np.array([0, 1, 2, 3, 5])
NAN = float("nan")
ARTICLES = {
    "sales_1w": (0, 7, 2, 0, 1),
    "sales_2w": (2, 8, 9, 0, 1),
    "sales_4w": (3, 9, 20, 2, 1),
    "buyers_1w": (1, 6, 2, 0, 1),
    "age_days": (400, 100, 50, 30, 3),
    "days_since_last_sale": (5, 1, 2, 20, 1),
    "price": (20, 10, 40, 5, 8),
    "buyers_4w": (2, 6, 14, 2, 1),
    "season_sales": (4, 0, 0, 0, 0),
    "repeat_share": (0.5, 0, 0.25, 0, 0),
}
CUSTOMERS = {
    "purchase_days": (3, 2, 0),
    "articles_bought": (2, 2, 0),
    "days_since_last_purchase": (10, 3, NAN),
    "mean_price": (10, 20, NAN),
    "online_share": (0, 1, NAN),
    "purchases_4w": (2, 2, 0),
    "mean_gap_days": (30, 17, NAN),
}
OWN = {  # Ann's articles 0 and 1, Bob's article 2
    "purchase_days": (3, 1, 1),
    "units": (4, 1, 2),
    "first_days_since": (70, 10, 3),
    "days_since": (10, 10, 3),
    "mean_interval_days": (30, NAN, NAN),
    "share_of_purchases": (3 / 4, 1 / 4, 1 / 2),
}
SEGMENT_BUYERS = {  # Ann's segment, Bob's segment, and the one of Cat, in which nobody bought
    "buyers_1w": ((1, 0, 0, 0, 0), (0, 2, 1, 0, 0), (0, 0, 0, 0, 0)),
    "buyers_4w": ((3, 0, 0, 0, 0), (0, 2, 5, 0, 0), (0, 0, 0, 0, 0)),
}
TWO_TOWER_SCORES = {ANN: (3, 2, 1, 0, 2), BOB: (0, 1, 2, 3, 2), CAT: (3, 3, 3, 3, 4)}
"""What `InnerProducts` says of the five candidates."""


class InnerProducts(nn.Module):
    """A two-tower whose towers are the identity."""

    def encode_queries(self, batch: QuerySnapshot) -> torch.Tensor:
        """Return (n, 2)."""
        return batch.numbers

    def encode_candidates(self, batch: CandidateSnapshot) -> torch.Tensor:
        """Return (n, 2)."""
        return batch.numbers


def planted_day() -> ShopDay:
    """The day; Abe, who buys what Ann buys and article 3, is not among its customers."""
    bought = [("ann", 0, 70), ("ann", 0, 40), ("ann", 0, 10), ("ann", 1, 10), ("bob", 4, 20), ("bob", 2, 3)]
    bought += [("abe", 0, 10), ("abe", 1, 10), ("abe", 3, 5)]
    dated = [(customer, article, TODAY - timedelta(days=age)) for customer, article, age in bought]
    purchases = interactions(dated, n_articles=6, customer_ids=["abe", "ann", "bob", "cat"])
    customer_rows = np.array([1, 2, 3])
    return ShopDay(
        as_of_day=TODAY,
        candidates=CANDIDATES,
        article_numbers=_float32(ARTICLES),
        attribute_codes=_attribute_codes(),
        customer_ids=np.array(["ann", "bob", "cat"], dtype=object),
        customer_numbers=_float32(CUSTOMERS),
        customer_rows=customer_rows,
        own=OwnArticles(np.array([0 * 5 + 0, 0 * 5 + 1, 1 * 5 + 2]), _float32(OWN)),
        segments=np.array([0, 1, 2]),
        segment_buyers=_float32(SEGMENT_BUYERS),
        purchases=purchases,
        history=purchases.matrix(TODAY)[customer_rows],
    )


def planted_two_tower() -> tuple[InnerProducts, QuerySnapshot, CandidateSnapshot]:
    """The two-tower with the day's snapshots."""
    week = queries([[0, 1], [2, 4], []], TODAY)
    week = replace(
        week,
        customers=np.array([1, 2, 3], np.int32),
        numbers=torch.tensor([[1.0, 0], [0, 1], [1, 1]]),
    )
    on_sale = torch.tensor([True, True, True, True, False, True])
    numbers = torch.tensor([[3.0, 0], [2, 1], [1, 2], [0, 3], [9, 9], [2, 2]])
    return InnerProducts(), week, replace(candidates(6, TODAY, on_sale), numbers=numbers)


def scores_of(generator: Generator, rows: np.ndarray = EVERYBODY) -> np.ndarray:
    """Return (len(rows), 5) float32, what a generator says of every candidate."""
    return generator.scored(rows).at(np.arange(len(rows) * len(CANDIDATES))).reshape(len(rows), -1)


def planted_truth() -> Truth:
    """Ann buys articles 0 and 4 in the week from the day, Bob nothing, Cat article 5."""
    return truth_of([[0, 4], [], [5]])


def planted_fitted_day(sizes: dict[str, int]) -> FittedDay:
    """The day with some generators; only article 4 is barred."""
    day, (model, queries, candidates) = planted_day(), planted_two_tower()
    filtered = Filtered(day.candidates, np.array(["", "", "", "", "denied", ""], dtype=object))
    return FittedDay(day, queries, filtered, fit_generators(day, sizes, (model, queries, candidates)), sizes)


def _attribute_codes() -> np.ndarray:
    """Articles 0 and 1 are of one product, 2 to 4 of another; two product types; nothing else in common."""
    by_attribute = {"product_code": (0, 0, 1, 1, 1, 2), "product_type": (0, 1, 1, 0, 1, 0)}
    codes = [by_attribute.get(name, range(6)) for name in Columns.ARTICLE_ATTRIBUTES]
    return np.array([tuple(each) for each in codes], np.int32).T


def _float32(numbers: dict[str, tuple]) -> dict[str, np.ndarray]:
    return {name: np.array(values, np.float32) for name, values in numbers.items()}
