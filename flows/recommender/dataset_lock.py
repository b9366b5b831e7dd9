"""One run of a dataset at a time, whoever starts it: a person, cron, or both at once.

In: a dataset. Out: a lock on `logs/<dataset>.lock`, held by whatever process starts a run; the nightly command hands
its own on to the run. The kernel holds it for as long as one of them lives, so neither a kill -9 nor a power cut leaves
a stale one behind.
"""

from __future__ import annotations

import argparse
import fcntl
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from recommender.errors import RecommenderError
from recommender.project_paths import logs_dir

EXIT_CODE = 75  # EX_TEMPFAIL of sysexits.h: try again later
HANDED_ON = "RECOMMENDER_LOCK_DESCRIPTOR"
METAFLOW_COMMANDS = "run", "resume", "step", "show", "check", "dump", "logs", "card"


class AlreadyRunning(RecommenderError):
    """Another run of the dataset is at work; the message says which."""


def lock_file(dataset: str) -> Path:
    """Return the file that a run of the dataset locks."""
    return logs_dir() / f"{dataset}.lock"


@contextmanager
def dataset_lock(dataset: str, environment: Mapping[str, str] = os.environ) -> Iterator[IO[str]]:
    """Hold the dataset's lock, with this process's id and start in it for people to read.

    A lock that the process which started this one handed on, as `handed_on` says, is held already.

    Raises:
        AlreadyRunning: when another process holds it.
    """
    path = lock_file(dataset)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as lock:
        if not _is_handed_on(lock, environment):
            _take(lock, dataset)
        yield lock


def handed_on(lock: IO[str]) -> dict[str, str]:
    """Return the environment in which a child that inherits the lock's descriptor knows that it holds it."""
    return {**os.environ, HANDED_ON: str(lock.fileno())}


def command_of(arguments: Sequence[str]) -> str:
    """Return the command of Metaflow's that a command line names; empty where it names none, or only shows help."""
    return "" if "--help" in arguments else next((each for each in arguments if each in METAFLOW_COMMANDS), "")


def dataset_to_run(arguments: Sequence[str], dataset_of_run: Callable[[str | None], str | None]) -> str | None:
    """Return the dataset that a command line of the flow would run; None when it runs none.

    Args:
        arguments: the command line behind the name of the flow's file.
        dataset_of_run: tells the dataset of a run that is resumed, by its id, or that of the newest run.
    """
    command = command_of(arguments)
    if command not in ("run", "resume"):
        return None
    options = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    options.add_argument("--dataset", default=os.environ.get("DATASET"))
    options.add_argument("--origin-run-id")
    given, _ = options.parse_known_args(arguments)
    return dataset_of_run(given.origin_run_id) if command == "resume" else given.dataset or "demo"


def _is_handed_on(lock: IO[str], environment: Mapping[str, str]) -> bool:
    try:
        return os.path.sameopenfile(int(environment.get(HANDED_ON, "")), lock.fileno())
    except (ValueError, OSError):  # not set, or not inherited
        return False


def _take(lock: IO[str], dataset: str) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        holder = lock.read().strip() or "another process"
        raise AlreadyRunning(f"{dataset} is already being run by {holder}; nothing was started.") from None
    with suppress(OSError):  # on a full disk the lock is held all the same
        lock.truncate(0)
        os.write(lock.fileno(), f"process {os.getpid()}, started {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC\n".encode())
