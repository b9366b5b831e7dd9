"""How long the behavioral suite takes on a large week: `python -m benchmarks.behavior --help`

In: numbers of customers and articles. Out: seconds of every test, the peak memory of the process, and
benchmarks/results/behavior.json. The week is made, not measured: see `planted_week`.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Sequence

from benchmarks.planted_week import planted_week
from benchmarks.quality import RESULTS_DIR
from recommender.evaluation.behavior.suite import BehavioralSuite
from recommender.evaluation.behavioral_check import test_names

MOST_SECONDS, MOST_MIB = 60, 2048


def main(arguments: Sequence[str] | None = None) -> int:
    """Time the suite, print and write what it took; returns 1 when that is more than promised."""
    options = _parser().parse_args(arguments)
    suite = planted_week(options.customers, options.articles)
    seconds = seconds_per_test(suite)
    result = {
        "customers": options.customers,
        "articles": options.articles,
        "seconds": round(sum(seconds.values()), 2),
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "seconds_per_test": {name: round(each, 3) for name, each in seconds.items()},
    }
    for name, each in sorted(seconds.items(), key=lambda item: -item[1]):
        print(f"{each:>8.2f} s  {name}")
    print(
        f"{result['seconds']:>8.2f} s  {len(seconds)} tests over {options.customers:,} customers and "
        f"{options.articles:,} articles, {result['peak_mib']:,} MiB with the data"
    )
    RESULTS_DIR.mkdir(parents=True, exist_ok=True)
    (RESULTS_DIR / "behavior.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return int(result["seconds"] > MOST_SECONDS or result["peak_mib"] > MOST_MIB)


def seconds_per_test(suite: BehavioralSuite) -> dict[str, float]:
    """Return the wall time of every test, in the order in which they run."""
    seconds = {}
    for name in test_names(type(suite)):
        started = time.perf_counter()
        getattr(suite, name)()
        seconds[name] = time.perf_counter() - started
    return seconds


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.behavior",
        description="Time the behavioral suite on a made week.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--customers", type=int, default=100_000, help="who bought something in the week")
    parser.add_argument("--articles", type=int, default=10_000, help="size of the catalogue, at least 400")
    return parser


if __name__ == "__main__":
    sys.exit(main())
