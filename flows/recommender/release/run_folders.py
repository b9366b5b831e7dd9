"""Marts, models and inputs of earlier runs: the newest stay, older ones go, so that nights never fill the disk."""

import shutil
from pathlib import Path


def remove_older_runs(dataset_dir: Path, current: Path, kept: int) -> list[Path]:
    """Remove the folders of all but the newest runs of a dataset.

    Args:
        dataset_dir: the folder that holds one folder a run.
        current: the running run's folder; it stays whatever its age.
        kept: how many stay, the current one included.

    Returns:
        What was removed, oldest first.

    Raises:
        ValueError: when `kept` is less than 1.
    """
    if kept < 1:
        raise ValueError(f"kept_runs is {kept}; at least the current run has to stay")
    others = [folder for folder in dataset_dir.iterdir() if folder.is_dir() and folder != current]
    oldest_first = sorted(others, key=lambda folder: (folder.stat().st_mtime_ns, folder.name))
    removed = oldest_first[: max(len(oldest_first) - (kept - 1), 0)]
    for folder in removed:
        shutil.rmtree(folder)
    return removed
