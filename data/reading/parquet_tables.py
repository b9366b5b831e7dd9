"""The columns of a Parquet file, whatever their types, as texts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import duckdb

from data.raw_errors import RawColumnError
from data.reading.column_names import FoundColumns, Names, find_columns
from data.reading.failures import quoted_path

_INSTANT = "TIMESTAMP WITH TIME ZONE"
_WITHOUT_TEXT = ("STRUCT", "MAP", "UNION", "BLOB", "BIT", "INTERVAL")
_FLOATS = ("FLOAT", "DOUBLE")


def read_parquet(path: Path, name: str, wanted: Names) -> tuple[str, FoundColumns]:
    """SQL that reads the wanted columns as text under our names, and what was found.

    A number that is not one (NaN), which stands for nothing in tables of floats, is null.

    Raises `RawColumnError`, also for a column of lists or the like.
    """
    source = f"read_parquet({quoted_path(path)}, binary_as_string=true)"
    with duckdb.connect() as connection:
        described = connection.execute(f"describe select * from {source}").fetchall()
    header, types = [row[0] for row in described], [row[1] for row in described]
    found = find_columns(header, wanted, name)
    columns, instants = [], []
    for ours, at in found.positions.items():
        _refuse_nested(name, header[at], types[at])
        columns.append(f"{_text_of(header[at], types[at])} as {_identifier(ours)}")
        instants += [f"the times of column {header[at]!r} are read in UTC"] if types[at] == _INSTANT else []
    return f"(select {', '.join(columns)} from {source})", replace(found, notes=(*found.notes, *instants))


def _refuse_nested(name: str, column: str, sql_type: str) -> None:
    if sql_type.startswith(_WITHOUT_TEXT) or sql_type.endswith("]"):
        raise RawColumnError(
            f"{name}: column {column} is of the type {sql_type[:60]}; write it as text, a number or a time."
        )


def _text_of(column: str, sql_type: str) -> str:
    identifier = _identifier(column)
    if sql_type == _INSTANT:
        return f"cast({identifier} at time zone 'UTC' as varchar)"
    if sql_type in _FLOATS:
        return f"case when not isnan({identifier}) then cast({identifier} as varchar) end"
    return f"nullif(cast({identifier} as varchar), '')"


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
