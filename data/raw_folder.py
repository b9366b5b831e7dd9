"""The folder of one dataset's raw files: filled beside, switched in as a whole, and knowing what it was made from.

Stage: raw data. `made_from.json` in the folder is the mark of a folder that is ours to replace.
"""

from __future__ import annotations

import fcntl
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from data.raw_errors import RawSourceError
from data.raw_layout import RAW_COLUMNS

ORIGIN_FILE = "made_from.json"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Let one process at a time work on `folder`; the others wait. What a killed one left half-switched is put back."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f".{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _put_back(folder)
        yield


@contextmanager
def replacement_of(folder: Path) -> Iterator[Path]:
    """Give an empty folder to fill; it takes the place of `folder` unless an exception is raised."""
    new, old = _beside(folder, "new"), _beside(folder, "old")
    _put_back(folder)
    for leftover in (new, old):
        shutil.rmtree(leftover, ignore_errors=True)
    new.mkdir(parents=True)
    try:
        yield new
        if folder.exists():
            folder.rename(old)
        new.rename(folder)
    finally:
        _put_back(folder)
        for leftover in (new, old):
            shutil.rmtree(leftover, ignore_errors=True)


@contextmanager
def scratch_beside(folder: Path) -> Iterator[Path]:
    """Give an empty folder for what is needed only meanwhile; what a killed process left there goes, too."""
    scratch = _beside(folder, "scratch")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _beside(folder: Path, state: str) -> Path:
    return folder.with_name(f".{folder.name}.{state}")


def _put_back(folder: Path) -> None:
    """Undo the first of the two renames where the second never came."""
    old = _beside(folder, "old")
    if old.exists() and not folder.exists():
        old.rename(folder)


def read_origin(folder: Path) -> dict | None:
    """What `folder` was made from; None if it is not there or not ours."""
    path = folder / ORIGIN_FILE
    return json.loads(path.read_text()) if path.is_file() else None


def write_origin(folder: Path, origin: dict) -> None:
    """Note what `folder` was made from (anything JSON can hold)."""
    (folder / ORIGIN_FILE).write_text(json.dumps(origin, indent=2) + "\n")


def has_foreign_files(folder: Path) -> bool:
    """Whether `folder` has raw files that this project did not put there."""
    return read_origin(folder) is None and any((folder / name).exists() for name in RAW_COLUMNS)


def check_room(folder: Path, bytes_needed: int) -> str:
    """Return what `folder`, which need not be there yet, will take and how much is free where it will lie.

    Raises `RawSourceError` when that is too little.
    """
    free = shutil.disk_usage(folder.parent).free
    takes = f"{folder.name} takes about {bytes_needed / 1e9:,.1f} GB, {free / 1e9:,.1f} GB are free in {folder.parent}"
    if free < bytes_needed:
        raise RawSourceError(f"{takes}; make room, or set RECOMMENDER_DATA_DIR to a folder on a larger disk.")
    return takes
