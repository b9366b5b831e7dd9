"""One week as the ranker learns it or is judged by it: candidates, their features, and what was bought.

In: a `FittedDay` and its truth. Out: `RankingWeek`, kept in a folder, so that the weeks can be made in parallel and
learned from in one place. Features, nearly all of it, are written chunk by chunk and read block by block. The week's
two-tower was fitted before its day, so no score here has seen what the ranker is to learn.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np

from recommender.errors import NotEnoughData, RecommenderError
from recommender.features.truth import Truth
from recommender.models.ranked_lists import RankedLists, top_per_row
from recommender.models.ranking.feature_rows import ChosenRows, FeatureRows, StoredRows, blocks_of, column_of
from recommender.models.ranking.ranking_rows import RankingRows
from recommender.ranking_metrics import average_precision_at_k, find_hits, group_truth
from recommender.stages.candidate_sets import CandidateSet, candidate_sets
from recommender.stages.fitted_day import FittedDay
from recommender.stages.pair_features import FEATURE_NAMES, with_generators
from recommender.stages.shop_day import ShopDay
from recommender.state_files import here

DESCRIPTION, FEATURES, PROPOSED_BY = "week.json", "features.float32", "proposed_by"
ARRAYS = "positions", "offsets", "is_bought", "customer_ids", "n_bought"
"""Fields that are written as they are; `PROPOSED_BY` has a row for each generator."""


class UnreadableWeek(RecommenderError, ValueError):
    """Another release kept a ranking week in a way that this one does not know."""


@dataclass(frozen=True)
class RankingWeek:
    """The candidates of the customers of a week.

    Attributes:
        as_of_day: first day of the week.
        positions: (n_pairs,) int32 catalogue positions.
        offsets: (n_customers + 1,) int64; customer i has the pairs from offsets[i] to offsets[i + 1].
        features: (n_pairs, n_features) float32, of a week that was read back in its file.
        feature_names: names of the features.
        proposed_by: generator name to (n_pairs,) bool.
        is_bought: (n_pairs,) bool, in the week.
        customer_ids: (n_customers,) array of str.
        n_bought: (n_customers,) int64, articles that each bought in the week, among the candidates or not.
    """

    as_of_day: date
    positions: np.ndarray
    offsets: np.ndarray
    features: FeatureRows
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

    def feature(self, name: str) -> np.ndarray:
        """Return one feature of all pairs: (n_pairs,) float32.

        Raises:
            ValueError: when there is none of that name.
        """
        return column_of(self.features, self.feature_names.index(name))

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
        features = ChosenRows(self.features, np.flatnonzero(kept))[:]
        return replace(
            self,
            positions=self.positions[kept],
            offsets=np.searchsorted(owners, np.arange(len(self.offsets))),
            features=with_generators(features, self.feature_names, owners, proposed_by),
            proposed_by=proposed_by,
            is_bought=self.is_bought[kept],
        )

    def save(self, folder: Path) -> None:
        """Write the week into a folder, beside and then in its place."""
        with _in_its_place_when_whole(folder) as unfinished:
            StoredRows.write(unfinished / FEATURES, blocks_of(self.features), self.feature_names)
            self._write_all_but_features(unfinished)

    def _write_all_but_features(self, folder: Path) -> None:
        for name in ARRAYS:
            np.save(folder / f"{name}.npy", getattr(self, name), allow_pickle=False)
        np.save(folder / f"{PROPOSED_BY}.npy", np.stack(list(self.proposed_by.values())))
        names = {"feature_names": self.feature_names, "generators": list(self.proposed_by)}
        (folder / DESCRIPTION).write_text(json.dumps({"as_of_day": f"{self.as_of_day}", **names}), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> RankingWeek:
        """Read back what `save` or `ranking_week` wrote: features when they are asked for, all else when looked at.

        Raises:
            UnreadableWeek: when another release wrote something else.
        """
        here(folder)
        try:
            described = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
            arrays = {name: _mapped(folder / f"{name}.npy") for name in ARRAYS}
            marks = _mapped(folder / f"{PROPOSED_BY}.npy")
            names = tuple(described["feature_names"])
            return cls(
                as_of_day=date.fromisoformat(described["as_of_day"]),
                features=StoredRows(folder / FEATURES, (len(arrays["positions"]), len(names))),
                feature_names=names,
                proposed_by=dict(zip(described["generators"], marks, strict=True)),
                **arrays,
            )
        except (OSError, KeyError, ValueError) as error:
            raise UnreadableWeek(
                f"{folder} is no ranking week as this release writes it ({error}); begin a new run"
            ) from error


def _mapped(path: Path) -> np.ndarray:
    return np.asarray(np.load(path, mmap_mode="r"))


@contextmanager
def _in_its_place_when_whole(folder: Path) -> Iterator[Path]:
    """Yield an empty folder beside `folder`; it takes that one's place when the block ends well, and goes otherwise."""
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    if unfinished.exists():  # of a process that was killed
        shutil.rmtree(unfinished)
    unfinished.mkdir(parents=True)
    try:
        yield unfinished
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)  # gigabytes, maybe what filled the disk
        raise
    if folder.exists():
        shutil.rmtree(folder)
    unfinished.rename(folder)


def ranking_week(fitted: FittedDay, truth: Truth, folder: Path) -> RankingWeek:
    """Collect every customer's candidates with their features, and mark what was bought in the week from the day.

    Args:
        fitted: retrieve and filter, fitted on the day.
        truth: what the day's customers bought in the week.
        folder: where the week is kept; features go there chunk by chunk.

    Raises:
        NotEnoughData: when the day has no customers.
    """
    day, chunks = fitted.day, []
    if not len(day):
        raise NotEnoughData(f"nobody bought anything in the week from {day.as_of_day}, so it teaches a ranker nothing")
    with _in_its_place_when_whole(folder) as unfinished:
        blocks = _features_apart(candidate_sets(day, fitted.generators, fitted.sizes), chunks)
        features = StoredRows.write(unfinished / FEATURES, blocks, FEATURE_NAMES)
        _week_of(day, truth, chunks, features)._write_all_but_features(unfinished)
    return RankingWeek.load(folder)


def _features_apart(sets: Iterable[CandidateSet], chunks: list[CandidateSet]) -> Iterator[np.ndarray]:
    """Yield the features of each chunk of customers, and note the chunk without them."""
    for chunk in sets:
        chunks.append(replace(chunk, features=chunk.features[:0].copy()))
        yield chunk.features


def _week_of(day: ShopDay, truth: Truth, chunks: Sequence[CandidateSet], features: FeatureRows) -> RankingWeek:
    positions = np.concatenate([day.candidates[chunk.columns] for chunk in chunks])
    counts = np.concatenate([np.diff(chunk.offsets) for chunk in chunks])
    owners = np.repeat(np.arange(len(day)), counts)
    return RankingWeek(
        as_of_day=day.as_of_day,
        positions=positions.astype(np.int32),
        offsets=np.concatenate([[0], np.cumsum(counts)]),
        features=features,
        feature_names=FEATURE_NAMES,
        proposed_by=_joined(chunks),
        is_bought=_is_bought(truth, owners, positions, n_articles=day.purchases.n_articles),
        customer_ids=day.customer_ids.astype(str),
        n_bought=truth.sizes(),
    )


def _joined(chunks: Sequence[CandidateSet]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([chunk.proposed_by[name] for chunk in chunks]) for name in chunks[0].proposed_by}


def _is_bought(truth: Truth, owners: np.ndarray, positions: np.ndarray, n_articles: int) -> np.ndarray:
    bought = np.repeat(np.arange(len(truth.offsets) - 1), truth.sizes()) * n_articles + truth.values
    return np.isin(owners * n_articles + positions, bought)
