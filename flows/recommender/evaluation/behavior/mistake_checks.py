"""Mistakes weighed: how far from the purchases is what was recommended instead?

"Being less wrong" of RecList (Chia et al. 2022, https://arxiv.org/abs/2111.09963), with attributes as the space: a
black skirt for a navy one is a better miss than a baby's bib.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from recommender.evaluation.behavior.judged_week import JudgedWeek
from recommender.evaluation.behavior.standing import standing_of_customers
from recommender.evaluation.behavioral_check import Kind, Measurement, behavioral_check
from recommender.ranking_metrics import find_hits

CUSTOMERS_PER_CHUNK = 5_000
SHOWN_MISSES, SHOWN_ARTICLES = 10, 3


class MistakeChecks(JudgedWeek):
    """Customers with history who bought something in the week."""

    @behavioral_check(
        "mistakes",
        Kind.COMPARISON,
        warns="attributes tell in some shops little of what a customer likes",
        needs={"customers": 50},
    )
    def misses_near_purchases(self) -> Measurement:
        """Attributes that a miss shares with the nearest bought article: from random lists, 0, to a baseline's, 1."""
        judged = np.flatnonzero(self.is_judged)
        healthy = {name: self._nearness(lists, judged) for name, lists in self.healthy.items()}
        model = self._nearness(self.lists, judged)
        measured = standing_of_customers(model, self._nearness(self.random, judged), healthy, "random")
        return replace(measured, details={**measured.details, "furthest_misses": self._furthest(judged, model)})

    def _nearness(self, lists: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """(n_rows,) float: mean over a customer's misses of the attributes shared with the nearest purchase."""
        codes = np.stack([of_each for _, of_each in self.codes.values()], axis=1).astype(np.int32)
        hits = find_hits(lists, *self.truth)
        nearness = np.full(len(rows), np.nan)
        for start in range(0, len(rows), CUSTOMERS_PER_CHUNK):
            chunk = rows[start : start + CUSTOMERS_PER_CHUNK]
            shared = self._shared_with_nearest(lists[chunk], chunk, codes)
            is_miss = ~hits[chunk] & (lists[chunk] >= 0)
            total = np.where(is_miss, shared, 0).sum(axis=1)
            count = is_miss.sum(axis=1)
            nearness[start : start + len(chunk)] = np.divide(
                total, count, out=np.full(len(chunk), np.nan), where=count > 0
            )
        return nearness

    def _shared_with_nearest(self, lists: np.ndarray, rows: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """(n_rows, k) float: share of attributes that each article has in common with the nearest purchase."""
        sizes = self.truth.sizes()[rows]
        nearest = np.zeros(lists.shape)
        for place in range(int(sizes.max(initial=0))):
            has_more = np.flatnonzero(sizes > place)
            bought = self.truth.values[self.truth.offsets[rows[has_more]] + place]
            shared = (codes[lists[has_more]] == codes[bought][:, None, :]).mean(axis=2)
            nearest[has_more] = np.maximum(nearest[has_more], shared)
        return nearest

    def _furthest(self, rows: np.ndarray, nearness: np.ndarray) -> list[dict[str, Any]]:
        """The customers whose list is furthest from what they bought, with the names of a few articles."""
        furthest = np.argsort(nearness, kind="stable")[:SHOWN_MISSES]  # NaN last: nothing was missed
        return [self._told(rows[place], nearness[place]) for place in furthest if np.isfinite(nearness[place])]

    def _told(self, row: int, nearness: float) -> dict[str, Any]:
        listed = self.lists[row, :SHOWN_ARTICLES]
        return {
            "who": str(self.customer_names[row]),
            "nearness": float(nearness),
            "recommended": self.article_names[listed[listed >= 0]].tolist(),
            "bought": self.article_names[self.truth.of_row(row)[:SHOWN_ARTICLES]].tolist(),
        }
