"""The one check every dataset passes before anything runs.

Stage: raw data. In: a folder with `articles.csv`, `customers.csv` and `transactions_train.csv` (see `raw_layout`).
Out: a `RawSummary`, or the first error of `raw_errors` that applies, with file, line, column, value and remedy.
DuckDB reads the transactions once, straight from the CSV; only when a rule is broken are they read again, to find
the line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from data.raw_csv import RawCsv, line_of_row, open_csv, refuse_malformed_line
from data.raw_errors import RawFileError
from data.raw_layout import ARTICLES_FILE, CUSTOMERS_FILE, RAW_COLUMNS, ROW_RULES, TRANSACTIONS_FILE, RowRule
from data.raw_period import check_period

# Repeated rows are counted among one customer in N, N growing by one per this many bytes: exactly in small files,
# and in H&M's 3.1 GB in the memory that a sixtieth of them takes.
BYTES_PER_SAMPLING_STEP = 50_000_000


@dataclass(frozen=True)
class RawSummary:
    """What the check found: row counts, the days of the first and last purchase, and what is merely odd."""

    raw_dir: Path
    articles: int
    customers: int
    transactions: int
    first_day: date
    last_day: date
    cutoff: date
    warnings: tuple[str, ...]

    def __str__(self) -> str:
        lines = [
            f"Raw data in {self.raw_dir}",
            f"  articles      {self.articles:>12,}",
            f"  customers     {self.customers:>12,}",
            f"  transactions  {self.transactions:>12,}",
            f"  purchases from {self.first_day} to {self.last_day}, cutoff {self.cutoff}",
        ]
        return "\n".join([*lines, *(f"  odd: {warning}" for warning in self.warnings)])


@dataclass(frozen=True)
class _Articles:
    rows: int
    with_other_product_code: int


@dataclass(frozen=True)
class _Customers:
    rows: int
    without_age: int


@dataclass(frozen=True)
class _Purchases:
    rows: int
    rows_by_day: dict[date, int]
    customers: int
    articles: int
    free: int
    sampled_one_customer_in: int
    sampled: int
    sampled_distinct: int


def check_raw_files(
    raw_dir: Path, cutoff: date | None = None, memory_limit: str = "2GB", threads: int = 2
) -> RawSummary:
    """Check the three files of `raw_dir` and summarise them.

    `cutoff` is the first day that nothing may see; default: the day after the last purchase. `memory_limit` is
    DuckDB's own, such as "2GB"; nothing is spilled to disk.

    Raises the first `RawDataError` that applies.
    """
    files = {name: open_csv(Path(raw_dir) / name, columns) for name, columns in RAW_COLUMNS.items()}
    config = {"threads": threads, "memory_limit": memory_limit, "temp_directory": ""}
    with duckdb.connect(config=config) as connection:
        # DuckDB expects few rows of a CSV and would hold all purchases in memory to join the keys to them.
        connection.execute("set disabled_optimizers = 'build_side_probe_side'")
        articles = _check_articles(connection, files[ARTICLES_FILE])
        customers = _check_customers(connection, files[CUSTOMERS_FILE])
        purchases = _check_purchases(connection, files[TRANSACTIONS_FILE], articles.rows, customers.rows)
    cutoff = check_period(purchases.rows_by_day, cutoff)
    return RawSummary(
        raw_dir=Path(raw_dir),
        articles=articles.rows,
        customers=customers.rows,
        transactions=purchases.rows,
        first_day=min(purchases.rows_by_day),
        last_day=max(purchases.rows_by_day),
        cutoff=cutoff,
        warnings=_warnings(articles, customers, purchases, cutoff),
    )


def _check_articles(connection: duckdb.DuckDBPyConnection, file: RawCsv) -> _Articles:
    _load(connection, file, "articles", "article_id, product_code")
    with_other_product_code = "count(*) filter (where product_code is distinct from article_id[:7])"
    return _Articles(*_check_rows(connection, file.path, "articles", "articles", [with_other_product_code]))


def _check_customers(connection: duckdb.DuckDBPyConnection, file: RawCsv) -> _Customers:
    _load(connection, file, "customers", "customer_id, age")
    without_age = "count(*) filter (where age is null)"
    return _Customers(*_check_rows(connection, file.path, "customers", "customers", [without_age]))


def _load(connection: duckdb.DuckDBPyConnection, file: RawCsv, table: str, columns: str) -> None:
    """Keep `columns` of a file in `table`, its rows numbered from 1 by `record`."""
    connection.execute(f"select count(columns(*)) from {file.rows}").fetchall()  # bad bytes show only where read
    refuse_malformed_line(connection, file.path)
    connection.execute(
        f"create temp table {table} as select row_number() over () as record, {columns} from {file.rows}"
    )


def _check_purchases(connection: duckdb.DuckDBPyConnection, file: RawCsv, articles: int, customers: int) -> _Purchases:
    one_in = 1 + file.path.stat().st_size // BYTES_PER_SAMPLING_STEP
    is_sampled = f"hash(customer_id) % {one_in} = 0"
    measures = [
        "histogram(t_dat)",
        f"bit_count(bitstring_agg(customer_record, 1, {customers}))",  # counts distinct ones, in a bit for each
        f"bit_count(bitstring_agg(article_record, 1, {articles}))",
        "count(*) filter (where try_cast(price as double) = 0)",
        f"{one_in}",
        f"count(*) filter (where {is_sampled})",
        f"count(distinct hash(t_dat, customer_id, article_id)) filter (where {is_sampled})",
    ]
    numbered = f"(select row_number() over () as record, * from {file.rows})"
    rows, rows_by_day, *others = _check_rows(
        connection, file.path, _with_references(file.rows), _with_references(numbered), measures
    )
    return _Purchases(rows, {date.fromisoformat(day): count for day, count in rows_by_day.items()}, *others)


def _with_references(purchases: str) -> str:
    return f"""(
        select
            purchases.*,
            articles.record as article_record,
            customers.record as customer_record,
        from {purchases} as purchases
        left join articles on purchases.article_id = articles.article_id
        left join customers on purchases.customer_id = customers.customer_id
    )"""


def _check_rows(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    relation: str,
    numbered_relation: str,
    measures: Sequence[str],
) -> list:
    """Apply a file's rules in one pass; return its row count and the `measures` (SQL aggregates) of that pass."""
    rules = ROW_RULES[path.name]
    counts = ["count(*)", *(f"count(*) filter (where {rule.is_broken})" for rule in rules)]
    found = connection.execute(f"select {', '.join([*counts, *measures])} from {relation}").fetchall()[0]
    refuse_malformed_line(connection, path)
    rows, broken_rows, measured = found[0], found[1 : len(counts)], found[len(counts) :]
    if rows == 0:
        raise RawFileError(f"{path.name} has a header but no rows; bring the whole file to {path.resolve()}.")
    for rule, broken in zip(rules, broken_rows, strict=True):
        if broken:
            raise rule.error(_describe_first(connection, path, numbered_relation, rule, broken))
    return [rows, *measured]


def _describe_first(
    connection: duckdb.DuckDBPyConnection, path: Path, numbered_relation: str, rule: RowRule, broken: int
) -> str:
    first = f"select record, {rule.column} from {numbered_relation} where {rule.is_broken} order by record limit 1"
    record, value = connection.execute(first).fetchall()[0]
    shown = "an empty value" if value is None else repr(value[:80])
    rows = "1 such row" if broken == 1 else f"the first of {broken:,} such rows"
    place = f"{path.name}, line {line_of_row(path, record)}, column {rule.column}"
    return f"{place}: {shown} {rule.problem} ({rows}). {rule.remedy}."


def _warnings(articles: _Articles, customers: _Customers, purchases: _Purchases, cutoff: date) -> tuple[str, ...]:
    """One line for each oddity that occurs, as a count and a share."""
    days = (max(purchases.rows_by_day) - min(purchases.rows_by_day)).days + 1
    left_out = sum(rows for day, rows in purchases.rows_by_day.items() if day >= cutoff)
    repeated = purchases.sampled - purchases.sampled_distinct
    one_in = purchases.sampled_one_customer_in
    of_a_sample = f" (counted for one customer in {one_in})" if one_in > 1 else ""
    oddities = [
        (customers.rows - purchases.customers, customers.rows, "customers have no purchase"),
        (customers.without_age, customers.rows, "customers have no age"),
        (articles.rows - purchases.articles, articles.rows, "articles were never bought"),
        (articles.with_other_product_code, articles.rows, "articles have a product_code other than article_id[:7]"),
        (purchases.free, purchases.rows, "purchases have a price of 0"),
        (repeated, purchases.sampled, f"purchases repeat an article of the same customer and day{of_a_sample}"),
        (left_out, purchases.rows, "purchases are on or after the cutoff and left out"),
        (days - len(purchases.rows_by_day), days, "days have no purchase"),
    ]
    return tuple(f"{count:,} of {total:,} {what}, {count / total:.1%}" for count, total, what in oddities if count)
