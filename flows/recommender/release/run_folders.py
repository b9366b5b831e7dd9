"""Marts, models and inputs of runs: what is still of use stays, the rest goes, so that nights never fill the disk."""

import re
from collections.abc import Callable, Collection
from pathlib import Path

from recommender.release.publish_errors import RedisFailed
from recommender.release.published_versions import CURRENT, versions
from recommender.release.redis_client import redis_client
from recommender.release.republish import kept_runs
from recommender.state_files import folders, remove

WEEKLY_MODELS, MARTS = "weeks", "marts"
RUN_ID = re.compile(r"\d+|(argo|sfn|airflow)-.+")
"""As Metaflow and its deployments name runs."""


def make_room(run_dir: Path, kept: int) -> None:
    """Remove what earlier runs of the dataset left that is of no use any more, at the begin and at the end of a run.

    Of the runs that broke off only the newest can still be resumed from its weekly models.

    Args:
        run_dir: the current run's folder; it stays.
        kept: how many runs stay, the current one included, besides those in use.
    """
    dataset_dir = run_dir.parent
    remove_older_runs(dataset_dir, run_dir, kept, runs_in_use(dataset_dir.name))
    earlier = _run_folders(dataset_dir)
    earlier.pop(run_dir, None)
    for folder in sorted(earlier, key=lambda each: (earlier[each], each.name))[:-1]:
        remove_weekly_models(folder)


def remove_weekly_models(run_dir: Path) -> None:
    """Remove what was fitted for the ranking weeks and the test week, most of a run and of no use once it is published.

    What serves the customers, and what explains it, lies in other folders. Done twice, it does nothing.
    """
    remove(run_dir / WEEKLY_MODELS)


def runs_in_use(dataset: str, warn: Callable[[str], None] = print) -> set[str]:
    """Return the runs whose lists shoppers see, or that one command brings back.

    These are the runs of every version in Redis, and the newest run that kept its lists: after Redis lost everything it
    is the one to publish again. Where Redis cannot tell, every run that kept its lists counts.

    Args:
        dataset: whose runs.
        warn: called when Redis cannot tell.
    """
    kept = kept_runs(dataset)
    try:
        with redis_client() as client:
            stored = versions(client, dataset)
    except RedisFailed as error:
        warn(f"no run that published is removed, because Redis cannot be asked which it serves ({error})")
        return set(kept)
    if any(each.manifest is None for each in stored if each.state == CURRENT):
        warn("no run that published is removed, because the version that is served does not tell its run")
        return set(kept)
    return {*kept[:1], *(each.manifest.run_id for each in stored if each.manifest)}


def remove_older_runs(dataset_dir: Path, current: Path, kept: int, in_use: Collection[str] = ()) -> list[Path]:
    """Remove the folders of all but the newest runs of a dataset.

    A folder without marts whose name is no run's stays.

    Args:
        dataset_dir: the folder that holds one folder a run.
        current: the running run's folder; it stays at any age.
        kept: how many stay, the current one included.
        in_use: names of runs that stay at any age, too, and are not counted.

    Returns:
        What was removed, oldest first.

    Raises:
        ValueError: when `kept` is less than 1.
    """
    if kept < 1:
        raise ValueError(f"kept_runs is {kept}; at least the current run has to stay")
    staying = {current.name, *in_use}
    written = _run_folders(dataset_dir)
    others = [folder for folder in written if folder.name not in staying]
    oldest_first = sorted(others, key=lambda folder: (written[folder], folder.name))
    removed = oldest_first[: max(len(oldest_first) - (kept - 1), 0)]
    for folder in removed:
        remove(folder)
    return removed


def _run_folders(dataset_dir: Path) -> dict[Path, float]:
    """Return the folders of runs, those that broke off before they had marts among them, and when each was written."""
    begun = {
        each: when for each, when in folders(dataset_dir, "*", is_whole=False).items() if RUN_ID.fullmatch(each.name)
    }
    return begun | {marts.parent: when for marts, when in folders(dataset_dir, f"*/{MARTS}", is_whole=False).items()}
