"""Score a benchmark's lists again, straight from the raw CSV files: `python -m benchmarks.quality --rescore`.

Stage: outside the benchmark, to check it. In: lists.parquet and the raw purchases. Out: MAP@12 and recall@12 of every
model and seed once more. It shares the definitions with the benchmark and no code: everything is one SQL query.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb

TOLERANCE = 1e-6
METRICS = ("map@12", "recall@12", "map@12_all", "recall@12_all")

RESCORE_SQL = """
with

purchases as (

    select distinct
        cast(t_dat as date) as purchase_day,
        customer_id,
        article_id,
    from read_csv($transactions, header = true, all_varchar = true)

),

lists as (

    select * from read_parquet($lists) where rank <= 12

),

weeks as (

    select distinct as_of_day from lists

),

truth as (

    select distinct
        weeks.as_of_day,
        purchases.customer_id,
        purchases.article_id,
    from weeks
    inner join purchases
        on purchases.purchase_day >= weeks.as_of_day
        and purchases.purchase_day < weeks.as_of_day + 7

),

first_purchases as (

    select
        customer_id,
        min(purchase_day) as first_day,
    from purchases
    group by customer_id

),

customers as (

    select
        truth.as_of_day,
        truth.customer_id,
        least(count(*), 12) as reachable,
        any_value(first_purchases.first_day) < truth.as_of_day as has_history,
    from truth
    inner join first_purchases using (customer_id)
    group by truth.as_of_day, truth.customer_id

),

hits as (

    select
        lists.as_of_day,
        lists.model,
        lists.seed,
        lists.customer_id,
        lists.rank,
        row_number() over (
            partition by lists.as_of_day, lists.model, lists.seed, lists.customer_id
            order by lists.rank
        ) as hits_so_far,
    from lists
    inner join truth using (as_of_day, customer_id, article_id)

),

customer_hits as (

    select
        as_of_day,
        model,
        seed,
        customer_id,
        sum(hits_so_far / rank) as precision_sum,
        count(*) as n_hits,
    from hits
    group by as_of_day, model, seed, customer_id

),

models as (

    select distinct as_of_day, model, seed from lists

),

customer_scores as (

    select
        models.model,
        models.seed,
        customers.has_history,
        coalesce(customer_hits.precision_sum, 0) / customers.reachable as average_precision,
        coalesce(customer_hits.n_hits, 0) / customers.reachable as recall,
    from models
    inner join customers using (as_of_day)
    left join customer_hits using (as_of_day, model, seed, customer_id)

),

final as (

    select
        model,
        seed,
        avg(average_precision) filter (where has_history) as "map@12",
        avg(recall) filter (where has_history) as "recall@12",
        avg(average_precision) as "map@12_all",
        avg(recall) as "recall@12_all",
    from customer_scores
    group by model, seed
    order by model, seed

)

select * from final
"""


def rescore(lists_file: Path, raw_dir: Path) -> dict[tuple[str, int], dict[str, float]]:
    """Compute MAP@12 and recall@12 of every model and seed from its lists and the raw purchases.

    A customer of a week without a list scores 0. Returns `METRICS` by (model, seed).
    """
    files = {"transactions": str(raw_dir / "transactions_train.csv"), "lists": str(lists_file)}
    with duckdb.connect() as connection:
        rows = connection.execute(RESCORE_SQL, files).df().to_dict("records")
    return {(row["model"], int(row["seed"])): {name: row[name] for name in METRICS} for row in rows}


def find_differences(reported: Mapping[str, Any], rescored: Mapping[tuple[str, int], Mapping[str, float]]) -> list[str]:
    """Name every number that differs by more than 1e-6 between a dataset's results and `rescore`, a line each."""
    models = {**reported["models"], **reported["ablations"]}
    by_model_and_seed = {
        (model, int(seed)): metrics for model, own in models.items() for seed, metrics in own["by_seed"].items()
    }
    return [
        f"{model} seed {seed} {name}: reported {ours}, again {theirs}"
        for model, seed in sorted(by_model_and_seed.keys() | rescored.keys())
        for name in METRICS
        for ours in [by_model_and_seed.get((model, seed), {}).get(name)]
        for theirs in [rescored.get((model, seed), {}).get(name)]
        if not _is_same(ours, theirs)
    ]


def _is_same(ours: float | None, theirs: float | None) -> bool:
    ours, theirs = (math.nan if value is None else value for value in (ours, theirs))
    if math.isnan(ours) or math.isnan(theirs):
        return math.isnan(ours) and math.isnan(theirs)
    return math.isclose(ours, theirs, rel_tol=0, abs_tol=TOLERANCE)
