"""What the ranker judges a (customer, article) pair by, as of a day.

In: a `ShopDay`, pairs, and what each generator said of them. Out: (n_pairs, n_features) float32, NaN where something is
unknown. What one customer or one article is like comes from the dbt marts; what only a pair has is put together here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from recommender.columns import Columns
from recommender.model_names import EASE, ITEM_KNN, LAST_BASKET, TWO_TOWER
from recommender.stages.best_first import best_first
from recommender.stages.shop_day import ShopDay

SCORED = (TWO_TOWER, "own", EASE, ITEM_KNN, LAST_BASKET, "rising")
RANKED = (TWO_TOWER, EASE, ITEM_KNN)
AFFINITIES = tuple(f"affinity_{name}" for name in Columns.ARTICLE_ATTRIBUTES)
AFFINITY_PRIOR_PURCHASES = 10.0
MOST_SUMS_AT_ONCE = 4_000_000  # customers times values of an attribute: 32 MB
RAREST_SHARE = 1e-5  # of the shop's purchases, so that a value bought once in a lifetime weighs no more than that
_GENERATOR_FEATURES = (
    *(f"{name}_score" for name in SCORED),
    *(f"{name}_rank" for name in RANKED),
    *(f"{name}_gap" for name in RANKED),
    "n_generators",
)
FEATURE_NAMES = (
    *_GENERATOR_FEATURES,
    *(f"own_{name}" for name in Columns.OWN_NUMBERS),
    "own_overdue",
    *(f"article_{name}" for name in Columns.ARTICLE_RANKING_NUMBERS),
    "article_trend",
    *(f"segment_{name}" for name in Columns.SEGMENT_NUMBERS),
    "segment_trend",
    "segment_lift",
    "price_to_usual",
    *AFFINITIES,
    "affinity",
    *(f"customer_{name}" for name in Columns.CUSTOMER_RANKING_NUMBERS),
)
"""Every feature in its order; one that depends on a generator that is switched off is NaN throughout."""


def pair_features(
    day: ShopDay,
    rows: np.ndarray,
    owners: np.ndarray,
    columns: np.ndarray,
    scores: Mapping[str, np.ndarray],
    proposed_by: Mapping[str, np.ndarray],
) -> np.ndarray:
    """Return the features of some pairs.

    Args:
        day: the day.
        rows: (n,) int64 rows of the day's customers.
        owners: (n_pairs,) int64 which of `rows`, ascending.
        columns: (n_pairs,) int64 which of the day's candidates.
        scores: generator name to (n_pairs,) float32.
        proposed_by: generator name to (n_pairs,) bool.

    Returns:
        (n_pairs, n_features) float32 with columns as `FEATURE_NAMES`.
    """
    customers = rows[owners]
    values = {
        **_score_features(owners, scores, proposed_by),
        **_own_features(day, customers, columns),
        **_article_features(day, columns),
        **_segment_features(day, customers, columns),
        **_affinities(day, rows, owners, columns),
        **{f"customer_{name}": numbers[customers] for name, numbers in day.customer_numbers.items()},
    }
    values["price_to_usual"] = _log_ratio(values[f"article_{Columns.PRICE}"], values[f"customer_{Columns.MEAN_PRICE}"])
    unknown = np.full(len(owners), np.nan, np.float32)
    return np.stack([values.get(name, unknown).astype(np.float32, copy=False) for name in FEATURE_NAMES], axis=1)


def with_generators(
    features: np.ndarray, feature_names: Sequence[str], owners: np.ndarray, proposed_by: Mapping[str, np.ndarray]
) -> np.ndarray:
    """Return the features of pairs that remain when only some generators are left.

    Args:
        features: (n_pairs, n_features) float32 of the remaining pairs.
        feature_names: their names.
        owners: (n_pairs,) int64, ascending.
        proposed_by: generator name to (n_pairs,) bool, of the generators that are left.
    """
    place = {name: column for column, name in enumerate(feature_names)}
    scores = {name: features[:, place[f"{name}_score"]] for name in SCORED if name in proposed_by}
    scores = {name: np.where(np.isnan(values), -np.inf, values) for name, values in scores.items()}
    values = _score_features(owners, scores, proposed_by)
    changed = features.copy()
    for name in _GENERATOR_FEATURES:
        changed[:, place[name]] = values.get(name, np.nan)
    return changed


def _score_features(
    owners: np.ndarray, scores: Mapping[str, np.ndarray], proposed_by: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """The generators' scores, how far each lies below the customer's best, and its rank among the customer's pairs."""
    values = {f"{name}_score": _known(scores[name]) for name in SCORED if name in scores}
    offsets = np.searchsorted(owners, np.arange(owners.max(initial=-1) + 2))  # owners ascend
    first = offsets[owners]  # where each customer's pairs begin
    for name in (name for name in RANKED if name in scores):
        order = best_first(scores[name], offsets)
        ranks = np.empty(len(owners), np.float32)
        ranks[order] = np.arange(len(owners)) - first
        values[f"{name}_rank"] = np.where(np.isfinite(scores[name]), ranks, np.nan)
        best = scores[name][order][first]
        values[f"{name}_gap"] = _known(scores[name]) - _known(best)
    values["n_generators"] = np.sum(list(proposed_by.values()), axis=0)
    return values


def _own_features(day: ShopDay, customers: np.ndarray, columns: np.ndarray) -> dict[str, np.ndarray]:
    """How often, how lately and how regularly the customer bought the article; NaN when never."""
    places = day.own.find(customers * day.n_candidates + columns)
    unknown = np.float32(np.nan)  # what place -1 finds
    values = {name: np.append(numbers, unknown)[places] for name, numbers in day.own.numbers.items()}
    overdue = values[Columns.OWN_DAYS_SINCE] / values[Columns.OWN_MEAN_INTERVAL_DAYS]  # an interval is a day or more
    return {**{f"own_{name}": numbers for name, numbers in values.items()}, "own_overdue": overdue}


def _article_features(day: ShopDay, columns: np.ndarray) -> dict[str, np.ndarray]:
    values = {f"article_{name}": numbers[columns] for name, numbers in day.article_numbers.items()}
    week, month = values[f"article_{Columns.SALES_1W}"], values[f"article_{Columns.SALES_4W}"]
    return {**values, "article_trend": np.log((1 + 4 * week) / (1 + month))}


def _segment_features(day: ShopDay, customers: np.ndarray, columns: np.ndarray) -> dict[str, np.ndarray]:
    """What the customer's segment bought; lift is its share of the segment's purchases over its share of all."""
    at = day.segments[customers], columns
    values = {f"segment_{name}": buyers[at] for name, buyers in day.segment_buyers.items()}
    week, month = (values[f"segment_{name}"] for name in (Columns.BUYERS_1W, Columns.BUYERS_4W))
    in_segment = day.segment_buyers[Columns.BUYERS_4W]
    overall = day.article_numbers[Columns.BUYERS_4W]
    share = month / (1 + in_segment.sum(axis=1))[at[0]]
    return {
        **values,
        "segment_trend": np.log((1 + 4 * week) / (1 + month)),
        "segment_lift": np.log((share + RAREST_SHARE) / (overall[columns] / (1 + overall.sum()) + RAREST_SHARE)),
    }


def _affinities(day: ShopDay, rows: np.ndarray, owners: np.ndarray, columns: np.ndarray) -> dict[str, np.ndarray]:
    """For each attribute, how much more often than the shop the customer bought the article's value; and all together.

    The log of the customer's share of purchases with that value over the shop's, both counted before the day, the
    customer's pulled towards the shop's by a few purchases: 0 for a customer without history. Their sum takes the
    attributes for independent, as naive Bayes does.
    """
    history, articles = day.history[rows], day.candidates[columns]
    totals = np.asarray(history.sum(axis=1)).ravel()
    bought_by = np.repeat(np.arange(len(rows)), np.diff(history.indptr))
    values = {}
    for name, codes, in_shop in zip(AFFINITIES, day.attribute_codes.T, day.attribute_shares, strict=True):
        width = len(in_shop)
        usual = np.maximum(in_shop, RAREST_SHARE)[codes[articles]]
        bought, wanted = bought_by * width + codes[history.indices], owners * width + codes[articles]
        own = _sums(bought, history.data, wanted, len(rows) * width) + AFFINITY_PRIOR_PURCHASES * usual
        values[name] = np.log(own / (totals[owners] + AFFINITY_PRIOR_PURCHASES) / usual)
    return {**values, "affinity": np.sum(list(values.values()), axis=0)}


def _sums(keys: np.ndarray, weights: np.ndarray, wanted: np.ndarray, n_keys: int) -> np.ndarray:
    """Return the (len(wanted),) sums of the weights of some keys below `n_keys`, 0 for one that is not there."""
    if n_keys <= MOST_SUMS_AT_ONCE:
        return np.bincount(keys, weights, n_keys)[wanted]
    known, places = np.unique(keys, return_inverse=True)
    sums = np.append(np.bincount(places, weights, len(known)), 0.0)
    found = np.searchsorted(known, wanted)
    is_known = np.append(known, -1)[found] == wanted
    return sums[np.where(is_known, found, -1)]


def _log_ratio(values: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return log(values / others), NaN where one is unknown or not positive."""
    is_positive = (values > 0) & (others > 0)
    return np.log(np.divide(values, others, out=np.full(len(values), np.nan, np.float32), where=is_positive))


def _known(values: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(values), values, np.nan)
