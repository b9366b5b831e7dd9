"""The published lists of a run on its disk, so that any run that is still kept can be published again.

Stage: just before publishing. In: `PublishedLists`, which passed both gates. Out: a folder of Parquet files beside the
run's models, whole or not at all; and back.

    customers.parquet   one row per customer: id, list, last purchases
    popular.parquet     the overall list, under the name `overall`; segments and similar articles have files like it
    articles.parquet    what is known of articles
    shown.parquet       to whom articles are recommended
    run.json            where the lists come from; written last
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from recommender.errors import RecommenderError
from recommender.release.publish import PublishedRun
from recommender.release.published_lists import NamedLists, PublishedLists
from recommender.state_files import here
from serving.cache.article_facts import ArticleFacts
from serving.cache.contract import OVERALL
from serving.cache.list_buckets import ListArrays
from serving.cache.purchase_buckets import PurchaseArrays
from serving.cache.shown_articles import ShownArticles

FOLDER, RUN_FILE, CUSTOMERS_FILE = "lists", "run.json", "customers.parquet"
NAME, ARTICLE_ID = "name", "article_id"
PURCHASES = tuple(f"purchase_{name}" for name in PurchaseArrays._fields)


class NotKept(RecommenderError):
    """A run has no lists on the disk."""


def keep_lists(lists: PublishedLists, run: PublishedRun, folder: Path) -> None:
    """Write lists into a new folder; one that is there already is replaced.

    Raises:
        OSError: the disk is full or the folder cannot be written; nothing new is there then.
    """
    beside = folder.with_name(f".{folder.name}.writing")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    for name, table in _tables(lists).items():
        pq.write_table(table, beside / f"{name}.parquet", compression="zstd")
    (beside / RUN_FILE).write_text(json.dumps(asdict(run)), encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    beside.rename(folder)


def kept_lists(folder: Path) -> tuple[PublishedLists, PublishedRun]:
    """Read what `keep_lists` wrote.

    Raises:
        NotKept: nothing is there.
    """
    if not all((here(folder) / name).exists() for name in (RUN_FILE, CUSTOMERS_FILE)):
        raise NotKept(f"{folder} has no published lists; the run published nothing, or its files were removed.")
    run = PublishedRun(**json.loads((folder / RUN_FILE).read_text(encoding="utf-8")))
    customers = pq.read_table(folder / CUSTOMERS_FILE)
    lists = PublishedLists(
        customer_ids=_texts(customers[NAME]),
        lists=_lists(customers),
        popular=_lists(pq.read_table(folder / "popular.parquet")),
        articles=_articles(folder / "articles.parquet"),
        segments=_named(folder / "segments.parquet"),
        similar=_named(folder / "similar.parquet"),
        purchases=_purchases(customers),
        shown=_shown(folder / "shown.parquet"),
    )
    return lists, run


def _tables(lists: PublishedLists) -> dict[str, pa.Table]:
    """Everything that was published, by the name of its file."""
    customers = _table_of_lists(lists.customer_ids, lists.lists)
    for name, values in zip(PURCHASES, lists.purchases or (), strict=False):
        customers = customers.append_column(name, _column(values))
    tables = {"customers": customers, "popular": _table_of_lists([OVERALL], lists.popular)}
    named = {"segments": lists.segments, "similar": lists.similar}
    tables |= {name: _table_of_lists(*each) for name, each in named.items() if each is not None}
    facts = {name: [getattr(each, name) for each in lists.articles.values()] for name in ArticleFacts._fields}
    columns = {
        name: pa.array(values, pa.string()) for name, values in {ARTICLE_ID: list(lists.articles), **facts}.items()
    }
    tables["articles"] = pa.table(columns)
    if lists.shown is not None:
        tables["shown"] = pa.table({name: _column(values) for name, values in lists.shown._asdict().items()})
    return tables


def _table_of_lists(names: Iterable[str], lists: ListArrays) -> pa.Table:
    columns = {name: _column(values) for name, values in lists._asdict().items()}
    return pa.table({NAME: pa.array(names, pa.string()), **columns})


def _column(values: np.ndarray) -> pa.Array:
    """(n,) or (n, k) values as a column, which keeps their type; texts of any kind become strings."""
    flat = pa.array(values.ravel(), pa.string()) if values.dtype.kind in "OU" else pa.array(values.ravel())
    return flat if values.ndim == 1 else pa.FixedSizeListArray.from_arrays(flat, values.shape[1])


def _named(path: Path) -> NamedLists | None:
    if not path.exists():
        return None
    table = pq.read_table(path)
    return NamedLists(_texts(table[NAME]), _lists(table))


def _lists(table: pa.Table) -> ListArrays:
    return ListArrays(*(_matrix(table[name]) for name in ListArrays._fields))


def _articles(path: Path) -> dict[str, ArticleFacts]:
    table = pq.read_table(path)
    facts = zip(*(table[name].to_pylist() for name in ArticleFacts._fields), strict=True)
    return dict(zip(table[ARTICLE_ID].to_pylist(), map(ArticleFacts._make, facts), strict=True))


def _purchases(customers: pa.Table) -> PurchaseArrays | None:
    if not set(PURCHASES) <= set(customers.column_names):
        return None
    return PurchaseArrays(*(_matrix(customers[name]) for name in PURCHASES))


def _shown(path: Path) -> ShownArticles | None:
    return ShownArticles(*(_matrix(column) for column in pq.read_table(path).columns)) if path.exists() else None


def _matrix(column: pa.ChunkedArray) -> np.ndarray:
    """Inverse of `_column`."""
    if not pa.types.is_fixed_size_list(column.type):
        return _texts(column) if pa.types.is_string(column.type) else column.to_numpy()
    flat = column.combine_chunks().flatten()
    values = _texts(flat) if pa.types.is_string(flat.type) else flat.to_numpy(zero_copy_only=False)
    return values.reshape(-1, column.type.list_size)


def _texts(column: pa.Array | pa.ChunkedArray) -> np.ndarray:
    return np.array(column.to_pylist(), dtype=object)
