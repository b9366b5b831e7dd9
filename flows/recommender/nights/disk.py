"""A full disk: said in a night's reason, and no reason to lose the night's own line.

In: a folder. Out: whether its disk is full, in words; a little room that is set aside when a night begins and given
back when it ends, so that its summary and its line in the log of nights still fit on a disk that the run filled.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

SET_ASIDE_BYTES = 256 * 2**10  # a summary, a night's line, and a copy of the log of nights where STATE_URL wants one
FULL_BYTES = 2**20  # with less left than this, whatever a run writes next does not fit


def full_disk(folder: Path) -> str | None:
    """Return that the disk of a folder is full, None where it is not or cannot be asked."""
    try:
        disk = os.statvfs(folder)
    except OSError:
        return None
    if disk.f_bavail * disk.f_frsize < FULL_BYTES:
        return f"the disk of {folder} is full"
    if disk.f_files and not disk.f_favail:
        return f"the disk of {folder} can hold no more files"
    return None


@contextmanager
def set_aside(folder: Path, name: str) -> Iterator[Callable[[], None]]:
    """Take a little room on a folder's disk, as far as there is any; yields what gives it back."""
    path = folder / f"{name}.set-aside"

    def give_back() -> None:
        path.unlink(missing_ok=True)

    with suppress(OSError), path.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, SET_ASIDE_BYTES)
    try:
        yield give_back
    finally:
        give_back()
