"""The same work on many parts, on every core: threads, for what takes time leaves Python's lock.

Stage: below everything. In: a function and its parts. Out: what it returns of each, in their order.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from threadpoolctl import threadpool_limits

Part, Result = TypeVar("Part"), TypeVar("Result")
CONTAINER_SHARE = Path("/sys/fs/cgroup/cpu.max")  # microseconds in each so many, "max 100000" where there is no limit


def on_every_core(work: Callable[[Part], Result], parts: Iterable[Part]) -> Iterator[Result]:
    """Yield what the work makes of each part, in their order.

    A part is worked on by one core: libraries that would spread it over all of them are held to one, as two parts at a
    time would wait for each other's threads.

    Raises:
        Exception: what the work raised first; parts that were not begun are dropped.
    """
    with threadpool_limits(1), ThreadPoolExecutor(cores(), initializer=threadpool_limits, initargs=(1,)) as pool:
        yield from pool.map(work, parts)


def cores(container_share: Path = CONTAINER_SHARE) -> int:
    """Return how many cores this process may use, or this container where it may take fewer: each holds a part."""
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        time, period = map(int, container_share.read_text().split())
    except (OSError, ValueError):
        return there
    return min(there, max(1, -(-time // period)))
