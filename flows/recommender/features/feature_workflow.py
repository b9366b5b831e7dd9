"""Marts in, model inputs out: two NVTabular workflows, one for each tower.

The candidate workflow turns articles as of a day into codes and normalised numbers; the query workflow does the
same for customers as of a day and encodes their histories with the candidate workflow's article vocabulary, so
that an article has one code on both sides. Both are fitted on rows that were known before `fit_before`, and are
saved with the model. Codes are NVTabular's: 0 padding, 1 missing, 2 unknown, 3 and up the vocabulary.

NVTabular takes seconds to import, so it is imported inside the functions that need it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from recommender.columns import Columns

if TYPE_CHECKING:
    import pandas as pd
    from nvtabular import Workflow

CANDIDATE_WORKFLOW = "candidate_workflow"
QUERY_WORKFLOW = "query_workflow"


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


def fit_workflows(candidates: pa.Table, customers: pa.Table, fit_before: date, scratch_dir: Path) -> FeatureWorkflows:
    """Fit both workflows on what was known before a day.

    Article snapshots as of `fit_before` itself count purchases strictly before it, so they belong to what was known;
    customer snapshots are the training queries, which end a week earlier.

    Args:
        candidates: the `article_features` mart joined with the `articles` mart.
        customers: the `customer_features` mart.
        fit_before: first day that the fit may not see.
        scratch_dir: folder for Parquet inputs and vocabulary files while fitting.

    Raises:
        ValueError: when no row lies before `fit_before`.
    """
    as_of_day = Columns.AS_OF_DAY
    known_candidates = candidates.filter(pc.field(as_of_day) <= fit_before)
    known_customers = customers.drop_columns(list(Columns.HISTORY_NUMBERS)).filter(pc.field(as_of_day) < fit_before)
    for name, rows in (("article", known_candidates), ("customer", known_customers)):
        if rows.num_rows == 0:
            raise ValueError(f"no {name} snapshot lies before {fit_before}; choose a later cutoff")
    import nvtabular as nvt

    scratch_dir.mkdir(parents=True, exist_ok=True)
    candidate = nvt.Workflow(_candidate_columns(scratch_dir))
    candidate.fit(_dataset(known_candidates, scratch_dir / "candidates.parquet"))
    query = nvt.Workflow(_query_columns(scratch_dir, _article_vocabulary(scratch_dir)))
    query.fit(_dataset(known_customers, scratch_dir / "queries.parquet"))
    return FeatureWorkflows(candidate, query)


def transform(workflow: Workflow, rows: pa.Table, scratch_dir: Path) -> pd.DataFrame:
    """Apply a fitted workflow to rows of its mart, in their order.

    Returns:
        One row per input row: int64 codes, float32 numbers, lists as numpy arrays.

    Raises:
        ValueError: when histories did not arrive as lists, which NVTabular itself would pass over in silence.
    """
    scratch_dir.mkdir(parents=True, exist_ok=True)
    path = scratch_dir / "transform.parquet"
    encoded = workflow.transform(_dataset(rows, path)).compute()
    path.unlink()
    history = encoded.get(Columns.HISTORY_ARTICLE_IDS)
    if history is not None and len(history) and not hasattr(history.iloc[0], "__len__"):
        raise ValueError(f"{history.name} must hold one list per customer, found {type(history.iloc[0]).__name__}")
    return encoded.reset_index(drop=True)


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


def _dataset(rows: pa.Table, path: Path):
    """Hand a table to NVTabular as a Parquet file: from a DataFrame it would turn lists into strings."""
    import nvtabular as nvt

    pq.write_table(rows, path)
    return nvt.Dataset(str(path), engine="parquet")
