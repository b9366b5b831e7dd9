"""Whether a column writes decimals with a point or with a comma, decided by all of its rows.

Stage: raw data. In: a column of text. Out: SQL that reads each of its texts as a double, null where it is no number.
"""

from __future__ import annotations

import duckdb

from data.raw_errors import RawValueError
from data.reading.raw_table import RawTable, stripped

_WITH_COMMA = "[+-]?[0-9]*,[0-9]+"
_MAYBE_THOUSANDS = "[+-]?[1-9][0-9]{0,2},[0-9]{3}"


def plain_number(text: str) -> str:
    """SQL of the double that an SQL text writes with a point; null if it is no number: `nan`, `1_000`."""
    number = f"try_cast({text} as double)"
    return f"case when isfinite({number}) and not contains({text}, '_') then {number} end"


def whole_number(text: str) -> str:
    """SQL of the integer of at most 15 digits that an SQL text writes, also as `13085.0`; null if it is none."""
    number = plain_number(text)
    return f"case when {number} = trunc({number}) and abs({number}) < 1e15 then cast({number} as bigint) end"


def has_decimal_commas(connection: duckdb.DuckDBPyConnection, table: RawTable, relation: str, column: str) -> bool:
    """Whether the commas of a `column` of `relation`, which has the column `record`, are decimal points.

    They are where no number has a point and one has a comma that cannot divide thousands, such as `2,55`.

    Raises `RawValueError` when all might divide thousands: `1,234`.
    """
    if connection.execute(f"select not coalesce(bool_or(contains({column}, ',')), false) from {relation}").fetchall()[
        0
    ][0]:
        return False
    text = stripped(column)
    commas, dots, telling, first, value = connection.execute(
        f"""select
            count(*) filter (where has_comma),
            count(*) filter (where contains({text}, '.')),
            count(*) filter (where has_comma and not regexp_full_match({text}, '{_MAYBE_THOUSANDS}')),
            min(record) filter (where has_comma),
            arg_min({column}, record) filter (where has_comma),
        from (select *, regexp_full_match({text}, '{_WITH_COMMA}') as has_comma from {relation})"""
    ).fetchall()[0]
    if not commas or dots:
        return False
    if not telling:
        number = value.strip()
        raise RawValueError(
            f"{table.place(first, column)}: {value!r} is {number.replace(',', '.')} with a decimal comma or "
            f"{number.replace(',', '')} with a comma between thousands, and no row of the file tells which. Write "
            "numbers with a decimal point and nothing between thousands."
        )
    return True
