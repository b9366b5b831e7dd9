"""A raw CSV as rows of text, with its malformed lines refused and its rows found again by line.

Stage: raw data. Lines are counted as a text editor counts them: the header is line 1, a quoted text that spans
several lines counts for each of them, and a row is named by the line it starts on.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import duckdb

from data.raw_errors import RawColumnError, RawFileError, RawSourceError

_MALFORMED_LINES = {
    "MISSING COLUMNS": "has fewer fields than the header. Write every field, with commas between them",
    "TOO MANY COLUMNS": "has more fields than the header. Put texts that contain commas in double quotes",
    "UNQUOTED VALUE": "has a quote that is not closed. Double the quotes inside a quoted text",
    "INVALID ENCODING": "is not UTF-8. Save the file as UTF-8",
}


@dataclass(frozen=True)
class RawCsv:
    """A CSV whose header is complete; `rows` is SQL that reads its rows with every column as text."""

    path: Path
    rows: str


def open_csv(path: Path, required_columns: Sequence[str]) -> RawCsv:
    """Look at the file and its header; further columns are allowed, in any order.

    Raises `RawSourceError` (no such file), `RawFileError` (empty) or `RawColumnError`.
    """
    if not path.is_file():
        raise RawSourceError(f"{path} does not exist; put the file there or name the folder that has it.")
    if path.stat().st_size == 0:
        raise RawFileError(f"{path.name} is empty, 0 bytes; bring the whole file to {path.resolve()}.")
    columns = ", ".join(f"{_quoted(name)}: 'VARCHAR'" for name in _read_header(path, required_columns))
    return RawCsv(
        path,
        f"read_csv({_quoted(str(path))}, columns={{{columns}}}, header=true, auto_detect=false, "
        """delim=',', quote='"', escape='"', store_rejects=true)""",
    )


def refuse_malformed_line(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Raise `RawFileError` for the first line that DuckDB left out when it read `path`, the last file read."""
    rejects = connection.execute(
        "select line, csv_line, error_type::varchar, error_message from reject_errors order by line limit 1"
    ).fetchall()
    if rejects:
        record, text, error_type, error_message = rejects[0]
        line, _ = next(islice(_starts(path), record - 1, None))
        shown = text.strip().splitlines()[0][:80]
        problem = _MALFORMED_LINES.get(error_type, f"cannot be read ({error_message}). Correct the line")
        raise RawFileError(f"{path.name}, line {line}: {shown!r} {problem}.")


def line_of_row(path: Path, row: int) -> int:
    """The line on which a row starts; row 1 follows the header, and blank lines do not count as rows."""
    return next(islice((line for line, is_blank in _starts(path) if not is_blank), row, None))


def _starts(path: Path) -> Iterator[tuple[int, bool]]:
    """The line each record starts on, the header first, and whether it is blank."""
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        reader = csv.reader(file)
        line = 1
        for fields in reader:
            yield line, not fields
            line = reader.line_num + 1


def _read_header(path: Path, required_columns: Sequence[str]) -> list[str]:
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        header = next(csv.reader(file), [])
    wrong = [column for column in required_columns if column not in header] or _repeated(header)
    if wrong:
        raise RawColumnError(
            f"{path.name}, line 1: column {wrong[0]} is {'repeated' if wrong[0] in header else 'missing'}; name every "
            f"column once, separated by commas. Needed: {','.join(required_columns)}. Found: {','.join(header)[:600]}"
        )
    return header


def _repeated(header: list[str]) -> list[str]:
    return [column for column in header if header.count(column) > 1]


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
