"""What shoppers get at this moment, as facts for the page of operations.

In: Redis. Out: the served version and its age, the one behind it, rules and A/B tests in force; or that Redis is away.
"""

from __future__ import annotations

from datetime import date, datetime

import redis

from recommender.features.time_split import ONE_DAY
from recommender.release.publish_errors import RedisFailed
from recommender.release.published_versions import CURRENT, PREVIOUS, StoredVersion, versions
from recommender.release.redis_client import redis_client
from serving.cache.contract import CacheFormatError, CacheKeys
from serving.cache.variants import decode_variants

Facts = list[tuple[str, str]]


def served_now(dataset: str, now: datetime) -> Facts:
    """Return what is served and what changes it."""
    try:
        with redis_client() as client:
            stored = {each.state: each for each in versions(client, dataset)}
            return [
                ("served version", _version(stored.get(CURRENT), now)),
                ("a rollback serves", _version(stored.get(PREVIOUS), now)),
                *_in_force(client, CacheKeys(dataset)),
            ]
    except RedisFailed as error:
        return [("served version", f"not known: {error}")]


def _version(stored: StoredVersion | None, now: datetime) -> str:
    if stored is None:
        return "nothing"
    if stored.manifest is None:
        return f"{stored.version}, of another release"
    hours = (now - datetime.fromisoformat(stored.manifest.created_at)).total_seconds() / 3600
    last_day = date.fromisoformat(stored.manifest.windows["test"]["end"])
    customers = f"{stored.manifest.customers:,} customers"
    return f"{stored.version}, {hours:.0f} hours old, cutoff {last_day + ONE_DAY}, {customers}"


def _in_force(client: redis.Redis, keys: CacheKeys) -> Facts:
    """Return rules and A/B tests."""
    barred, sets = client.hlen(keys.rules), client.hlen(keys.barred_sets)
    rules = f"{barred:,} articles barred one by one, {sets:,} feeds and lists" if barred or sets else "none"
    try:
        variants = decode_variants(client.get(keys.variants))
        told = ", ".join(f"{each.name} ({each.share:.0%})" for each in variants) or "none"
    except CacheFormatError:
        told = "damaged, so none is served"
    return [("rules", rules), ("A/B tests", told)]
