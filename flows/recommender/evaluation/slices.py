"""Metrics slice by slice: customers by how active they were, articles by how long they have been on sale.

Stage: after the per-customer metrics, beside `bootstrap`. In: metric values per customer and a label for each of
them. Out: one row per slice, with intervals. An article slice is a mask for `ranking_metrics.select_truth`, as is
`accuracy_checks.popularity_head`: it cuts the truth before anything is scored.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from recommender.bootstrap import mean_interval

ACTIVITY_SLICES = ("cold", "1", "2", "3-5", "6-10", "11+")
ACTIVITY_EDGES = (1, 2, 3, 6, 11)
"""Purchase days with which each slice after the first begins."""
LAST_DAY_OF_FIRST_WEEK, LAST_DAY_OF_FIRST_MONTH = 7, 28


def by_slice(
    per_customer_values: Mapping[str, np.ndarray],
    labels: np.ndarray,
    clusters: np.ndarray,
    seed: int,
    slices: Sequence[str] | None = None,
    n_resamples: int = 2000,
    level: float = 0.95,
) -> list[dict[str, str | int | float]]:
    """Average every metric within every slice, with its customer-clustered interval.

    `per_customer_values` float (n,) by metric name, NaN without truth; `labels` str (n,) puts each row in a slice;
    `clusters` int or str (n,) names each row's customer. `slices` are the slices in the order to show, by default
    the labels that occur, sorted, "<20" before "20-24". Seed, resamples and level as in `bootstrap.mean_interval`.

    Returns one dict per slice: "slice", "customers" (distinct, with at least one value) and, for a metric "map@12",
    "map@12", "map@12_low" and "map@12_high". A slice without customers has 0 and NaN, one of a single customer NaN
    bounds.

    Raises ValueError when shapes differ, or a label is not among the slices.
    """
    shapes = {name: values.shape for name, values in per_customer_values.items()}
    if {labels.shape, clusters.shape, *shapes.values()} != {(len(labels),)}:
        raise ValueError(
            f"labels, clusters and values must all be (n,), got {labels.shape}, {clusters.shape}, {shapes}"
        )
    if slices is None:
        slices = sorted(set(labels.tolist()), key=lambda name: (not name.startswith("<"), name))
    unknown = sorted(set(labels.tolist()) - set(slices))
    if unknown:
        raise ValueError(f"every label must be one of the slices {list(slices)}, got {unknown}")
    return [
        _slice_row(name, per_customer_values, labels == name, clusters, seed, n_resamples, level) for name in slices
    ]


def activity_slice(purchase_days: np.ndarray) -> np.ndarray:
    """Label customers by the number of days on which they bought something before the week.

    `purchase_days` int (n,), at least 0. Returns str (n,) out of `ACTIVITY_SLICES`.

    Raises ValueError for a negative count.

    >>> activity_slice(np.array([0, 1, 4, 30])).tolist()
    ['cold', '1', '3-5', '11+']
    """
    _check_not_negative("purchase_days", purchase_days)
    return np.array(ACTIVITY_SLICES)[np.digitize(purchase_days, ACTIVITY_EDGES)]


def article_age_slices(age_days: np.ndarray) -> dict[str, np.ndarray]:
    """Mark the articles that are in their first week on sale, in the rest of their first month, or older.

    `age_days` (n_articles,) are days since the first sale, NaN for an article not sold yet, which is in no slice.

    Returns bool (n_articles,) by "first week" (up to 7 days), "first month" (8 to 28) and "older".

    Raises ValueError for a negative age.

    >>> masks = article_age_slices(np.array([7, 8, 29]))
    >>> {name: mask.tolist() for name, mask in masks.items()}
    {'first week': [True, False, False], 'first month': [False, True, False], 'older': [False, False, True]}
    """
    _check_not_negative("age_days", age_days)
    return {
        "first week": age_days <= LAST_DAY_OF_FIRST_WEEK,
        "first month": (age_days > LAST_DAY_OF_FIRST_WEEK) & (age_days <= LAST_DAY_OF_FIRST_MONTH),
        "older": age_days > LAST_DAY_OF_FIRST_MONTH,
    }


def popularity_deciles(sales: np.ndarray, is_on_sale: np.ndarray) -> dict[str, np.ndarray]:
    """Mark tenths of the articles on sale, best sellers first; equal sellers rank by position.

    `sales` int (n_articles,), `is_on_sale` bool (n_articles,). Returns bool (n_articles,) by "1st tenth" and so on.

    >>> masks = popularity_deciles(np.arange(10), np.ones(10, dtype=bool))
    >>> masks["1st tenth"].nonzero()[0].tolist(), masks["10th tenth"].nonzero()[0].tolist()
    ([9], [0])
    """
    best_first = np.argsort(-sales, kind="stable")
    best_first = best_first[is_on_sale[best_first]]
    names = ["1st", "2nd", "3rd", *(f"{n}th" for n in range(4, 11))]
    return {
        f"{name} tenth": np.isin(np.arange(len(sales)), part)
        for name, part in zip(names, np.array_split(best_first, 10), strict=True)
    }


def _slice_row(
    name: str,
    per_customer_values: Mapping[str, np.ndarray],
    is_member: np.ndarray,
    clusters: np.ndarray,
    seed: int,
    n_resamples: int,
    level: float,
) -> dict[str, str | int | float]:
    has_value = np.zeros(len(is_member), dtype=bool)
    means: dict[str, float] = {}
    for metric, values in per_customer_values.items():
        has_value |= is_member & ~np.isnan(values)
        interval = mean_interval(values[is_member], clusters[is_member], seed, n_resamples, level)
        means |= {metric: interval.mean, f"{metric}_low": interval.low, f"{metric}_high": interval.high}
    return {"slice": name, "customers": len(np.unique(clusters[has_value])), **means}


def _check_not_negative(name: str, counts: np.ndarray) -> None:
    if (counts < 0).any():
        raise ValueError(f"{name} must be at least 0, got {counts.min()}; count from purchases before the week")
