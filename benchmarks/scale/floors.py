"""The least that the work of a stage could take on this machine: plain tools on the same files and sizes, side by side.

In: a `ShopRun`. Out: by stage what plain tools did and how the stage compares. A slow or busy machine slows both, so
what counts are the ratios.

    build_marts  DuckDB reads the CSV file of purchases and counts it by article and day
    train        the two towers alone, forward and backward; Merlin's own training of them
    search       faiss on the same number of articles
    scoring      LightGBM's own prediction on the same rows and trees
    publish      plain pipelined writes into Redis
    matrix       products of two matrices, on one thread as a two-tower learns
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import redis
import torch

from benchmarks.scale import ranking, retrieval, training
from benchmarks.scale.whole_runs import ShopRun
from recommender.features.encoding import INPUTS
from serving.connection.embedded_redis import EmbeddedRedis

THREADS, ROUNDS = 2, 3
LARGE = 10**9  # purchases, for settings of a large shop
MATRIX, MATRIX_ROUNDS = 2048, 5
WRITES_AT_ONCE, MOST_WRITES = 10_000, 200_000


def floors_of(run: ShopRun) -> dict[str, Any]:
    """Measure the plain tools on the sizes of a run, and return them with the ratios."""
    customers, on_sale = published_customers(run), run.report["n_candidates"]
    scan = scan_seconds(run.raw_dir / "transactions_train.csv")
    plain, published = plain_writes(run.report["published"]), run.report["published"]
    return {
        "build_marts": {
            "scan_seconds": round(scan, 1),
            "times_scan": round(run.report["steps"]["build_marts"]["seconds"] / scan, 1),
        },
        "train": training.measure(run.run_dir / "evaluated" / INPUTS, LARGE, batches=8, merlin_batch=4096, rounds=2),
        "search": retrieval.measure(min(customers, 20_000), on_sale, dim=65, k=100, threads=THREADS, rounds=ROUNDS),
        "scoring": ranking.scoring(run.report["ranker"]["settings"]["n_trees"], 100_000, THREADS, ROUNDS),
        "publish": {
            "plain_writes_per_second": round(plain),
            "of_plain_writes": round(customers / published["seconds"] / plain, 2),
        },
        "matrix": {"gigaflops_a_thread": round(matrix_rate(), 1)},
    }


def published_customers(run: ShopRun) -> int:
    """Return how many customers got a list."""
    return run.report["published"]["customers"]


def scan_seconds(transactions: Path) -> float:
    """Return the seconds in which DuckDB reads a file of purchases and counts them by article and day."""
    query = "SELECT t_dat, article_id, count(*), sum(price) FROM read_csv($file) GROUP BY ALL"
    started = time.perf_counter()
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE counted AS {query}", {"file": str(transactions)})
    return time.perf_counter() - started


def plain_writes(published: dict[str, Any]) -> float:
    """Return how many values of a list's size an embedded Redis takes a second, pipelined."""
    value, count = os.urandom(round(published["bytes_per_customer"])), min(published["customers"], MOST_WRITES)
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedRedis(Path(folder) / "redis")
        with redis.Redis.from_url(server.ensure_running()) as client:
            started = time.perf_counter()
            for first in range(0, count, WRITES_AT_ONCE):
                with client.pipeline(transaction=False) as pipeline:
                    for number in range(first, min(first + WRITES_AT_ONCE, count)):
                        pipeline.set(f"list:{number}", value)
                    pipeline.execute()
            seconds = time.perf_counter() - started
        server.stop()
    return count / seconds


def matrix_rate() -> float:
    """Return the billions of additions and multiplications a second in a product of matrices, on one thread."""
    torch.set_num_threads(1)
    left, right = (torch.randn(MATRIX, MATRIX) for _ in range(2))
    return 2 * MATRIX**3 / 1e9 / statistics.median(_seconds(lambda: left @ right) for _ in range(MATRIX_ROUNDS))


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
