"""Score test_week_lists.parquet again, straight from the raw CSV files.

Stage: outside the flow, to check it: `python -m recommender.evaluation.rescore --dataset demo`. In: the
report, the lists and the raw purchases. Out: the metrics once more, and exit code 1 when they differ from
report.json.

It shares no code with `ranking_metrics`, dbt or the flow, only the definitions: everything is one SQL query.
"""

import argparse
import json
import math
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import duckdb

from recommender.project_paths import raw_dir, reports_dir
from recommender.state_files import here

TOLERANCE = 1e-6
METRICS = ("map", "recall", "hit_rate", "ndcg", "mrr")
DEPTH = re.compile(rf"(?:{'|'.join(METRICS)})@(\d+)(?:_all)?")

RESCORE_SQL = """
with

depths as (

    select unnest($depths::integer[]) as depth

),

purchases as (

    select distinct t_dat, customer_id, article_id
    from read_csv($transactions, header = true, all_varchar = true)

),

truth as (

    select distinct customer_id, article_id
    from purchases
    where t_dat between $test_start and $test_end

),

earlier_customers as (

    select distinct customer_id
    from purchases
    where t_dat < $test_start

),

customers as (

    select
        truth.customer_id,
        count(*) as n_bought,
        bool_or(earlier_customers.customer_id is not null) as has_history,
    from truth
    left join earlier_customers using (customer_id)
    group by truth.customer_id

),

recommended as (

    select model, customer_id, article_id, rank
    from read_parquet($lists)
    where rank <= (select max(depth) from depths)

),

models as (

    select distinct model from recommended

),

hits as (

    select
        recommended.model,
        recommended.customer_id,
        recommended.rank,
        row_number() over (
            partition by recommended.model, recommended.customer_id
            order by recommended.rank
        ) as hits_so_far,
    from recommended
    inner join truth using (customer_id, article_id)

),

customer_hits as (

    select
        depths.depth,
        hits.model,
        hits.customer_id,
        sum(hits_so_far / rank) as precision_sum,
        count(*) as n_hits,
        sum(1 / log2(rank + 1)) as dcg,
        1 / min(rank) as reciprocal_rank,
    from hits
    inner join depths on hits.rank <= depths.depth
    group by depths.depth, hits.model, hits.customer_id

),

ideal as (

    select
        rank as reachable,
        sum(1 / log2(rank + 1)) over (order by rank) as ideal_dcg,
    from generate_series(1, (select max(depth) from depths)) as ranks (rank)

),

customer_scores as (

    select
        models.model,
        depths.depth,
        customers.has_history,
        coalesce(customer_hits.precision_sum, 0) / ideal.reachable as average_precision,
        coalesce(customer_hits.n_hits, 0) / ideal.reachable as recall,
        (customer_hits.n_hits is not null)::int as is_hit,
        coalesce(customer_hits.dcg, 0) / ideal.ideal_dcg as ndcg,
        coalesce(customer_hits.reciprocal_rank, 0) as reciprocal_rank,
    from models
    cross join customers
    cross join depths
    inner join ideal on least(customers.n_bought, depths.depth) = ideal.reachable
    left join customer_hits
        on models.model = customer_hits.model
        and depths.depth = customer_hits.depth
        and customers.customer_id = customer_hits.customer_id

),

groups (suffix, includes_cold) as (

    values ('', false), ('_all', true)

),

scores as (

    select
        models.model,
        groups.suffix,
        depths.depth,
        avg(customer_scores.average_precision) as map,
        avg(customer_scores.recall) as recall,
        avg(customer_scores.is_hit) as hit_rate,
        avg(customer_scores.ndcg) as ndcg,
        avg(customer_scores.reciprocal_rank) as mrr,
        count(customer_scores.model) as customers,
    from models
    cross join groups
    cross join depths
    left join customer_scores
        on models.model = customer_scores.model
        and depths.depth = customer_scores.depth
        and (groups.includes_cold or customer_scores.has_history)
    group by models.model, groups.suffix, depths.depth

),

coverages as (

    select
        recommended.model,
        groups.suffix,
        depths.depth,
        count(distinct recommended.article_id) / $n_candidates as coverage,
    from recommended
    inner join customers using (customer_id)
    inner join groups on groups.includes_cold or customers.has_history
    inner join depths on recommended.rank <= depths.depth
    group by recommended.model, groups.suffix, depths.depth

),

final as (

    select
        scores.*,
        coalesce(coverages.coverage, 0) as coverage,
    from scores
    left join coverages using (model, suffix, depth)
    order by scores.model, scores.suffix, scores.depth

)

select * from final
"""


def rescore(
    test_week_lists: Path,
    raw_dir: Path,
    test_start: str,
    test_end: str,
    n_candidates: int,
    k: int = 12,
    *,
    cutoffs: Sequence[int] = (),
) -> dict[str, dict[str, float]]:
    """Compute every model's metrics from its lists and the raw purchases.

    `test_start` and `test_end` are ISO dates, both inclusive. `cutoffs` are depths to score beside k, see
    `reported_cutoffs`: how wide lists were made cannot be seen once their padding is gone. A customer of the week
    without a list scores 0.

    Returns metrics by model with the keys of `offline_metrics.evaluate`, NaN over no customers.
    """
    with duckdb.connect() as connection:
        scores = connection.execute(
            RESCORE_SQL,
            {
                "transactions": str(raw_dir / "transactions_train.csv"),
                "lists": str(test_week_lists),
                "test_start": test_start,
                "test_end": test_end,
                "n_candidates": n_candidates,
                "depths": sorted({k, *cutoffs}),
            },
        ).df()
    metrics: dict[str, dict[str, float]] = {}
    for row in scores.to_dict("records"):
        suffix, depth = row["suffix"], row["depth"]
        own = metrics.setdefault(row["model"], {})
        own |= {f"{name}@{depth}{suffix}": row[name] for name in METRICS}
        if depth == k:
            own |= {f"coverage{suffix}": row["coverage"], f"customers{suffix}": row["customers"]}
    return metrics


def reported_cutoffs(reported: dict[str, dict]) -> list[int]:
    """Read off the depths at which a report's metrics by model were scored, ascending.

    >>> reported_cutoffs({"popular": {"map@12": 0.1, "coverage": 0.5, "map@6": 0.1, "map@6_all": 0.1}})
    [6, 12]
    """
    names = {name for metrics in reported.values() for name in metrics}
    depths = [DEPTH.fullmatch(name) for name in names]
    return sorted({int(depth[1]) for depth in depths if depth})


def find_differences(reported: dict[str, dict], rescored: dict[str, dict]) -> list[str]:
    """Name every number that differs by more than 1e-6 between report.json and `rescore`, one line each.

    A mean over no customers is null in the one and NaN in the other.
    """
    differences = []
    for model in sorted(set(reported) | set(rescored)):
        ours, theirs = reported.get(model, {}), rescored.get(model, {})
        for metric in sorted(set(ours) | set(theirs)):
            if not _is_same(ours.get(metric), theirs.get(metric)):
                differences.append(f"{model} {metric}: report {ours.get(metric)}, again {theirs.get(metric)}")
    return differences


def main() -> int:
    """Rescore one dataset's last report and print what differs; return 0 when nothing does, 2 without a report."""
    parser = argparse.ArgumentParser(prog="python -m recommender.evaluation.rescore", description=main.__doc__)
    parser.add_argument("--dataset", default="demo")
    dataset = parser.parse_args().dataset
    report_file, lists = (here(reports_dir(dataset) / name) for name in ("report.json", "test_week_lists.parquet"))
    if not report_file.exists():
        print(f"there is no report of {dataset} yet; `make run DATASET={dataset}` leaves one", file=sys.stderr)
        return 2
    report = json.loads(report_file.read_text(encoding="utf-8"))
    test, n_candidates, cutoffs = report["windows"]["test"], report["n_candidates"], reported_cutoffs(report["metrics"])
    served = next(iter(next(iter(report["metrics"].values()))))  # the MAP at the served depth stands first
    raw, k = here(raw_dir(dataset)), int(served.partition("@")[2])
    rescored = rescore(lists, raw, test["start"], test["end"], n_candidates, k, cutoffs=cutoffs)
    for model, metrics in rescored.items():
        print(f"{model:<28}  {served.upper()} {metrics.get(served, math.nan):.6f}  all {metrics[f'{served}_all']:.6f}")
    differences = find_differences(report["metrics"], rescored)
    print("\n".join(differences) or f"{len(rescored)} models: report.json says the same.")
    return 1 if differences else 0


def _is_same(reported: float | None, rescored: float | None) -> bool:
    reported, rescored = (math.nan if value is None else value for value in (reported, rescored))
    if math.isnan(reported) or math.isnan(rescored):
        return math.isnan(reported) and math.isnan(rescored)
    return math.isclose(reported, rescored, rel_tol=0, abs_tol=TOLERANCE)


if __name__ == "__main__":
    raise SystemExit(main())
