"""Model inputs that an earlier release kept in one file, read as those of today.

Up to commit 4216c0b `model_inputs.pt` was a pickle of `ModelInputs`, and a pickle names its classes by their modules of
that day. The quoted names below are what such files hold: they stay as they are wherever the classes move. Up to commit
71941ac it held tensors and texts, customers by their ids.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch

from recommender.features.schema_text import schema_of_text
from recommender.features.snapshots import CandidateSnapshot, QuerySnapshot

OWN_CLASSES = (
    "recommender.features.model_inputs.ModelInputs",
    "recommender.features.catalogue.Catalogue",
    "recommender.features.snapshots.CandidateSnapshot",
    "recommender.features.snapshots.QuerySnapshot",
)


class Kept:
    """An object of an earlier release, of whichever class it was: its fields of that day."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)


def unpickled(path: Path) -> Kept:
    """Read such a file, which can name the classes below and no other."""
    with torch.serialization.safe_globals(_pickled_classes()):
        kept = torch.load(path, weights_only=True)
    return kept if isinstance(kept, Kept) else _of_texts(kept)


def _of_texts(plain: Mapping[str, Any]) -> Kept:
    """Return what tensors and texts stand for, as a pickle would hold it."""
    queries = [{**each, "customer_ids": _ids(each["customer_ids"])} for each in plain["queries"]]
    return _kept(
        catalogue=_kept(article_ids=_ids(plain["article_ids"])),
        candidates=_by_day(plain["candidates"]),
        queries=_by_day(queries),
        candidate_schema=schema_of_text(plain["candidate_schema"]),
        query_schema=schema_of_text(plain["query_schema"]),
    )


def _by_day(snapshots: Iterable[Mapping[str, Any]]) -> dict[date, Kept]:
    days = ((date.fromisoformat(each["as_of_day"]), each) for each in snapshots)
    return {day: _kept(**{**each, "as_of_day": day}) for day, each in days}


def _ids(text: str) -> np.ndarray:
    return np.array(json.loads(text), dtype=object)


def _kept(**fields_of_that_day: Any) -> Kept:
    kept = Kept()
    kept.__setstate__(fields_of_that_day)
    return kept


def _pickled_classes() -> list[Callable | tuple[Callable, str]]:
    from merlin.dtypes.base import DType, ElementType
    from merlin.dtypes.shape import Dimension, Shape
    from merlin.schema import ColumnSchema, Schema, Tags
    from merlin.schema.tags import TagSet

    merlin = [DType, ElementType, Dimension, Shape, ColumnSchema, Schema, Tags, TagSet]
    make_array = np.empty(0).__reduce__()[0]
    texts = [(make_array, "numpy._core.multiarray._reconstruct"), np.ndarray, np.dtype, np.dtypes.ObjectDType]
    return [*((Kept, name) for name in OWN_CLASSES), *merlin, *texts, date]


def candidate_snapshots(kept: Kept) -> dict[date, CandidateSnapshot]:
    """Return the articles by as-of day of kept inputs."""
    return {day: CandidateSnapshot(**vars(each)) for day, each in kept.candidates.items()}


def query_snapshots(kept: Kept) -> dict[date, QuerySnapshot]:
    """Return the customers by as-of day of kept inputs, without what some kept of the week from the day.

    Customers were named by their ids, ascending, and on the newest day the inputs have everybody.
    """
    everybody = pa.array(kept.queries[max(kept.queries)].customer_ids, pa.string())
    return {day: _query_snapshot(vars(each), everybody) for day, each in kept.queries.items()}


def _query_snapshot(state: Mapping[str, Any], everybody: pa.Array) -> QuerySnapshot:
    rows = pc.index_in(pa.array(state["customer_ids"], pa.string()), value_set=everybody)
    state = {**state, "customers": rows.to_numpy()}
    return QuerySnapshot(**{field.name: state[field.name] for field in fields(QuerySnapshot)})
