"""The sheets of a workbook, one below the other, as one table.

Stage: raw data. `python_calamine` reads workbooks and is imported only then.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from pathlib import Path

from data.raw_errors import RawColumnError, RawFileError
from data.reading.column_names import FoundColumns, Names, count_known, find_columns
from data.reading.failures import unreadable

SHEET, ROW = "sheet", "row"
ROWS_TO_LOOK_FOR_A_HEADER = 10


@dataclass(frozen=True)
class Workbook:
    """A workbook whose sheets were written, with the number of the sheet and row, to the CSV `rows_file`."""

    rows_file: Path
    sheet_names: tuple[str, ...]
    columns: Mapping[str, str]  # what the first sheet calls each of our columns
    notes: tuple[str, ...]

    def line_of(self, row: int) -> str:
        """Where the row of the table with this number, from 1, stands."""
        with self.rows_file.open(encoding="utf-8", newline="") as file:
            sheet, line = next(islice(csv.reader(file), row, None))[:2]
        return f"sheet {self.sheet_names[int(sheet) - 1]!r}, row {line}"


@dataclass(frozen=True)
class _Sheet:
    number: int
    name: str
    rows: list[tuple[int, list[object]]]  # those with anything in them, by their number in the sheet


def read_workbook(path: Path, name: str, wanted: Names, target: Path) -> Workbook:
    """Write the wanted columns of all sheets to `target`.

    Raises `RawSourceError` (no workbook), `RawFileError` (no rows) or `RawColumnError`.
    """
    sheets = list(_sheets(path, name))
    filled = [sheet for sheet in sheets if sheet.rows]
    if not filled:
        raise RawFileError(f"{name} has no rows; bring the whole file to {path.resolve()}.")
    notes = [f"sheet {sheet.name!r} is empty and left out" for sheet in sheets if not sheet.rows]
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([SHEET, ROW, *wanted])
        tables = [sheet for sheet in filled if _may_be_the_table(sheet, wanted)] or filled[:1]
        notes += [f"sheet {sheet.name!r} has another table and is left out" for sheet in filled if sheet not in tables]
        written = [_write_sheet(sheet, f"{name}, sheet {sheet.name!r}", wanted, writer) for sheet in tables]
    notes += [note for found in written for note in found.notes]
    return Workbook(target, tuple(sheet.name for sheet in sheets), written[0].named, tuple(dict.fromkeys(notes)))


def _sheets(path: Path, name: str) -> Iterator[_Sheet]:
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        with path.open("rb") as file:
            workbook = CalamineWorkbook.from_filelike(file)
            for number, sheet_name in enumerate(workbook.sheet_names, start=1):
                sheet = workbook.get_sheet_by_name(sheet_name)
                first = sheet.start[0] + 1 if sheet.start else 1
                rows = enumerate(sheet.iter_rows(), start=first)
                yield _Sheet(number, sheet_name, [(line, row) for line, row in rows if any(cell != "" for cell in row)])
    except CalamineError as error:
        raise unreadable(name, error, "save it as .xlsx without a password, or as .csv") from error


def _may_be_the_table(sheet: _Sheet, wanted: Names) -> bool:
    """Whether a sheet is as wide as the table, or has a header like the table's; a sheet of notes has neither."""
    if max(sum(cell != "" for cell in row) for _, row in sheet.rows) >= len(wanted):
        return True
    headers = ([str(cell) for cell in row] for _, row in sheet.rows[:ROWS_TO_LOOK_FOR_A_HEADER])
    return max(count_known(header, wanted) for header in headers) > len(wanted) / 2


def _write_sheet(sheet: _Sheet, place: str, wanted: Names, writer) -> FoundColumns:
    header_at, found = _find_header(sheet, place, wanted)
    positions = [found.positions[ours] for ours in wanted]
    for line, row in sheet.rows[header_at + 1 :]:
        writer.writerow([sheet.number, line, *(_text_of_cell(row[at]) for at in positions)])
    above = [f"the header of sheet {sheet.name!r} is in row {sheet.rows[header_at][0]}"] if header_at else []
    return replace(found, notes=(*found.notes, *above))


def _find_header(sheet: _Sheet, place: str, wanted: Names) -> tuple[int, FoundColumns]:
    """The first row that names every column, or the error about the first row."""
    errors = []
    for at, (line, row) in enumerate(sheet.rows[:ROWS_TO_LOOK_FOR_A_HEADER]):
        header = [str(cell).strip() for cell in row]
        while header and not header[-1]:
            header.pop()
        try:
            return at, find_columns(header, wanted, f"{place}, row {line}")
        except RawColumnError as error:
            errors.append(error)
    raise errors[0]


def _text_of_cell(value: object) -> object:
    """Excel keeps the stock code 85048 as the number 85048.0."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value.isoformat(" ") if isinstance(value, datetime) else value
