"""What a run's report says beyond average accuracy: intervals, slices, new purchases, new articles, cold customers.

Stage: after the test week was scored. In: every recommender's lists for the week and the candidates that the ranker
had. Out: plain values for report.json, under "quality".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from recommender.bootstrap import BOOTSTRAP_SEED, mean_interval, paired_difference
from recommender.columns import Columns
from recommender.evaluation.held_out_week import HeldOutWeek
from recommender.evaluation.offline_metrics import accuracy_per_customer, evaluate_beyond_accuracy
from recommender.evaluation.slices import ACTIVITY_SLICES, activity_slice, by_slice
from recommender.features.truth import Truth
from recommender.model_names import SERVED
from recommender.models.ranked_lists import RankedLists
from recommender.ranking_metrics import find_hits, mean_over_customers, recall_at_k
from recommender.stages.generators import FRESH_DAYS
from recommender.stages.ranking_week import RankingWeek

REPURCHASE = "repurchase"


def quality_report(week: HeldOutWeek, lists: Mapping[str, RankedLists], candidates: RankingWeek) -> dict[str, Any]:
    """Measure the week's lists in more ways than one.

    Args:
        week: the test week.
        lists: by model name; `served` and `repurchase` are needed.
        candidates: what the ranker could choose from.

    Returns:
        "map" {model: mean, low, high and served minus this model}, "beyond_accuracy" {model: metric: value},
        "slices" of the served lists by activity, "new_articles" and "cold_customers" {model: recall@k},
        "candidates" {generator: recall of what was bought}, "all" the ceiling of any ranker.
    """
    has_history = week.fitted.day.has_history()
    average_precision = {
        name: accuracy_per_customer(ranked.positions, *week.truth, week.k)[f"map@{week.k}"]
        for name, ranked in lists.items()
    }
    return {
        "map": _intervals({name: values[has_history] for name, values in average_precision.items()}),
        "beyond_accuracy": _beyond_accuracy(week, lists, has_history),
        "slices": {"activity": _by_activity(week, lists[SERVED])},
        "new_articles": {name: new_article_recall(week, ranked) for name, ranked in lists.items()},
        "cold_customers": {name: _recall(week, ranked, ~has_history) for name, ranked in lists.items()},
        "candidates": candidate_recall(candidates, len(week.truth.values)),
    }


def new_article_recall(week: HeldOutWeek, lists: RankedLists) -> float | None:
    """Return recall@k of the bought articles that were first sold in the week before; None when nobody bought one."""
    day = week.fitted.day
    is_new = np.zeros(day.purchases.n_articles, dtype=bool)
    is_new[day.candidates[day.article_numbers[Columns.AGE_DAYS] <= FRESH_DAYS]] = True
    return _mean_recall(lists, week.truth.select(is_new), week.k)


def candidate_recall(candidates: RankingWeek, n_bought: int) -> dict[str, float]:
    """Return the share of all purchases of the week that each generator proposed, and all of them together."""
    if not n_bought:
        return {}
    marks = {**candidates.proposed_by, "all": np.ones(len(candidates.is_bought), dtype=bool)}
    return {name: float((candidates.is_bought & proposed).sum() / n_bought) for name, proposed in marks.items()}


def _intervals(average_precision: Mapping[str, np.ndarray]) -> dict[str, dict[str, float]]:
    customers = np.arange(len(average_precision[SERVED]))  # one week: each customer once
    report = {}
    for name, values in average_precision.items():
        interval = mean_interval(values, customers, BOOTSTRAP_SEED)
        gain = paired_difference(average_precision[SERVED], values, customers, BOOTSTRAP_SEED)
        report[name] = {**interval._asdict(), "served_minus_this": gain._asdict()}
    return report


def _beyond_accuracy(
    week: HeldOutWeek, lists: Mapping[str, RankedLists], has_history: np.ndarray
) -> dict[str, dict[str, float]]:
    day = week.fitted.day
    rows = np.flatnonzero(has_history)
    truth = week.truth.take(rows)
    history = day.history[rows]
    owned = history.indices.astype(np.int32), history.indptr.astype(np.int64)
    shares = day.purchases.buyers() / len(day.purchases.customer_ids)
    repurchase = lists[REPURCHASE].positions[rows]
    return {
        name: evaluate_beyond_accuracy(
            ranked.positions[rows], truth, owned, shares, day.attribute_codes, repurchase, week.k
        )
        for name, ranked in lists.items()
    }


def _by_activity(week: HeldOutWeek, lists: RankedLists) -> list[dict[str, Any]]:
    values = accuracy_per_customer(lists.positions, *week.truth, week.k)
    shown = {name: values[name] for name in (f"map@{week.k}", f"recall@{week.k}", f"hit_rate@{week.k}")}
    labels = activity_slice(week.fitted.day.customer_numbers[Columns.PURCHASE_DAYS].astype(np.int64))
    return by_slice(shown, labels, np.arange(len(labels)), BOOTSTRAP_SEED, ACTIVITY_SLICES)


def _recall(week: HeldOutWeek, lists: RankedLists, is_counted: np.ndarray) -> float | None:
    rows = np.flatnonzero(is_counted)
    return _mean_recall(lists.take(rows), week.truth.take(rows), week.k)


def _mean_recall(lists: RankedLists, truth: Truth, k: int) -> float | None:
    if not len(truth.values):
        return None
    return mean_over_customers(recall_at_k(find_hits(lists.positions[:, :k], *truth), truth.sizes()))
