"""How fast lists go into Redis, alone and with all that a version holds, and what they cost there.

In: made lists. Out: customers a second, and bytes a customer beside the payload's own.
"""

from __future__ import annotations

from dataclasses import replace

import redis

from recommender.release.publish import PublishedRun, publish
from recommender.release.published_lists import PublishedLists
from serving.cache.contract import CacheKeys, Manifest

DATASET = "bench"
NOTHING_ELSE = dict.fromkeys(("segments", "similar", "purchases", "shown"))
MIB = 2**20


def publish_and_measure(url: str, lists: PublishedLists) -> dict[str, dict[str, float]]:
    """Publish the lists alone, then everything; the last stays served."""
    alone = replace(lists, articles={}, **NOTHING_ELSE)
    return {"lists": measure_publishing(url, alone), "everything": measure_publishing(url, lists)}


def measure_publishing(url: str, lists: PublishedLists) -> dict[str, float]:
    """Publish; return customers a second and what one costs in Redis, beside the payload's own bytes."""
    before = memory_bytes(url)
    with redis.Redis.from_url(url) as client:
        published = publish(client, lists, PublishedRun(DATASET, "benchmark", "planted", {}), progress=lambda *_: None)
        manifest = Manifest.from_json(client.get(CacheKeys(DATASET).manifest(published.version)))
    used = memory_bytes(url) - before
    customers, k = lists.lists.numbers.shape
    payload = manifest.bytes + sum(part.bytes for part in manifest.parts.values())
    return {
        "customers": customers,
        "k": k,
        "customers_per_second": customers / published.seconds,
        "payload_bytes_per_customer": payload / customers,
        "redis_bytes_per_customer": used / customers,
        "redis_mib": used / MIB,
    }


def memory_bytes(url: str) -> int:
    """Return what Redis uses without the buffers of its clients and of its log, which come and go.

    A client that published must be gone: Redis counts a client's buffers once a second.
    """
    with redis.Redis.from_url(url) as client:
        memory = client.info("memory")
    return memory["used_memory"] - memory["mem_clients_normal"] - memory["mem_aof_buffer"]
