"""Measure a raw folder the way `hm_profile.json` was measured, so that the two can stand side by side.

Stage: raw data, demo only. In: the three CSV files of a folder. Out: a dictionary with the profile's own keys, from
DuckDB (imported inside `open_raw`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from data.hm_profile import hm_profile, probability

if TYPE_CHECKING:
    import duckdb

WEEKLY_WINDOWS = 12
LIST_LENGTH = 12
MEMORY_LIMIT = "6GB"
LIFE_SAMPLE_ROWS = 5  # the profile's article lives: articles with at least 5 rows in a customer sample
MOST_LIFE_SAMPLES = 60


def open_raw(raw_dir: Path) -> duckdb.DuckDBPyConnection:
    """A connection with tables `sales`, `articles`, `customers` and `pairs` (distinct customer, article, day).

    Customers and articles are numbered in the order of their ids: 64 letters in each row would not fit in memory.
    """
    import duckdb

    db = duckdb.connect(config={"threads": 2, "memory_limit": MEMORY_LIMIT})
    db.execute(
        "set disabled_optimizers = 'build_side_probe_side'"
    )  # which would hold the purchases to join keys to them
    for name in ("article", "customer"):
        db.execute(
            f"create table {name}s as select row_number() over (order by {name}_id)::int as {name}, * "
            "from read_csv(?, all_varchar = true)",
            [_csv(raw_dir, f"{name}s")],
        )
    db.execute(
        "create table sales as select t_dat::date as day, customer, article, price::double as price, "
        "sales_channel_id as channel from read_csv(?, all_varchar = true) "
        "join customers using (customer_id) join articles using (article_id)",
        [_csv(raw_dir, "transactions_train")],
    )
    db.execute("reset disabled_optimizers")
    db.execute("create table pairs as select distinct customer, article, day from sales")
    return db


def _csv(raw_dir: Path, name: str) -> str:
    return str(raw_dir / f"{name}.csv")


def measure(db: duckdb.DuckDBPyConnection) -> dict[str, dict]:
    """All measures, section by section, with the keys of `hm_profile`."""
    return {
        "transactions": transaction_measures(db),
        "one_week": last_week_measures(db),
        "article_sales_span_days": article_sales_span_days(db),
        "articles": article_measures(db),
        "article_codes": code_shares(db),
        "customers": customer_measures(db),
        "next_week_truth": next_week_measures(db),
    }


def rows(db: duckdb.DuckDBPyConnection, sql: str) -> list[tuple]:
    """All rows of a query."""
    return db.execute(sql).fetchall()


def number(db: duckdb.DuckDBPyConnection, sql: str) -> float:
    """The only value of a query."""
    return float(rows(db, sql)[0][0] or 0)


def quantiles_like(db: duckdb.DuckDBPyConnection, real: dict[str, float], sql: str) -> dict[str, float]:
    """The quantiles named in `real` of the column `x` of a query."""
    levels = [probability(name) for name in real]
    values = rows(db, f"select quantile_cont(x, {levels}) from ({sql})")[0][0]
    return dict(zip(real, map(float, values), strict=True))


def transaction_measures(db: duckdb.DuckDBPyConnection) -> dict:
    """Counts per customer, baskets, gaps, prices, channel, weekday and season over the whole time."""
    real = hm_profile()["transactions"]
    gaps = (
        "select day - lag(day) over (partition by customer order by day) as x "
        "from (select distinct customer, day from sales) qualify x is not null"
    )
    by_query = {
        "rows_per_customer": "select count(*) as x from sales group by customer",
        "purchase_days_per_customer": "select count(distinct day) as x from sales group by customer",
        "rows_per_basket": "select count(*) as x from sales group by customer, day",
        "days_between_purchase_days": gaps,
        "price": "select price as x from sales",
    }
    return {name: quantiles_like(db, real[name], sql) for name, sql in by_query.items()} | {
        "sales_channel_share": _shares(db, "select channel, count(*) from sales group by 1"),
        "duplicate_rows_same_customer_article_day_share": number(
            db, "select 1 - (select count(*) from pairs) / count(*) from sales"
        ),
        "rows_repeating_an_article_bought_on_an_earlier_day_share": number(
            db,
            "select avg((day > first_day)::int) from (select day, min(day) over (partition by customer, article) "
            "as first_day from sales)",
        ),
        "rows_by_weekday": _shares(db, "select isodow(day) - 1, count(*) from sales group by 1 order by 1"),
        "rows_per_day_by_month": relative_to_mean(
            dict(rows(db, "select month(day), count(*) / count(distinct day) from sales group by 1 order by 1"))
        ),
    }


def _shares(db: duckdb.DuckDBPyConnection, sql: str) -> dict:
    """{value: share} of a query with the columns value, count."""
    counts = dict(rows(db, sql))
    return {value: count / sum(counts.values()) for value, count in counts.items()}


def relative_to_mean(values: dict) -> dict:
    """Each value divided by the mean of all."""
    mean = sum(values.values()) / len(values)
    return {key: value / mean for key, value in values.items()}


def last_week_measures(db: duckdb.DuckDBPyConnection) -> dict:
    """The last seven days: their part of everything, rows per customer, prices and concentration."""
    real = hm_profile()["one_week"]
    week = "(select * from sales where day > (select max(day) - 7 from sales))"
    per_article = [n for (n,) in rows(db, f"select count(*) from {week} group by article order by 1 desc")]
    catalogue = number(db, "select count(*) from articles")
    return {
        "rows": number(db, f"select count(*) / (select count(*) from sales) from {week}"),
        "customers": number(db, f"select count(distinct customer) / (select count(*) from customers) from {week}"),
        "articles": len(per_article) / catalogue,
        "rows_per_customer": quantiles_like(
            db, real["rows_per_customer"], f"select count(*) as x from {week} group by customer"
        ),
        "price": quantiles_like(db, real["price"], f"select price as x from {week}"),
        "share_of_rows_in_top_articles": {
            top: share_in_top(per_article, int(top) * catalogue / hm_profile()["published_totals"]["articles"])
            for top in real["share_of_rows_in_top_articles"]
        },
    }


def share_in_top(counts: list[int], top: float) -> float:
    """Share of all rows in the `top` best-selling articles; a fraction of an article counts in part.

    >>> share_in_top([6, 3, 1], 1.5)
    0.75
    """
    whole = int(top)
    part = (top - whole) * counts[whole] if whole < len(counts) else 0
    return (sum(counts[:whole]) + part) / sum(counts)


def article_sales_span_days(db: duckdb.DuckDBPyConnection) -> dict:
    """Days from first to last sale of articles with 5 rows or more in a customer sample of the profile's density.

    The profile's 0.1% of customers have 0.31 rows per article. Here as many disjoint customer samples of that
    density as there are (60 at most) are measured together, so that the numbers mean the same.
    """
    total = hm_profile()["published_totals"]
    density = 0.001 * total["transactions"] / total["articles"]
    rows_per_article = number(db, "select count(*) / (select count(*) from articles) from sales")
    samples = max(1, round(rows_per_article / density))
    spans = (
        f"select max(day) - min(day) as x from sales where hash(customer) % {samples} < {MOST_LIFE_SAMPLES} "
        f"group by hash(customer) % {samples}, article having count(*) >= {LIFE_SAMPLE_ROWS}"
    )
    return quantiles_like(db, hm_profile()["article_sales_span_days"], spans)


def article_measures(db: duckdb.DuckDBPyConnection) -> dict:
    """Colour variants per product and missing descriptions."""
    real = hm_profile()["articles"]["colour_variants_per_product_quantiles"]
    named = {name: value for name, value in real.items() if name != "max"}
    return {
        "distinct_product_codes": number(db, "select count(distinct product_code) / count(*) from articles"),
        "colour_variants_per_product_quantiles": quantiles_like(
            db, named, "select count(*) as x from articles group by product_code"
        ),
        "detail_desc_missing_share": number(db, "select avg((detail_desc is null)::int) from articles"),
        "unsold_share": number(db, "select avg((article not in (select article from sales))::int) from articles"),
    }


def code_shares(db: duckdb.DuckDBPyConnection) -> dict[str, float]:
    """Total variation distance from the profile's shares, 0 (same) to 1, per attribute column."""
    distances = {}
    for column, entries in hm_profile()["article_codes"].items():
        made = _shares(db, f"select {column}, count(*) from articles group by 1")
        real: dict[str, float] = {}
        for _, name, share in entries:
            real[name] = real.get(name, 0.0) + share
        distances[column] = total_variation(made, real)
    return distances


def total_variation(p: dict, q: dict) -> float:
    """Half the sum of absolute differences of two share tables.

    >>> total_variation({"a": 0.5, "b": 0.5}, {"a": 0.75, "c": 0.25})
    0.5
    """
    return sum(abs(p.get(key, 0.0) - q.get(key, 0.0)) for key in p.keys() | q.keys()) / 2


def customer_measures(db: duckdb.DuckDBPyConnection) -> dict:
    """Missing values, ages, statuses, postal codes, customers without purchases."""
    real = hm_profile()["customers"]
    ages = real["age_histogram_5y"]
    real_ages = {int(start): count / sum(ages.values()) for start, count in ages.items()}
    made_ages = _shares(
        db, "select age::double::int // 5 * 5, count(*) from customers where age is not null group by 1"
    )
    common = "select max(n) / sum(n) from (select count(*) as n from customers group by postal_code)"
    missing = {
        f"{column}_missing_share": number(db, f'select avg(("{column}" is null)::int) from customers')
        for column in ("FN", "Active", "age")
    }
    return missing | {
        "age_histogram_5y": total_variation(made_ages, real_ages),
        **{column: _status_distance(db, column) for column in ("club_member_status", "fashion_news_frequency")},
        "most_common_postal_code_share": number(db, common),
        "never_bought_share": number(
            db, "select avg((customer not in (select customer from sales))::int) from customers"
        ),
    }


def _status_distance(db: duckdb.DuckDBPyConnection, column: str) -> float:
    made = _shares(db, f"select coalesce({column}, ''), count(*) from customers group by 1")
    return total_variation(made, hm_profile()["customers"][column])


def next_week_measures(db: duckdb.DuckDBPyConnection) -> dict:
    """Next-week truth over the last 12 weekly windows: repurchases and two rules' recall@12, customer-averaged."""
    windows = [_one_window(db, weeks_back) for weeks_back in range(WEEKLY_WINDOWS)]
    keys = ("repurchase_share_of_pairs", "popular_last_week_recall@12", "own_recent_12_recall@12")
    return {key: sum(window[key] for window in windows) / len(windows) for key in keys}


def _one_window(db: duckdb.DuckDBPyConnection, weeks_back: int) -> dict[str, float]:
    """The measures of one week, `weeks_back` weeks before the last; recall = hits / min(12, truth)."""
    db.execute(f"set variable start = (select max(day) - 6 - 7 * {weeks_back} from sales)")
    db.execute(
        "create or replace temp table truth as select distinct customer, article from pairs "
        "where day >= getvariable('start') and day < getvariable('start') + 7 "
        "and customer in (select customer from pairs where day < getvariable('start'))"
    )
    seen = "select distinct customer, article from pairs where day < getvariable('start')"
    popular = (
        "select article from sales where day < getvariable('start') and day >= getvariable('start') - 7 "
        f"group by article order by count(*) desc, article limit {LIST_LENGTH}"
    )
    recent = (
        "select customer, article from pairs where day < getvariable('start') "
        "group by customer, article qualify row_number() over "
        f"(partition by customer order by max(day) desc, article) <= {LIST_LENGTH}"
    )
    return {
        "repurchase_share_of_pairs": number(
            db,
            f"select count(*) / (select count(*) from truth) from truth semi join ({seen}) using (customer, article)",
        ),
        "popular_last_week_recall@12": _mean_recall(db, f"article in ({popular})"),
        "own_recent_12_recall@12": _mean_recall(db, f"(customer, article) in ({recent})"),
    }


def _mean_recall(db: duckdb.DuckDBPyConnection, is_hit: str) -> float:
    return number(
        db,
        f"select avg(recall) from (select sum(({is_hit})::int) / least({LIST_LENGTH}, count(*)) as recall "
        "from truth group by customer)",
    )
