"""What a perfect recommender would say in the last week: each customer's truly most probable articles.

Stage: raw data, demo only. In: the shop, the last week's market and what was owned before it. Out: the columns of
oracle.parquet.

Definition. For a customer who buys in the last seven days, the articles are ranked by

    p(j) = rho * R(j) + (1 - rho) * F(j)        (F(j) alone where nothing own is on sale)

the probability that any one article put into a basket that week is j, given the latent tastes, that week's true
popularity and everything bought before the week (see `synthetic_purchases`). Nothing of what was really bought
that week enters. `probability` is the chance that j is bought at least once during the week, given that the
customer shops that week, with the number of articles drawn from the customer's own habits:
1 - E[(1 - p(j))^n]. It knows tastes no history tells, first-time customers' too: an upper bound, not a rival.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from data.synthetic_calendar import Calendar
from data.synthetic_customers import Ownership
from data.synthetic_purchases import Market, Shop, acceptance, is_own_refused, repurchase_weights

ORACLE_DEPTH = 24
CELLS_PER_CHUNK = 4_000_000  # customers times articles on sale that are held at once


def oracle_table(shop: Shop, market: Market, owned: Ownership, customer: np.ndarray) -> pa.Table:
    """Rows (customer_id, article_id, rank, probability), rank from 1, for the given customers in order.

    `customer` int (n_customers,). Ties go to the smaller article_id. Fewer than 24 rows per customer only
    where fewer articles have a positive probability.
    """
    depth = min(ORACLE_DEPTH, len(market.on_sale))
    size = max(1, CELLS_PER_CHUNK // len(market.on_sale))
    chunks = [customer[at : at + size] for at in range(0, len(customer), size)]
    tops = [largest_of_rows(purchase_probabilities(shop, market, owned, chunk), depth) for chunk in chunks]
    position = np.concatenate([top[0] for top in tops]) if tops else np.empty((0, depth), dtype=np.int64)
    share = np.concatenate([top[1] for top in tops]) if tops else np.empty((0, depth))
    bought = probability_in_week(share, customer, shop.calendar)
    kept = share > 0
    rows = np.repeat(np.arange(len(customer)), kept.sum(axis=1))
    customer_ids = pa.array(shop.customers.table["customer_id"])
    article_ids = pa.array(shop.catalogue.table["article_id"])
    return pa.table(
        {
            "customer_id": customer_ids.take(pa.array(customer[rows])),
            "article_id": article_ids.take(pa.array(market.on_sale[position[kept]])),
            "rank": pa.array(np.broadcast_to(np.arange(1, depth + 1), kept.shape)[kept], pa.int32()),
            "probability": pa.array(bought[kept], pa.float64()),
        }
    )


def purchase_probabilities(shop: Shop, market: Market, owned: Ownership, customer: np.ndarray) -> np.ndarray:
    """p(j) for every article on sale, float64 (n_customers, n_on_sale), rows sum to 1."""
    people = shop.customers
    weights, archetypes = people.archetype_weights[customer], people.archetypes[customer]
    new = sum(weights[:, [slot]] * market.shares[archetypes[:, slot]] for slot in range(weights.shape[1]))
    new = new * acceptance(shop, market, customer[:, None], market.on_sale[None, :])
    again = np.zeros_like(new)
    row, column, weight = _own_articles(shop, market, owned, customer)
    is_refused = is_own_refused(shop, market, owned, customer)[row]
    new[row[is_refused], column[is_refused]] = 0.0
    again[row, column] = weight
    own_weight = again.sum(axis=1, keepdims=True)
    rho = np.where(own_weight > 0, people.repurchase_propensity[customer][:, None], 0.0)
    new /= np.maximum(new.sum(axis=1, keepdims=True), np.finfo(float).tiny)
    return (1 - rho) * new + rho * again / np.where(own_weight > 0, own_weight, 1.0)


def _own_articles(
    shop: Shop, market: Market, owned: Ownership, customer: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(row, column, repurchase weight) of each own article within (customers, on_sale)."""
    first, after = owned.span(customer)
    row = np.repeat(np.arange(len(customer)), after - first)
    entry = np.arange(len(row)) - np.repeat(np.cumsum(after - first) - (after - first), after - first) + first[row]
    column = np.searchsorted(market.on_sale, owned.key[entry] % owned.n_articles)
    return row, column, repurchase_weights(shop, owned, market.week)[entry]


def largest_of_rows(probabilities: np.ndarray, depth: int) -> tuple[np.ndarray, np.ndarray]:
    """(positions, values) of the `depth` largest per row, best first, ties by position."""
    smallest = np.partition(probabilities, -depth, axis=1)[:, -depth, None]
    row, column = np.nonzero(probabilities >= smallest)  # more than `depth` of a row only where some are equal
    best_first = column[np.lexsort((column, -probabilities[row, column], row))]
    first = np.searchsorted(row, np.arange(len(probabilities)))
    position = best_first[first[:, None] + np.arange(depth)]
    return position, np.take_along_axis(probabilities, position, axis=1)


def probability_in_week(share: np.ndarray, customer: np.ndarray, calendar: Calendar) -> np.ndarray:
    """1 - E[(1 - share)^n] for n articles in the week, same shape as `share` (n_customers, depth).

    A basket holds a geometric number of articles with the customer's mean, whose generating function is
    G(z) = s z / (1 - (1 - s) z), s = 1 / mean; the baskets per shopping week are those of all customers.
    """
    success = 1 / calendar.mean_basket[customer][:, None]
    miss = 1 - share
    basket_misses = success * miss / (1 - (1 - success) * miss)
    baskets, frequency = _baskets_per_shopping_week(calendar)
    return 1 - sum(f * basket_misses**n for n, f in zip(baskets, frequency, strict=True))


def _baskets_per_shopping_week(calendar: Calendar) -> tuple[np.ndarray, np.ndarray]:
    """(1, 2, ...) and their shares among (customer, week) pairs with a basket, all weeks but the last."""
    week = calendar.week_of(calendar.day)
    before = week < calendar.weeks - 1
    if not before.any():
        return np.array([1]), np.array([1.0])
    _, per_pair = np.unique(week[before] * len(calendar.mean_basket) + calendar.customer[before], return_counts=True)
    baskets, count = np.unique(per_pair, return_counts=True)
    return baskets, count / count.sum()
