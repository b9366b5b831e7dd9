"""Many GETs in one round trip, within one time limit.

Stage: between Redis and the batched reader. In: an asyncio client and keys. Out: their values.

redis-py's own pipeline sets a timer for every reply and another for what is sent, which takes a third of the time of
a round trip over loopback (redis-py 8.1; `read_response` and `send_packed_command` of `redis.asyncio.Connection`).
"""

import asyncio
from collections.abc import Sequence
from functools import partial

import redis.asyncio


async def get_values(client: redis.asyncio.Redis, keys: Sequence[str]) -> list[bytes | None]:
    """Return the keys' values in order, None for one that is missing or holds no string.

    Plain GETs, not MGET, which a cluster refuses across slots.

    Args:
        client: its `socket_timeout` bounds the whole round trip, its retries are made.
        keys: at least one.

    Raises:
        redis.RedisError: Redis cannot be reached, or does not answer in time.
    """
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
    replies = [await _reply(connection) for _ in keys]  # all of them, or the next round trip would read the rest
    for reply in replies:
        if isinstance(reply, redis.ResponseError) and not str(reply).startswith("WRONGTYPE"):
            raise reply
    return [None if isinstance(reply, redis.ResponseError) else reply for reply in replies]


async def _reply(connection: redis.asyncio.Connection) -> bytes | redis.ResponseError | None:
    try:
        return await connection.read_response()
    except redis.ResponseError as error:
        return error
