"""The invoice lines of UCI Online Retail II, from whichever file there is, as one DuckDB table.

Stage: raw data, online-retail only. In: UCI's zip or workbook (two sheets, one a year), or the same table as
CSV or Parquet. Out: table `invoice_lines` (line, sheet, and the columns of `UCI_NAMES`), one row per line.
The sheets overlap by nine days: a line of the second that the first already has is left out; a line that
stands twice within one sheet was sold twice and stays.

`python_calamine` reads the workbook and is imported only then.
"""

from __future__ import annotations

import csv
import shutil
import urllib.request
import zipfile
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import duckdb

from data.raw_errors import RawColumnError, RawSourceError, RawValueError

UCI_URL = "https://archive.ics.uci.edu/static/public/502/online+retail+ii.zip"
DOWNLOAD_TIMEOUT_SECONDS = 60

# Our column names and UCI's; a CSV or Parquet file may use either.
UCI_NAMES = {
    "invoice": "Invoice",
    "stock_code": "StockCode",
    "description": "Description",
    "quantity": "Quantity",
    "invoice_ts": "InvoiceDate",
    "unit_price": "Price",
    "customer_id": "Customer ID",
    "country": "Country",
}
# How a column that is not text is read from text; Excel writes whole numbers such as 13085 also as 13085.0.
_TYPED = {
    "quantity": "try_cast(try_cast({} as double) as bigint)",
    "invoice_ts": "coalesce(try_cast({0} as timestamp), try_strptime({0}, '%m/%d/%Y %H:%M'))",
    "unit_price": "try_cast({} as double)",
    "customer_id": "try_cast(try_cast({} as double) as bigint)",
}
_SHEET = "sheet"


def download(target: Path, url: str = UCI_URL) -> Path:
    """Fetch UCI's zip (about 44 MB) to `target`, which appears only when complete; one already there is kept.

    Raises `RawSourceError` when it cannot be fetched.
    """
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(target.name + ".part")
    print(f"Downloading {url}", flush=True)
    try:
        with urllib.request.urlopen(url, timeout=DOWNLOAD_TIMEOUT_SECONDS) as response, partial.open("wb") as file:
            shutil.copyfileobj(response, file)
            if response.length:  # a connection that breaks off raises nothing by itself
                raise ConnectionError(f"{response.length:,} bytes did not arrive")
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise RawSourceError(
            f"{url} cannot be downloaded ({error}); fetch it by other means and name the file: "
            "ONLINE_RETAIL_FILE=/path/to/online_retail_II.xlsx (or .zip, .csv, .parquet)."
        ) from error
    partial.replace(target)
    return target


def load_invoice_lines(connection: duckdb.DuckDBPyConnection, source: Path, scratch_folder: Path) -> None:
    """Create the table `invoice_lines` from `source`; a workbook passes through a CSV in `scratch_folder`.

    Raises `RawSourceError` (no such file, unreadable), `RawColumnError` or `RawValueError`.
    """
    if not source.is_file():
        raise RawSourceError(
            f"ONLINE_RETAIL_FILE={source} does not exist; name a copy of UCI's file, or unset it to download one."
        )
    try:
        _load_texts(connection, _rows_of(source, scratch_folder), source)
    except (duckdb.Error, zipfile.BadZipFile) as error:
        raise _unreadable(source, error) from error
    _refuse_unreadable_value(connection, source)
    connection.execute(_INVOICE_LINES)


def _unreadable(source: Path, error: Exception) -> RawSourceError:
    reason = str(error).splitlines()[0]
    return RawSourceError(
        f"{source} cannot be read ({reason}); name UCI's .zip or .xlsx, or its table as .csv or .parquet."
    )


def _rows_of(source: Path, scratch_folder: Path) -> str:
    """SQL that reads the rows of a source in their order."""
    if source.suffix == ".parquet":
        return f"read_parquet({_quoted(source)})"
    if source.suffix == ".csv":
        return _rows_of_csv(source)
    sheets_csv = scratch_folder / "sheets.csv"
    if source.suffix == ".zip":
        _write_sheets(_workbook_in(source), sheets_csv, source)
    else:
        with source.open("rb") as workbook:
            _write_sheets(workbook, sheets_csv, source)
    return _rows_of_csv(sheets_csv)


def _rows_of_csv(path: Path) -> str:
    return f"""read_csv({_quoted(path)}, header=true, all_varchar=true, delim=',', quote='"', escape='"')"""


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def _workbook_in(archive_path: Path) -> BytesIO:
    with zipfile.ZipFile(archive_path) as archive:
        workbooks = [name for name in archive.namelist() if name.endswith(".xlsx")]
        if not workbooks:
            raise RawSourceError(f"{archive_path} holds no .xlsx, but {', '.join(archive.namelist())}; name UCI's zip.")
        return BytesIO(archive.read(workbooks[0]))


def _write_sheets(workbook: BinaryIO, path: Path, source: Path) -> None:
    """Write every sheet of a workbook, one below the other, as one CSV with the sheet's number as a first column."""
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        sheets = CalamineWorkbook.from_filelike(workbook)
    except CalamineError as error:
        raise _unreadable(source, error) from error
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        for number, name in enumerate(sheets.sheet_names, start=1):
            rows = sheets.get_sheet_by_name(name).iter_rows()
            header = next(rows)
            if number == 1:
                writer.writerow([_SHEET, *header])
            writer.writerows([number, *map(_text_of_cell, row)] for row in rows)


def _text_of_cell(value: object) -> object:
    """Excel keeps the stock code 85048 as the number 85048.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _load_texts(connection: duckdb.DuckDBPyConnection, rows: str, source: Path) -> None:
    """Create the table `texts`: the source's columns under our names, all text, with line and sheet."""
    names = [description[0] for description in connection.execute(f"describe select * from {rows}").fetchall()]
    columns = []
    for ours, ucis in UCI_NAMES.items():
        name = next((name for name in (ours, ucis) if name in names), None)
        if name is None:
            raise RawColumnError(
                f"{source.name}: column {ucis} is missing; the file needs {', '.join(UCI_NAMES.values())} and has "
                f"{', '.join(names)}."
            )
        columns.append(f'cast("{name}" as varchar) as {ours}')
    sheet = f"cast({_SHEET} as integer)" if _SHEET in names else "null"
    connection.execute(
        f"""create temp table texts as
        select row_number() over () as line, {sheet} as sheet, {", ".join(columns)} from {rows}"""
    )


def _refuse_unreadable_value(connection: duckdb.DuckDBPyConnection, source: Path) -> None:
    for column, typed in _TYPED.items():
        unreadable = connection.execute(
            f"""select line + 1, {column} from texts
            where {column} is not null and {typed.format(column)} is null order by line limit 1"""
        ).fetchall()
        if unreadable:
            line, value = unreadable[0]
            raise RawValueError(
                f"{source.name}, line {line}, column {UCI_NAMES[column]}: {value!r} cannot be read; write numbers "
                "with a decimal point and times as 2011-12-09 12:50:00."
            )


_typed_columns = ", ".join(f"{_TYPED[name].format(name)} as {name}" if name in _TYPED else name for name in UCI_NAMES)
# One table without sheets is in order of time, so a second sheet begins where the day falls back.
_INVOICE_LINES = f"""
create temp table invoice_lines as
with typed as (
    select line, sheet, {_typed_columns}, from texts
),
numbered as (
    select *, invoice_ts::date < lag(invoice_ts::date) over (order by line) as falls_back from typed
),
in_sheets as (
    select
        * exclude (sheet, falls_back),
        coalesce(sheet, sum(falls_back::integer) over (order by line), 0) as sheet,
    from numbered
)
select * from in_sheets
qualify sheet = min(sheet) over (partition by {", ".join(UCI_NAMES)})
"""
