"""Read keys of Redis for many lookups in one round trip, and stop asking while Redis is away.

Stage: between Redis and the versions. In: an asyncio client. Out: values of keys, or `RedisAway` at once.

Lookups that arrive during a round trip wait for its end and share the next one: the busier the API, the less a lookup
costs Redis and this process. A key that many lookups need, such as the pointer, is read once.

After a round trip has failed, no lookup waits for another (a circuit breaker: Nygard, Release It!, 2nd edition 2018,
chapter 5): reads fail at once until Redis has answered a ping, which is sent every half second.

redis-py's own pipeline sets a timer for every reply and another for what is sent, which takes a third of the time of
a round trip over loopback (redis-py 8.1; `read_response` and `send_packed_command` of `redis.asyncio.Connection`).
`get_values` sets one.
"""

import asyncio
import logging
from collections.abc import Sequence
from functools import partial
from typing import Any

import redis.asyncio

from serving.connection.failure_kinds import still_reads
from serving.connection.redis_failures import failure
from serving.lookup.store_errors import RedisAway

MAX_KEYS = 512  # of one round trip: some megabytes at most
SECONDS_BETWEEN_PINGS = 0.5

logger = logging.getLogger(__name__)

_Waiting = list[tuple[tuple[str, ...], asyncio.Future[list[bytes | None]]]]
"""Keys, and who waits for their values."""


class BatchedReader:
    """Reads for one event loop.

    Args:
        client: replies must be bytes; its timeouts bound how long the first reads take when Redis goes away.
    """

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self._client = client
        self._waiting: _Waiting = []
        self._reading: asyncio.Task[None] | None = None
        self._recovery: asyncio.Task[None] | None = None
        self._why_away = ""

    @property
    def is_away(self) -> bool:
        """Whether Redis failed and has not answered since."""
        return bool(self._why_away)

    async def get(self, *keys: str) -> list[bytes | None]:
        """Return the keys' values, read in the order of the keys; None for a missing key.

        Raises:
            RedisAway: Redis does not answer.
        """
        if self.is_away:
            raise RedisAway(self._why_away)
        found = asyncio.get_running_loop().create_future()
        self._waiting.append((keys, found))
        if self._reading is None:
            self._reading = asyncio.create_task(self._read_all())
        return await found

    def redis_has_answered(self) -> None:
        """Read again from now on: Redis has answered another client."""
        if self._recovery:
            self._recovery.cancel()
        self._why_away = ""

    async def close(self) -> None:
        """Stop what runs in the background."""
        tasks = [task for task in (self._reading, self._recovery) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _read_all(self) -> None:
        """Make round trips until no lookup waits."""
        try:
            while self._waiting:
                batch = self._next_batch()
                asked = list(dict.fromkeys(key for keys, _ in batch for key in keys))
                try:
                    values = dict(zip(asked, await get_values(self._client, asked), strict=True))
                except (redis.RedisError, OSError) as error:
                    self._give_up(batch, error)
                else:
                    for keys, found in batch:
                        if not found.done():  # the request may have been cancelled meanwhile
                            found.set_result([values[key] for key in keys])
        finally:
            self._reading = None

    def _next_batch(self) -> _Waiting:
        taken, n_keys = 0, 0
        while taken < len(self._waiting) and (taken == 0 or n_keys + len(self._waiting[taken][0]) <= MAX_KEYS):
            n_keys += len(self._waiting[taken][0])
            taken += 1
        batch, self._waiting = self._waiting[:taken], self._waiting[taken:]
        return batch

    def _give_up(self, batch: _Waiting, error: Exception) -> None:
        """Fail all lookups that wait, and begin to ask whether Redis is back."""
        self._why_away = failure(self._client, error)
        logger.error("%s", self._why_away)
        waiting, self._waiting = [*batch, *self._waiting], []
        for _, found in waiting:
            if not found.done():
                found.set_exception(RedisAway(self._why_away))
        self._recovery = asyncio.create_task(self._recover())

    async def _recover(self) -> None:
        while self.is_away:
            await asyncio.sleep(SECONDS_BETWEEN_PINGS)
            try:
                await self._client.ping()
            except (redis.RedisError, OSError) as error:
                if not still_reads(error):
                    continue
            self._why_away = ""
            logger.warning("Redis answers again")


async def get_values(client: redis.asyncio.Redis, keys: Sequence[str]) -> list[bytes | None]:
    """Return the keys' values in order, None for one that is missing or holds no string.

    Plain GETs, not MGET, which a cluster refuses across slots.

    Args:
        client: its `socket_timeout` bounds the whole round trip, its retries are made.
        keys: at least one.

    Raises:
        redis.RedisError: Redis cannot be reached, or does not answer in time.
    """
    if isinstance(client, redis.asyncio.RedisCluster):
        return _values(await _replies_of_nodes(client, keys))
    connection = await client.connection_pool.get_connection()
    seconds, connection.socket_timeout = connection.socket_timeout, None
    try:
        async with asyncio.timeout(seconds):
            return await connection.retry.call_with_retry(
                partial(_round_trip, connection, keys), lambda _: connection.disconnect()
            )
    except TimeoutError as error:
        raise redis.TimeoutError(f"no answer within {seconds:g} s") from error
    finally:
        connection.socket_timeout = seconds
        await client.connection_pool.release(connection)


async def _round_trip(connection: redis.asyncio.Connection, keys: Sequence[str]) -> list[bytes | None]:
    await connection.send_packed_command(connection.pack_commands([("GET", key) for key in keys]))
    return _values([await _reply(connection) for _ in keys])  # of all, or the next round trip would read the rest


def _values(replies: Sequence[bytes | redis.RedisError | None]) -> list[bytes | None]:
    for reply in replies:
        if isinstance(reply, redis.RedisError) and not str(reply).startswith("WRONGTYPE"):
            raise reply
    return [None if isinstance(reply, redis.RedisError) else reply for reply in replies]


async def _replies_of_nodes(client: redis.asyncio.RedisCluster, keys: Sequence[str]) -> list[Any]:
    """Ask the nodes of a cluster at the same time; its own pipeline knows which node has which key.

    A pipeline that raises errors looks for the nodes again when one has failed; one that returns them goes on after a
    key of another kind.
    """
    try:
        return await _gets(client, keys).execute()
    except redis.ResponseError as error:
        if "WRONGTYPE" not in str(error):
            raise
    return await _gets(client, keys).execute(raise_on_error=False)


def _gets(client: redis.asyncio.RedisCluster, keys: Sequence[str]) -> redis.asyncio.cluster.ClusterPipeline:
    pipeline = client.pipeline(transaction=False)
    for key in keys:
        pipeline.get(key)
    return pipeline


async def _reply(connection: redis.asyncio.Connection) -> bytes | redis.ResponseError | None:
    try:
        return await connection.read_response()
    except redis.ResponseError as error:
        return error
