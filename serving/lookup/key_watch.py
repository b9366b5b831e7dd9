"""Whether the keys of the served version are all there: a Redis that evicts loses them one by one, and says nothing.

In: a client and a version's manifest, every second. Out: how many of its keys are missing, as far as they were looked
at. Some keys are asked for at a time, in turn, so that a version of a hundred thousand keys is looked through in
twenty-five minutes at the cost of one small round trip a second.
"""

from itertools import islice

import redis.asyncio

from serving.cache.contract import BUCKET, CacheKeys, Manifest

KEYS_AT_A_TIME = 64


class KeyWatch:
    """Looks through the keys of one dataset's served version.

    Args:
        client: replies must be bytes.
        keys: of the dataset.

    Attributes:
        missing: keys that were not there when they were looked at last.
    """

    def __init__(self, client: redis.asyncio.Redis, keys: CacheKeys) -> None:
        self._client, self._keys = client, keys
        self._version, self._place = "", 0
        self.missing: set[str] = set()

    async def look(self, manifest: Manifest) -> None:
        """Ask for some keys of a version; a Redis that does not answer changes nothing."""
        if manifest.version != self._version:
            self._version, self._place, self.missing = manifest.version, 0, set()
        asked = self._next_keys(manifest)
        try:
            pipeline = self._client.pipeline(transaction=False)
            for key in asked:
                pipeline.exists(key)
            found = await pipeline.execute()
        except (redis.RedisError, OSError):
            return
        self.missing -= set(asked)
        self.missing |= {key for key, is_there in zip(asked, found, strict=True) if not is_there}

    def _next_keys(self, manifest: Manifest) -> list[str]:
        counts = {BUCKET: manifest.bucket_count} | {name: manifest.keys_of(name) for name in manifest.parts}
        names = self._keys.all_of_version(manifest.version, _numbered(counts))
        asked = list(islice(names, self._place, self._place + KEYS_AT_A_TIME))
        self._place = self._place + len(asked) if len(asked) == KEYS_AT_A_TIME else 0
        return asked


def _numbered(counts: dict[str, int]) -> dict[str, int]:
    """The parts that have numbered keys; the others are named by the contract."""
    return {name: count for name, count in counts.items() if name not in ("popular", "articles")}
