"""Purchases as integer arrays: what collaborative models, own-article rules and metrics of novelty count on.

Stage: what `marts.Marts` makes of the `purchases` mart. In: the mart and the catalogue. Out: `Interactions`, ascending
by day, so that everything known on a day is a slice. Ids become row numbers once, here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pyarrow as pa
from scipy import sparse

from recommender.columns import Columns
from recommender.features.catalogue import Catalogue

EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Interactions:
    """Purchases, one per (customer, article, day), ascending by day.

    Attributes:
        customer_ids: (n_customers,) array of str, ascending; a customer's `customer_code` is the row number here.
        n_articles: size of the catalogue that positions are of.
        customers: (n,) int32 rows of `customer_ids`.
        articles: (n,) int32 catalogue positions.
        days: (n,) int32 days since 1970-01-01.
    """

    customer_ids: np.ndarray
    n_articles: int
    customers: np.ndarray
    articles: np.ndarray
    days: np.ndarray

    @classmethod
    def of(cls, purchases: pa.Table, customer_ids: np.ndarray, catalogue: Catalogue) -> Interactions:
        """Turn the `purchases` mart into integers.

        Args:
            purchases: the mart, ascending by purchase day.
            customer_ids: (n_customers,) everybody of customers.csv, ascending.
            catalogue: owner of article positions.

        Raises:
            KeyError: when a purchase names a customer or an article that is not among these.
        """
        customers = purchases[Columns.CUSTOMER_CODE].cast(pa.int32()).to_numpy()
        if (highest := customers.max(initial=-1)) >= len(customer_ids):
            raise KeyError(f"customer {highest} bought something, but customers.csv has only {len(customer_ids):,}")
        return cls(
            customer_ids=customer_ids,
            n_articles=len(catalogue),
            customers=customers,
            articles=catalogue.positions_of(purchases[Columns.ARTICLE_ID]).astype(np.int32),
            days=purchases[Columns.PURCHASE_DAY].cast(pa.date32()).cast(pa.int32()).to_numpy(),
        )

    def __len__(self) -> int:
        return len(self.days)

    def before(self, day: date) -> Interactions:
        """Return the purchases made before a day."""
        end = int(np.searchsorted(self.days, day_number(day)))
        return replace(self, customers=self.customers[:end], articles=self.articles[:end], days=self.days[:end])

    def with_others_from(self, day: date, seed: int) -> Interactions:
        """Return the same purchases before a day, and from it on the same customers with each other's articles."""
        start = int(np.searchsorted(self.days, day_number(day)))
        later = np.random.default_rng(seed).permutation(self.articles[start:])
        return replace(self, articles=np.concatenate([self.articles[:start], later]))

    def matrix(self, as_of_day: date, half_life_days: float | None = None) -> sparse.csr_matrix:
        """Return the (n_customers, n_articles) float32 sums of each pair's purchases.

        Args:
            as_of_day: what a purchase's age is counted from.
            half_life_days: a purchase of this age counts half; None counts all the same.

        Raises:
            ValueError: when a purchase was made on the day or later.
        """
        ages = day_number(as_of_day) - self.days
        if len(ages) and ages[-1] < 1:
            raise ValueError(f"purchases reach beyond {as_of_day}; take those `before` it")
        weights = np.ones(len(ages), np.float32) if half_life_days is None else 0.5 ** (ages / half_life_days)
        shape = len(self.customer_ids), self.n_articles
        return sparse.csr_matrix((weights.astype(np.float32), (self.customers, self.articles)), shape=shape)

    def buyers(self) -> np.ndarray:
        """Return the (n_articles,) int64 numbers of customers who ever bought each article."""
        pairs = np.unique(self.customers.astype(np.int64) * self.n_articles + self.articles)
        return np.bincount(pairs % self.n_articles, minlength=self.n_articles)


def day_number(day: date) -> int:
    """Return the days since 1970-01-01."""
    return (day - EPOCH).days
