"""Stage four of four, order: from ranked candidates to the list a shopper sees.

In: each customer's best candidates by the ranker's score. Out: k of them, chosen one by one: the best that no cap bars,
less a penalty for resembling what was chosen already (maximal marginal relevance, Carbonell and Goldstein 1998,
https://doi.org/10.1145/290941.291025).
"""

from __future__ import annotations

import numpy as np

from recommender.columns import Columns
from recommender.config import OrderSettings
from recommender.models.ranked_lists import RankedLists


def order_lists(
    positions: np.ndarray, scores: np.ndarray, attribute_codes: np.ndarray, k: int, settings: OrderSettings
) -> RankedLists:
    """Choose and order k articles for each customer.

    Where the caps leave fewer than k, the best of the barred follow: a full list is worth more than a rule of taste.

    Args:
        positions: (n, depth) int catalogue positions by falling score, -1 behind the end.
        scores: (n, depth) float32.
        attribute_codes: (n_articles, n_attributes) int, columns as `Columns.ARTICLE_ATTRIBUTES`.
        k: length of the lists.
        settings: caps and diversity.

    Returns:
        Lists whose scores never rise: an article that diversity put behind a lower one takes that one's score.
    """
    n, depth = positions.shape
    codes = attribute_codes[np.maximum(positions, 0)]  # (n, depth, n_attributes)
    is_open, everyone = positions >= 0, np.arange(n)
    capped = [Columns.ARTICLE_ATTRIBUTES.index(name) for name in settings.caps]
    limits = np.array(list(settings.caps.values()))
    counts = np.zeros((n, depth, len(capped)), np.int16)  # how often each value of a candidate was chosen
    likeness = np.zeros((n, depth), np.float32)
    penalty = settings.diversity * _deviations(scores, is_open)
    chosen = np.full((n, k), -1)
    for place in range(min(k, depth)):
        worth = np.where(is_open, scores - penalty * likeness, -np.inf)
        is_barred = (counts >= limits).any(axis=2)
        allowed = np.where(is_barred, -np.inf, worth)
        best = np.where((allowed > -np.inf).any(axis=1), allowed.argmax(axis=1), worth.argmax(axis=1))
        chosen[:, place] = np.where(is_open.any(axis=1), best, -1)
        is_same = codes == codes[everyone, best][:, None, :]
        counts += is_same[:, :, capped]
        likeness = np.maximum(likeness, is_same.mean(axis=2))
        is_open[everyone, best] = False
    return _taken(positions, scores, chosen)


def _deviations(scores: np.ndarray, is_open: np.ndarray) -> np.ndarray:
    """Return the (n, 1) standard deviations of each customer's scores, 0 without any."""
    counts = np.maximum(is_open.sum(axis=1, keepdims=True), 1)
    known = np.where(is_open, scores, 0)
    means = known.sum(axis=1, keepdims=True) / counts
    return np.sqrt((np.where(is_open, scores - means, 0) ** 2).sum(axis=1, keepdims=True) / counts)


def _taken(positions: np.ndarray, scores: np.ndarray, chosen: np.ndarray) -> RankedLists:
    is_filled = chosen >= 0
    places = np.maximum(chosen, 0)
    lists = np.where(is_filled, np.take_along_axis(positions, places, axis=1), -1)
    worth = np.where(is_filled, np.take_along_axis(scores, places, axis=1), np.inf)
    falling = np.minimum.accumulate(worth, axis=1)
    return RankedLists(lists.astype(np.int32), np.where(is_filled, falling, np.nan).astype(np.float32))
