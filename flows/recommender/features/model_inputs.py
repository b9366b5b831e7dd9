"""Snapshots of some as-of days, on disk and read: everything training and retrieval will read.

Stage: between `encoding`, which makes them, and the models. In: snapshots and truths, day by day. Out: `ModelInputs`, a
view of a folder with a file for each day: what a task does not look at takes no memory of it, and tasks that run side
by side share what they do.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from recommender.errors import RecommenderError
from recommender.features.catalogue import Catalogue
from recommender.features.schema_text import schema_as_text, schema_of_text
from recommender.features.snapshots import CandidateSnapshot, QuerySnapshot
from recommender.features.truth import Truth
from recommender.state_files import here

if TYPE_CHECKING:
    from merlin.schema import Schema

    from recommender.features.earlier_releases import Kept

ALL_DAYS = "all_days.pt"
EARLIER_SUFFIX = ".pt"
"""What the folder's name has behind it where an earlier release kept one file."""


class UnreadableInputs(RecommenderError, ValueError):
    """Another release kept its inputs in a way that this one does not know."""


@dataclass(frozen=True)
class ModelInputs:
    """What a model is trained on and scored with, all encoded by the same two workflows.

    Attributes:
        catalogue: owner of article positions.
        candidates: articles by as-of day.
        queries: customers by as-of day.
        truths: what these customers bought in the week from the day, for those who learn from it or judge by it.
        candidate_schema: output schema of the candidate workflow.
        query_schema: output schema of the query workflow.
    """

    catalogue: Catalogue
    candidates: Mapping[date, CandidateSnapshot]
    queries: Mapping[date, QuerySnapshot]
    truths: Mapping[date, Truth]
    candidate_schema: Schema
    query_schema: Schema

    @classmethod
    def load(cls, folder: Path) -> ModelInputs:
        """Open what `save_day` and `save_all_days` wrote, or read what an earlier release pickled.

        Files are mapped into memory and can run no code of their own.

        Raises:
            FileNotFoundError: when there is nothing.
            UnreadableInputs: when another release wrote something else.
        """
        earlier = folder.with_name(folder.name + EARLIER_SUFFIX)
        path = earlier if earlier.exists() else here(folder)
        try:
            return cls._of_earlier(path) if path == earlier else cls._open(path)
        except (pickle.UnpicklingError, KeyError, TypeError, AttributeError) as error:
            raise UnreadableInputs(f"{path} was written by another release, and this one cannot read it") from error

    @classmethod
    def _open(cls, folder: Path) -> ModelInputs:
        kept = torch.load(folder / ALL_DAYS, weights_only=True)
        days = {day: _open_day(folder, day) for day in map(date.fromisoformat, kept["days"])}
        return cls(
            catalogue=Catalogue(np.array(json.loads(kept["article_ids"]), dtype=object)),
            candidates={day: CandidateSnapshot.of_plain(each["candidates"]) for day, each in days.items()},
            queries={day: QuerySnapshot.of_plain(each["queries"]) for day, each in days.items()},
            truths={day: Truth(*map(np.asarray, each["truth"])) for day, each in days.items()},
            candidate_schema=schema_of_text(kept["candidate_schema"]),
            query_schema=schema_of_text(kept["query_schema"]),
        )

    @classmethod
    def _of_earlier(cls, path: Path) -> ModelInputs:
        from recommender.features.earlier_releases import candidate_snapshots, query_snapshots, unpickled

        kept: Kept = unpickled(path)
        return cls(
            catalogue=Catalogue(kept.catalogue.article_ids),
            candidates=candidate_snapshots(kept),
            queries=query_snapshots(kept),
            truths={},
            candidate_schema=kept.candidate_schema,
            query_schema=kept.query_schema,
        )


def save_day(folder: Path, candidates: CandidateSnapshot, queries: QuerySnapshot, truth: Truth) -> None:
    """Write one day as tensors and texts: a later release may have the classes elsewhere."""
    folder.mkdir(parents=True, exist_ok=True)
    truth_tensors = [torch.from_numpy(part) for part in truth]
    plain = {"candidates": candidates.as_plain(), "queries": queries.as_plain(), "truth": truth_tensors}
    _save(plain, _day_file(folder, candidates.as_of_day))


def save_all_days(
    folder: Path, catalogue: Catalogue, days: Sequence[date], candidate_schema: Schema, query_schema: Schema
) -> None:
    """Write what the days have in common, after each of them: without it there are no inputs."""
    kept = {
        "article_ids": json.dumps(catalogue.article_ids.tolist()),
        "days": [day.isoformat() for day in days],
        "candidate_schema": schema_as_text(candidate_schema),
        "query_schema": schema_as_text(query_schema),
    }
    _save(kept, folder / ALL_DAYS)


def keep_days(folder: Path, days: Collection[date]) -> None:
    """Remove all days but some of a folder's."""
    kept = torch.load(folder / ALL_DAYS, weights_only=True)
    dropped = [day for day in map(date.fromisoformat, kept["days"]) if day not in days]
    _save({**kept, "days": [day.isoformat() for day in sorted(days)]}, folder / ALL_DAYS)
    for day in dropped:
        _day_file(folder, day).unlink()


def _save(kept: Mapping[str, Any], path: Path) -> None:
    """Write beside and rename: who has mapped the file before keeps what it was, and nobody finds half of it."""
    unfinished = path.with_suffix(".unfinished")
    torch.save(kept, unfinished)
    unfinished.replace(path)


def _open_day(folder: Path, day: date) -> Mapping[str, Any]:
    return torch.load(_day_file(folder, day), mmap=True, weights_only=True)


def _day_file(folder: Path, day: date) -> Path:
    return folder / f"{day}.pt"
