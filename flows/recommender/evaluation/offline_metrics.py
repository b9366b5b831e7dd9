"""Test-week metrics of one recommender, and the table that compares them all.

Stage: after retrieval and baselines, before the behavioral tests. In: lists and truth of the test week's
customers (shapes in `recommender.ranking_metrics`). Out: per customer, arrays by metric name, for slices and
intervals; averaged, a flat dict per model, as report.json holds it.
"""

from collections.abc import Collection, Sequence

import numpy as np

from recommender import ranking_metrics
from recommender.evaluation import list_quality
from recommender.evaluation.list_quality import CsrPair

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
    *,
    cutoffs: Sequence[int] = (6, 12, 24),
) -> dict[str, float]:
    """Score one recommender's lists for the customers of the test week.

    `lists` (n_customers, at least k) are what each customer would be served, the segment's list when cold;
    `has_history` bool (n_customers,) marks customers with purchases before the week; `n_candidates` is the
    number of articles that could have been recommended; `cutoffs` are further depths to score.

    Returns "map@k", "recall@k", "hit_rate@k", "ndcg@k", "mrr@k", "coverage" and "customers" over customers
    with history and truth, and the same with the suffix "_all" over all with truth. NaN over no customers.
    Then the five metrics, "map@6" and so on, both ways at each other cutoff that the lists are wide enough for.

    Raises ValueError when the lists are narrower than k, `has_history` is of other customers, or a cutoff is below 1.
    """
    served = ranking_metrics.first_k(lists, k)
    if has_history.shape != (len(lists),):
        raise ValueError(f"has_history must be ({len(lists)},), got {has_history.shape}")
    if min(cutoffs, default=1) < 1:
        raise ValueError(f"cutoffs must be at least 1, got {list(cutoffs)}")
    has_truth = ranking_metrics.truth_sizes(truth_offsets) > 0
    counted = {"": has_truth & has_history, ALL_CUSTOMERS: has_truth}
    per_customer = accuracy_per_customer(lists, truth_values, truth_offsets, k)
    metrics: dict[str, float] = {}
    for suffix, is_counted in counted.items():
        metrics |= _summarise(per_customer, served, is_counted, n_candidates, suffix)
    for depth in sorted({depth for depth in cutoffs if depth <= lists.shape[1]} - {k}):
        per_customer = accuracy_per_customer(lists, truth_values, truth_offsets, depth)
        for suffix, is_counted in counted.items():
            metrics |= _means(per_customer, is_counted, suffix)
    return metrics


def accuracy_per_customer(
    lists: np.ndarray, truth_values: np.ndarray, truth_offsets: np.ndarray, k: int = 12
) -> dict[str, np.ndarray]:
    """Return "map@k", "recall@k", "hit_rate@k", "ndcg@k" and "mrr@k" of each customer, NaN without truth.

    `lists` (n_customers, at least k). Values are float64 (n_customers,); the mean of "map@k" is MAP@k.

    Raises ValueError when the lists are narrower than k.
    """
    hits = ranking_metrics.find_hits(ranking_metrics.first_k(lists, k), truth_values, truth_offsets)
    sizes = ranking_metrics.truth_sizes(truth_offsets)
    return {f"{name}@{k}": score(hits, sizes) for name, score in PER_CUSTOMER_METRICS.items()}


def evaluate_beyond_accuracy(
    lists: np.ndarray,
    truth: CsrPair,
    owned: CsrPair,
    buyer_shares: np.ndarray,
    attribute_codes: np.ndarray,
    repurchase_lists: np.ndarray,
    k: int = 12,
) -> dict[str, float]:
    """Average `beyond_accuracy_per_customer`, with the same arguments, over the customers that have a value."""
    per_customer = beyond_accuracy_per_customer(lists, truth, owned, buyer_shares, attribute_codes, repurchase_lists, k)
    return {name: ranking_metrics.mean_over_customers(values) for name, values in per_customer.items()}


def beyond_accuracy_per_customer(
    lists: np.ndarray,
    truth: CsrPair,
    owned: CsrPair,
    buyer_shares: np.ndarray,
    attribute_codes: np.ndarray,
    repurchase_lists: np.ndarray,
    k: int = 12,
) -> dict[str, np.ndarray]:
    """Score each customer's list for what accuracy does not show; the measures are in `list_quality`.

    `lists` and `repurchase_lists` (n_customers, at least k); `truth` and `owned` are CSR pairs of what each customer
    bought in the week and before it; `buyer_shares` float (n_articles,) and `attribute_codes` int
    (n_articles, n_attributes) describe the articles as known before the week.

    Returns float64 (n_customers,) by name: "new_recall@k" and "repurchase_recall@k", NaN for a customer who bought
    nothing new or nothing again; "novelty@k" in bits and "diversity@k", NaN for lists that are too short for them;
    "serendipity@k", hits that the repurchase list does not name, NaN without truth.

    Raises ValueError when lists are narrower than k, and as the measures do.
    """
    lists, expected_lists = ranking_metrics.first_k(lists, k), ranking_metrics.first_k(repurchase_lists, k)
    hits, has_truth = ranking_metrics.find_hits(lists, *truth), ranking_metrics.truth_sizes(truth[1]) > 0
    split = list_quality.split_truth_by_novelty(*truth, *owned)
    return {
        f"new_recall@{k}": _recall(lists, split.new),
        f"repurchase_recall@{k}": _recall(lists, split.repurchase),
        f"novelty@{k}": list_quality.novelty(lists, buyer_shares),
        f"diversity@{k}": list_quality.intra_list_diversity(lists, attribute_codes),
        f"serendipity@{k}": np.where(has_truth, list_quality.serendipity(hits, expected_lists, lists), np.nan),
    }


def metric_table(
    metrics: dict[str, dict[str, float]], suffix: str = "", reference_models: Collection[str] = ("oracle",)
) -> str:
    """Lay metrics out as a text table, best MAP first; `*` marks the best of each column.

    `suffix` "" or "_all" picks the customers. Shown are coverage, customers and the metrics at the depth that comes
    first; all else stays in the report. Reference models know what no recommender can: shown, not marked.
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
    return _means(per_customer, is_counted, suffix) | {
        "coverage" + suffix: ranking_metrics.coverage(lists[is_counted], n_candidates),
        "customers" + suffix: int(is_counted.sum()),
    }


def _means(per_customer: dict[str, np.ndarray], is_counted: np.ndarray, suffix: str) -> dict[str, float]:
    return {
        name + suffix: ranking_metrics.mean_over_customers(values[is_counted]) for name, values in per_customer.items()
    }


def _recall(lists: np.ndarray, truth: CsrPair) -> np.ndarray:
    hits = ranking_metrics.find_hits(lists, *truth)
    return ranking_metrics.recall_at_k(hits, ranking_metrics.truth_sizes(truth[1]))


def _columns(metrics: dict[str, dict[str, float]]) -> list[str]:
    if not metrics:
        raise ValueError("a metric table needs at least one model")
    names = list(next(iter(metrics.values())))
    depth = names[0].partition("@")[2]  # `evaluate` names the served depth first
    shown = {*(f"{name}@{depth}" for name in PER_CUSTOMER_METRICS), "coverage", "customers"}
    return [name for name in names if name.removesuffix(ALL_CUSTOMERS) in shown]


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
