"""Test-week metrics of one recommender, and the table that compares them all.

Stage: after retrieval and baselines, before the behavioural tests. In: lists and truth of the test week's
customers (shapes in `recommender.ranking_metrics`). Out: a flat dict per model, as report.json holds it.
"""

from collections.abc import Collection

import numpy as np

from recommender import ranking_metrics

PER_CUSTOMER_METRICS = {
    "map": ranking_metrics.average_precision_at_k,
    "recall": ranking_metrics.recall_at_k,
    "hit_rate": ranking_metrics.hit_rate_at_k,
    "ndcg": ranking_metrics.ndcg_at_k,
    "mrr": ranking_metrics.reciprocal_rank_at_k,
}
ALL_CUSTOMERS = "_all"
"""Suffix of the metrics over every customer of the week, cold ones included."""


def evaluate(
    lists: np.ndarray,
    truth_values: np.ndarray,
    truth_offsets: np.ndarray,
    has_history: np.ndarray,
    n_candidates: int,
    k: int = 12,
) -> dict[str, float]:
    """Score one recommender's lists for the customers of the test week.

    `lists` (n_customers, at least k) are what each customer would be served, the segment's list when cold;
    `has_history` bool (n_customers,) marks customers with purchases before the week; `n_candidates` is the
    number of articles that could have been recommended.

    Returns "map@k", "recall@k", "hit_rate@k", "ndcg@k", "mrr@k", "coverage" and "customers" over customers
    with history and truth, and the same with the suffix "_all" over all with truth. NaN over no customers.
    """
    lists = ranking_metrics.first_k(lists, k)
    if has_history.shape != (len(lists),):
        raise ValueError(f"has_history must be ({len(lists)},), got {has_history.shape}")
    hits = ranking_metrics.find_hits(lists, truth_values, truth_offsets)
    sizes = ranking_metrics.truth_sizes(truth_offsets)
    per_customer = {f"{name}@{k}": score(hits, sizes) for name, score in PER_CUSTOMER_METRICS.items()}
    has_truth = sizes > 0
    return _summarise(per_customer, lists, has_truth & has_history, n_candidates, "") | _summarise(
        per_customer, lists, has_truth, n_candidates, ALL_CUSTOMERS
    )


def metric_table(
    metrics: dict[str, dict[str, float]], suffix: str = "", reference_models: Collection[str] = ("oracle",)
) -> str:
    """Lay metrics out as a text table, best MAP first; `*` marks the best of each column.

    `suffix` "" or "_all" picks the customers. Reference models know what no recommender can: shown, not
    marked.
    """
    columns = [name for name in _columns(metrics) if name.endswith(ALL_CUSTOMERS) == bool(suffix)]
    models = sorted(metrics, key=lambda model: (-np.nan_to_num(metrics[model][columns[0]], nan=-1), model))
    rivals = [model for model in models if model not in reference_models]
    best = {name: max((metrics[model][name] for model in rivals), default=None) for name in columns}
    header = ["model", *(name.removesuffix(ALL_CUSTOMERS) for name in columns)]
    rows = [
        [
            model,
            *(
                _cell(metrics[model][name], name, model in rivals and metrics[model][name] == best[name])
                for name in columns
            ),
        ]
        for model in models
    ]
    return _align([header, *rows])


def _summarise(
    per_customer: dict[str, np.ndarray],
    lists: np.ndarray,
    is_counted: np.ndarray,
    n_candidates: int,
    suffix: str,
) -> dict[str, float]:
    means = {
        name + suffix: ranking_metrics.mean_over_customers(values[is_counted]) for name, values in per_customer.items()
    }
    return means | {
        "coverage" + suffix: ranking_metrics.coverage(lists[is_counted], n_candidates),
        "customers" + suffix: int(is_counted.sum()),
    }


def _columns(metrics: dict[str, dict[str, float]]) -> list[str]:
    if not metrics:
        raise ValueError("a metric table needs at least one model")
    return list(next(iter(metrics.values())))


def _cell(value: float, column: str, is_best: bool) -> str:
    if column.startswith("customers"):
        return f"{value:,}"
    return f"{value:.4f}{'*' if is_best else ' '}"


def _align(rows: list[list[str]]) -> str:
    """Pad cells to columns, the first to the left, numbers to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            [
                row[0].ljust(widths[0]),
                *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)),
            ]
        )
        for row in rows
    )
