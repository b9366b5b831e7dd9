"""Marts and fitted workflows in, snapshots out: everything training and retrieval will read.

This is the only place where tables become tensors.
"""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from torch import Tensor

from recommender.columns import Columns
from recommender.errors import RecommenderError
from recommender.features.catalogue import Catalogue
from recommender.features.feature_workflow import FeatureWorkflows, fit_workflows, transform
from recommender.features.marts import Marts
from recommender.features.schema_text import schema_as_text, schema_of_text
from recommender.features.snapshots import CandidateSnapshot, QuerySnapshot, season_of
from recommender.features.truth import Truth

if TYPE_CHECKING:
    from merlin.schema import Schema

    from recommender.features.earlier_releases import Kept


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

    def save(self, path: Path) -> None:
        """Write everything into one file, as tensors and texts: a later release may have its classes elsewhere."""
        kept = {
            "article_ids": json.dumps(self.catalogue.article_ids.tolist()),
            "candidates": [each.as_plain() for each in self.candidates.values()],
            "queries": [each.as_plain() for each in self.queries.values()],
            "truths": {f"{day}": [torch.from_numpy(part) for part in truth] for day, truth in self.truths.items()},
            "candidate_schema": schema_as_text(self.candidate_schema),
            "query_schema": schema_as_text(self.query_schema),
        }
        torch.save(kept, path)

    @classmethod
    def load(cls, path: Path) -> ModelInputs:
        """Read back what `save` wrote, or what an earlier release pickled; a file can run no code of its own.

        Raises:
            FileNotFoundError: when there is no file.
            UnreadableInputs: when another release wrote something else.
        """
        from recommender.features.earlier_releases import Kept, pickled_classes

        try:
            with torch.serialization.safe_globals(pickled_classes()):
                kept = torch.load(path, weights_only=True)
            return cls._of_earlier(kept) if isinstance(kept, Kept) else cls._of_plain(kept)
        except (pickle.UnpicklingError, KeyError, TypeError) as error:
            raise UnreadableInputs(f"{path} was written by another release, and this one cannot read it") from error

    @classmethod
    def _of_plain(cls, kept: Mapping[str, Any]) -> ModelInputs:
        candidates = map(CandidateSnapshot.of_plain, kept["candidates"])
        queries = map(QuerySnapshot.of_plain, kept["queries"])
        return cls(
            catalogue=Catalogue(np.array(json.loads(kept["article_ids"]), dtype=object)),
            candidates={each.as_of_day: each for each in candidates},
            queries={each.as_of_day: each for each in queries},
            truths={date.fromisoformat(day): Truth(*map(np.asarray, parts)) for day, parts in kept["truths"].items()},
            candidate_schema=schema_of_text(kept["candidate_schema"]),
            query_schema=schema_of_text(kept["query_schema"]),
        )

    @classmethod
    def _of_earlier(cls, kept: Kept) -> ModelInputs:
        from recommender.features.earlier_releases import candidate_snapshots, query_snapshots

        return cls(
            catalogue=Catalogue(kept.catalogue.article_ids),
            candidates=candidate_snapshots(kept),
            queries=query_snapshots(kept),
            truths={},
            candidate_schema=kept.candidate_schema,
            query_schema=kept.query_schema,
        )


def candidate_rows(article_features: pa.Table, articles: pa.Table) -> pa.Table:
    """Join what an article is to how it sold: one row per as-of day and article, ascending."""
    names = [*article_features.column_names, *Columns.ARTICLE_ATTRIBUTES]
    joined = article_features.join(articles, Columns.ARTICLE_ID).select(names)
    return joined.sort_by([(Columns.AS_OF_DAY, "ascending"), (Columns.ARTICLE_ID, "ascending")])


def encode_candidates(
    workflows: FeatureWorkflows, rows: pa.Table, catalogue: Catalogue, on_sale_days: int, scratch_dir: Path
) -> dict[date, CandidateSnapshot]:
    """Encode article rows into one snapshot per as-of day.

    Args:
        rows: output of `candidate_rows`.
        on_sale_days: an article counts as on sale when it sold within this many days before the as-of day.
    """
    encoded = transform(workflows.candidate, rows, scratch_dir)
    codes = torch.from_numpy(encoded[[Columns.ARTICLE_ID, *Columns.ARTICLE_ATTRIBUTES]].to_numpy(np.int64))
    numbers = torch.from_numpy(encoded[list(Columns.ARTICLE_NUMBERS)].to_numpy(np.float32))
    positions = torch.from_numpy(catalogue.positions_of(rows[Columns.ARTICLE_ID]))
    is_on_sale = torch.from_numpy(rows[Columns.DAYS_SINCE_LAST_SALE].to_numpy() <= on_sale_days)
    sales = torch.from_numpy(rows[Columns.SALES_1W].to_numpy().astype(np.int64))
    return {
        day: CandidateSnapshot(day, positions[where], codes[where], numbers[where], is_on_sale[where], sales[where])
        for day, where in _rows_by_day(rows).items()
    }


def encode_queries(workflows: FeatureWorkflows, rows: pa.Table, scratch_dir: Path) -> dict[date, QuerySnapshot]:
    """Encode rows of the `customer_features` mart, any as-of days, into one snapshot per day."""
    rows = rows.sort_by([(Columns.AS_OF_DAY, "ascending"), (Columns.CUSTOMER_CODE, "ascending")])
    encoded = transform(workflows.query, rows.drop_columns(list(Columns.HISTORY_NUMBERS)), scratch_dir)
    codes = torch.from_numpy(encoded[list(Columns.CUSTOMER_CATEGORIES)].to_numpy(np.int64))
    numbers = torch.from_numpy(encoded[list(Columns.CUSTOMER_NUMBERS)].to_numpy(np.float32))
    history_codes = encoded[Columns.HISTORY_ARTICLE_IDS].to_numpy()
    snapshots = {}
    for day, where in _rows_by_day(rows).items():
        customers = rows[Columns.CUSTOMER_CODE][where].to_numpy()
        values, offsets = _ragged(history_codes[where], np.int64)
        season = torch.tensor(season_of(day), dtype=torch.float32).expand(len(customers), 2)
        snapshots[day] = QuerySnapshot(
            as_of_day=day,
            customers=customers,
            codes=codes[where],
            numbers=torch.cat([numbers[where], season], dim=1),
            history_codes=values,
            history_numbers=_history_numbers(rows[where.start : where.stop]),
            history_offsets=offsets,
        )
    return snapshots


def truths_of(queries: Mapping[date, QuerySnapshot], targets: pa.Table, catalogue: Catalogue) -> dict[date, Truth]:
    """Return what the customers of each day bought in the week from it.

    `targets` is the `next_week_purchases` mart; in the week of a day that it lacks nobody bought anything.
    """
    bought = {day: targets.filter(pc.field(Columns.AS_OF_DAY) == day) for day in queries}
    return {day: Truth.of(bought[day], snapshot.customers, catalogue) for day, snapshot in queries.items()}


def encode(
    workflows: FeatureWorkflows,
    articles: pa.Table,
    customers: pa.Table,
    targets: pa.Table,
    catalogue: Catalogue,
    on_sale_days: int,
    scratch_dir: Path,
) -> ModelInputs:
    """Encode all as-of days of some marts.

    Args:
        catalogue: owner of positions.
        articles: output of `candidate_rows`.
        customers: the `customer_features` mart.
        targets: the `next_week_purchases` mart.
        on_sale_days: see `encode_candidates`.
    """
    queries = encode_queries(workflows, customers, scratch_dir)
    return ModelInputs(
        catalogue=catalogue,
        candidates=encode_candidates(workflows, articles, catalogue, on_sale_days, scratch_dir),
        queries=queries,
        truths=truths_of(queries, targets, catalogue),
        candidate_schema=workflows.candidate.output_schema,
        query_schema=workflows.query.output_schema,
    )


def encode_marts(
    marts: Marts, fit_before: date, on_sale_days: int, folder: Path, as_of_days: Sequence[date] | None = None
) -> ModelInputs:
    """Fit the workflows on what was known before a day, save them, and encode as-of days of the marts.

    Args:
        marts: of the run.
        fit_before: first day that the fit may not see.
        on_sale_days: see `encode_candidates`.
        folder: where the workflows are written.
        as_of_days: which days; all of the marts by default.
    """
    attributes = marts.articles().select([Columns.ARTICLE_ID, *Columns.ARTICLE_ATTRIBUTES])
    articles = candidate_rows(marts.table("article_features", as_of_days=as_of_days), attributes)
    customers = marts.table("customer_features", as_of_days=as_of_days)
    scratch_dir = folder / "scratch"
    workflows = fit_workflows(articles, customers, fit_before, scratch_dir)
    workflows.save(folder)
    targets = marts.table("next_week_purchases", as_of_days=as_of_days)
    inputs = encode(workflows, articles, customers, targets, marts.catalogue(), on_sale_days, scratch_dir)
    shutil.rmtree(scratch_dir)
    return inputs


def _rows_by_day(rows: pa.Table) -> dict[date, slice]:
    """Return where each as-of day's rows lie in a table sorted by it."""
    days = rows[Columns.AS_OF_DAY].to_numpy(zero_copy_only=False).astype("datetime64[D]")
    distinct, starts = np.unique(days, return_index=True)
    ends = [*starts[1:], len(days)]
    return {day.item(): slice(int(start), int(end)) for day, start, end in zip(distinct, starts, ends, strict=True)}


def _history_numbers(rows: pa.Table) -> Tensor:
    """Return (n_history, 2) log(1 + x) of the histories' days since and purchase days.

    Not a part of the NVTabular workflow: nothing is fitted here, and its LogOp took nine of the workflow's twelve
    seconds on these lists.
    """
    columns = [rows[name].combine_chunks().flatten().to_numpy() for name in Columns.HISTORY_NUMBERS]
    return torch.from_numpy(np.log1p(np.stack(columns, axis=1), dtype=np.float32))


def _ragged(lists: np.ndarray, dtype: type) -> tuple[Tensor, Tensor]:
    """Turn (n,) arrays of unequal length into (values, offsets)."""
    offsets = np.zeros(len(lists) + 1, np.int64)
    np.cumsum([len(each) for each in lists], out=offsets[1:])
    values = np.concatenate([np.asarray(each, dtype) for each in lists]) if len(lists) else np.empty(0, dtype)
    return torch.from_numpy(values), torch.from_numpy(offsets)
