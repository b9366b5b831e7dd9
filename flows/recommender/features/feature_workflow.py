"""Marts in, model inputs out: two NVTabular workflows, one for each tower.

The candidate workflow turns articles as of a day into codes and normalised numbers; the query workflow does the
same for customers as of a day and encodes their histories with the candidate workflow's article vocabulary, so
that an article has one code on both sides. Both are fitted on rows that were known before `fit_before`, and are
saved with the model. Codes are NVTabular's: 0 padding, 1 missing, 2 unknown, 3 and up the vocabulary.

NVTabular takes seconds to import, so it is imported inside the functions that need it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from recommender.columns import Columns

if TYPE_CHECKING:
    import pandas as pd
    from nvtabular import Workflow

CANDIDATE_WORKFLOW = "candidate_workflow"
QUERY_WORKFLOW = "query_workflow"
ROWS_PER_PART = 250_000  # a part of customers with their histories takes a few hundred MB in pandas


@dataclass(frozen=True)
class FeatureWorkflows:
    """The two fitted workflows of one model."""

    candidate: Workflow
    query: Workflow

    def save(self, folder: Path) -> None:
        """Write both workflows, vocabularies included, below `folder`."""
        self.candidate.save(str(folder / CANDIDATE_WORKFLOW))
        self.query.save(str(folder / QUERY_WORKFLOW))

    @classmethod
    def load(cls, folder: Path) -> FeatureWorkflows:
        """Read back what `save` wrote."""
        import nvtabular as nvt

        return cls(
            nvt.Workflow.load(str(folder / CANDIDATE_WORKFLOW)),
            nvt.Workflow.load(str(folder / QUERY_WORKFLOW)),
        )


def fit_workflows(
    candidates: Iterable[pa.Table], customers: Iterable[pa.Table], fit_before: date, scratch_dir: Path
) -> FeatureWorkflows:
    """Fit both workflows on what was known before a day.

    Article snapshots as of `fit_before` itself count purchases strictly before it, so they belong to what was known;
    customer snapshots are the training queries, which end a week earlier.

    Args:
        candidates: parts of the `article_features` mart joined with the `articles` mart.
        customers: parts of the `customer_features` mart.
        fit_before: first day that the fit may not see.
        scratch_dir: folder for Parquet inputs and vocabulary files while fitting.

    Raises:
        ValueError: when no row lies before `fit_before`.
    """
    as_of_day = Columns.AS_OF_DAY
    known_candidates = (rows.filter(pc.field(as_of_day) <= fit_before) for rows in candidates)
    known_customers = (_with_one_word(rows.filter(pc.field(as_of_day) < fit_before)) for rows in customers)
    scratch_dir.mkdir(parents=True, exist_ok=True)
    paths = [scratch_dir / "candidates.parquet", scratch_dir / "queries.parquet"]
    for name, parts, path in zip(("article", "customer"), (known_candidates, known_customers), paths, strict=True):
        if not write_parts(parts, path, ROWS_PER_PART):
            raise ValueError(f"no {name} snapshot lies before {fit_before}; choose a later cutoff")
    import nvtabular as nvt

    candidate = nvt.Workflow(_candidate_columns(scratch_dir))
    candidate.fit(_dataset(paths[0]))
    query = nvt.Workflow(_query_columns(scratch_dir, _article_vocabulary(scratch_dir)))
    query.fit(_dataset(paths[1]))
    return FeatureWorkflows(candidate, query)


def _with_one_word(rows: pa.Table) -> pa.Table:
    """Return customers whose histories hold one word each.

    Nothing is fitted on the words, whose codes are given. Merlin looks at them to learn of what kind they are, and
    fails where it finds none: in a part of customers who buy for the first time, or a shop that knows no others.
    """
    words = pa.array([""]).take(pa.array(np.zeros(rows.num_rows, np.int64)))
    histories = pa.ListArray.from_arrays(np.arange(rows.num_rows + 1, dtype=np.int32), words)
    return rows.set_column(rows.column_names.index(Columns.HISTORY_ARTICLE_IDS), Columns.HISTORY_ARTICLE_IDS, histories)


def transform(workflow: Workflow, rows: pa.Table) -> pd.DataFrame:
    """Apply a fitted workflow to rows of its mart, in their order; so many that they may be held a few times over.

    Returns:
        One row per input row: int64 codes, float32 numbers, lists as numpy arrays.

    Raises:
        ValueError: when histories are no lists, which NVTabular itself would pass over in silence.
    """
    encoded = workflow.transform(rows.to_pandas())
    history = encoded.get(Columns.HISTORY_ARTICLE_IDS)
    if history is not None and len(history) and not hasattr(history.iloc[0], "__len__"):
        raise ValueError(f"{history.name} must hold one list per customer, found {type(history.iloc[0]).__name__}")
    return encoded


def _candidate_columns(scratch_dir: Path):
    from nvtabular import ops

    codes = [Columns.ARTICLE_ID, *Columns.ARTICLE_ATTRIBUTES] >> ops.Categorify(out_path=str(scratch_dir))
    return codes + _normalised(Columns.ARTICLE_NUMBERS)


def _query_columns(scratch_dir: Path, article_vocabulary: pd.Series):
    from nvtabular import ops

    codes = list(Columns.CUSTOMER_CATEGORIES) >> ops.Categorify(out_path=str(scratch_dir))
    history = [Columns.HISTORY_ARTICLE_IDS] >> ops.Categorify(
        vocabs={Columns.HISTORY_ARTICLE_IDS: article_vocabulary}, out_path=str(scratch_dir)
    )
    return codes + history + _normalised(Columns.CUSTOMER_NUMBERS)


def _normalised(names: tuple[str, ...]):
    from nvtabular import ops

    return list(names) >> ops.FillMissing() >> ops.LogOp() >> ops.Normalize(out_dtype="float32")


def _article_vocabulary(scratch_dir: Path) -> pd.Series:
    """Read the article ids in the order of their codes from the file the candidate workflow wrote."""
    import pandas as pd

    path = scratch_dir / "categories" / f"unique.{Columns.ARTICLE_ID}.parquet"
    return pd.read_parquet(path)[Columns.ARTICLE_ID].dropna()


def write_parts(tables: Iterable[pa.Table], path: Path, rows_per_part: int) -> int:
    """Write tables into one Parquet file, whose row groups have so many rows or a few more, and return the rows."""
    written, held, writer = 0, [], None
    for table in tables:
        held.append(table)
        writer = writer or pq.ParquetWriter(path, table.schema)
        if sum(each.num_rows for each in held) >= rows_per_part:
            written, held = written + _write_part(writer, held), []
    if writer is not None:
        written += _write_part(writer, held)
        writer.close()
    return written


def _write_part(writer: pq.ParquetWriter, tables: list[pa.Table]) -> int:
    part = pa.concat_tables(tables) if tables else None
    if not part:
        return 0
    writer.write_table(part, row_group_size=part.num_rows)
    return part.num_rows


def _dataset(path: Path):
    """Hand a file of `write_parts` to NVTabular, which fits it part by part.

    From a DataFrame it would turn lists into strings.
    """
    import nvtabular as nvt

    return nvt.Dataset(str(path), engine="parquet", row_groups_per_part=1)
