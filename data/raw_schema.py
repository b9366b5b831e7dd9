"""The one check every dataset passes before anything runs.

Stage: raw data. In: a folder with `articles.csv`, `customers.csv` and `transactions_train.csv` (see `raw_layout`).
Out: a `RawSummary`, or the first error of `raw_errors` that applies, with file, line, column, value and remedy.
DuckDB reads the transactions once, straight from the CSV; only when a rule is broken are they read again, to find
the line.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import duckdb

from data.raw_errors import RawFileError, RawValueError
from data.raw_layout import ARTICLES_FILE, CUSTOMERS_FILE, RAW_COLUMNS, ROW_RULES, TRANSACTIONS_FILE, RowRule
from data.raw_period import check_period, find_stray_days
from data.reading.column_names import same_columns
from data.reading.failures import broken_value
from data.reading.raw_table import RawTable, open_table

# Repeated rows are counted among one customer in N, N growing by one per this many bytes: exactly in small files,
# and in H&M's 3.1 GB in the memory that a sixtieth of them takes.
BYTES_PER_SAMPLING_STEP = 50_000_000


@dataclass(frozen=True)
class RawSummary:
    """What the check found: row counts, purchases of each day, what is merely odd whatever the cutoff, in `notes` how
    files were read that are not written in the layout's own way, in `columns` the header of each file as the user has
    it, and in `in_two_files` what is to be said of days whose purchases lie in two files."""

    raw_dir: Path
    articles: int
    customers: int
    transactions: int
    rows_by_day: Mapping[date, int]
    cutoff: date
    oddities: tuple[str, ...]
    notes: tuple[str, ...] = ()
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    in_two_files: tuple[str, ...] = ()

    @property
    def first_day(self) -> date:
        """The day of the first purchase."""
        return min(self.rows_by_day)

    @property
    def last_day(self) -> date:
        """The day of the last purchase."""
        return max(self.rows_by_day)

    @property
    def warnings(self) -> tuple[str, ...]:
        """All that is merely odd, a line for each."""
        days = (self.last_day - self.first_day).days + 1
        left_out = sum(rows for day, rows in self.rows_by_day.items() if day >= self.cutoff)
        of_time = (
            (left_out, self.transactions, "purchases are on or after the cutoff and left out"),
            (days - len(self.rows_by_day), days, "days have no purchase"),
        )
        return (*self.oddities, *_lines(of_time))

    def with_cutoff(self, cutoff: date) -> RawSummary:
        """The same files with another cutoff.

        Raises `RawPeriodError` when it does not suit them.
        """
        return replace(self, cutoff=check_period(self.rows_by_day, cutoff))

    def __str__(self) -> str:
        lines = [
            f"Raw data in {self.raw_dir}",
            f"  articles      {self.articles:>12,}",
            f"  customers     {self.customers:>12,}",
            f"  transactions  {self.transactions:>12,}",
            f"  purchases from {self.first_day} to {self.last_day}, cutoff {self.cutoff}",
        ]
        said = [*(f"  read: {note}" for note in self.notes), *(f"  odd: {warning}" for warning in self.warnings)]
        return "\n".join([*lines, *said])


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
    raw_dir: Path,
    cutoff: date | None = None,
    memory_limit: str = "2GB",
    threads: int = 2,
    tables: Mapping[str, RawTable] | None = None,
) -> RawSummary:
    """Check the three files of `raw_dir` and summarise them.

    `cutoff` is the first day that nothing may see; default: the day after the last purchase. `memory_limit` is
    DuckDB's own, such as "2GB"; nothing is spilled to disk. `tables` are the files where they were opened already, and
    tell where rows stand in the user's own.

    Raises the first `RawDataError` that applies.
    """
    tables = tables or {name: _open_in_place(Path(raw_dir) / name) for name in RAW_COLUMNS}
    config = {"threads": threads, "memory_limit": memory_limit, "temp_directory": ""}
    with duckdb.connect(config=config) as connection:
        # DuckDB expects few rows of a CSV and would hold all purchases in memory to join the keys to them.
        connection.execute("set disabled_optimizers = 'build_side_probe_side'")
        articles = _check_articles(connection, tables[ARTICLES_FILE])
        customers = _check_customers(connection, tables[CUSTOMERS_FILE])
        bytes_ = (Path(raw_dir) / TRANSACTIONS_FILE).stat().st_size
        purchases = _check_purchases(connection, tables[TRANSACTIONS_FILE], bytes_, articles.rows, customers.rows)
    return RawSummary(
        raw_dir=Path(raw_dir),
        articles=articles.rows,
        customers=customers.rows,
        transactions=purchases.rows,
        rows_by_day=purchases.rows_by_day,
        cutoff=check_period(purchases.rows_by_day, cutoff),
        oddities=_oddities(articles, customers, purchases),
        notes=tuple(note for table in tables.values() for note in table.said()),
        columns={name: table.header for name, table in tables.items() if table.header},
    )


def _open_in_place(path: Path) -> RawTable:
    """Open a file that later steps read as it lies, and refuse one that they would read in another way."""
    table = open_table(path, same_columns(RAW_COLUMNS[path.name]), scratch=None)
    if not table.is_as_is:
        raise RawFileError(
            f"{path.name} is not written as it has to be in {path.parent} ({'; '.join(table.notes)}). Move it to a "
            "folder of its own and name that by RAW_DIR, or write it as the layout has it.",
            path.name,
        )
    return table


def _check_articles(connection: duckdb.DuckDBPyConnection, table: RawTable) -> _Articles:
    _load(connection, table, "articles", "article_id, product_code")
    with_other_product_code = "count(*) filter (where product_code is distinct from article_id[:7])"
    return _Articles(*_check_rows(connection, table, ARTICLES_FILE, "articles", "articles", [with_other_product_code]))


def _check_customers(connection: duckdb.DuckDBPyConnection, table: RawTable) -> _Customers:
    _load(connection, table, "customers", "customer_id, age")
    without_age = "count(*) filter (where age is null)"
    return _Customers(*_check_rows(connection, table, CUSTOMERS_FILE, "customers", "customers", [without_age]))


def _load(connection: duckdb.DuckDBPyConnection, table: RawTable, name: str, columns: str) -> None:
    """Keep `columns` of a file in the table `name`, its rows numbered from 1 by `record`."""
    table.fetch(
        connection, f"create temp table {name} as select row_number() over () as record, {columns} from {table.rows}"
    )


def _check_purchases(
    connection: duckdb.DuckDBPyConnection, table: RawTable, file_bytes: int, articles: int, customers: int
) -> _Purchases:
    one_in = 1 + file_bytes // BYTES_PER_SAMPLING_STEP
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
    numbered = _with_references(f"(select row_number() over () as record, * from {table.rows})")
    rows, days, *others = _check_rows(
        connection, table, TRANSACTIONS_FILE, _with_references(table.rows), numbered, measures
    )
    rows_by_day = {date.fromisoformat(day): count for day, count in days.items()}
    _refuse_stray_days(connection, table, numbered, rows_by_day)
    return _Purchases(rows, rows_by_day, *others)


def _refuse_stray_days(
    connection: duckdb.DuckDBPyConnection, table: RawTable, numbered: str, rows_by_day: Mapping[date, int]
) -> None:
    stray = find_stray_days(rows_by_day, date.today())
    if stray is not None:
        rows = sum(count for day, count in rows_by_day.items() if stray.first <= day <= stray.last)
        rule = RowRule("t_dat", f"t_dat between '{stray.first}' and '{stray.last}'", stray.problem, stray.remedy)
        raise RawValueError(_describe_first(connection, table, numbered, rule, rows), TRANSACTIONS_FILE)


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
    table: RawTable,
    file_name: str,
    relation: str,
    numbered_relation: str,
    measures: Sequence[str],
) -> list:
    """Apply a file's rules in one pass; return its row count and the `measures` (SQL aggregates) of that pass."""
    rules = ROW_RULES[file_name]
    counts = ["count(*)", *(f"count(*) filter (where {rule.is_broken})" for rule in rules)]
    found = table.fetch(connection, f"select {', '.join([*counts, *measures])} from {relation}")[0]
    rows, broken_rows, measured = found[0], found[1 : len(counts)], found[len(counts) :]
    if rows == 0:
        raise RawFileError(f"{table.name} has a header but no rows; bring the whole file.", file_name)
    for rule, broken in zip(rules, broken_rows, strict=True):
        if broken:
            raise rule.error(_describe_first(connection, table, numbered_relation, rule, broken), file_name)
    return [rows, *measured]


def _describe_first(
    connection: duckdb.DuckDBPyConnection, table: RawTable, numbered_relation: str, rule: RowRule, broken: int
) -> str:
    first = f"select record, {rule.column} from {numbered_relation} where {rule.is_broken} order by record limit 1"
    record, value = table.fetch(connection, first)[0]
    return broken_value(table.place(record, rule.column), value, rule.problem, broken, rule.remedy)


def _oddities(articles: _Articles, customers: _Customers, purchases: _Purchases) -> tuple[str, ...]:
    repeated = purchases.sampled - purchases.sampled_distinct
    one_in = purchases.sampled_one_customer_in
    of_a_sample = f" (counted for one customer in {one_in})" if one_in > 1 else ""
    return _lines(
        [
            (customers.rows - purchases.customers, customers.rows, "customers have no purchase"),
            (customers.without_age, customers.rows, "customers have no age"),
            (articles.rows - purchases.articles, articles.rows, "articles were never bought"),
            (articles.with_other_product_code, articles.rows, "articles have a product_code other than article_id[:7]"),
            (purchases.free, purchases.rows, "purchases have a price of 0"),
            (repeated, purchases.sampled, f"purchases repeat an article of the same customer and day{of_a_sample}"),
        ]
    )


def _lines(counts: Iterable[tuple[int, int, str]]) -> tuple[str, ...]:
    """One line for each oddity that occurs, as a count and a share."""
    return tuple(f"{count:,} of {total:,} {what}, {count / total:.1%}" for count, total, what in counts if count)
