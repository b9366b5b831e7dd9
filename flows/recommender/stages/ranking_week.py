"""One week as the ranker learns it or is judged by it: candidates, their features, and what was bought.

In: a `FittedDay` and its truth. Out: `RankingWeek`, kept in a file, so that the weeks can be made in parallel and
learned from in one place. Its two-tower was fitted before the week's day, so no score here has seen what the ranker is
to learn.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import torch

from recommender.errors import NotEnoughData
from recommender.features.truth import Truth
from recommender.models.ranked_lists import RankedLists, top_per_row
from recommender.models.ranking.ranking_rows import RankingRows
from recommender.ranking_metrics import average_precision_at_k, find_hits, group_truth
from recommender.stages.candidate_sets import CandidateSet, candidate_sets
from recommender.stages.fitted_day import FittedDay
from recommender.stages.pair_features import with_generators


@dataclass(frozen=True)
class RankingWeek:
    """The candidates of the customers of a week.

    Attributes:
        as_of_day: first day of the week.
        positions: (n_pairs,) int32 catalogue positions.
        offsets: (n_customers + 1,) int64; customer i has the pairs from offsets[i] to offsets[i + 1].
        features: (n_pairs, n_features) float32.
        feature_names: names of the features.
        proposed_by: generator name to (n_pairs,) bool.
        is_bought: (n_pairs,) bool, in the week.
        customer_ids: (n_customers,) array of str.
        n_bought: (n_customers,) int64, articles that each bought in the week, among the candidates or not.
    """

    as_of_day: date
    positions: np.ndarray
    offsets: np.ndarray
    features: np.ndarray
    feature_names: tuple[str, ...]
    proposed_by: dict[str, np.ndarray]
    is_bought: np.ndarray
    customer_ids: np.ndarray
    n_bought: np.ndarray

    def __str__(self) -> str:
        customers = len(self.offsets) - 1
        return (
            f"{customers:,} customers, {len(self.positions) / max(customers, 1):.0f} candidates each, "
            f"{int(self.is_bought.sum()):,} of them bought"
        )

    def rows(self) -> RankingRows:
        """Return what a ranker takes."""
        return RankingRows(self.features, self.feature_names, np.diff(self.offsets), self.is_bought)

    def best(self, scores: np.ndarray, depth: int) -> RankedLists:
        """Return each customer's candidates by falling score, (n_customers, depth); ties fall by position.

        `scores` float (n_pairs,), NaN for a candidate that is not listed.
        """
        is_scored, sizes = ~np.isnan(scores), np.diff(self.offsets)
        owners, positions = np.repeat(np.arange(len(sizes)), sizes)[is_scored], self.positions[is_scored]
        return top_per_row(owners, positions, scores[is_scored], positions, len(sizes), depth)

    def average_precision(self, lists: np.ndarray) -> np.ndarray:
        """Return (n_customers,) float64, the average precision of (n_customers, k) lists of candidates.

        A purchase that is no candidate counts as missed.
        """
        owners = np.repeat(np.arange(len(self.n_bought)), np.diff(self.offsets))
        bought = group_truth(owners[self.is_bought], self.positions[self.is_bought], len(self.n_bought))
        return average_precision_at_k(find_hits(lists, *bought), self.n_bought)

    def without(self, generators: Collection[str]) -> RankingWeek:
        """Return the week as it would be with some generators switched off: neither their articles nor their scores.

        Raises:
            ValueError: when one of them is not there, or no generator is left.
        """
        if unknown := set(generators) - self.proposed_by.keys():
            raise ValueError(
                f"there is no generator {', '.join(sorted(unknown))}; there are {', '.join(self.proposed_by)}"
            )
        proposed_by = {name: marks for name, marks in self.proposed_by.items() if name not in generators}
        if not proposed_by:
            raise ValueError("at least one generator must be left")
        kept = np.logical_or.reduce(list(proposed_by.values()))
        if not kept.any():
            raise ValueError(f"{', '.join(proposed_by)} propose nothing; leave a generator that does")
        owners = np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))[kept]
        proposed_by = {name: marks[kept] for name, marks in proposed_by.items()}
        return replace(
            self,
            positions=self.positions[kept],
            offsets=np.searchsorted(owners, np.arange(len(self.offsets))),
            features=with_generators(self.features[kept], self.feature_names, owners, proposed_by),
            proposed_by=proposed_by,
            is_bought=self.is_bought[kept],
        )

    def save(self, path: Path) -> None:
        """Write the week into one file, beside and then in its place."""
        unfinished = path.with_name(f"{path.name}.unfinished")
        torch.save(self, unfinished)
        unfinished.replace(path)

    @classmethod
    def load(cls, path: Path) -> RankingWeek:
        """Read back what this run's `save` wrote; not for files of unknown origin, it unpickles."""
        return torch.load(path, weights_only=False)


def ranking_week(fitted: FittedDay, truth: Truth) -> RankingWeek:
    """Collect every customer's candidates with their features, and mark what was bought in the week from the day.

    Args:
        fitted: retrieve and filter, fitted on the day.
        truth: what the day's customers bought in the week.

    Raises:
        NotEnoughData: when the day has no customers.
    """
    day, chunks = fitted.day, list(candidate_sets(fitted.day, fitted.generators, fitted.sizes))
    if not chunks:
        raise NotEnoughData(f"nobody bought anything in the week from {day.as_of_day}, so it teaches a ranker nothing")
    positions = np.concatenate([day.candidates[chunk.columns] for chunk in chunks])
    counts = np.concatenate([np.diff(chunk.offsets) for chunk in chunks])
    owners = np.repeat(np.arange(len(day)), counts)
    return RankingWeek(
        as_of_day=day.as_of_day,
        positions=positions.astype(np.int32),
        offsets=np.concatenate([[0], np.cumsum(counts)]),
        features=np.concatenate([chunk.features for chunk in chunks]),
        feature_names=chunks[0].feature_names,
        proposed_by=_joined(chunks),
        is_bought=_is_bought(truth, owners, positions, n_articles=day.purchases.n_articles),
        customer_ids=day.customer_ids,
        n_bought=truth.sizes(),
    )


def _joined(chunks: Sequence[CandidateSet]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([chunk.proposed_by[name] for chunk in chunks]) for name in chunks[0].proposed_by}


def _is_bought(truth: Truth, owners: np.ndarray, positions: np.ndarray, n_articles: int) -> np.ndarray:
    bought = np.repeat(np.arange(len(truth.offsets) - 1), truth.sizes()) * n_articles + truth.values
    return np.isin(owners * n_articles + positions, bought)
