"""A run small enough to read: three customers, four articles, a report, its lists and its marts.

Anna bought the sweater before the week and again in it, Bert the hat, Cleo, who never bought before, nothing that
anybody recommended. One article is called <script>alert(1)</script>.
"""

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from planted_results import result

from recommender.features.marts import Marts
from recommender.report.run_report import write_test_week_lists

NAN = float("nan")
CUSTOMERS = ["anna", "bert", "cleo"]
ARTICLES = ["0100000001", "0100000002", "0100000003", "0100000004"]
SWEATER, HAT, SCRIPT, NEW = ARTICLES
NAMES = ["Winnie sweater", "Mika hat", "<script>alert(1)</script>", "Nora dress & belt"]
BEFORE, LONG_AGO, IN_WEEK = date(2020, 9, 10), date(2020, 1, 2), date(2020, 9, 17)
PURCHASES = [
    ("anna", SWEATER, BEFORE, 3),
    ("bert", HAT, BEFORE, 2),
    ("bert", SCRIPT, LONG_AGO, 9),  # too long ago to count as popular
    ("anna", SWEATER, IN_WEEK, 1),
    ("anna", HAT, IN_WEEK, 1),
    ("bert", HAT, IN_WEEK, 1),
    ("cleo", NEW, IN_WEEK, 1),
]
SERVED = [[0, 2], [1, 2], [0, 1]]
POPULAR = [[0, 1]] * 3
SCORES = [[2.0, 1.0], [1.5, 0.5], [0.3, 0.2]]


def metrics_of(map_: float | None, coverage: float | None) -> dict[str, Any]:
    """Metrics at depth 2, as `offline_metrics.evaluate` names them; half as good over all customers."""
    return {
        "map@2": map_,
        "coverage": coverage,
        "customers": 8123,
        "map@2_all": None if map_ is None else map_ / 2,
        "coverage_all": coverage,
        "customers_all": 9000,
        "map@1": map_,
    }


def interval(mean: float, gain: float) -> dict[str, Any]:
    """An interval of 0.01 to either side, for the MAP and for what is served minus it."""
    served_minus_this = {"mean": gain, "low": gain - 0.01, "high": gain + 0.01}
    return {"mean": mean, "low": mean - 0.01, "high": mean + 0.01, "served_minus_this": served_minus_this}


def slice_row(name: str, customers: int, map_: float | None, low: float | None, high: float | None) -> dict[str, Any]:
    """A slice as `slices.by_slice` returns it."""
    return {"slice": name, "customers": customers, "map@2": map_, "map@2_low": low, "map@2_high": high}


def behavior(name: str, value: float | None, passed: bool | None, **details: Any) -> dict[str, Any]:
    """A comparison's outcome as the report holds it."""
    return result(name, value, passed, details=details).as_dict()


def behavior_of_earlier_release(name: str, value: float | None, passed: bool | None) -> dict[str, Any]:
    """The same of a release that knew no kinds."""
    unknown = ("kind", "is_refusing", "why", "low", "high", "needs")
    return {field: each for field, each in behavior(name, value, passed).items() if field not in unknown}


def candidate(name: str, maps: list[float | None], best_epoch: int) -> dict[str, Any]:
    """A trained candidate as `TrainedCandidate.as_dict` gives it."""
    epochs = [
        {"epoch": number, "loss": 9.0 - number, "validation_map": map_, "rows_per_second": 1000.0}
        for number, map_ in enumerate(maps, 1)
    ]
    cost = {"parameters": 12_345, "seconds": 6.5}
    best = {"validation_map@12": maps[best_epoch - 1], "best_epoch": best_epoch}
    return {"name": name, "seed": 7, "settings": {}, **best, **cost, "epochs": epochs}


def report(**changes: Any) -> dict[str, Any]:
    """A whole report of a published run; `changes` replace entries, None takes one out."""
    whole = {
        "run_id": "17",
        "dataset": "demo",
        "windows": {
            "train": {"start": "2020-01-01", "end": "2020-09-08"},
            "validation": {"start": "2020-09-09", "end": "2020-09-15"},
            "test": {"start": "2020-09-16", "end": "2020-09-22"},
        },
        "n_candidates": 4,
        "metrics": {
            "popular": metrics_of(0.01, 0.75),
            "two_tower": metrics_of(0.03, 0.5),
            "served": metrics_of(0.04, 0.25),
            "segment_popular": metrics_of(None, None),
            "oracle": metrics_of(0.06, 1.0),
        },
        "quality": {
            "map": {"served": interval(0.04, 0.0), "two_tower": interval(0.03, 0.01), "popular": interval(0.01, 0.03)},
            "slices": {"activity": [slice_row("cold", 52, 0.02, 0.01, 0.03), slice_row("1", 0, None, None, None)]},
        },
        "behavioral_tests": [
            behavior("head", 1.5, passed=True),
            behavior("bought_found", 0.2, True, slices=[_kind("popularity", "decile 1"), _kind("age", "first week")]),
            result("no_duplicates", 0, True, kind="rule").as_dict(),
            result("prices", 0.25, False, low=0.125, high=0.5, is_refusing=False).as_dict(),
        ],
        "publication_tests": [result("finite_scores", 2.0, True, kind="rule").as_dict()],
        "verdict": "passed",
        "verdict_reason": "4 of 5 tests passed; 1 warning: prices",
        "warnings": ["prices is 0.25 [0.125, 0.5] (at least 1)"],
        "published": {"version": "20261121T1-abc", "customers": 20_000, "bytes_per_customer": 154.2, "seconds": 0.1},
        "steps": {"start": {"seconds": 5.1, "peak_mib": 512}, "train base-seed7": {"seconds": 9.0, "peak_mib": 1024}},
        "chosen": "base-seed7",
        "candidates": [candidate("base", [0.01, 0.03, 0.02], 2), candidate("wide", [None, 0.02], 2)],
        "ranker": {"kind": "lambdarank"},
    }
    return {name: value for name, value in (whole | changes).items() if value is not None or name == "published"}


def write_lists(path: Path) -> Path:
    """Write the lists of what is served and of the popular baseline."""
    lists = [(name, np.array(rows, np.int32), np.array(SCORES)) for name, rows in _LISTS.items()]
    write_test_week_lists(path, lists, CUSTOMERS, ARTICLES)
    return path


def write_marts(folder: Path) -> Marts:
    """Write the three marts that are read."""
    folder.mkdir(parents=True)
    columns = ("customer_code", "article_id", "purchase_day", "quantity")
    customer_ids = sorted({customer for customer, *_ in PURCHASES})
    coded = [(customer_ids.index(customer), *rest) for customer, *rest in PURCHASES]
    purchases = {name: list(values) for name, values in zip(columns, zip(*coded, strict=True), strict=True)}
    customers = {"customer_id": customer_ids, "customer_code": range(len(customer_ids))}
    pq.write_table(pa.table(customers), folder / "customers.parquet")
    pq.write_table(pa.table(purchases), folder / "purchases.parquet")
    pq.write_table(pa.table({"article_id": ARTICLES, "product_name": NAMES}), folder / "articles.parquet")
    return Marts(folder)


_LISTS = {"served": SERVED, "popular": POPULAR}


def _kind(dimension: str, name: str) -> dict[str, Any]:
    return {
        "dimension": dimension, "slice": name, "customers": 9, "recall": 0.2, "recall_low": 0.1, "recall_high": 0.3,
    }  # fmt: skip
