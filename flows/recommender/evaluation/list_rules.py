"""Rules that every recommendation list must obey, no matter what made it.

Stage: shared by the behavioral suite (evaluated lists) and the publication gate (lists to be published).
In: `lists` (n_customers, k) int32 article positions, -1 where a list is shorter; `scores` float32 of that
shape; `is_on_sale` bool (n_articles,). Out: how often a rule is broken, as a `Measurement`.
"""

import numpy as np

from recommender.evaluation.behavioral_check import Measurement
from recommender.ranking_metrics import find_repeats, overlap_at_k


def count_lists_with_duplicates(lists: np.ndarray) -> Measurement:
    """Count customers whose list names an article twice."""
    return Measurement(int(find_repeats(lists).any(axis=1).sum()), {"customers": len(lists)})


def count_articles_not_on_sale(lists: np.ndarray, is_on_sale: np.ndarray) -> Measurement:
    """Count recommendations of articles that are not on sale or do not exist."""
    recommended = lists[lists != -1]
    exists = (recommended >= 0) & (recommended < len(is_on_sale))
    sellable = is_on_sale[recommended[exists]].sum()
    return Measurement(int(recommended.size - sellable), {"recommendations": int(recommended.size)})


def count_short_lists(lists: np.ndarray, is_on_sale: np.ndarray) -> Measurement:
    """Count customers with fewer than k articles, or than there are on sale when these are fewer."""
    expected = min(lists.shape[1], int(is_on_sale.sum()))
    return Measurement(int(_is_short(lists, expected).sum()), {"expected": expected, "customers": len(lists)})


def count_scores_not_finite(lists: np.ndarray, scores: np.ndarray) -> Measurement:
    """Count recommendations whose score is NaN or infinite.

    Raises ValueError when scores and lists differ in shape.
    """
    if lists.shape != scores.shape:
        raise ValueError(f"scores must have the shape of the lists, {lists.shape}, got {scores.shape}")
    is_broken = ~np.isfinite(scores) & (lists >= 0)
    return Measurement(int(is_broken.sum()), {"recommendations": int((lists >= 0).sum())})


def count_floods(lists: np.ndarray, codes: np.ndarray, most: int) -> Measurement:
    """Count customers whose list holds more than `most` articles of one value; `codes` int (n_articles,)."""
    most = min(most, lists.shape[1])
    values = np.sort(np.where(lists >= 0, codes[lists], -1 - np.arange(lists.shape[1])), axis=1)
    is_flood = (values[:, most:] == values[:, : max(values.shape[1] - most, 0)]).any(axis=1)
    return Measurement(int(is_flood.sum()), {"most": most, "customers": len(lists)})


def overlap_with_another(lists: np.ndarray) -> np.ndarray:
    """Return (n,) float64, the overlap of each list with another customer's in [0, 1]; 1 is the same articles."""
    return overlap_at_k(lists, np.roll(lists, len(lists) // 2, axis=0))  # far neighbours: ids near may be alike


def share_with_full_list(lists: np.ndarray, is_on_sale: np.ndarray) -> float:
    """Share of customers with k articles (or all that are on sale), in [0, 1]; NaN without customers."""
    expected = min(lists.shape[1], int(is_on_sale.sum()))
    return float(1 - _is_short(lists, expected).mean()) if len(lists) else float("nan")


def _is_short(lists: np.ndarray, expected: int) -> np.ndarray:
    return (lists[:, :expected] < 0).any(axis=1)
