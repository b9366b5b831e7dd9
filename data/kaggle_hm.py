"""The real H&M files: the user's own three tables, used where they lie.

Stage: raw data, kaggle-hm only. In: a local folder or zip, or a folder of ours with downloads. Out: the three names
in a folder of ours: links to the user's files, which are neither copied nor changed, or where they are written in
another way (packed, with semicolons, in UTF-16, ...), copies in the layout's own. Purchases may lie in several files,
such as one a day: these become one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import duckdb

from data.fetching.kaggle_client import WHERE_TO_GET_THEM
from data.raw_errors import RawDataError, RawSourceError
from data.raw_layout import RAW_COLUMNS, TRANSACTIONS_FILE
from data.raw_schema import RawSummary, check_raw_files
from data.raw_tidying import tidy, write_copy
from data.reading.archives import TABLE_SUFFIXES, is_named, members
from data.reading.column_names import same_columns
from data.reading.delimited_text import sql_rows
from data.reading.failures import failures_named
from data.reading.many_files import read_as_one
from data.reading.raw_table import RawTable, open_table

PARTS = "transactions"  # as the names of files begin that have some of the purchases
_HAS_DAY = re.compile(r"[0-9]{4}[-_.]?[0-9]{2}[-_.]?[0-9]{2}")


def bring_files(source: Path, folder: Path, scratch: Path) -> RawSummary:
    """Link or copy the three files of `source` into `folder` and check them.

    A file whose values the check refuses, but that can be tidied, becomes a copy, too.

    Raises the first `RawDataError` that applies, with the place in the user's file.
    """
    tables, in_two_files = {}, ()
    with duckdb.connect(config={"threads": 2, "temp_directory": ""}) as connection:
        for name, (path, *more) in find_files(source).items():
            if path != source and is_part(path.name):
                many = read_as_one(connection, [path, *more], RAW_COLUMNS[name], "t_dat", scratch, folder / name)
                tables[name], in_two_files = many.table, many.in_two_files
                continue
            shown = source.name if path == source else path.name
            table = open_table(path, same_columns(RAW_COLUMNS[name]), scratch, shown, Path(name).stem)
            table = replace(table, notes=(*table.notes, *_not_read(path, name)))
            tables[name] = _put(connection, table, path, folder / name)
        return replace(_check_and_tidy(connection, tables, folder), in_two_files=in_two_files)


def is_part(file_name: str) -> bool:
    """Whether a file holds some of the purchases, such as `transactions_2020-09-22.csv`, and not all of them."""
    name = file_name.lower()
    is_table = name.startswith(PARTS) and name.endswith(TABLE_SUFFIXES)
    return is_table and not is_named(name, Path(TRANSACTIONS_FILE).stem)


def find_files(source: Path) -> dict[str, tuple[Path, ...]]:
    """The file of each of the three names: `articles.csv`, one such as `Articles.CSV.gz`, or one zip of all.

    Where no file has all purchases, those that have some of them, in the order of their names.

    Raises `RawSourceError` naming those that `source` lacks or has twice.
    """
    if not source.is_dir():
        if source.is_file():
            return dict.fromkeys(RAW_COLUMNS, (_zip_of_all(source),))
        raise RawSourceError(f"RAW_DIR={source} is not a folder; {WHERE_TO_GET_THEM}.")
    with failures_named(f"RAW_DIR={source}", "see that you may list and read it"):
        there = sorted(path for path in source.iterdir() if not path.name.startswith("."))
    found = {name: _named(there, name) for name in RAW_COLUMNS}
    parts = [path for path in there if is_part(path.name)]
    if parts and not found[TRANSACTIONS_FILE]:
        found.pop(TRANSACTIONS_FILE)
    else:
        parts = []
    missing = [name for name, paths in found.items() if not paths]
    if missing:
        raise RawSourceError(f"RAW_DIR={source} has no {', '.join(missing)}; {_remedy(there)}.")
    for name, paths in found.items():
        if len(paths) > 1:
            several = ", ".join(path.name for path in paths)
            raise RawSourceError(f"RAW_DIR={source} has {several} for {name}; keep one of them.")
    return {name: tuple(found.get(name, parts)) for name in RAW_COLUMNS}


def _check_and_tidy(connection: duckdb.DuckDBPyConnection, tables: dict[str, RawTable], folder: Path) -> RawSummary:
    """Check the files until they pass; each is tidied once at most."""
    tidied = set()
    while True:
        try:
            return check_raw_files(folder, tables=tables)
        except RawDataError as error:
            name = error.file_name
            table = None if name in {"", *tidied} else tidy(connection, tables[name], name, _copy_of(folder / name))
            if table is None:
                raise
            tables[name] = _switched(table, folder / name)
            tidied.add(name)


def _put(connection: duckdb.DuckDBPyConnection, table: RawTable, path: Path, target: Path) -> RawTable:
    """Link the user's file, or copy what is written in another way."""
    if not table.is_as_is:
        return _switched(write_copy(connection, table, table.rows, _copy_of(target)), target)
    if path != target:
        target.symlink_to(path.resolve())
    return table


def _copy_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.copy")


def _switched(table: RawTable, path: Path) -> RawTable:
    """Put the copy of a file in its place; the table reads it from now on, and finds its rows in the user's."""
    _copy_of(path).replace(path)
    return replace(table, rows=sql_rows(path, RAW_COLUMNS[path.name]), is_as_is=True)


def _named(there: list[Path], name: str) -> list[Path]:
    """The file of that very name, or else all that are called so but for case and suffixes."""
    exact = [path for path in there if path.name == name]
    return exact or _so_called(there, name)


def _so_called(there: Iterable[Path], name: str) -> list[Path]:
    """All that are called so but for case and suffixes."""
    called = (path for path in there if path.suffix and is_named(path.name, Path(name).stem))
    return sorted(path for path in called if not path.name.startswith("."))


def _not_read(path: Path, name: str) -> list[str]:
    """What is to be said of files beside `path`, the one of that very name, that could be the same table."""
    if path.name != name:
        return []
    there = sorted(path.parent.iterdir())
    others = [other.name for other in _so_called(there, name) if other != path]
    if name == TRANSACTIONS_FILE:
        others += [other.name for other in there if is_part(other.name) and _HAS_DAY.search(other.name)]
    return [f"{other}, which lies beside it, is not read" for other in others]


def _zip_of_all(source: Path) -> Path:
    with failures_named(f"RAW_DIR={source}", "name the folder of the three files, or a zip of them"):
        members(source)  # raises for what is no zip
    return source


def _remedy(there: list[Path]) -> str:
    zipped = [path for path in there if path.suffix.lower() == ".zip"]
    folders = [path for path in there if path.is_dir() and all(_named(sorted(path.iterdir()), n) for n in RAW_COLUMNS)]
    if folders:
        return f"they are in its folder {folders[0].name}: name that one"
    return f"name the zip itself: RAW_DIR={zipped[0]}" if len(zipped) == 1 else WHERE_TO_GET_THEM
