"""Clients of a Redis by its address, and sockets in folders whose paths are longer than a socket's may be.

Stage: between addresses and connections. In: a checked URL. Out: a client of a server, of the master that Sentinels
name or of a cluster, which has not connected yet (but for one kind, see `client_of`); and what may be shown of it.

The kernel takes 107 bytes for the path of a socket. A longer one is reached through its folder, opened for the moment
of connecting: `/proc/self/fd/7/redis.sock`. So the folder may be replaced meanwhile, and nothing is left behind.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis.asyncio.sentinel
import redis.sentinel
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

from serving.connection.cluster_clients import AsyncClusterClient, ClusterClient
from serving.connection.many_hosts import ManyHosts, many_hosts, shown_hosts
from serving.connection.redis_address import shown_address
from serving.connection.sentinel_clients import async_client_of_sentinels, client_of_sentinels

SENTINEL_SECONDS = 1.0  # that one Sentinel is waited for at most; the next may be alive
WAITS = "socket_timeout", "socket_connect_timeout"
Client = redis.Redis | redis.asyncio.Redis | ClusterClient | AsyncClusterClient
CLUSTERS = ClusterClient, AsyncClusterClient
SENTINEL_POOLS = redis.sentinel.SentinelConnectionPool, redis.asyncio.sentinel.SentinelConnectionPool
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
    """Return a client of an address; options are those of redis-py's connections.

    Raises:
        redis.RedisError: the address is that of a cluster, whose client asks its nodes at once, and this failed.
    """
    if several := many_hosts(url):
        if several.is_cluster:
            return ClusterClient(several, **_options_of_nodes(several, options))
        given = _options(several, options)
        return client_of_sentinels(several, _options_of_sentinels(several, given, Retry(NoBackoff(), 0)), given)
    pool = redis.ConnectionPool.from_url(url, **options)
    if pool.connection_class is redis.UnixDomainSocketConnection:
        pool.connection_class = SocketOfAnyPath
    return redis.Redis.from_pool(pool)


def async_client_of(url: str, **options: Any) -> redis.asyncio.Redis:
    """Return an asyncio client of an address; options are those of redis-py's connections."""
    if several := many_hosts(url):
        if several.is_cluster:
            return AsyncClusterClient(several, **_options_of_nodes(several, options))
        given = _options(several, options)
        asked = _options_of_sentinels(several, given, AsyncRetry(NoBackoff(), 0))
        return async_client_of_sentinels(several, asked, given)
    pool = redis.asyncio.ConnectionPool.from_url(url, **options)
    if pool.connection_class is redis.asyncio.UnixDomainSocketConnection:
        pool.connection_class = AsyncSocketOfAnyPath
    return redis.asyncio.Redis.from_pool(pool)


def _options(several: ManyHosts, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of connections to the master; those of the URL win, as in redis-py."""
    given = {**options, **redis.connection.parse_url(several.server_url)}
    return {name: value for name, value in given.items() if name not in ("host", "port", "connection_class")}


def _options_of_nodes(several: ManyHosts, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of connections to nodes of a cluster, which has one database."""
    given = {name: value for name, value in _options(several, options).items() if name != "db"}
    return {**given, "ssl": several.is_encrypted}


def nodes_of(several: ManyHosts) -> list[redis.Redis]:
    """Return a client of each node that an address names, to ask it what is wrong; none waits for long."""
    waits = dict.fromkeys(WAITS, SENTINEL_SECONDS)
    options = _options_of_nodes(several, {**waits, "retry": Retry(NoBackoff(), 0)})
    return [redis.Redis(host, port, **options) for host, port in several.hosts]


def _options_of_sentinels(several: ManyHosts, given: Mapping[str, Any], retry: Retry | AsyncRetry) -> dict[str, Any]:
    """Return the options of connections to Sentinels: TLS as to the master, short waits, for there are several."""
    shared = {name: value for name, value in given.items() if name.startswith(("ssl_", "socket_"))}
    waits = {name: min(given.get(name) or SENTINEL_SECONDS, SENTINEL_SECONDS) for name in WAITS}
    return {**shared, **waits, **several.sentinel_options, "ssl": several.is_encrypted, "retry": retry}


def is_over_tls(pool: redis.ConnectionPool | redis.asyncio.ConnectionPool) -> bool:
    """Whether the connections of a pool speak TLS."""
    return issubclass(pool.connection_class, redis.SSLConnection | redis.asyncio.SSLConnection)


def address_of(client: Client) -> str:
    """Return the address of a client's server as it may be shown and logged; it is the same after a failover."""
    if isinstance(client, CLUSTERS):
        return shown_hosts(client.several.hosts, client.several.is_encrypted)
    pool = client.connection_pool
    options, is_encrypted = pool.connection_kwargs, is_over_tls(pool)
    if not isinstance(pool, SENTINEL_POOLS):
        return shown_address(options, is_encrypted)
    of_sentinels = (each.connection_pool.connection_kwargs for each in pool.sentinel_manager.sentinels)
    hosts = [(each["host"], each["port"]) for each in of_sentinels]
    return shown_hosts(hosts, is_encrypted, pool.service_name, options.get("db") or 0)


def passwords_of(client: Client) -> list[str]:
    """Return the passwords that a client knows, its Sentinels' among them, so that no error shows them."""
    if isinstance(client, CLUSTERS):
        return _passwords_in([redis.connection.parse_url(client.several.server_url)])
    pool = client.connection_pool
    asked = pool.sentinel_manager.sentinels if isinstance(pool, SENTINEL_POOLS) else []
    return _passwords_in(each.connection_kwargs for each in [pool, *(client.connection_pool for client in asked)])


def _passwords_in(options: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the passwords in options of connections."""
    found = (each.get(name) for each in options for name in ("password", "ssl_password"))
    return list(dict.fromkeys(filter(None, found)))
