"""What the ranker's fit takes of memory, and how fast it scores: `python -m benchmarks.scale.ranking --help`

In: numbers of weeks, customers a week and candidates each. Features are drawn from a seed, block by block, all of them
of many values, and every customer bought one candidate, so that no customer-week is left out. Out: the peak memory of a
process that fits on these weeks as a night does; microseconds of processor time that a row takes here and by LightGBM's
own predict, in turns on the same rows; and benchmarks/results/ranking.json.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from benchmarks.quality import RESULTS_DIR
from recommender.models.ranking.rankers import fit_ranker
from recommender.stages.pair_features import FEATURE_NAMES
from recommender.stages.rank import fit_on_weeks
from recommender.stages.ranking_week import RankingWeek

MOST_MIB, LEAST_RATIO = 2048, 2.0
UNKNOWN_SHARE = 0.1
BLOCK = 8_192  # rows that are drawn together
KIB_PER_MIB = 1024
GROWN_TREES = 3  # memory does not depend on how many
TAUGHT_BY = 500, 100  # customers and candidates each; scoring takes the time of trees, not of what taught them


class DrawnRows:
    """Rows drawn when they are asked for, the same each time; the first feature tells a little of what was bought."""

    def __init__(self, is_bought: np.ndarray, seed: int):
        self.shape = len(is_bought), len(FEATURE_NAMES)
        self._is_bought, self._seed = is_bought, seed

    def __getitem__(self, rows: slice) -> np.ndarray:
        start, stop, _ = rows.indices(self.shape[0])
        aligned = start - start % BLOCK
        blocks = [self._block(first) for first in range(aligned, stop, BLOCK)]
        drawn = np.concatenate([np.empty((0, self.shape[1]), np.float32), *blocks])
        return drawn[start - aligned : max(stop, start) - aligned]

    def _block(self, first: int) -> np.ndarray:
        rng = np.random.default_rng([self._seed, first])
        bought = self._is_bought[first : first + BLOCK]
        values = rng.standard_normal((len(bought), self.shape[1]), np.float32)
        values[rng.random(values.shape, np.float32) < UNKNOWN_SHARE] = np.nan
        values[:, 0] += 2 * bought
        return values


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit and score, print and write what it took; returns 1 when that is more than promised."""
    options = _parser().parse_args(arguments)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        drawn = (_week(number, options.customers, options.candidates) for number in range(options.weeks))
        weeks = [_stored(week, Path(folder)) for week in drawn]
        fit_on_weeks(weeks, {"lambdarank": {"n_trees": GROWN_TREES, "threads": options.threads}}, seed=7)
        peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // KIB_PER_MIB
    sizes = {
        name: getattr(options, name) for name in ("weeks", "customers", "candidates", "trees", "scored", "threads")
    }
    result = {**sizes, "peak_mib": peak_mib, **scoring(options.trees, options.scored, options.threads, options.rounds)}
    print(json.dumps(result, indent=2))
    RESULTS_DIR.mkdir(parents=True, exist_ok=True)
    (RESULTS_DIR / "ranking.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return int(result["peak_mib"] > MOST_MIB or result["ratio"] < LEAST_RATIO)


def _week(number: int, customers: int, candidates: int) -> RankingWeek:
    is_bought = np.tile(np.arange(candidates) == 0, customers)
    return RankingWeek(
        as_of_day=date(2020, 1, 6) + timedelta(weeks=number),
        positions=np.tile(np.arange(candidates, dtype=np.int32), customers),
        offsets=np.arange(customers + 1) * candidates,
        features=DrawnRows(is_bought, number),
        feature_names=FEATURE_NAMES,
        proposed_by={"popular": np.ones(len(is_bought), bool)},
        is_bought=is_bought,
        customer_ids=np.arange(customers).astype(str),
        n_bought=np.ones(customers, np.int64),
    )


def _stored(week: RankingWeek, folder: Path) -> RankingWeek:
    week.save(folder / f"{week.as_of_day}")
    return RankingWeek.load(folder / f"{week.as_of_day}")


def scoring(n_trees: int, n_rows: int, threads: int, rounds: int) -> dict[str, float]:
    """Time both ways to score in turns, so that noise of the machine meets all of a round.

    Returns microseconds of processor time a row by name, their ratio, and whether the scores are the same.
    """
    settings = {"n_trees": n_trees, "threads": threads}
    ranker = fit_ranker("lambdarank", _week(0, *TAUGHT_BY).rows(), None, settings, seed=7)
    features = DrawnRows(np.zeros(n_rows, bool), seed=1)[:]
    runs: dict[str, Callable[[], np.ndarray]] = {
        "here": lambda: ranker.score(features),
        "lightgbm": lambda: ranker.booster.predict(features, num_threads=ranker.threads).astype(np.float32),
    }
    first = {name: run() for name, run in runs.items()}
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            started = time.process_time()
            run()
            seconds[name].append(time.process_time() - started)
    ratio = statistics.median(theirs / own for own, theirs in zip(*seconds.values(), strict=True))
    micros = {name: round(statistics.median(each) / len(features) * 1e6, 2) for name, each in seconds.items()}
    return {
        **{f"{name}_microseconds_a_row": each for name, each in micros.items()},
        "ratio": round(ratio, 1),
        "same_scores": bool(np.array_equal(*first.values())),
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.scale.ranking",
        description="Measure what the ranker's fit takes, and time its scoring beside LightGBM's own.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--weeks", type=int, default=8)
    parser.add_argument("--customers", type=int, default=10_000, help="of each week")
    parser.add_argument("--candidates", type=int, default=350, help="of each customer")
    parser.add_argument("--trees", type=int, default=300, help="to score by")
    parser.add_argument("--scored", type=int, default=100_000, help="rows to score")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, default=None, help="where the weeks lie meanwhile, 6.5 GB")
    return parser


if __name__ == "__main__":
    sys.exit(main())
