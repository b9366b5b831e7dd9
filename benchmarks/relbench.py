"""RelBench's rel-hm, task user-item-purchase, on your own copy of H&M's files: `python -m benchmarks.relbench --help`

In: the three H&M files. Out: MAP@12 of both RelBench weeks beside the published figures, and
benchmarks/results/relbench.json. The machinery is that of `quality`, without ablations and with baselines that learn
nothing, so that the whole catalogue of customers fits into memory.

The task (https://relbench.stanford.edu/datasets/rel-hm; Robinson et al., RelBench, NeurIPS 2024,
https://arxiv.org/abs/2407.20060): at a timestamp T, rank the articles that each customer buys in (T, T + 7 days], for
every customer who buys something then, those without history included
(https://github.com/snap-stanford/relbench/blob/main/relbench/tasks/hm.py). Purchases of T itself are known. Hence the
first day that nothing may see is the day after T, and the last one measured is T + 7. Validation is T = 2020-09-07,
test T = 2020-09-14.

Its MAP divides the sum of precisions at hits by min(k, articles bought), as `ranking_metrics.average_precision_at_k`
does (link_prediction_map in https://github.com/snap-stanford/relbench/blob/main/relbench/metrics.py), with k = 12.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.plan import K, Plan
from benchmarks.quality import CANDIDATES, RESULTS_DIR, bench_dir, make_lists, prepare_plan
from data.raw_errors import RawDataError
from recommender import config
from recommender.errors import RecommenderError
from recommender.features.time_split import ONE_DAY, WEEK

DATASET = "kaggle-hm"
TIMESTAMPS = {"validation": date(2020, 9, 7), "test": date(2020, 9, 14)}
CUTOFF = TIMESTAMPS["test"] + WEEK + ONE_DAY
PUBLISHED = {
    "global popularity": 0.30,
    "LightGBM": 0.38,
    "GraphSAGE two-tower": 0.80,
    "past visit": 0.89,
    "ID-GNN": 2.81,
    "ContextGNN": 2.93,
    "KumoRFM": 3.14,
}
"""MAP@12 in percent on the test split, from the papers of RelBench, ContextGNN (https://arxiv.org/abs/2411.19513) and
KumoRFM (https://kumo.ai/research/kumo_relational_foundation_model.pdf)."""


def measure(plan: Plan) -> dict[str, dict[str, dict[str, float]]]:
    """Return MAP@12 in percent over everybody who bought, by split and model and seed.

    Args:
        plan: two test weeks, the validation split's and the test split's.
    """
    from benchmarks.scores import read_week_truths, score_lists
    from recommender.ranking_metrics import mean_over_customers

    article_ids, splits = plan.marts.catalogue().article_ids, {}
    for split, week in zip(TIMESTAMPS, read_week_truths(plan), strict=True):
        scores = score_lists(plan.lists_file, [week], article_ids)
        splits[split] = {
            model: {
                str(seed): 100 * mean_over_customers(each.per_customer[f"map@{K}"]) for seed, each in by_seed.items()
            }
            for model, by_seed in scores.items()
        }
    return splits


def relbench_table(results: Mapping[str, Any]) -> str:
    """Lay out MAP@12 in percent as Markdown, ours beside the published figures, best test figure first.

    Several seeds show as their mean.
    """
    own = {model: _mean(by_seed) for model, by_seed in results["map@12"]["test"].items()}
    validation = {model: _mean(by_seed) for model, by_seed in results["map@12"]["validation"].items()}
    rows = [(value, f"| `{name}` | {validation[name]:.2f} | {value:.2f} |") for name, value in own.items()]
    rows += [(value, f"| {name}, published | | {value:.2f} |") for name, value in PUBLISHED.items()]
    lines = [line for _, line in sorted(rows, key=lambda row: -row[0])]
    return "\n".join(
        [f"| rel-hm, user-item-purchase | validation MAP@{K}, % | test MAP@{K}, % |", "|---|---|---|", *lines]
    )


def _mean(by_seed: Mapping[str, float]) -> float:
    return sum(by_seed.values()) / len(by_seed)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 2 when the files do not fit."""
    options = _parser().parse_args(arguments)
    try:
        results = _benchmark(options)
    except (RecommenderError, RawDataError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"\n{relbench_table(results)}\n\n{options.results / 'relbench.json'} was written")
    return 0


def _benchmark(options: argparse.Namespace) -> dict[str, Any]:
    from benchmarks.results import write_results

    started = time.perf_counter()
    plan = prepare_plan(
        DATASET,
        bench_dir("relbench"),
        config.read_file(options.settings),
        weeks=len(TIMESTAMPS),
        seeds=options.seeds,
        candidate=options.candidate,
        cutoff=CUTOFF,
        source=options.raw_dir,
        has_ablations=False,
    )
    make_lists(plan, options.processes, report=partial(print, flush=True))
    results = {
        "timestamps": {split: day.isoformat() for split, day in TIMESTAMPS.items()},
        "seeds": list(plan.seeds),
        "candidate": plan.candidate.name,
        "settings": plan.settings_fingerprint(),
        "map@12": measure(plan),
        "published": PUBLISHED,
        "seconds": round(time.perf_counter() - started),
    }
    return write_results(options.results / "relbench.json", "rel-hm", results)["rel-hm"]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.relbench", description=__doc__.split("\n\n")[0])
    parser.add_argument(
        "--raw-dir",
        default=os.environ.get("RAW_DIR", ""),
        help="folder or s3://bucket/prefix of the three CSV files (default: $RAW_DIR)",
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[7], help="(default: 7)")
    parser.add_argument("--candidate", default=CANDIDATES[DATASET], help="entry of the grid (default: %(default)s)")
    parser.add_argument("--settings", type=Path, default=config.DEFAULT_FILE, help="TOML file with every setting")
    parser.add_argument("--processes", type=int, default=2, help="jobs at a time (default: %(default)s)")
    parser.add_argument("--results", type=Path, default=RESULTS_DIR, help="folder of relbench.json")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
