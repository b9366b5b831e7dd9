"""Several files of one table, such as a file for each day, written one after the other into one plain file.

Stage: raw data. In: the files, in the order of their names. Out: a `RawTable` of all, which names the file and the line
of each row, and the days that more than one file has.
"""

from __future__ import annotations

import os
import shutil
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import IO

import duckdb

from data.arrivals.wording import listed
from data.reading.column_names import same_columns
from data.reading.delimited_text import sql_rows
from data.reading.failures import quoted
from data.reading.raw_table import RawTable, open_table


@dataclass(frozen=True)
class ManyFiles:
    """Files that were read as one.

    Attributes:
        table: of all rows.
        in_two_files: what is to be said of each day that several files have.
    """

    table: RawTable
    in_two_files: tuple[str, ...]


@dataclass(frozen=True)
class _Part:
    """One of the files, and the rows of each of its days."""

    path: Path
    table: RawTable
    rows_by_day: Mapping[str, int]

    @property
    def rows(self) -> int:
        return sum(self.rows_by_day.values())


def read_as_one(
    connection: duckdb.DuckDBPyConnection,
    paths: Sequence[Path],
    columns: Sequence[str],
    day_column: str,
    scratch: Path,
    target: Path,
) -> ManyFiles:
    """Write the rows of all files to `target`, as plain CSV with the `columns`.

    Raises the `RawDataError` of the first file that cannot be read, which names it.
    """
    parts = []
    with target.open("wb") as file:
        file.write(f"{','.join(columns)}\n".encode())
        for number, path in enumerate(paths):
            own_scratch = scratch / f"part.{number}"
            own_scratch.mkdir()
            parts.append(_open(connection, path, columns, day_column, own_scratch))
            _append(connection, parts[-1], columns, own_scratch, file)
            shutil.rmtree(own_scratch)
    return ManyFiles(_whole(parts, columns, target), tuple(_shared_days(parts)))


def _open(
    connection: duckdb.DuckDBPyConnection, path: Path, columns: Sequence[str], day_column: str, scratch: Path
) -> _Part:
    table = open_table(path, same_columns(columns), scratch)
    days = table.fetch(connection, f"select coalesce({day_column}, ''), count(*) from {table.rows} group by 1")
    return _Part(path, table, dict(days))


def _append(
    connection: duckdb.DuckDBPyConnection, part: _Part, columns: Sequence[str], scratch: Path, file: IO[bytes]
) -> None:
    """Append the rows of a file: its very bytes where they are written as they have to be, else a copy."""
    header = f"{','.join(columns)}\n".encode()
    path = part.path
    if not (part.table.is_as_is and _first_line(path) == header):
        path = scratch / "rows.csv"
        rows = f"select {', '.join(columns)} from {part.table.rows}"
        part.table.fetch(connection, f"copy ({rows}) to {quoted(path)} (header)")
    with path.open("rb") as source:
        source.readline()
        shutil.copyfileobj(source, file, 1 << 20)
        source.seek(-1, os.SEEK_END)
        file.write(b"" if source.read(1) == b"\n" else b"\n")


def _first_line(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.readline()


def _whole(parts: Sequence[_Part], columns: Sequence[str], target: Path) -> RawTable:
    ends = list(accumulate(part.rows for part in parts))

    def line_of(row: int) -> str:
        at = bisect_left(ends, row)
        return f"{parts[at].path.name}, {parts[at].table.line_of(row - ends[at] + parts[at].rows)}"

    def check_lines() -> None:
        for part in parts:
            part.table.check_lines()

    return RawTable(
        name=f"purchases of {len(parts)} {'file' if len(parts) == 1 else 'files'}",
        rows=sql_rows(target, columns),
        line_of=line_of,
        check_lines=check_lines,
        columns={column: column for column in columns},
        notes=(f"read as one, from {parts[0].path.name} to {parts[-1].path.name}", *_notes(parts)),
        is_as_is=True,
        header=parts[-1].table.header,
    )


def _notes(parts: Sequence[_Part]) -> Iterator[str]:
    """Say each thing once, with the files of which it is true."""
    names = defaultdict(list)
    for part in parts:
        for note in part.table.notes:
            names[note].append(part.path.name)
    yield from (f"{note} in {listed(of)}" for note, of in names.items())


def _shared_days(parts: Sequence[_Part]) -> Iterator[str]:
    of_day = defaultdict(list)
    for part in parts:
        for day, rows in part.rows_by_day.items():
            of_day[day].append(f"{part.path.name} ({rows:,})")
    for day, files in sorted(of_day.items()):
        if len(files) > 1:
            yield f"{day} is in several files, {listed(files)}; if none came late, one of them is too many"
