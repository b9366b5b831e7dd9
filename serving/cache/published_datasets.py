"""Which datasets have published lists, for people who named another one.

In: a client. Out: names.
"""

import re

import redis

from serving.cache.contract import CacheKeys

DATASETS = ("demo", "demo-medium", "demo-full", "online-retail", "kaggle-hm")  # those that `make run` makes
KEYS_AT_ONCE = 5_000
CURRENT = re.compile(rb"recommendations:\{(.+)\}:current")


def published_datasets(client: redis.Redis) -> list[str]:
    """Return the datasets with a served version; this looks at every key in Redis."""
    names = client.scan_iter(match="recommendations:{*}:current", count=KEYS_AT_ONCE)
    return sorted({found[1].decode() for found in map(CURRENT.fullmatch, names) if found})


def nothing_published(client: redis.Redis, dataset: str) -> str | None:
    """Return what to tell whoever asks for a dataset without lists; None if it has lists."""
    if client.exists(CacheKeys(dataset).current):
        return None
    made = f"`make run DATASET={dataset}` does it" if dataset in DATASETS else f"it is none of {', '.join(DATASETS)}"
    others = published_datasets(client)
    there_are = f"there are lists of: {', '.join(others)}" if others else "no dataset has lists yet"
    return f"no lists are published for {dataset}; {made} ({there_are})."
