"""Values of H&M's layout that say the same in another form, written in its own.

Stage: raw data, kaggle-hm only. In: a file that the check refuses. Out: a copy of it, if every value says without
doubt what is meant: dates in another order or with a time of day, decimal commas, `1.0` for a channel, and spaces
around a value.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from data.raw_layout import RAW_COLUMNS
from data.reading.dates import decide_dates
from data.reading.decimals import has_decimal_commas
from data.reading.failures import quoted
from data.reading.raw_table import RawTable, stripped, with_one_line_end

_EXAMPLE = "YYYY-MM-DD, such as 2020-09-22"


@dataclass(frozen=True)
class _Reading:
    """How a column is read: SQL of its text, and what is to be said if that changes anything."""

    column: str
    text: str
    note: str


def write_copy(connection: duckdb.DuckDBPyConnection, table: RawTable, rows: str, target: Path) -> RawTable:
    """Write `rows`, which are read from a table, to `target` as plain CSV; returns the table.

    Raises `RawFileError` for a malformed line.
    """
    columns = ", ".join(f'{with_one_line_end(column)} as "{column}"' for column in table.columns)
    table.fetch(connection, f"copy (select {columns} from {rows}) to {quoted(target)} (header)")
    return table


def tidy(connection: duckdb.DuckDBPyConnection, table: RawTable, file_name: str, target: Path) -> RawTable | None:
    """Write a tidy copy of a raw file to `target`; None if nothing can be tidied.

    Returns the table with what is to be said.

    Raises `RawValueError` for a date or price that can be read in two ways, or a date that cannot be read.
    """
    readings = list(_readings(connection, table, file_name))
    counts = ", ".join(f"count(*) filter (where {each.text} is distinct from {each.column})" for each in readings)
    changed = table.fetch(connection, f"select {counts} from {table.rows}")[0]
    if not any(changed):
        return None
    columns = ", ".join(f"{each.text} as {each.column}" for each in readings)
    write_copy(connection, table, f"(select {columns} from {table.rows})", target)
    notes = [f"column {each.column}: {each.note}" for each, rows in zip(readings, changed, strict=True) if rows]
    return replace(table, notes=(*table.notes, *notes))


def _readings(connection: duckdb.DuckDBPyConnection, table: RawTable, file_name: str) -> Iterator[_Reading]:
    numbered = f"(select row_number() over () as record, * from {table.rows})"
    for column in RAW_COLUMNS[file_name]:
        text, note = f"nullif({stripped(column)}, '')", "spaces around values are left out"
        if column == "t_dat":
            dates = decide_dates(connection, table, numbered, column, _EXAMPLE)
            text = f"strftime({dates.moment(column)}, '%Y-%m-%d')"
            said = [*dates.notes(), *["times of day are left out"] * dates.has_times]
            note = "; ".join(said) or "dates are written as YYYY-MM-DD"
        elif column in ("price", "age") and has_decimal_commas(connection, table, numbered, column):
            text, note = f"replace({text}, ',', '.')", "commas are read as decimal points"
        elif column == "sales_channel_id":
            text, note = rf"regexp_replace({text}, '^([12])[.]0+$', '\1')", "spaces and decimal points are left out"
        yield _Reading(column, text, note)
