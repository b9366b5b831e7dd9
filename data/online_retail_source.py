"""The invoice lines of UCI Online Retail II, from whichever file there is, as one DuckDB table.

Stage: raw data, online-retail only. In: UCI's zip or workbook (two sheets, one a year), or the same table as
CSV or Parquet, also under the names of UCI's older file. Out: table `invoice_lines` (line, sheet, and the columns of
`UCI_NAMES`), one row per line.
The sheets overlap by nine days: a line of the second that the first already has is left out; a line that
stands twice within one sheet was sold twice and stays.
"""

from __future__ import annotations

import shutil
import urllib.request
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from data.raw_errors import RawFileError, RawSourceError, RawValueError
from data.reading.dates import decide_dates
from data.reading.decimals import has_decimal_commas, plain_number, whole_number
from data.reading.failures import broken_value
from data.reading.raw_table import RawTable, open_table, with_one_line_end
from data.reading.workbooks import SHEET

UCI_URL = "https://archive.ics.uci.edu/static/public/502/online+retail+ii.zip"
DOWNLOAD_TIMEOUT_SECONDS = 60

# Our column names and UCI's; a file may use either, or those of UCI's older file.
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
_OLDER_NAMES = {"invoice": "InvoiceNo", "unit_price": "UnitPrice", "customer_id": "CustomerID"}
COLUMNS = {ours: (ucis, ours, _OLDER_NAMES.get(ours, ours)) for ours, ucis in UCI_NAMES.items()}

_FREE_TEXTS = ("description", "country")
_NUMBERED = "(select *, line as record from texts)"
_NUMBER_REMEDY = "Write numbers with a decimal point and nothing between thousands"


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


@dataclass(frozen=True)
class Rows:
    """What tells one set of invoice lines from any other, in whatever file and order they come.

    Attributes:
        lines: how many there are.
        checksum: sum of the lower halves of their MD5 sums. Descriptions are left out: programs that convert the
            workbook differ in the spaces of texts.
    """

    lines: int
    checksum: str


UCI_ROWS = Rows(1_044_847, "9635257775092786143667299")
"""Those of UCI's file, without the lines of the second sheet that the first has as well."""


def rows_of(connection: duckdb.DuckDBPyConnection) -> Rows:
    """Return the mark of the table `invoice_lines`."""
    line = """concat_ws('|', invoice, stock_code, quantity, strftime(invoice_ts, '%Y-%m-%d %H:%M'),
        printf('%.3f', unit_price), coalesce(customer_id::varchar, ''), country)"""
    return Rows(
        *connection.execute(f"select count(*), sum(md5_number_lower({line}))::varchar from invoice_lines").fetchone()
    )


def load_invoice_lines(connection: duckdb.DuckDBPyConnection, source: Path, scratch_folder: Path) -> RawTable:
    """Create the table `invoice_lines` from `source`; what DuckDB cannot read passes through `scratch_folder`.

    Returns the user's table, which knows where line n stands, with what is to be said of it.

    Raises `RawSourceError` (no such file, unreadable), `RawFileError`, `RawColumnError` or `RawValueError`.
    """
    if not source.exists():
        raise RawSourceError(
            f"ONLINE_RETAIL_FILE={source} does not exist; name a copy of UCI's file, or unset it to download one."
        )
    table = open_table(source, COLUMNS, scratch_folder)
    _load_texts(connection, table)
    typed, notes = _typed_columns(connection, table)
    connection.execute(_INVOICE_LINES.format(typed=typed))
    return replace(table, notes=(*table.notes, *notes))


def _load_texts(connection: duckdb.DuckDBPyConnection, table: RawTable) -> None:
    """Create the table `texts`: the source's columns under our names, all text without spaces around it, with line
    (1 for the first below the header) and sheet."""
    columns = [f"nullif(trim({ours}), '') as {ours}" for ours in UCI_NAMES if ours not in _FREE_TEXTS]
    columns += [f"{with_one_line_end(ours)} as {ours}" for ours in _FREE_TEXTS]
    sheet = f"cast({SHEET} as integer)" if table.has_sheets else "cast(null as integer)"
    table.fetch(
        connection,
        f"""create temp table texts as
        select row_number() over () as line, {sheet} as sheet, {", ".join(columns)} from {table.rows}""",
    )
    if connection.execute("select count(*) from texts").fetchall()[0][0] == 0:
        raise RawFileError(f"{table.name} has a header but no rows; bring the whole file.")


def _typed_columns(connection: duckdb.DuckDBPyConnection, table: RawTable) -> tuple[str, list[str]]:
    """SQL of the columns with their types, and what is to be said of how they are read.

    Raises `RawValueError` for the first value that cannot be read.
    """
    example = "YYYY-MM-DD HH:MM:SS, such as 2011-12-09 12:50:00"
    dates = decide_dates(connection, table, _NUMBERED, "invoice_ts", example)
    notes = [f"column {table.columns['invoice_ts']}: {note}" for note in dates.notes()]
    price = "unit_price"
    if has_decimal_commas(connection, table, _NUMBERED, price):
        notes.append(f"column {table.columns[price]}: commas are read as decimal points")
        price = "replace(unit_price, ',', '.')"
    typed = {name: name for name in UCI_NAMES} | {
        "quantity": whole_number("quantity"),
        "invoice_ts": dates.moment("invoice_ts"),
        "unit_price": plain_number(price),
        # A zero in front would be lost, and the customer with it.
        "customer_id": f"case when customer_id not similar to '[-0].+' then {whole_number('customer_id')} end",
    }
    _refuse_unreadable(connection, table, "quantity", typed, "is not a whole number", "Write how many were sold")
    _refuse_unreadable(connection, table, "unit_price", typed, "is not a price", _NUMBER_REMEDY)
    remedy = "Give every customer a number that begins with 1 to 9, of at most 15 digits, or nothing if it is unknown"
    _refuse_unreadable(connection, table, "customer_id", typed, "is not a customer's number", remedy)
    return ", ".join(f"{text} as {name}" for name, text in typed.items()), notes


def _refuse_unreadable(
    connection: duckdb.DuckDBPyConnection,
    table: RawTable,
    column: str,
    typed: dict[str, str],
    problem: str,
    remedy: str,
) -> None:
    refuse_lines(
        connection, table, "texts", column, f"{column} is not null and {typed[column]} is null", problem, remedy
    )


def refuse_lines(
    connection: duckdb.DuckDBPyConnection,
    table: RawTable,
    lines: str,
    column: str,
    is_broken: str,
    problem: str,
    remedy: str,
) -> None:
    """Raise `RawValueError` for the first of the `lines` (a table with `line`) whose `column` is broken.

    The value is shown as the user wrote it.
    """
    broken = connection.execute(
        f"""select line, {column}, count(*) over () from texts
        where line in (select line from {lines} where {is_broken}) order by line limit 1"""
    ).fetchall()
    if broken:
        line, value, rows = broken[0]
        raise RawValueError(broken_value(table.place(line, column), value, problem, rows, remedy))


# One table without sheets is in order of time, so a second sheet begins where the day falls back.
_INVOICE_LINES = f"""
create temp table invoice_lines as
with typed as (
    select line, sheet, {{typed}} from texts
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
