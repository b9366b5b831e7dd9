"""Raw CSV files to marts: runs the dbt project on DuckDB and exports its marts to Parquet.

Stage: first of the features room.
In:    articles.csv, customers.csv and transactions_train.csv in one folder, and a cutoff.
Out:   Parquet files of every mart, sorted by its key, which `marts.Marts` reads, and the DuckDB file they came from.
       The columns are described in dbt_project/models/marts.

The DuckDB file is built in a folder of its own and switched in at the end, so a build that fails or is killed leaves
the previous warehouse as it was, and two builds never share a file. What does not fit into DuckDB's share of the memory
is written into the same folder, and goes with it. dbt runs as a command: inside this process it would keep its global
state and its connection. duckdb is imported where it is used.
"""

import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING

import dbt_project
from recommender.columns import Columns
from recommender.errors import RecommenderError
from recommender.every_core import cores
from recommender.features.mart_files import SUFFIX, file_of_day
from recommender.features.marts import MART_KEYS, Marts
from recommender.features.warehouse_memory import memory_limit

if TYPE_CHECKING:
    import duckdb

DBT_PROJECT_DIR = Path(dbt_project.__file__).resolve().parent

DESCRIBED_DAYS = 400
"""The `own_articles` mart knows only articles that somebody bought within so many days before the as-of day: a year and
a month, so that an article of last season is known when its season comes again."""

FAILED_NODES_SHOWN = 5
FAILING_ROWS_SHOWN = 3
OUTPUT_LINES_SHOWN = 30


class WarehouseError(RecommenderError):
    """The marts could not be built; the message is dbt's own for the nodes that failed."""


@dataclass(frozen=True)
class MartsSummary:
    """What one build made: the marts, rows of each, wall seconds, and how many dbt tests passed."""

    marts: Marts
    rows: Mapping[str, int]
    seconds: float
    data_tests_passed: int
    unit_tests_passed: int


def build_marts(
    raw_dir: Path,
    warehouse_path: Path,
    marts_dir: Path,
    cutoff: date,
    training_weeks: int,
    history_length: int,
    segment_columns: Sequence[str],
    threads: int | None = None,
    dbt_project_dir: Path = DBT_PROJECT_DIR,
    *,
    ranking_weeks: int = 0,
) -> MartsSummary:
    """Build and test every mart with dbt, export them to `marts_dir`, then switch the warehouse file in.

    `cutoff` is the first day that nothing may see. As-of days are the cutoff, 7 and 14 days before it, and
    `training_weeks` weekly ones before those; a ranker uses the cutoff, the day 7 days before it and the
    `ranking_weeks` ones before that, at most `training_weeks` + 1. `history_length` is the number of articles in a
    customer's history; `segment_columns` are out of age_band, channel and postal_code. `threads` are DuckDB's, by
    default as many as there are cores; the marts do not depend on them.

    Raises WarehouseError when a model or a test fails, or `ranking_weeks` is too large; the warehouse file is then the
    previous one.
    """
    started, threads = time.monotonic(), threads or cores()
    variables = {
        "raw_dir": str(raw_dir.resolve()),
        "cutoff": cutoff.isoformat(),
        "training_weeks": training_weeks,
        "ranking_weeks": ranking_weeks,
        "history_length": history_length,
        "segment_columns": list(segment_columns),
        "described_days": DESCRIBED_DAYS,
    }
    with _build_folder(warehouse_path) as build_dir:
        # dbt writes the name of the file into the views it makes, so only the folder may be temporary.
        new_warehouse_path = build_dir / warehouse_path.name
        results = _dbt_build(dbt_project_dir, new_warehouse_path, build_dir / "target", variables, threads)
        rows = _export_marts(new_warehouse_path, marts_dir, threads, build_dir / "spilled")
        new_warehouse_path.replace(warehouse_path)
    return MartsSummary(
        marts=Marts(marts_dir),
        rows=rows,
        seconds=time.monotonic() - started,
        data_tests_passed=_count_nodes(results, "test"),
        unit_tests_passed=_count_nodes(results, "unit_test"),
    )


@contextmanager
def _build_folder(warehouse_path: Path) -> Iterator[Path]:
    """Make a folder beside the warehouse file that belongs to this build alone, and remove it afterwards."""
    parent, prefix = warehouse_path.parent, f".{warehouse_path.stem}.build-"
    parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned_folders(parent, prefix)
    new_dir = Path(mkdtemp(prefix=".new-", dir=parent))
    with _lock(new_dir):
        # Renamed only once it is locked, so that no other build takes it for abandoned.
        build_dir = new_dir.rename(parent / f"{prefix}{new_dir.name.removeprefix('.new-')}")
        try:
            yield build_dir
        finally:
            shutil.rmtree(build_dir, ignore_errors=True)


def _remove_abandoned_folders(parent: Path, prefix: str) -> None:
    """Remove what killed builds left behind: the folders that nobody holds a lock on."""
    for folder in parent.glob(f"{prefix}*"):
        with suppress(BlockingIOError, FileNotFoundError), _lock(folder):
            shutil.rmtree(folder)


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder, which ends with this process at the latest.

    Raises BlockingIOError when another build holds it.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def _dbt_build(
    project_dir: Path, warehouse_path: Path, target_dir: Path, variables: Mapping[str, object], threads: int
) -> list[dict]:
    """Run `dbt build`, printing its progress; return the result of every node.

    Raises WarehouseError when a node failed, or dbt stopped before the first one.
    """
    command = [str(Path(sys.executable).with_name("dbt")), "build", "--vars", json.dumps(variables)]
    command += ["--project-dir", str(project_dir), "--profiles-dir", str(project_dir)]
    command += ["--no-use-colors", "--no-partial-parse", "--no-version-check", "--log-level-file", "none"]
    exit_code, last_lines = _stream(command, _dbt_environment(warehouse_path, target_dir, threads))
    results = _node_results(target_dir)
    failed = [node for node in results if node["status"] in ("error", "fail", "runtime error")]
    if failed:
        raise WarehouseError(_failure_message(failed, len(results), warehouse_path))
    if exit_code != 0:
        raise WarehouseError(f"dbt build ended with exit code {exit_code}:\n" + "\n".join(last_lines))
    return results


def _dbt_environment(warehouse_path: Path, target_dir: Path, threads: int) -> dict[str, str]:
    """Return the environment of the dbt command, without the DBT_ variables of the caller's shell.

    Those could point dbt at another project, profile or target.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("DBT_")}
    return inherited | {
        "WAREHOUSE_PATH": str(warehouse_path.resolve()),
        "WAREHOUSE_THREADS": str(threads),
        "WAREHOUSE_MEMORY": memory_limit(),
        "DBT_TARGET_PATH": str(target_dir.resolve()),
        "DBT_LOG_PATH": str(target_dir.resolve()),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }


def _stream(command: Sequence[str], environment: Mapping[str, str]) -> tuple[int, list[str]]:
    """Run a command, print each line as it comes, and return its exit code and last lines."""
    last_lines: deque[str] = deque(maxlen=OUTPUT_LINES_SHOWN)
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        for line in process.stdout:
            last_lines.append(line.rstrip())
            if " START " not in line:  # every node says START and then its outcome; the outcome is enough
                print(line.rstrip(), flush=True)
    return process.returncode, list(last_lines)


def _node_results(target_dir: Path) -> list[dict]:
    """Return what dbt says of every node it ran; empty when it stopped before the first one."""
    path = target_dir / "run_results.json"
    return json.loads(path.read_text())["results"] if path.exists() else []


def _count_nodes(results: Sequence[dict], kind: str) -> int:
    return sum(node["unique_id"].split(".")[0] == kind for node in results)


def _failure_message(failed: Sequence[dict], node_count: int, warehouse_path: Path) -> str:
    """Say which nodes failed and why, with the first rows that a failing test found."""
    lines = [f"dbt build failed at {len(failed)} of {node_count} nodes:"]
    for node in failed[:FAILED_NODES_SHOWN]:
        kind, _, name = node["unique_id"].split(".")[:3]
        lines.append(f"{kind} {name}: {node['message'].strip()}")
        if kind == "test" and node["status"] == "fail":
            lines += [f"    {row}" for row in _failing_rows(warehouse_path, node["compiled_code"])]
    if len(failed) > FAILED_NODES_SHOWN:
        lines.append(f"... and {len(failed) - FAILED_NODES_SHOWN} more")
    return "\n".join(lines)


def _failing_rows(warehouse_path: Path, test_sql: str) -> list[dict]:
    """Return the first rows that a test's query finds."""
    import duckdb

    with duckdb.connect(str(warehouse_path), read_only=True) as connection:
        found = connection.execute(f"select * from (\n{test_sql}\n) limit {FAILING_ROWS_SHOWN}")
        names = [column[0] for column in found.description]
        return [dict(zip(names, map(str, row), strict=True)) for row in found.fetchall()]


def _export_marts(warehouse_path: Path, marts_dir: Path, threads: int, spill_dir: Path) -> dict[str, int]:
    """Write each mart sorted by its key, one that has as-of days into a file for each; return the rows of each.

    What an earlier build left in the folder goes: it may have other files, and those of other days.
    """
    import duckdb

    shutil.rmtree(marts_dir, ignore_errors=True)
    settings = {"threads": threads, "memory_limit": memory_limit(), "temp_directory": str(spill_dir)}
    with duckdb.connect(str(warehouse_path), read_only=True, config=settings) as connection:
        return {mart: _export(connection, mart, key, marts_dir) for mart, key in MART_KEYS.items()}


def _export(connection: "duckdb.DuckDBPyConnection", mart: str, key: Sequence[str], marts_dir: Path) -> int:
    days = []
    if key[0] == Columns.AS_OF_DAY:
        found = connection.execute(f"select distinct {key[0]} from {mart} order by {key[0]}").fetchall()
        days = [day for (day,) in found]
    if not days:
        return _copy(connection, f"select * from {mart} order by {', '.join(key)}", marts_dir / f"{mart}{SUFFIX}")
    return sum(
        _copy(
            connection,
            f"select * from {mart} where {key[0]} = '{day}' order by {', '.join(key)}",
            file_of_day(marts_dir, mart, day),
        )
        for day in days
    )


def _copy(connection: "duckdb.DuckDBPyConnection", rows: str, path: Path) -> int:
    """Write rows beside and then into a Parquet file; return how many there are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.unfinished")
    copied = connection.execute(f"copy ({rows}) to ? (format parquet, compression zstd)", [str(unfinished)])
    unfinished.replace(path)
    return copied.fetchone()[0]
