"""Stage four of four, order: from ranked candidates to the list a shopper sees.

In: each customer's best candidates by the ranker's score. Out: k of them, chosen one by one: the best that no cap bars,
less a penalty for resembling what was chosen already (maximal marginal relevance, Carbonell and Goldstein 1998,
https://doi.org/10.1145/290941.291025).
"""

from __future__ import annotations

from collections.abc import Mapping

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
    if settings.diversity:
        return _taken(positions, scores, _chosen_for_diversity(positions, scores, attribute_codes, k, settings))
    is_open, is_chosen = _within_caps(positions, attribute_codes, k, settings.caps)
    return _taken(positions, scores, _first(np.where(is_chosen, 0, np.where(is_open, 1, 2)), k))


def _within_caps(
    positions: np.ndarray, attribute_codes: np.ndarray, k: int, caps: Mapping[str, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Return (depth, n) bool, where there is a candidate and where one that no cap bars, the first k of them at least.

    What a cap bars once it bars for good, so one look at each candidate in its turn is enough.
    """
    positions = np.ascontiguousarray(positions.T)  # all customers' candidates of one place lie together
    is_open, is_chosen = positions >= 0, np.zeros(positions.shape, bool)
    codes = [attribute_codes[:, Columns.ARTICLE_ATTRIBUTES.index(name)][np.maximum(positions, 0)] for name in caps]
    counts = [np.zeros(is_open.shape, np.int16) for _ in caps]  # how often the value of a candidate was chosen
    for place, is_here in enumerate(is_chosen):
        is_here[:] = is_open[place]
        for counted, most in zip(counts, caps.values(), strict=True):
            is_here &= counted[place] < most
        for values, counted in zip(codes, counts, strict=True):
            counted[place + 1 :] += (values[place + 1 :] == values[place]) & is_here
        if place + 1 >= k and is_chosen.sum(axis=0).min(initial=k) >= k:
            break
    return is_open, is_chosen


def _first(turns: np.ndarray, k: int) -> np.ndarray:
    """Return the (n, k) first places by (depth, n) turns, and by place where they are equal; -1 in the turn of 2."""
    turns = turns.astype(np.int8).T
    places = np.argsort(turns, axis=1, kind="stable")[:, :k]
    places = np.where(np.take_along_axis(turns, places, axis=1) < 2, places, -1)
    return np.pad(places, ((0, 0), (0, k - places.shape[1])), constant_values=-1)


def _chosen_for_diversity(
    positions: np.ndarray, scores: np.ndarray, attribute_codes: np.ndarray, k: int, settings: OrderSettings
) -> np.ndarray:
    """Return the (n, k) places, each filled by what is worth most beside what was chosen before it; -1 for none."""
    n, depth = positions.shape
    capped = [Columns.ARTICLE_ATTRIBUTES.index(name) for name in settings.caps]
    limits = np.reshape(list(settings.caps.values()), (-1, 1, 1))
    codes = attribute_codes.T[:, np.maximum(positions, 0)]  # (n_attributes, n, depth)
    is_open, is_barred, everyone = positions >= 0, np.zeros((n, depth), bool), np.arange(n)
    counts = np.zeros((len(capped), n, depth), np.int16)  # how often each value of a candidate was chosen
    likeness = np.zeros((n, depth), np.float32)
    penalty = settings.diversity * _deviations(scores, is_open)
    chosen = np.full((n, k), -1)
    for place in range(min(k, depth)):
        worth = np.where(is_open, scores - penalty * likeness, -np.inf)
        allowed = np.where(is_barred, -np.inf, worth)
        best = np.where((allowed > -np.inf).any(axis=1), allowed.argmax(axis=1), worth.argmax(axis=1))
        chosen[:, place] = np.where(is_open.any(axis=1), best, -1)
        is_same = codes == codes[:, everyone, best][:, :, None]
        counts += is_same[capped]
        is_barred = (counts >= limits).any(axis=0)
        likeness = np.maximum(likeness, is_same.sum(axis=0, dtype=np.int16) / len(codes))
        is_open[everyone, best] = False
    return chosen


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
