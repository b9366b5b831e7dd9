"""Count what a `FilesProfile` remembers, in one pass over the purchases.

Stage: raw data, after the check, whose count of each day it takes. In: a folder with the three files, plainly written.
Out: a `FilesProfile`.

The one pass keeps the newest days, a row for each purchase that differs from the others. So what is looked at closely
fits into memory, whatever the length of the history, and costs less than half as much as the check.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator, Mapping
from datetime import date
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import duckdb

from data.arrivals.profile import DayProfile, FileProfile, FilesProfile, Shares
from data.raw_layout import ARTICLES_FILE, CUSTOMERS_FILE, RAW_COLUMNS, TRANSACTIONS_FILE
from data.reading.delimited_text import sql_rows

NEWEST_DAYS = 60  # eight weeks, with which a day is compared, and a few days more
MOST_NEWEST_ROWS = 10_000_000  # a gigabyte of memory; a shop that sells more has fewer days looked at closely
ENDS_BYTES = 8 << 20
MOST_VALUES = 1_000  # of a category; H&M's departments are 299, and its 350,000 postal codes are none

CATEGORIES = {
    ARTICLES_FILE: tuple(name for name in RAW_COLUMNS[ARTICLES_FILE] if name.endswith("_name") and name != "prod_name"),
    CUSTOMERS_FILE: ("club_member_status", "fashion_news_frequency", "age", "postal_code"),
}
"""Columns that become features or segments and hold few values."""

IDS = {ARTICLES_FILE: "article_id", CUSTOMERS_FILE: "customer_id"}

_FORMAT = """length({0}) || case
    when regexp_full_match({0}, '0[0-9]*') then ' digits with a leading zero'
    when regexp_full_match({0}, '[0-9]+') then ' digits'
    when regexp_full_match({0}, '[0-9a-fA-F]+') then ' hexadecimal digits'
    else ' characters'
end"""

# Ids as hashes, a tenth of the memory.
_PURCHASES = """
create temp table purchases as
select
    t_dat as day,
    hash(customer_id) as customer,
    hash(article_id) as article,
    cast(price as double) as price,
    sales_channel_id as channel,
    count(*) as n,
from {rows}
where t_dat >= '{first}'
group by all
"""

_DAYS = """
select
    day,
    sum(n)::bigint,
    count(distinct customer),
    count(distinct article),
    quantile_cont(price, [0.1, 0.5, 0.9]),
    count(*),
    count(*) filter (where n % 2 = 0),
from purchases group by day order by day
"""

_CHANNELS = "select day, channel, sum(n)::bigint from purchases group by all order by all"

_LEVELS = """
with
sold as (
    select day, article, sum(n * ln(price)) as log_price, sum(n) as n from purchases where price > 0 group by all
),
of_article as (
    select article, sum(log_price) as log_price, sum(n) as n from sold group by article
)
select
    day,
    exp(median(sold.log_price / sold.n - (of_article.log_price - sold.log_price) / (of_article.n - sold.n))),
    count(*),
from sold join of_article using (article)
where of_article.n > sold.n
group by day
"""


def measure_files(
    raw_dir: Path,
    rows_by_day: Mapping[date, int],
    columns: Mapping[str, tuple[str, ...]] | None = None,
    memory_limit: str = "2GB",
    threads: int = 2,
) -> FilesProfile:
    """Measure the three files of a folder, which must have passed the check.

    Args:
        raw_dir: the folder.
        rows_by_day: the check's count.
        columns: the header of each file in the user's own, where the folder has a copy with fewer columns.
        memory_limit: DuckDB's own, such as "2GB"; nothing is spilled to disk.
        threads: DuckDB's own.
    """
    rows = {name: sql_rows(raw_dir / name, _header(raw_dir / name)) for name in RAW_COLUMNS}
    with duckdb.connect(config={"threads": threads, "memory_limit": memory_limit, "temp_directory": ""}) as connection:
        connection.execute("set preserve_insertion_order = false")
        for file_name, id_column in IDS.items():
            wanted = ", ".join((id_column, *CATEGORIES[file_name]))
            connection.execute(f"create temp table {_table(file_name)} as select {wanted} from {rows[file_name]}")
        connection.execute(_PURCHASES.format(first=first_newest_day(rows_by_day), rows=rows[TRANSACTIONS_FILE]))
        return FilesProfile(
            files={name: _file(raw_dir / name, (columns or {}).get(name)) for name in RAW_COLUMNS},
            articles=_count(connection, ARTICLES_FILE),
            customers=_count(connection, CUSTOMERS_FILE),
            rows_by_day=dict(sorted(rows_by_day.items())),
            days=dict(_days(connection)),
            categories={name: dict(_categories(connection, name)) for name in CATEGORIES},
            id_formats={column: _formats(connection, name, column) for name, column in IDS.items()},
        )


def first_newest_day(rows_by_day: Mapping[date, int]) -> date:
    """Return the first of the newest days: as many as are looked at closely, and as fit into memory."""
    newest_first = sorted(rows_by_day, reverse=True)[:NEWEST_DAYS]
    rows, first = 0, newest_first[0]
    for day in newest_first:
        rows += rows_by_day[day]
        if rows > MOST_NEWEST_ROWS:
            break
        first = day
    return first


def _header(path: Path) -> list[str]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return next(csv.reader(file))


def _file(path: Path, columns: tuple[str, ...] | None) -> FileProfile:
    size = path.stat().st_size
    with path.open("rb") as file:
        checksum = hashlib.sha256(file.read(ENDS_BYTES))
        file.seek(max(size - ENDS_BYTES, 0))
        checksum.update(file.read(ENDS_BYTES))
    return FileProfile(size, checksum.hexdigest(), columns or tuple(_header(path)))


def _table(file_name: str) -> str:
    return Path(file_name).stem


def _count(connection: duckdb.DuckDBPyConnection, file_name: str) -> int:
    return connection.execute(f"select count(*) from {_table(file_name)}").fetchone()[0]


def _days(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[date, DayProfile]]:
    levels = {day: (level, articles) for day, level, articles in connection.execute(_LEVELS).fetchall()}
    by_day = groupby(connection.execute(_CHANNELS).fetchall(), itemgetter(0))
    channels = {day: {channel: rows for _, channel, rows in each} for day, each in by_day}
    for day, rows, customers, articles, prices, *repeated in connection.execute(_DAYS).fetchall():
        counts = rows, customers, articles, tuple(prices), channels[day]
        yield date.fromisoformat(day), DayProfile(*counts, *repeated, *levels.get(day, (None, 0)))


def _categories(connection: duckdb.DuckDBPyConnection, file_name: str) -> Iterator[tuple[str, Shares]]:
    for column in CATEGORIES[file_name]:
        sql = f"select coalesce({column}, ''), count(*) from {_table(file_name)} group by 1 order by 1"
        found = connection.execute(f"{sql} limit {MOST_VALUES + 1}").fetchall()
        if len(found) <= MOST_VALUES:
            yield column, dict(found)


def _formats(connection: duckdb.DuckDBPyConnection, file_name: str, column: str) -> Shares:
    sql = f"select {_FORMAT.format(column)}, count(*) from {_table(file_name)} group by 1 order by 1"
    return dict(connection.execute(sql).fetchall())
