"""Clients of a Redis Cluster that fail as all others do.

Stage: beside the other clients. In: an address with nodes of a cluster. Out: redis-py's own clients, which send each
command to the node that has its key, and whose pipelines may touch many nodes. Scripts keep to one slot, as those of
this project do. Transactions are not used: see `cache.rule_changes`.

redis-py's errors about the cluster as a whole are no `redis.RedisError`; here they are connections that failed. A PING
asks every primary, for a cluster that lacks one cannot be read.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis
import redis.asyncio
from redis.asyncio.cluster import ClusterNode as AsyncClusterNode
from redis.asyncio.cluster import ClusterPipeline as AsyncClusterPipeline
from redis.cluster import ClusterNode

from serving.connection.many_hosts import ManyHosts


@contextmanager
def _as_redis_errors() -> Iterator[None]:
    try:
        yield
    except redis.exceptions.RedisClusterException as error:
        raise redis.ConnectionError(str(error)) from error


class ClusterClient(redis.RedisCluster):
    """A client of a cluster; it connects when it is made.

    Attributes:
        several: the address.

    Raises:
        redis.RedisError: no node answers, or what answers is no whole cluster.
    """

    def __init__(self, several: ManyHosts, **options: Any) -> None:
        self.several = several
        with _as_redis_errors():
            super().__init__(startup_nodes=[ClusterNode(*each) for each in several.hosts], **options)

    def execute_command(self, *args: Any, **kwargs: Any) -> Any:
        """Send a command to the node, or the nodes, that it is for."""
        with _as_redis_errors():
            return super().execute_command(*args, **kwargs)

    def ping(self, **kwargs: Any) -> Any:
        """Ask every primary."""
        return super().ping(target_nodes=self.PRIMARIES, **kwargs)

    def pipeline(self, transaction: bool | None = None, shard_hint: Any = None) -> redis.cluster.ClusterPipeline:
        """Return a pipeline over many nodes."""
        pipeline = super().pipeline(transaction, shard_hint)
        execute = pipeline.execute

        def executed(*args: Any, **kwargs: Any) -> list[Any]:
            with _as_redis_errors():
                return execute(*args, **kwargs)

        pipeline.execute = executed
        return pipeline


class _AsyncPipeline(AsyncClusterPipeline):
    async def execute(self, *args: Any, **kwargs: Any) -> list[Any]:
        with _as_redis_errors():
            return await super().execute(*args, **kwargs)


class AsyncClusterClient(redis.asyncio.RedisCluster):
    """The same for asyncio; it connects with its first command."""

    def __init__(self, several: ManyHosts, **options: Any) -> None:
        self.several = several
        super().__init__(startup_nodes=[AsyncClusterNode(*each) for each in several.hosts], **options)

    async def execute_command(self, *args: Any, **kwargs: Any) -> Any:
        """Send a command to the node, or the nodes, that it is for."""
        with _as_redis_errors():
            return await super().execute_command(*args, **kwargs)

    async def ping(self, **kwargs: Any) -> Any:
        """Ask every primary."""
        return await super().ping(target_nodes=self.PRIMARIES, **kwargs)

    def pipeline(self, transaction: bool | None = None, shard_hint: Any = None) -> AsyncClusterPipeline:
        """Return a pipeline over many nodes."""
        return _AsyncPipeline(self, transaction)
