"""The flow on one generated shop, from raw files to published lists, each step with what it cost.

In: a name of `SHOPS` and a folder. Out: `ShopRun`. The folder is the run's own data folder: raw files are made once and
stay, a run of the same code that broke off goes on at its step, and one that ended is not run again.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.scale.shops import SHOPS
from data.synthetic_hm import generate
from recommender import config
from recommender.project_paths import DATA_DIR_VARIABLE, PROJECT_ROOT
from recommender.settings.large_shop import FROM_PURCHASES
from serving.connection.embedded_redis import EmbeddedRedis

DATASET = "kaggle-hm"  # reads any folder of H&M's three files
RAW, ROWS, SETTINGS, CODE, SECONDS = "raw-files", "rows.json", "settings.toml", "code.txt", "seconds.txt"
METADATA = Path("metaflow") / ".metaflow" / "RecommendationFlow"  # of runs that began
CODE_FILES = ("flows", "*.py"), ("flows", "*.toml"), ("dbt_project", "*.sql"), ("data", "*.py")

OUTSIDE = "REDIS_URL", "COMET_API_KEY"
"""Of the environment, what a measured run must not see: its lists are for nobody."""


class RunBrokeOff(RuntimeError):
    """The flow did not end well; its own words were printed."""


@dataclass(frozen=True)
class ShopRun:
    """A run that ended.

    Attributes:
        shop: its name.
        folder: its data folder.
        purchases: rows of transactions_train.csv.
        report: what the run reported, see `report.run_report`.
        seconds: from the flow's start to its end; None of one that broke off and was resumed.
    """

    shop: str
    folder: Path
    purchases: int
    report: dict[str, Any]
    seconds: float | None

    @property
    def raw_dir(self) -> Path:
        """Folder of the three CSV files."""
        return self.folder / RAW

    @property
    def run_dir(self) -> Path:
        """Folder of the run's marts and models."""
        return self.folder / "runs" / DATASET / self.report["run_id"]


def run_shop(shop: str, folder: Path, max_workers: int) -> ShopRun:
    """Run the flow on a shop, or go on with its run, or read what it left.

    Args:
        shop: a name of `SHOPS`.
        folder: of its data.
        max_workers: tasks of the flow at a time.

    Raises:
        RunBrokeOff: when the flow ends otherwise than well.
    """
    purchases, code = _raw_files(shop, folder), code_mark()
    noted, report = folder / CODE, folder / "reports" / DATASET / "report.json"
    if not noted.exists() or noted.read_text() != code:
        _forget_runs(folder)
        noted.write_text(code)
    if not _is_published(report):
        goes_on = (folder / METADATA).exists()
        print(f"{shop}: {'the run goes on' if goes_on else 'a run begins'}", flush=True)
        seconds = _call_flow(folder, max_workers, goes_on)
        if not goes_on:
            (folder / SECONDS).write_text(f"{seconds:.1f}")
    whole = float((folder / SECONDS).read_text()) if (folder / SECONDS).exists() else None
    return ShopRun(shop, folder, purchases, json.loads(report.read_text(encoding="utf-8")), whole)


def _is_published(report: Path) -> bool:
    return report.exists() and json.loads(report.read_text(encoding="utf-8"))["published"] is not None


def code_mark() -> str:
    """Return a mark of the code and settings that a run's cost depends on; benchmarks are no part of it."""
    files = [path for folder, pattern in CODE_FILES for path in (PROJECT_ROOT / folder).rglob(pattern)]
    return hashlib.sha256(b"".join(path.read_bytes() for path in sorted(files))).hexdigest()[:16]


def _raw_files(shop: str, folder: Path) -> int:
    """Make the shop's files where they are not there; return the rows of its purchases."""
    scale, rows = SHOPS[shop], folder / ROWS
    made_of = {"customers": scale.customers, "articles": scale.articles, "days": scale.days, "seed": scale.seed}
    if rows.exists() and (kept := json.loads(rows.read_text()))["made_of"] == made_of:
        return kept["rows"]
    print(f"{shop}: making {scale}", flush=True)
    generated = generate(folder / RAW, **made_of, progress=lambda line: print(f"{shop}: {line}", flush=True))
    rows.write_text(json.dumps({"made_of": made_of, "rows": generated.rows}))
    return generated.rows


def _forget_runs(folder: Path) -> None:
    if (folder / "redis").exists():
        EmbeddedRedis(folder / "redis").stop()
    for each in folder.iterdir():
        if each.name not in (RAW, ROWS):
            shutil.rmtree(each) if each.is_dir() else each.unlink()


def _call_flow(folder: Path, max_workers: int, goes_on: bool) -> float:
    """Run the flow or resume it; return its seconds."""
    settings = folder / SETTINGS
    settings.write_text(large_at_every_size(config.DEFAULT_FILE.read_text(encoding="utf-8")), encoding="utf-8")
    begin = ["--config", "settings", str(settings), "run", f"--dataset={DATASET}", f"--source={folder / RAW}"]
    flow = [sys.executable, str(PROJECT_ROOT / "flows/recommendation_flow.py"), "--no-pylint"]
    command = [*flow, *(["resume"] if goes_on else begin), f"--max-workers={max_workers}"]
    kept = {name: value for name, value in os.environ.items() if name not in OUTSIDE}
    environment = {**kept, DATA_DIR_VARIABLE: str(folder)}
    started = time.perf_counter()
    ended = subprocess.run(command, cwd=PROJECT_ROOT, env=environment, check=False)
    if ended.returncode:
        raise RunBrokeOff(f"the flow ended with {ended.returncode} in {folder}; the same command goes on with its run")
    return time.perf_counter() - started


def large_at_every_size(toml: str) -> str:
    """Return the text of a settings file with which every shop is a large one.

    Raises:
        ValueError: when the text does not say from which size on a shop is large.
    """
    changed, found = re.subn(rf"(?m)^{FROM_PURCHASES} = [\d_]+", f"{FROM_PURCHASES} = 1", toml)
    if found != 1:
        raise ValueError(f"the settings must name {FROM_PURCHASES} once, they do {found} times")
    return changed
