"""Whether the purchases among a shop's invoice lines can be used, and which lines are none.

Stage: raw data, online-retail only. In: the tables `texts`, `invoice_lines` and `sales`, the clean slice. Out: an
error that names the user's file and line, or notes on what is left out.
"""

from __future__ import annotations

from datetime import date

import duckdb

from data.online_retail_source import refuse_lines
from data.raw_errors import RawValueError
from data.raw_layout import MOST_PRICE
from data.raw_period import find_stray_days
from data.reading.raw_table import RawTable

_STOCK_CODE_RULE = "Stock codes are five digits and up to two letters A-Z or a-z, such as 85123A"
_LEFT_OUT = {
    "without a customer": "customer_id is null",
    "cancelled": "starts_with(upper(invoice), 'C')",
    "without a quantity and a price above 0": "not coalesce(quantity > 0 and unit_price > 0, false)",
}


def refuse_unusable_sales(connection: duckdb.DuckDBPyConnection, table: RawTable) -> None:
    """Raise `RawValueError` when there is no purchase, or for the first whose code, date or price cannot be used."""
    if connection.execute("select count(*) from sales").fetchall()[0][0] == 0:
        raise _without_sales(connection, table)
    for column, is_broken, problem, remedy in (
        (
            "stock_code",
            "not regexp_full_match(stock_code, '[0-9]{5}[A-Za-z]{0,2}')",
            "is not a stock code",
            f"{_STOCK_CODE_RULE}; correct it, or leave out its lines",
        ),
        (
            "invoice_ts",
            "not coalesce(invoice_ts >= timestamp '0001-01-01', false)",
            "is not a date",
            "Write it as 2011-12-09 12:50:00",
        ),
        (
            "unit_price",
            f"unit_price > {MOST_PRICE}",
            "is not a price",
            f"Write a number of at most {MOST_PRICE:,}, with a decimal point",
        ),
    ):
        refuse_lines(connection, table, "sales", column, is_broken, problem, remedy)
    _refuse_stray_days(connection, table)


def _refuse_stray_days(connection: duckdb.DuckDBPyConnection, table: RawTable) -> None:
    counted = connection.execute("select invoice_ts::date, count(*) from sales group by all").fetchall()
    stray = find_stray_days(dict(counted), date.today())
    if stray is not None:
        is_stray = f"invoice_ts::date between '{stray.first}' and '{stray.last}'"
        refuse_lines(connection, table, "sales", "invoice_ts", is_stray, stray.problem, stray.remedy)


def notes_on_lines_left_out(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """How many lines are no purchases, each counted once, and examples of their stock codes where these tell it."""
    reasons = " ".join(f"when {is_so} then '{what}'" for what, is_so in _LEFT_OUT.items())
    reason = f"case {reasons} else 'with a stock code that does not begin with five digits' end"
    counted = connection.execute(
        f"""with others as (
            select stock_code, {reason} as reason
            from invoice_lines where line not in (select line from sales)
        )
        select reason, count(*), array_to_string(list_sort(list_distinct(list(stock_code)))[:3], ', ')
        from others group by reason order by reason"""
    ).fetchall()
    return [
        (f"{lines:,} lines {reason} are left out" if lines > 1 else f"1 line {reason} is left out")
        + (f" ({codes}, ...)" if "stock code" in reason else "")
        for reason, lines, codes in counted
    ]


def _without_sales(connection: duckdb.DuckDBPyConnection, table: RawTable) -> RawValueError:
    found = "; ".join(notes_on_lines_left_out(connection))
    return RawValueError(
        f"{table.name}, from {table.line_of(1)} on: no line is a purchase ({found}). A purchase has a customer, a "
        f"quantity and a price above 0, and a stock code. {_STOCK_CODE_RULE}."
    )
