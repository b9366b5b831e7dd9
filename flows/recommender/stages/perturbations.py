"""Customers with their histories changed a little, to ask a two-tower or all four stages how they take that.

Stage: for the behavioral suite. In: a `QuerySnapshot` or a `FittedDay`. Out: the same customers with other histories.
Only the history changes: what the shop sold, what was fitted on it, and a customer's counts stay, so that the
difference is the history's alone.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from recommender.features.interactions import Interactions
from recommender.features.snapshots import QuerySnapshot
from recommender.stages.fitted_day import FittedDay
from recommender.stages.generators import ChangedHistories
from recommender.stages.shop_day import OwnArticles, ShopDay, columns_of


def without_newest(queries: QuerySnapshot) -> QuerySnapshot:
    """Hide each customer's most recent article; a customer of one article has none left."""
    lengths = queries.history_offsets.diff()
    is_newest = torch.zeros(len(queries.history_codes), dtype=torch.bool)
    is_newest[queries.history_offsets[:-1][lengths > 0]] = True
    offsets = torch.cat([lengths.new_zeros(1), (lengths - (lengths > 0).long()).cumsum(0)])
    return queries.with_history(queries.history_codes[~is_newest], queries.history_numbers[~is_newest], offsets)


def shuffled(queries: QuerySnapshot, seed: int) -> QuerySnapshot:
    """Put each customer's articles into another order, numbers and all."""
    owner = torch.repeat_interleave(torch.arange(len(queries)), queries.history_offsets.diff())
    chance = torch.rand(len(owner), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    order = torch.argsort(owner + chance)  # owners stay in order, their articles do not
    return queries.with_history(queries.history_codes[order], queries.history_numbers[order], queries.history_offsets)


def forgetting_newest(fitted: FittedDay) -> FittedDay:
    """Return the day as if its customers had never bought the article that stands first in their histories."""
    day, queries = fitted.day, without_newest(fitted.queries)
    newest = newest_articles(day)
    purchases = _without_pairs(day.purchases, day.customer_rows, newest)
    history = purchases.matrix(day.as_of_day)[day.customer_rows]
    known = replace(day, own=_without_own(day, newest), history=history)
    changed = ChangedHistories(known, purchases, queries)
    generators = [each.with_histories(changed) for each in fitted.generators]
    return replace(fitted, day=known, queries=queries, generators=generators)


def newest_articles(day: ShopDay) -> np.ndarray:
    """Return the (n,) int64 article each of a day's customers bought last, the lowest of several, -1 without one."""
    purchases, everyone = day.purchases, len(day.purchases.customer_ids)
    last_days = np.full(everyone, -1, np.int64)
    np.maximum.at(last_days, purchases.customers, purchases.days)
    is_last = purchases.days == last_days[purchases.customers]
    newest = np.full(everyone, purchases.n_articles, np.int64)
    np.minimum.at(newest, purchases.customers[is_last], purchases.articles[is_last])
    return np.where(newest < purchases.n_articles, newest, -1)[day.customer_rows]


def _without_pairs(purchases: Interactions, customers: np.ndarray, articles: np.ndarray) -> Interactions:
    """Remove every purchase of some articles by some customers, (n,) rows and (n,) positions, -1 for none."""
    removed = np.full(len(purchases.customer_ids), -1, np.int64)
    removed[customers] = articles
    is_kept = purchases.articles != removed[purchases.customers]
    parts = {name: getattr(purchases, name)[is_kept] for name in ("customers", "articles", "days")}
    return replace(purchases, **parts)


def _without_own(day: ShopDay, articles: np.ndarray) -> OwnArticles:
    """Remove one article of each customer, given as (n,) positions, -1 for none."""
    columns, is_candidate = columns_of(articles, day.candidates)
    removed = (np.arange(len(day)) * day.n_candidates + columns)[is_candidate]
    is_kept = ~np.isin(day.own.keys, removed)
    return OwnArticles(day.own.keys[is_kept], {name: each[is_kept] for name, each in day.own.numbers.items()})
