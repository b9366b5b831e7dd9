"""Scores in, the numbers that are published out: means over seeds, intervals, differences, slices.

In: `ModelScores` by model and seed, the test weeks. Out: one JSON object per dataset, kept with those of other datasets
in one file. It names no machine and no path.

A model's value for a customer and week is its mean over seeds; intervals resample customers with all their weeks
(`bootstrap`), so they tell how far other customers would move a number, and "std" how far another seed would.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.plan import K, Plan
from benchmarks.scores import FRESH_RECALL, ModelScores, WeekTruth
from benchmarks.weekly_ablations import ABLATIONS
from recommender.bootstrap import Interval, mean_interval, paired_difference
from recommender.evaluation.slices import ACTIVITY_SLICES, activity_slice, by_slice
from recommender.features.time_split import ONE_DAY, WEEK
from recommender.json_values import without_nan
from recommender.model_names import SERVED
from recommender.ranking_metrics import mean_over_customers

MAIN_METRICS = (f"map@{K}", f"recall@{K}", f"new_recall@{K}", f"repurchase_recall@{K}")
"""Metrics with an interval, and with the difference to what is served."""
SLICED_MODELS = (SERVED, "two_tower", "popular")
GROUPS = ("", "_all", "_cold")
"""Suffixes of metrics: customers with history, everybody in the week, customers without history."""
RESCORED = (f"map@{K}", f"recall@{K}", f"map@{K}_all", f"recall@{K}_all")
"""Metrics that are kept for every seed, for `rescore_quality` to compare; of the others mean and spread are kept."""
N_RESAMPLES = 2000

Scores = Mapping[str, Mapping[int, ModelScores]]


def summarize(
    plan: Plan,
    weeks: Sequence[WeekTruth],
    scores: Scores,
    retrieved: Mapping[str, np.ndarray],
    n_resamples: int = N_RESAMPLES,
) -> dict[str, Any]:
    """Return everything that is published of one benchmark.

    Args:
        plan: what was measured.
        weeks: the test weeks, oldest first.
        scores: see `scores.score_lists`.
        retrieved: generator name to (n_rows,) share of what each customer bought that it proposed,
            with the first seed.
        n_resamples: of the bootstrap.
    """
    clusters = np.concatenate([week.customer_ids for week in weeks])
    has_history = np.concatenate([week.has_history for week in weeks])
    models = {name: each for name, each in scores.items() if name not in ABLATIONS}
    served_first = {plan.seeds[0]: scores[SERVED][plan.seeds[0]]}

    def judged(chosen: Scores, served: Mapping[int, ModelScores]) -> dict[str, Any]:
        return {
            name: _model_summary(by_seed, served, has_history, clusters, plan.seeds[0], n_resamples)
            for name, by_seed in chosen.items()
        }

    return {
        "cutoff": plan.windows.cutoff.isoformat(),
        "windows": [_window(week) for week in weeks],
        "seeds": list(plan.seeds),
        "candidate": plan.candidate.name,
        "epochs": plan.candidate.settings["epochs"],
        "settings": plan.settings_fingerprint(),
        "customers": int(has_history.sum()),
        "customers_all": len(has_history),
        "models": judged(models, scores[SERVED]),
        "ablations": judged({name: scores[name] for name in ABLATIONS if name in scores}, served_first),
        "retrieval": {name: mean_over_customers(values[has_history]) for name, values in retrieved.items()},
        "slices": {
            name: _slices(scores[name], weeks, clusters, plan.seeds[0], n_resamples)
            for name in SLICED_MODELS
            if name in scores
        },
    }


def write_results(path: Path, key: str, results: Mapping[str, Any]) -> dict[str, Any]:
    """Put one dataset's results into the file and keep the others'; a number that is not finite becomes null.

    Returns what the file holds now.
    """
    kept = read_results(path)
    kept[key] = without_nan(results)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.unfinished")
    unfinished.write_text(json.dumps(kept, indent=1, sort_keys=False) + "\n", encoding="utf-8")
    unfinished.replace(path)
    return kept


def read_results(path: Path) -> dict[str, Any]:
    """Return the results by dataset; empty when there are none yet."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def mean_over_seeds(by_seed: Mapping[int, ModelScores], metric: str) -> np.ndarray:
    """Return (n_rows,) means over seeds of one metric."""
    return np.mean([scores.per_customer[metric] for scores in by_seed.values()], axis=0)


def _window(week: WeekTruth) -> dict[str, Any]:
    return {
        "start": week.day.isoformat(),
        "end": (week.day + WEEK - ONE_DAY).isoformat(),
        "customers": int(week.has_history.sum()),
        "customers_all": len(week.customer_ids),
        "articles": len(week.candidates),
    }


def _model_summary(
    by_seed: Mapping[int, ModelScores],
    served: Mapping[int, ModelScores],
    has_history: np.ndarray,
    clusters: np.ndarray,
    seed: int,
    n_resamples: int,
) -> dict[str, Any]:
    per_seed = {str(number): _means(scores, has_history) for number, scores in by_seed.items()}
    names = next(iter(per_seed.values()))
    intervals, differences = {}, {}
    for metric in MAIN_METRICS:
        mine, theirs = (mean_over_seeds(each, metric)[has_history] for each in (by_seed, served))
        intervals[metric] = _as_dict(mean_interval(mine, clusters[has_history], seed, n_resamples))
        differences[metric] = _as_dict(paired_difference(theirs, mine, clusters[has_history], seed, n_resamples))
    return {
        "metrics": {name: float(np.mean([each[name] for each in per_seed.values()])) for name in names},
        "std": _spread(list(per_seed.values())),
        "by_seed": {number: {name: each[name] for name in RESCORED} for number, each in per_seed.items()},
        "intervals": intervals,
        "served_minus": differences,
    }


def _spread(per_seed: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the standard deviation over seeds of each metric; empty with one seed, which has none."""
    if len(per_seed) < 2:
        return {}
    return {name: float(np.std([each[name] for each in per_seed], ddof=1)) for name in per_seed[0]}


def _means(scores: ModelScores, has_history: np.ndarray) -> dict[str, float]:
    counted = dict(zip(GROUPS, (has_history, np.ones_like(has_history), ~has_history), strict=True))
    means = {
        f"{name}{suffix}": mean_over_customers(values[rows])
        for suffix, rows in counted.items()
        for name, values in scores.per_customer.items()
    }
    return means | {"coverage": scores.coverage}


def _slices(
    by_seed: Mapping[int, ModelScores],
    weeks: Sequence[WeekTruth],
    clusters: np.ndarray,
    seed: int,
    n_resamples: int,
) -> dict[str, Any]:
    metrics = {name: mean_over_seeds(by_seed, name) for name in (f"map@{K}", f"recall@{K}")}
    labels = activity_slice(np.concatenate([week.purchase_days for week in weeks]))
    fresh = mean_over_seeds(by_seed, FRESH_RECALL)
    return {
        "activity": by_slice(metrics, labels, clusters, seed, ACTIVITY_SLICES, n_resamples),
        FRESH_RECALL: {
            **_as_dict(mean_interval(fresh, clusters, seed, n_resamples)),
            "customers": int(np.isfinite(fresh).sum()),
        },
    }


def _as_dict(interval: Interval) -> dict[str, float]:
    return interval._asdict()
