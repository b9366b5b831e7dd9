"""Metaflow's records of runs on the local disk: those of the newest stay, the rest goes, with artifacts and cards.

In: the folder of Metaflow's local datastore. Out: the same, smaller. A run has a folder of its own there, and its
artifacts lie beside all runs, one file for each content, so that runs share them:

    .metaflow/RecommendationFlow/1796129816423098/evaluate/11/0.data.json    artifacts by name, and their content's name
    .metaflow/RecommendationFlow/data/92/92db9083db27892141395587671835c8282eba75, and the same with _meta
    .metaflow/RecommendationFlow/runs/1796129816423098/                      cards

Metaflow does not write content that is there already. So nothing may go while a run is at work, of whichever dataset:
it might count on a file that no record names yet. Runs hold a lock together, and only who finds nobody else clears up.
Artifacts in S3 are left alone; docs/cluster.md says what to do there.
"""

from __future__ import annotations

import fcntl
import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from recommender.project_paths import logs_dir

CONTENT, CARDS = "data", "runs"
LOCK = "metaflow.records"


@contextmanager
def records_in_use(clear_up: Callable[[], object]) -> Iterator[None]:
    """Clear up if no run is at work, and keep others from doing so until the block ends."""
    path = logs_dir() / LOCK
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as lock:
        with suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            clear_up()
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield


def remove_older_records(flow_dir: Path, kept: int) -> list[str]:
    """Remove all but the newest runs, and the content that none of these names; returns the removed runs, oldest first.

    A file that is damaged names nothing that can be told; then no content goes.

    Args:
        flow_dir: of the flow, below Metaflow's root; may be missing.
        kept: how many runs stay.
    """
    runs = sorted((each.name for each in flow_dir.glob("[0-9]*") if each.is_dir()), key=int)
    removed = runs[: max(len(runs) - kept, 0)]
    for run in removed:
        for folder in (flow_dir / run, flow_dir / CARDS / run):
            shutil.rmtree(folder, ignore_errors=True)
    if removed:
        _remove_content(flow_dir, runs[len(removed) :])
    return removed


def _remove_content(flow_dir: Path, runs: Iterable[str]) -> None:
    try:
        named = {each for run in runs for each in _named_content(flow_dir / run)}
    except (OSError, ValueError, KeyError, AttributeError):
        return
    for path in (flow_dir / CONTENT).glob("*/*"):
        if path.name.removesuffix("_meta") not in named:
            path.unlink(missing_ok=True)


def _named_content(run_dir: Path) -> Iterator[str]:
    """Yield the names of all content that a run's artifacts have."""
    for path in run_dir.glob("*/*/*.data.json"):
        yield from json.loads(path.read_text())["objects"].values()
