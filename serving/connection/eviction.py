"""What Redis says of its memory, and whether it may throw lists away to make room.

In: a client. Out: the memory of each server, a warning. All keys of a version have an expiry, as a last resort, so that
policies that evict only such keys evict them, too.
"""

from collections.abc import Mapping

import redis

KEEPS_ALL = "noeviction"


def memories(client: redis.Redis | redis.RedisCluster) -> list[Mapping[str, object]]:
    """Return the section `memory` of INFO of every server that takes keys: of one, or of all primaries of a cluster.

    Raises:
        redis.RedisError: one does not answer.
    """
    if isinstance(client, redis.RedisCluster):
        return [client.info("memory", target_nodes=node) for node in client.get_primaries()]
    return [client.info("memory")]


def eviction_warning(memory: Mapping[str, object]) -> str | None:
    """Return what to tell the owner of a Redis that evicts keys; None where it evicts none.

    Args:
        memory: the section `memory` of INFO.
    """
    policy, limit = memory.get("maxmemory_policy", KEEPS_ALL), memory.get("maxmemory", 0)
    if policy == KEEPS_ALL or not limit:
        return None
    return (
        f"Redis evicts keys when its maxmemory of {limit / 2**20:,.1f} MiB is reached (maxmemory-policy {policy}): "
        f"lists would vanish one by one. Set maxmemory-policy to {KEEPS_ALL}, or give the lists a Redis of their own."
    )
