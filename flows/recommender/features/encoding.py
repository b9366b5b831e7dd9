"""Marts and fitted workflows in, snapshots out, written day by day.

This is the only place where tables become tensors. What has a row per customer passes through it in blocks, so that it
takes as much memory for a million customers as for a hundred thousand, but for the tensors of one day.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch

from recommender.columns import Columns
from recommender.features.catalogue import Catalogue
from recommender.features.feature_workflow import FeatureWorkflows, fit_workflows, transform
from recommender.features.marts import Marts
from recommender.features.model_inputs import ModelInputs, save_all_days, save_day
from recommender.features.snapshots import CandidateSnapshot, QuerySnapshot, season_of
from recommender.features.truth import Truth

if TYPE_CHECKING:
    from nvtabular import Workflow

INPUTS = "model_inputs"
"""Folder of the encoded days beside the workflows."""

FITTED_COLUMNS = (*Columns.CUSTOMER_CATEGORIES, *Columns.CUSTOMER_NUMBERS, Columns.HISTORY_ARTICLE_IDS)
QUERY_COLUMNS = (*FITTED_COLUMNS, *Columns.HISTORY_NUMBERS)


def encode_marts(
    marts: Marts,
    fit_before: date,
    on_sale_days: int,
    folder: Path,
    as_of_days: Sequence[date],
    some_customers: Mapping[date, np.ndarray] | None = None,
) -> ModelInputs:
    """Fit the workflows on what was known before a day, save them, and encode as-of days of the marts.

    Args:
        marts: of the run.
        fit_before: first day that the fit may not see.
        on_sale_days: see `encode_candidates`.
        folder: where the workflows are written, and the encoded days in `INPUTS`.
        as_of_days: which days, oldest first.
        some_customers: on these days only some customers, by their rows among everybody.
    """
    some_customers, scratch_dir = some_customers or {}, folder / "scratch"
    workflows = fit_on_marts(marts, fit_before, as_of_days, scratch_dir)
    workflows.save(folder)
    catalogue = marts.catalogue()
    for day in as_of_days:
        candidates = encode_candidates(workflows.candidate, day, candidate_rows(marts, day), catalogue, on_sale_days)
        blocks = marts.customer_blocks(day, QUERY_COLUMNS, some_customers.get(day))
        queries = encode_queries(workflows.query, day, blocks)
        truth = Truth.of(marts.bought_in_week(day), queries.customers, catalogue)
        save_day(folder / INPUTS, candidates, queries, truth)
    schemas = workflows.candidate.output_schema, workflows.query.output_schema
    save_all_days(folder / INPUTS, catalogue, as_of_days, *schemas)
    shutil.rmtree(scratch_dir)  # the workflows' vocabularies lay there
    return ModelInputs.load(folder / INPUTS)


def fit_on_marts(marts: Marts, fit_before: date, as_of_days: Sequence[date], scratch_dir: Path) -> FeatureWorkflows:
    """Fit both workflows on what was known before a day on some as-of days; see `fit_workflows`."""
    articles = (candidate_rows(marts, day) for day in as_of_days)
    customers = (rows for day in as_of_days for rows in marts.customer_blocks(day, FITTED_COLUMNS))
    return fit_workflows(articles, customers, fit_before, scratch_dir)


def candidate_rows(marts: Marts, day: date) -> pa.Table:
    """Join what an article is to how it sold: one row per article sold before a day, ascending by id."""
    features, articles = marts.article_features(day), marts.articles()
    places = pc.index_in(features[Columns.ARTICLE_ID], value_set=articles[Columns.ARTICLE_ID])
    attributes = articles.select(Columns.ARTICLE_ATTRIBUTES).take(places)
    for name in Columns.ARTICLE_ATTRIBUTES:
        features = features.append_column(name, attributes[name])
    return features


def encode_candidates(
    workflow: Workflow, day: date, rows: pa.Table, catalogue: Catalogue, on_sale_days: int
) -> CandidateSnapshot:
    """Encode the articles of a day.

    Args:
        workflow: of articles.
        day: the day.
        rows: output of `candidate_rows`.
        catalogue: owner of positions.
        on_sale_days: an article counts as on sale when it sold within this many days before the day.
    """
    encoded = transform(workflow, rows)
    return CandidateSnapshot(
        as_of_day=day,
        positions=torch.from_numpy(catalogue.positions_of(rows[Columns.ARTICLE_ID])),
        codes=torch.from_numpy(encoded[[Columns.ARTICLE_ID, *Columns.ARTICLE_ATTRIBUTES]].to_numpy(np.int64)),
        numbers=torch.from_numpy(encoded[list(Columns.ARTICLE_NUMBERS)].to_numpy(np.float32)),
        is_on_sale=torch.from_numpy(rows[Columns.DAYS_SINCE_LAST_SALE].to_numpy() <= on_sale_days),
        last_week_sales=torch.from_numpy(rows[Columns.SALES_1W].to_numpy().astype(np.int64)),
    )


class _Block(NamedTuple):
    """Some customers of a snapshot, as arrays; `lengths` are those of their histories."""

    customers: np.ndarray
    codes: np.ndarray
    numbers: np.ndarray
    history_codes: np.ndarray
    history_numbers: np.ndarray
    lengths: np.ndarray


def encode_queries(workflow: Workflow, day: date, blocks: Iterable[pa.Table]) -> QuerySnapshot:
    """Encode the customers of a day.

    Args:
        workflow: of customers.
        day: the day.
        blocks: rows of the `customer_features` mart of the day, ascending by customer, with `QUERY_COLUMNS`.
    """
    encoded = _Block(*map(np.concatenate, zip(_nobody(), *_encoded(workflow, day, blocks), strict=True)))
    return QuerySnapshot(
        as_of_day=day,
        customers=encoded.customers,
        codes=torch.from_numpy(encoded.codes),
        numbers=torch.from_numpy(encoded.numbers),
        history_codes=torch.from_numpy(encoded.history_codes),
        history_numbers=torch.from_numpy(encoded.history_numbers),
        history_offsets=torch.from_numpy(np.append(0, np.cumsum(encoded.lengths))),
    )


def _nobody() -> _Block:
    """Return a block without customers: a week in which nobody bought anything has no other."""
    return _Block(
        customers=np.empty(0, np.int32),
        codes=np.empty((0, len(Columns.CUSTOMER_CATEGORIES)), np.int32),
        numbers=np.empty((0, len(Columns.CUSTOMER_NUMBERS) + 2), np.float32),
        history_codes=np.empty(0, np.int32),
        history_numbers=np.empty((0, len(Columns.HISTORY_NUMBERS)), np.float32),
        lengths=np.empty(0, np.int64),
    )


def _encoded(workflow: Workflow, day: date, blocks: Iterable[pa.Table]) -> Iterator[_Block]:
    for rows in blocks:
        encoded = transform(workflow, rows.select(FITTED_COLUMNS))
        numbers = encoded[list(Columns.CUSTOMER_NUMBERS)].to_numpy(np.float32)
        season = np.broadcast_to(np.array(season_of(day), np.float32), (len(numbers), 2))
        yield _Block(
            customers=rows[Columns.CUSTOMER_CODE].to_numpy().astype(np.int32),
            codes=encoded[list(Columns.CUSTOMER_CATEGORIES)].to_numpy(np.int32),
            numbers=np.hstack([numbers, season]),
            history_codes=np.concatenate(encoded[Columns.HISTORY_ARTICLE_IDS].to_numpy()).astype(np.int32),
            history_numbers=_history_numbers(rows),
            lengths=pc.list_value_length(rows[Columns.HISTORY_ARTICLE_IDS]).to_numpy().astype(np.int64),
        )


def _history_numbers(rows: pa.Table) -> np.ndarray:
    """Return (n_history, 2) float32 log(1 + x) of the histories' days since and purchase days.

    Not a part of the NVTabular workflow: nothing is fitted here, and its LogOp took nine of the workflow's twelve
    seconds on these lists.
    """
    columns = [pc.list_flatten(rows[name]).to_numpy() for name in Columns.HISTORY_NUMBERS]
    return np.log1p(np.stack(columns, axis=1), dtype=np.float32)
