"""dbt by hand: its pages about the warehouse, and whether its sources are fresh.

In: a dataset that a run has built. Out: pages in build/dbt-docs, served on loopback; or dbt's word on the sources.

    python -m recommender.features.dbt_commands docs --dataset demo
    python -m recommender.features.dbt_commands freshness --dataset demo
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from recommender.features.warehouse import DBT_PROJECT_DIR, DESCRIBED_DAYS, WarehouseError
from recommender.project_paths import PROJECT_ROOT, keep_private, raw_dir, set_environment_defaults, warehouse_path

PAGES_DIR = PROJECT_ROOT / "build" / "dbt-docs"
HOST, PORT = "127.0.0.1", 8081


def build_pages(dataset: str, folder: Path) -> Path:
    """Build dbt's pages about the models, their columns, tests and lineage; returns the folder of index.html.

    Raises:
        WarehouseError: when no run has built the warehouse, or dbt fails.
    """
    warehouse = warehouse_path(dataset)
    if not warehouse.exists():
        raise WarehouseError(f"{warehouse} is not there; `make run DATASET={dataset}` builds it")
    if _dbt(["docs", "generate"], dataset, folder):
        raise WarehouseError("dbt cannot build its pages; what it says stands above")
    return folder


def check_freshness(dataset: str, folder: Path) -> bool:
    """Let dbt say how old the newest rows of its sources are; returns whether none is too old.

    Raises:
        WarehouseError: when the dataset has no raw files.
    """
    if not raw_dir(dataset).is_dir():
        raise WarehouseError(f"{raw_dir(dataset)} is not there; `make run DATASET={dataset}` brings it")
    return _dbt(["source", "freshness"], dataset, folder, Path(":memory:")) == 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out the command line: 0, or 1 when a source is too old or the command cannot be carried out."""
    parser = argparse.ArgumentParser(prog="python -m recommender.features.dbt_commands", description=main.__doc__)
    parser.add_argument("command", choices=["docs", "freshness"])
    parser.add_argument("--dataset", default="demo")
    options = parser.parse_args(arguments)
    set_environment_defaults()
    keep_private()
    try:
        if options.command == "freshness":
            return int(not check_freshness(options.dataset, PAGES_DIR))
        folder = build_pages(options.dataset, PAGES_DIR)
    except WarehouseError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"http://{HOST}:{PORT}, until Ctrl-C", flush=True)
    serve = ["docs", "serve", "--host", HOST, "--port", f"{PORT}", "--no-browser"]
    return _dbt(serve, options.dataset, folder)


def _dbt(command: Sequence[str], dataset: str, folder: Path, warehouse: Path | None = None) -> int:
    """Run a command of dbt's with example dates and sizes, which show in the SQL of the pages alone."""
    variables = {
        "raw_dir": str(raw_dir(dataset)),
        "cutoff": f"{date.today()}",
        "training_weeks": 1,
        "history_length": 1,
        "segment_columns": ["age_band", "channel"],
        "described_days": DESCRIBED_DAYS,
    }
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DBT_")} | {
        "WAREHOUSE_PATH": str(warehouse or warehouse_path(dataset)),
        "DBT_TARGET_PATH": str(folder),
        "DBT_LOG_PATH": str(folder),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }
    options = ["--project-dir", str(DBT_PROJECT_DIR), "--profiles-dir", str(DBT_PROJECT_DIR)]
    options += ["--vars", json.dumps(variables)]
    program = Path(sys.executable).with_name("dbt")
    return subprocess.run([program, "--no-use-colors", *command, *options], env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
