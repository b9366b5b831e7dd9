"""The open connections of a server: how many there may be, and how long each may wait for its client.

In: connections as they are made and lost. Out: those that are overdue are closed; at the limit, the one that has
waited longest makes room for a new one, so that a flood of idle connections keeps nobody out.

Waiting times are looked at twice a second for all connections together: a timer for each request would cost more.
"""

import asyncio
import logging
import resource
from enum import IntEnum
from typing import NamedTuple, Protocol

SECONDS_BETWEEN_LOOKS = 0.5
RESERVED_DESCRIPTORS = 64  # for Redis, the log, the sample, and connections that are being closed

logger = logging.getLogger(__name__)


class Stage(IntEnum):
    """What a connection waits for; the lowest makes room first."""

    HEAD = 0
    """The head of a request, whose first byte may be missing, too."""
    BODY = 1
    """The rest of a request."""
    IDLE = 2
    """Another request; uvicorn closes it after `KEEP_ALIVE_SECONDS`."""
    ANSWER = 3
    """This server; it is never closed to make room."""


class Limits(NamedTuple):
    """How many connections there may be, and how long they may wait for their clients.

    Attributes:
        body_seconds: also for a client to take its answer.
    """

    connections: int
    head_seconds: float
    body_seconds: float


class Connection(Protocol):
    """What is asked of a connection.

    Attributes:
        stage: what it waits for.
        since: when that began, in seconds of the event loop.
        is_stuck_since: when the answer was first found not taken; None for one that is taken.
        transport: of asyncio.
    """

    stage: Stage
    since: float
    is_stuck_since: float | None
    transport: asyncio.Transport

    def end_overdue(self) -> None:
        """Tell the client that it was too slow, if it began a request, and hang up."""

    def end_full(self) -> None:
        """Tell the client that there are too many connections, and hang up."""


class OpenConnections:
    """The connections of one server."""

    def __init__(self, limits: Limits) -> None:
        self._limits, self._most = limits, min(limits.connections, _most_descriptors())
        self._seconds = {Stage.HEAD: limits.head_seconds, Stage.BODY: limits.body_seconds}
        self._all: set[Connection] = set()
        self._next_look: asyncio.TimerHandle | None = None

    def add(self, connection: Connection) -> None:
        """Take a new connection; at the limit, one that waits for its client is closed for it, or it is refused."""
        if len(self._all) >= self._most:
            logger.warning("there are %d connections; the one that has waited longest makes room", self._most)
            if not self._make_room():
                connection.end_full()
                return
        self._all.add(connection)
        if self._next_look is None:
            self._look_later()

    def discard(self, connection: Connection) -> None:
        """Forget a connection that was lost."""
        self._all.discard(connection)

    def _make_room(self) -> bool:
        first = min(self._all, key=lambda each: (each.stage, each.since), default=None)
        if first is None or first.stage is Stage.ANSWER:
            return False
        self._all.discard(first)
        first.transport.close()  # which its client is told, as a reset would not be
        return True

    def _look_later(self) -> None:
        self._next_look = asyncio.get_running_loop().call_later(SECONDS_BETWEEN_LOOKS, self._look)

    def _look(self) -> None:
        now = asyncio.get_running_loop().time()
        for connection in list(self._all):
            if now - connection.since > self._seconds.get(connection.stage, float("inf")):
                connection.end_overdue()
            if self._is_stuck(connection, now):
                connection.transport.abort()
        self._next_look = None
        if self._all:
            self._look_later()

    def _is_stuck(self, connection: Connection, now: float) -> bool:
        """Whether a client has not taken its answer for as long as it may."""
        if not connection.transport.get_write_buffer_size():
            connection.is_stuck_since = None
        elif connection.is_stuck_since is None:
            connection.is_stuck_since = now
        return connection.is_stuck_since is not None and now - connection.is_stuck_since > self._limits.body_seconds


def _most_descriptors() -> int:
    """How many connections the process may have by `ulimit -n`, at least one."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(1, soft - RESERVED_DESCRIPTORS)
