"""A step's work as shares, one for each task that can run at a time.

Stage: before the steps that fit models in parallel. In: pieces of work, and how many tasks run at a time. Out:
`Share`s. A task takes a dozen seconds to start, to import PyTorch, Merlin and NVTabular, which is as long as a small
shop's model takes to train. So a task fits all models of its share, one after the other.

In a large shop each model is a task's: what a task that broke off is to do again is one model, which takes minutes.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WORKERS = "FLOW_MAX_WORKERS"
"""Environment variable: how many tasks run at a time, told to the tasks; not set where another machine runs them."""
OPTION = "--max-workers"
SHARED_BELOW = 5_000_000
"""Purchases of a shop; with more a model takes five minutes, and its task's start no longer counts."""


@dataclass(frozen=True)
class Share:
    """What one task does.

    Attributes:
        pieces: at least one, each with a `label`.
    """

    pieces: tuple[Any, ...]

    @property
    def label(self) -> str:
        """Name of the task in the log and among the costs."""
        return ", ".join(piece.label for piece in self.pieces)


def workers_of(arguments: Sequence[str]) -> dict[str, str]:
    """Return `WORKERS` as a command line of the flow's sets it; nothing where it does not."""
    workers = option_of(arguments, OPTION)
    return {} if workers is None else {WORKERS: workers}


def option_of(arguments: Sequence[str], name: str) -> str | None:
    """Return the value that a command line gives an option, written with a space or a =; None where it gives none."""
    for place, argument in enumerate(arguments):
        found, equals, value = argument.partition("=")
        if found == name and (equals or place + 1 < len(arguments)):
            return value if equals else arguments[place + 1]
    return None


def shares_of(pieces: Sequence[Any], purchases: int, environment: Mapping[str, str] = os.environ) -> list[Share]:
    """Deal pieces of work to as many shares as tasks run at a time.

    Args:
        pieces: each with a `label`.
        purchases: of the shop.
        environment: holds `WORKERS`; without it each piece is a share.
    """
    workers = environment.get(WORKERS) if purchases < SHARED_BELOW else None
    count = min(len(pieces), int(workers or len(pieces)))
    return [Share(tuple(pieces[first::count])) for first in range(count)]
