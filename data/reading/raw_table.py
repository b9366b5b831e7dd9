"""A user's file, whatever its kind, as one table of text whose rows are found again by line.

Stage: raw data. In: a path, and the columns that are wanted. Out: a `RawTable`, or a `RawDataError` that names the
user's file. What is packed, or not written plainly, is written anew into a scratch folder, beside the user's file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from data.raw_errors import RawFileError, RawSourceError
from data.reading.archives import Kind, Unpacked, unpack
from data.reading.column_names import Names, count_known, find_columns
from data.reading.delimited_text import open_delimited_text, separator_note, sql_rows, write_plain
from data.reading.failures import failures_named, unreadable
from data.reading.parquet_tables import read_parquet
from data.reading.text_encoding import recognise_text
from data.reading.workbooks import ROW, SHEET, read_workbook

# Spaces of all kinds, also the one that does not break a line and the mark of a text's beginning.
_SPACES = " \t\r\n\u00a0\ufeff"

REMEDY = "bring the whole file, as .csv, .xlsx, .zip or .parquet"
_NAMED_AS_SOMETHING_ELSE = (".xlsx", ".xls", ".xlsm", ".xlsb", ".zip", ".gz", ".parquet")


@dataclass(frozen=True)
class RawTable:
    """One table of the user's.

    Attributes:
        name: how messages call the file, such as `shop.zip, sales.csv`.
        rows: SQL that reads the wanted columns as text under our names, in the order of the file; empty is null.
        line_of: where row n, from 1, stands in the user's file, such as `line 7`.
        check_lines: raises `RawFileError` for the first line of the user's file that is malformed.
        columns: what the user calls each of our columns.
        notes: what was recognised and is worth saying, without the name.
        is_as_is: whether a reader that knows nothing of all this reads the same from the user's file.
        has_sheets: whether `rows` has a column `sheet` as well.
        header: all columns of the user's file; empty of a workbook, whose sheets have one each.
    """

    name: str
    rows: str
    line_of: Callable[[int], str]
    check_lines: Callable[[], None]
    columns: Mapping[str, str]
    notes: tuple[str, ...] = ()
    is_as_is: bool = False
    has_sheets: bool = False
    header: tuple[str, ...] = ()

    def place(self, row: int, column: str) -> str:
        """Where a value of one of our columns stands, as messages begin."""
        return f"{self.name}, {self.line_of(row)}, column {self.columns[column]}"

    def said(self) -> tuple[str, ...]:
        """The notes as lines of output."""
        return tuple(f"{self.name}: {note}" for note in self.notes)

    def fetch(self, connection: duckdb.DuckDBPyConnection, sql: str) -> list[tuple]:
        """The result of SQL that reads `rows`.

        Raises `RawFileError` for a malformed line.
        """
        try:
            found = connection.execute(sql).fetchall()
        except duckdb.Error as error:
            self.check_lines()
            raise unreadable(self.name, error, REMEDY) from error
        self._refuse_rejected(connection)
        return found

    def _refuse_rejected(self, connection: duckdb.DuckDBPyConnection) -> None:
        try:
            rejected = connection.execute("select line, error_message from reject_errors order by line limit 1")
        except duckdb.CatalogException:  # nothing that was read keeps its rejects
            return
        first = rejected.fetchone()
        if first is not None:
            self.check_lines()
            raise RawFileError(f"{self.name}, line {first[0]} cannot be read ({first[1].splitlines()[0]}); {REMEDY}.")


def open_table(path: Path, wanted: Names, scratch: Path | None, name: str = "", stem: str = "") -> RawTable:
    """Find out what a file is and how to read it; `name` is what messages call it, by default its own.

    `scratch` takes what must be written anew; None refuses such files. `stem` is how the wanted file of a zip is
    called, without suffixes.

    Raises:
        RawSourceError: the file is not there, cannot be opened, is damaged or of no kind that is known.
        RawFileError: it is empty, or a line of it cannot be read.
        RawColumnError: a column is missing or repeated.
    """
    name = name or path.name
    if path.is_dir():
        raise RawSourceError(f"{path} is a folder, not a file; name the file in it.")
    with failures_named(name, REMEDY):
        if not path.exists():
            raise RawSourceError(f"{path} does not exist; put the file there or name the folder that has it.")
        if not path.is_file():
            raise RawSourceError(f"{path} is no regular file; {REMEDY}.")
        file = unpack(path, name, scratch, stem)
        table = _TABLES[file.kind](file, wanted, scratch)
    return table if file.is_as_found else replace(table, is_as_is=False, notes=("unpacked", *table.notes))


def stripped(text: str) -> str:
    """SQL of an SQL text without the spaces around it."""
    return f"trim({text}, '{_SPACES}')"


def with_one_line_end(text: str) -> str:
    """SQL of an SQL text whose lines all end with LF, as do those of a file that has it."""
    return f"replace(replace({text}, chr(13) || chr(10), chr(10)), chr(13), chr(10))"


def _text_table(file: Unpacked, wanted: Names, scratch: Path | None) -> RawTable:
    form = recognise_text(file.path, file.name)
    text = open_delimited_text(file.path, file.name, form.encoding, wanted)
    is_misnamed = file.name.lower().endswith(_NAMED_AS_SOMETHING_ELSE) and file.is_as_found
    if is_misnamed and not count_known(text.header, wanted):
        raise RawSourceError(
            f"{file.name} cannot be read (it is a text without the columns that are needed, whatever its name says); "
            f"name UCI's .zip or .xlsx, or {REMEDY.removeprefix('bring ')}."
        )
    columns = find_columns(text.header, wanted, f"{file.name}, line {text.header_line}")
    misnamed = ("a text, whatever its name says",) if is_misnamed else ()
    notes = (*misnamed, *form.notes, *separator_note(text), *columns.notes)
    is_plain = form.is_plain and text.header_line == 1
    if is_plain:
        names = [f"c{at}" for at in range(len(text.header))]
        picked = ", ".join(f'c{at} as "{ours}"' for ours, at in columns.positions.items())
        rows = f"(select {picked} from {sql_rows(file.path, names, text.separator)})"
    elif scratch is None:
        raise RawFileError(
            f"{file.name} is not written as it has to be in {file.path.parent} ({'; '.join(notes)}). Save it as UTF-8 "
            "with one line end, or move it to a folder of its own and name that by RAW_DIR."
        )
    else:
        target = scratch / f"{file.path.name}.plain"
        write_plain(text, [columns.positions[ours] for ours in wanted], list(wanted), target)
        rows = sql_rows(target, list(wanted))
    is_as_is = is_plain and text.separator == "," and not text.has_separators_left and columns.is_as_wanted(text.header)
    return RawTable(file.name, rows, text.line_of, text.check, columns.named, notes, is_as_is, header=columns.header)


def _workbook_table(file: Unpacked, wanted: Names, scratch: Path | None) -> RawTable:
    if scratch is None:
        raise RawFileError(f"{file.name} is a workbook; save its sheet as CSV.")
    workbook = read_workbook(file.path, file.name, wanted, scratch / f"{file.path.name}.sheets")
    rows = sql_rows(workbook.rows_file, [SHEET, ROW, *wanted])
    return RawTable(file.name, rows, workbook.line_of, _nothing, workbook.columns, workbook.notes, has_sheets=True)


def _parquet_table(file: Unpacked, wanted: Names, scratch: Path | None) -> RawTable:
    rows, found = read_parquet(file.path, file.name, wanted)
    return RawTable(file.name, rows, lambda row: f"row {row}", _nothing, found.named, found.notes, header=found.header)


def _nothing() -> None:
    """There are no lines to check."""


_TABLES = {Kind.TEXT: _text_table, Kind.WORKBOOK: _workbook_table, Kind.PARQUET: _parquet_table}
