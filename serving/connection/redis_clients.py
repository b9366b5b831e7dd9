"""Clients of a Redis by its address, and sockets in folders whose paths are longer than a socket's may be.

Stage: between addresses and connections. In: a checked URL. Out: a client that has not connected yet.

The kernel takes 107 bytes for the path of a socket. A longer one is reached through its folder, opened for the moment
of connecting: `/proc/self/fd/7/redis.sock`. So the folder may be replaced meanwhile, and nothing is left behind.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis
import redis.asyncio

MOST_BYTES_OF_PATH = 107  # sun_path of sockaddr_un, without its last zero


@contextmanager
def short_path(path: str) -> Iterator[str]:
    """Yield a path to the same socket that the kernel takes.

    Raises:
        OSError: the folder of a long path cannot be opened.
    """
    if len(os.fsencode(path)) <= MOST_BYTES_OF_PATH:
        yield path
        return
    folder = os.open(Path(path).parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{Path(path).name}"
    finally:
        os.close(folder)


class SocketOfAnyPath(redis.UnixDomainSocketConnection):
    """A connection to a socket whose path may be long."""

    def _connect(self):
        whole = self.path
        try:
            with short_path(whole) as self.path:
                return super()._connect()
        finally:
            self.path = whole


class AsyncSocketOfAnyPath(redis.asyncio.UnixDomainSocketConnection):
    """The same for asyncio."""

    async def _connect(self):
        whole = self.path
        try:
            with short_path(whole) as self.path:
                return await super()._connect()
        finally:
            self.path = whole


def client_of(url: str, **options: Any) -> redis.Redis:
    """Return a client of an address; options are those of redis-py's connections."""
    pool = redis.ConnectionPool.from_url(url, **options)
    if pool.connection_class is redis.UnixDomainSocketConnection:
        pool.connection_class = SocketOfAnyPath
    return redis.Redis.from_pool(pool)


def async_client_of(url: str, **options: Any) -> redis.asyncio.Redis:
    """Return an asyncio client of an address; options are those of redis-py's connections."""
    pool = redis.asyncio.ConnectionPool.from_url(url, **options)
    if pool.connection_class is redis.asyncio.UnixDomainSocketConnection:
        pool.connection_class = AsyncSocketOfAnyPath
    return redis.asyncio.Redis.from_pool(pool)
