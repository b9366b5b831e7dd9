"""The one order in which a column writes year, month and day, decided by all of its rows.

Stage: raw data. In: a column of text. Out: SQL that reads each of its texts as a timestamp. A column that more than
one order reads, with different days, is refused with both readings; one that no order reads, by its first odd value.

Times of day may follow a date: `8:26`, `08:26:00.5`, `8:26 PM`, after a space or a T. An offset such as `Z` or
`+01:00` is not applied: the day is the one that is written. Years of two digits are those from 1969 to 2068.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

import duckdb

from data.raw_errors import RawValueError
from data.reading.failures import broken_value
from data.reading.raw_table import RawTable, stripped

YEAR_FIRST, DAY_FIRST, MONTH_FIRST = "year first", "day first", "month first"

_TIME = "((?:[01]?[0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:[.][0-9]+)?)?)"
_OFFSET = " ?(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)?"
_YEAR_FIRST = f"^([0-9]{{4}})[-/.]([0-9]{{1,2}})[-/.]([0-9]{{1,2}})(?:[T ]+{_TIME}{_OFFSET})?$"
_COMPACT = "^([0-9]{4})([0-9]{2})([0-9]{2})$"
_YEAR_LAST = (
    f"^([0-9]{{1,2}})[-/.]([0-9]{{1,2}})[-/.]([0-9]{{2}}|[0-9]{{4}})(?:[T, ]+{_TIME}(?: ?([AaPp])[.]?[Mm][.]?)?)?$"
)


def _group(pattern: str, number: int) -> str:
    return f"regexp_extract({{0}}, '{pattern.replace('{', '{{').replace('}', '}}')}', {number})"


def _moment(year: str, month: str, day: str, time: str) -> str:
    """SQL of a timestamp, null where there is none; without a match all parts are empty."""
    return f"try_cast(concat({year}, '-', {month}, '-', {day}, ' ', coalesce(nullif({time}, ''), '0:00')) as timestamp)"


def _year_last(month: int, day: int) -> str:
    year, time, half = (_group(_YEAR_LAST, n) for n in (3, 4, 5))
    hour = f"try_cast(split_part({time}, ':', 1) as integer)"
    full_year = f"case when length({year}) = 2 then if({year} < '69', '20', '19') else '' end || {year}"
    moment = _moment(f"({full_year})", _group(_YEAR_LAST, month), _group(_YEAR_LAST, day), time)
    return f"""case lower({half})
        when '' then {moment}
        when 'a' then if({hour} between 1 and 12, {moment} - if({hour} = 12, interval 12 hours, interval 0 hours), null)
        else if({hour} between 1 and 12, {moment} + if({hour} = 12, interval 0 hours, interval 12 hours), null)
    end"""


_ORDERS = {
    YEAR_FIRST: f"""coalesce(
        {_moment(*(_group(_YEAR_FIRST, n) for n in (1, 2, 3, 4)))},
        {_moment(*(_group(_COMPACT, n) for n in (1, 2, 3)), "''")}
    )""",
    DAY_FIRST: _year_last(month=2, day=1),
    MONTH_FIRST: _year_last(month=1, day=2),
}
# DuckDB takes 24:00 for the next day.
_PLAIN = """select
    coalesce(bool_and(
        {column} like '____-__-__%' and moment is not null
        and not contains({column}, ' 24') and not contains({column}, 'T24')
    ), false),
    coalesce(bool_or(moment <> date_trunc('day', moment)), false),
from (select {column}, try_cast({column} as timestamp) as moment from {relation} where {column} is not null)"""
_KINDS_OF_NUMBERS = (
    (re.compile(r"\d{5}([.,]\d+)?"), "is not a date but a number, as Excel counts days"),
    (re.compile(r"\d{10}|\d{13}"), "is not a date but a number, as computers count seconds since 1970"),
)


@dataclass(frozen=True)
class DateReading:
    """How the dates of a column are read.

    Attributes:
        order: of their parts.
        has_times: whether any has a time other than midnight.
        has_offsets: whether any tells an offset, which is not applied.
        is_plain: whether all are written as DuckDB itself reads them, which is faster.
    """

    order: str
    has_times: bool
    has_offsets: bool
    is_plain: bool = False

    def moment(self, text: str) -> str:
        """SQL of the timestamp of an SQL text."""
        return f"try_cast({text} as timestamp)" if self.is_plain else _ORDERS[self.order].format(stripped(text))

    def notes(self) -> list[str]:
        """What is to be said."""
        order = [] if self.order == YEAR_FIRST else [f"dates are read with the {self.order}"]
        return order + ["offsets such as Z and +01:00 are not applied"] * self.has_offsets


def decide_dates(
    connection: duckdb.DuckDBPyConnection, table: RawTable, relation: str, column: str, example: str
) -> DateReading:
    """Decide how a `column` of `relation`, which has the column `record`, writes its dates.

    `example` says how a date is best written. Empty values are passed over.

    Raises `RawValueError` naming the first value that cannot be read, or that can be read in two ways.
    """
    plain, has_times = connection.execute(_PLAIN.format(column=column, relation=relation)).fetchall()[0]
    if plain:
        return DateReading(YEAR_FIRST, has_times, _has_offsets(connection, relation, column), is_plain=True)
    readings = ", ".join(f'{moment.format("text")} as "{order}"' for order, moment in _ORDERS.items())
    connection.execute(
        f"""create or replace temp table date_texts as
        select *, {readings} from (
            select {stripped(column)} as text, min(record) as first_record, count(*) as lines
            from {relation} where {column} is not null group by all
        )"""
    )
    counts = ", ".join(f'coalesce(sum(lines) filter (where "{order}" is not null), 0)' for order in _ORDERS)
    total, *read = connection.execute(f"select coalesce(sum(lines), 0), {counts} from date_texts").fetchall()[0]
    complete = [order for order, lines in zip(_ORDERS, read, strict=True) if lines == total]
    remedy = f"Write dates as {example}"
    if not complete:
        best = max(zip(read, _ORDERS, strict=True), key=lambda pair: pair[0])[1]
        raise RawValueError(_unread(connection, table, column, best, remedy))
    if len(complete) == 2:
        _refuse_ambiguous(connection, table, column, remedy)
    return DateReading(complete[0], _has_times(connection, complete[0]), _has_offsets(connection, relation, column))


def _has_offsets(connection: duckdb.DuckDBPyConnection, relation: str, column: str) -> bool:
    has_offset = f"regexp_matches({column}, ':[0-9.]+ ?[Z+-]')"
    return connection.execute(f"select coalesce(bool_or({has_offset}), false) from {relation}").fetchall()[0][0]


def _has_times(connection: duckdb.DuckDBPyConnection, order: str) -> bool:
    has_times = f'coalesce(bool_or("{order}" <> date_trunc(\'day\', "{order}")), false)'
    return connection.execute(f"select {has_times} from date_texts").fetchall()[0][0]


def _unread(connection: duckdb.DuckDBPyConnection, table: RawTable, column: str, order: str, remedy: str) -> str:
    record, text, lines = connection.execute(
        f"""select first_record, text, (select sum(lines) from date_texts where "{order}" is null)
        from date_texts where "{order}" is null order by first_record limit 1"""
    ).fetchall()[0]
    numbers = (what for pattern, what in _KINDS_OF_NUMBERS if pattern.fullmatch(text))
    is_other = connection.execute(f'select count("{order}") from date_texts').fetchall()[0][0] > 0
    problem = next(numbers, "is not a date" + (f", {order} as the others" if is_other else ""))
    return broken_value(table.place(record, column), text or None, problem, int(lines), remedy)


def _refuse_ambiguous(connection: duckdb.DuckDBPyConnection, table: RawTable, column: str, remedy: str) -> None:
    differing = connection.execute(
        f"""select first_record, text, "{DAY_FIRST}", "{MONTH_FIRST}" from date_texts
        where "{DAY_FIRST}" <> "{MONTH_FIRST}" order by first_record limit 1"""
    ).fetchall()
    if differing:
        record, text, by_day, by_month = differing[0]
        raise RawValueError(
            f"{table.place(record, column)}: {text!r} is {_day(by_day)} with the day first or {_day(by_month)} with "
            f"the month first, and no row of the file tells which. {remedy}."
        )


def _day(moment: datetime) -> str:
    return f"{moment.day} {moment:%B %Y}"
