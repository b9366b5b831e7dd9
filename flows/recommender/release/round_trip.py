"""Many commands to Redis in one round trip.

In: a client and commands. Out: their replies.

redis-py's own pipeline does the same, with more work for each command. Over the nodes of a cluster it is used: it knows
which node has which key, and sends to all before it reads.
"""

from collections.abc import Sequence
from typing import Any

import redis

MOST_COMMANDS = 1_000  # of small ones at once: more are hardly faster


def round_trip(client: redis.Redis, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
    """Send commands and return their replies.

    Raises:
        redis.RedisError: the first of the replies that is one, or Redis cannot be reached.
    """
    if isinstance(client, redis.RedisCluster):
        return _over_nodes(client, commands)
    connection = client.connection_pool.get_connection()
    try:
        packed = b"".join(connection.pack_commands(commands))
        replies = connection.retry.call_with_retry(
            lambda: _exchange(connection, packed, len(commands)), lambda _: connection.disconnect()
        )
    finally:
        client.connection_pool.release(connection)
    for reply in replies:
        if isinstance(reply, redis.ResponseError):
            raise reply
    return replies


def _over_nodes(client: redis.RedisCluster, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
    pipeline = client.pipeline(transaction=False)
    for command in commands:
        pipeline.execute_command(*command)
    return pipeline.execute()


def _exchange(connection: redis.Connection, packed: bytes, n_replies: int) -> list[Any]:
    connection.send_packed_command([packed])
    return [_reply(connection) for _ in range(n_replies)]


def _reply(connection: redis.Connection) -> Any:
    try:
        return connection.read_response()
    except redis.ResponseError as error:  # the replies after it have to be read, too
        return error
