"""Marts, models and inputs of runs: what is still of use stays, the rest goes, so that nights never fill the disk."""

import shutil
from pathlib import Path

WEEKLY_MODELS, MARTS = "weeks", "marts"


def remove_weekly_models(run_dir: Path) -> None:
    """Remove what was fitted for the ranking weeks and the test week, most of a run and of no use once it is published.

    What serves the customers, and what explains it, lies in other folders. Done twice, it does nothing.
    """
    if (folder := run_dir / WEEKLY_MODELS).exists():
        shutil.rmtree(folder)


def remove_older_runs(dataset_dir: Path, current: Path, kept: int) -> list[Path]:
    """Remove the folders of all but the newest runs of a dataset.

    A folder without marts does not belong to a run and stays.

    Args:
        dataset_dir: the folder that holds one folder a run.
        current: the running run's folder; it stays at any age.
        kept: how many stay, the current one included.

    Returns:
        What was removed, oldest first.

    Raises:
        ValueError: when `kept` is less than 1.
    """
    if kept < 1:
        raise ValueError(f"kept_runs is {kept}; at least the current run has to stay")
    others = [folder for folder in dataset_dir.iterdir() if (folder / MARTS).is_dir() and folder != current]
    oldest_first = sorted(others, key=lambda folder: (folder.stat().st_mtime_ns, folder.name))
    removed = oldest_first[: max(len(oldest_first) - (kept - 1), 0)]
    for folder in removed:
        shutil.rmtree(folder)
    return removed
