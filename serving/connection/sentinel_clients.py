"""Clients of the master that Sentinels name, which find the next one after a failover.

Stage: beside the other clients. In: an address with Sentinels, options of connections to them and to the master. Out:
redis-py's own clients, with connections that ask the Sentinels whenever they are opened: those of redis-py open the old
address again when they were cut (https://github.com/redis/redis-py/issues/3874).
"""

from collections.abc import Mapping
from typing import Any

import redis.asyncio.sentinel
import redis.sentinel

from serving.connection.many_hosts import ManyHosts


class ConnectionToMaster(redis.sentinel.SentinelManagedConnection):
    """A connection to whom the Sentinels name when it is opened."""

    def _connect(self):
        self.host, self.port = self.connection_pool.get_master_address()
        return super()._connect()


class TlsConnectionToMaster(ConnectionToMaster, redis.sentinel.SentinelManagedSSLConnection):
    """The same over TLS."""


class AsyncConnectionToMaster(redis.asyncio.sentinel.SentinelManagedConnection):
    """The same for asyncio."""

    async def _connect(self):
        self.host, self.port = await self.connection_pool.get_master_address()
        return await super()._connect()


class AsyncTlsConnectionToMaster(AsyncConnectionToMaster, redis.asyncio.sentinel.SentinelManagedSSLConnection):
    """The same for asyncio, over TLS."""


class ClientOfSentinels(redis.Redis):
    """A client of the master that Sentinels name, which closes its connections to them, too."""

    def close(self) -> None:
        """Close all connections."""
        super().close()
        self.connection_pool.sentinel_manager.close()


class AsyncClientOfSentinels(redis.asyncio.Redis):
    """The same for asyncio."""

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        """Close all connections."""
        await super().aclose(close_connection_pool)
        await self.connection_pool.sentinel_manager.aclose()


def client_of_sentinels(
    several: ManyHosts, of_sentinels: Mapping[str, Any], options: Mapping[str, Any]
) -> ClientOfSentinels:
    """Return a client that has not connected yet.

    Args:
        several: the address.
        of_sentinels: options of connections to them.
        options: of connections to the master.
    """
    manager = redis.sentinel.Sentinel(several.hosts, sentinel_kwargs=of_sentinels)
    connection = TlsConnectionToMaster if several.is_encrypted else ConnectionToMaster
    return manager.master_for(several.master, ClientOfSentinels, connection_class=connection, **options)


def async_client_of_sentinels(
    several: ManyHosts, of_sentinels: Mapping[str, Any], options: Mapping[str, Any]
) -> AsyncClientOfSentinels:
    """The same for asyncio."""
    manager = redis.asyncio.sentinel.Sentinel(several.hosts, sentinel_kwargs=of_sentinels)
    connection = AsyncTlsConnectionToMaster if several.is_encrypted else AsyncConnectionToMaster
    return manager.master_for(several.master, AsyncClientOfSentinels, connection_class=connection, **options)
