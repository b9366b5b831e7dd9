"""Publish the lists of an earlier run again: for when a rollback does not reach far enough.

    python -m recommender.release.republish --run 1790000000000000 --dataset demo

The lists are those that passed the run's tests; the runs that can be chosen are those whose folders are still kept
(`[runs] kept` in the settings). Without --run they are listed.

Exit codes: 0 published or listed, 1 not published and why, 2 a wrong argument.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import redis

from recommender.errors import RecommenderError
from recommender.project_paths import run_dir
from recommender.release.kept_lists import FOLDER, RUN_FILE, NotKept, kept_lists
from recommender.release.publish import PublishedVersion, publish
from recommender.release.redis_client import redis_client
from recommender.state_files import folders, here
from serving.cache.kept_rules import rescue_rules


def lists_folder(dataset: str, run_id: str) -> Path:
    """Return where the published lists of a run are kept."""
    return run_dir(dataset, run_id) / "published" / FOLDER


def kept_runs(dataset: str) -> list[str]:
    """Return the ids of the runs whose lists are kept, the newest first."""
    found = folders(run_dir(dataset, "any").parent, f"*/published/{FOLDER}")
    there = [folder for folder in found if found[folder]]
    return [folder.parents[1].name for folder in sorted(there, key=found.get, reverse=True)]


def republish(client: redis.Redis, dataset: str, run_id: str) -> PublishedVersion:
    """Publish a run's lists as a new version.

    Raises:
        NotKept: the run published nothing, or its files are gone; names the runs there are.
        PublishError: nothing was published, for the reason its subclass names.
    """
    try:
        lists, run = kept_lists(lists_folder(dataset, run_id))
    except NotKept as error:
        runs = ", ".join(kept_runs(dataset)) or "none"
        raise NotKept(f"run {run_id!r} of {dataset} cannot be published again; the runs that can: {runs}.") from error
    for line in rescue_rules(client, dataset):
        print(line)
    return publish(client, lists, run)


def main(arguments: Sequence[str] | None = None) -> int:
    """Publish a run again, or list the runs there are; returns the exit code."""
    options = _parser().parse_args(arguments)
    run_id = options.run.strip()  # pasted from a table it brings spaces
    try:
        if not run_id:
            print("\n".join(_told(options.dataset)))
            return 0
        with redis_client() as client:
            published = republish(client, options.dataset, run_id)
    except RecommenderError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{options.dataset} now serves {published.version}: {published.customers:,} lists of run {run_id}")
    return 0


def _told(dataset: str) -> list[str]:
    runs = kept_runs(dataset)
    if not runs:
        return [f"no run of {dataset} kept its lists; `make run DATASET={dataset}` does"]
    files = (here(lists_folder(dataset, run) / RUN_FILE) for run in runs)
    models = (json.loads(file.read_text(encoding="utf-8"))["model"] for file in files)
    return [f"{run}  {model}" for run, model in zip(runs, models, strict=True)]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m recommender.release.republish", description="Publish the lists of an earlier run again."
    )
    parser.add_argument("--dataset", default=os.environ.get("DATASET") or "demo", help="default: %(default)s")
    parser.add_argument("--run", default="", help="id of the run, as `make history` shows it; without it, list them")
    return parser


if __name__ == "__main__":
    sys.exit(main())
