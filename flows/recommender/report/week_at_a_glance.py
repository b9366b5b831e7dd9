"""The test week as people look at it: scores, what is popular, and a few customers with the names of what they buy.

Stage: after the test week was scored. In: test_week_lists.parquet (the served lists and the popular ones are read)
and the run's marts. Out: one `WeekAtAGlance` of plain values, small for a shop of any size.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from recommender.features.marts import Marts
from recommender.model_names import SERVED
from serving.customer_mask import HIDDEN, mask_of_environment

N_CUSTOMERS, N_COLD_CUSTOMERS = 5, 1
LAST_PURCHASES, MOST_IN_WEEK = 6, 1_000
COUNTED_DAYS = timedelta(weeks=4)
POPULAR, BOUGHT = "popular baseline", "bought"

LISTS_SQL = """
-- By the customer's code; marts of an earlier release have the id itself in common.
create temp view purchases as
    select * from read_parquet('{purchases}')
    natural join (select columns('customer_(id|code)') from read_parquet('{customers}'));
create temp view articles as select * from read_parquet('{articles}');
create temp view lists as select * from read_parquet('{lists}') where rank <= {k};
create temp table truth as
    select distinct customer_id, article_id from purchases where purchase_day between '{start}' and '{end}';
create temp table served as
    select
        lists.*,
        truth.article_id is not null as is_bought,
    from lists
    left join truth using (customer_id, article_id)
    where lists.model = 'served';
"""
COUNTS_SQL = """
select 'served' as source, article_id, count(*) as times from served group by article_id
union all
select 'popular baseline', article_id, count(*) from lists where model = 'popular' group by article_id
union all
select 'bought', article_id, count(*) from truth group by article_id
"""
SALES_SQL = """
select article_id, sum(quantity)::bigint as units
from purchases
where purchase_day >= $first and purchase_day < $start
group by article_id
"""
# Drawn by a hash of their ids, so that nobody picked them and every run on the same week shows the same ones.
SAMPLE_SQL = """
with

customers as (

    select
        customer_id,
        exists (
            select 1 from purchases
            where purchases.customer_id = drawn.customer_id and purchase_day < $start
        ) as has_history,
    from (select distinct customer_id from served order by md5(customer_id) limit 2000) as drawn

),

numbered as (

    select *, row_number() over (partition by has_history order by md5(customer_id)) as place
    from customers

)

select customer_id
from numbered
where place <= case when has_history then $n_customers else $n_cold_customers end
order by has_history desc, place
"""
RECOMMENDED_SQL = """
select rank, article_id, coalesce(product_name, '') as name, score, is_bought
from served
left join articles using (article_id)
where customer_id = $customer
order by rank
"""
BOUGHT_SQL = """
select distinct purchase_day, article_id, coalesce(product_name, '') as name
from purchases
left join articles using (article_id)
where customer_id = $customer and purchase_day between $first and $last
order by purchase_day desc, article_id
limit $n
"""


@dataclass(frozen=True)
class Purchase:
    """A day and an article that a customer bought on it."""

    day: date
    article_id: str
    name: str


@dataclass(frozen=True)
class Recommendation:
    """One place of a customer's list; `is_bought` says whether it was bought in the test week."""

    rank: int
    article_id: str
    name: str
    score: float
    is_bought: bool


@dataclass(frozen=True)
class ShownCustomer:
    """A customer: the last purchases before the week, latest first, those of the week, and the served list.

    `name` is what stands for the id where people read it, see `serving.customer_mask`.
    """

    name: str
    last_purchases: list[Purchase]
    bought_in_week: list[Purchase]
    recommendations: list[Recommendation]


@dataclass(frozen=True)
class WeekAtAGlance:
    """What the cards show of a test week.

    Attributes:
        scores: float32 (n,), of all served recommendations.
        is_bought: bool (n,), whether each was bought in the week.
        counts: {source: {article id: times}} of what is served, what the popular baseline recommends, and purchases.
        sales: {article id: units} sold in the four weeks before.
        customers: a few, drawn by a hash of their ids; the last without purchases before, where there is one.
    """

    scores: np.ndarray
    is_bought: np.ndarray
    counts: dict[str, dict[str, int]]
    sales: dict[str, int]
    customers: list[ShownCustomer]


def read_week(lists: Path, marts: Marts, window: Mapping[str, str], k: int) -> WeekAtAGlance:
    """Read the test week from its lists and the run's marts.

    Args:
        lists: test_week_lists.parquet, or one with the served and the popular lists alone.
        marts: of the run; `purchases`, `articles` and `customers` are read.
        window: the week's "start" and "end", ISO days, both in it.
        k: ranks that are looked at.

    Raises:
        FileNotFoundError, MartMissing: when the lists or one of the marts are missing; names the file.
    """
    if not lists.exists():
        raise FileNotFoundError(f"{lists} is missing; `make run` writes it anew")
    start, end = (date.fromisoformat(window[bound]) for bound in ("start", "end"))
    files = {"lists": lists, **{name: marts.path_of(name) for name in ("purchases", "articles", "customers")}}
    places = {**{name: _quoted(path) for name, path in files.items()}, "k": int(k), "start": start, "end": end}
    with duckdb.connect() as connection:
        connection.execute(LISTS_SQL.format(**places))
        served = connection.sql("select score, is_bought from served").fetchnumpy()
        sales = connection.execute(SALES_SQL, {"first": start - COUNTED_DAYS, "start": start}).fetchall()
        return WeekAtAGlance(
            scores=np.asarray(served["score"], dtype=np.float32),
            is_bought=np.asarray(served["is_bought"], dtype=bool),
            counts=_counts(connection),
            sales=dict(sales),
            customers=_sample(connection, start, end),
        )


def _counts(connection: duckdb.DuckDBPyConnection) -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = {SERVED: {}, POPULAR: {}, BOUGHT: {}}
    for source, article_id, times in connection.sql(COUNTS_SQL).fetchall():
        counts[source][article_id] = times
    return counts


def _sample(connection: duckdb.DuckDBPyConnection, start: date, end: date) -> list[ShownCustomer]:
    numbers = {"n_customers": N_CUSTOMERS, "n_cold_customers": N_COLD_CUSTOMERS}
    drawn = connection.execute(SAMPLE_SQL, {"start": start, **numbers}).fetchall()
    yesterday, mask = start - timedelta(days=1), mask_of_environment()
    return [
        ShownCustomer(
            name=mask(customer) or HIDDEN,
            last_purchases=_bought(connection, customer, date.min, yesterday, LAST_PURCHASES),
            bought_in_week=_bought(connection, customer, start, end, MOST_IN_WEEK),
            recommendations=[
                Recommendation(*row) for row in connection.execute(RECOMMENDED_SQL, {"customer": customer}).fetchall()
            ],
        )
        for (customer,) in drawn
    ]


def _bought(connection: duckdb.DuckDBPyConnection, customer: str, first: date, last: date, n: int) -> list[Purchase]:
    between: dict[str, Any] = {"customer": customer, "first": first, "last": last, "n": n}
    return [Purchase(*row) for row in connection.execute(BOUGHT_SQL, between).fetchall()]


def _quoted(path: Path) -> str:
    """Return a path as it stands between the quotes of an SQL text."""
    return str(path).replace("'", "''")
