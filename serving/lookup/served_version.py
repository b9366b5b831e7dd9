"""The version that is served now, and values of it: never of two versions in one answer.

Stage: between Redis and the store. In: a batched reader. Out: a version's head and the values of its keys.

How versions never mix: a lookup asks for the pointer and for keys *of the version it knows* in one round trip. If the
pointer names that version, the values are the answer. If it names another one, that one's manifest is read and its keys
asked for; their answer counts even if the pointer moves again meanwhile, because that version was the current one
during this lookup. A version is not changed once the pointer has named it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from serving.cache.contract import OVERALL, CacheFormatError, CacheKeys, Manifest
from serving.cache.list_buckets import CachedList, find_list
from serving.lookup.batched_reader import BatchedReader
from serving.lookup.store_errors import NothingPublished, VersionUnreadable

LOOKUP_ATTEMPTS = 5  # a repetition needs two flips between two reads: then the version is gone


@dataclass(frozen=True)
class PublishedHead:
    """What every lookup of a version shares: its manifest and its overall list."""

    manifest: Manifest
    popular: CachedList


class ServedVersion:
    """Reads of one dataset.

    Attributes:
        known_head: of the version that was read last; None before the first.
    """

    def __init__(self, reader: BatchedReader, keys: CacheKeys) -> None:
        self._reader, self._keys = reader, keys
        self.known_head: PublishedHead | None = None

    async def head(self) -> PublishedHead:
        """Manifest and overall list of the version that is served now, read from Redis.

        Raises:
            StoreUnavailable: Redis is away, or no readable version is published.
        """
        for _ in range(LOOKUP_ATTEMPTS):
            (version,) = await self._reader.get(self._keys.current)
            if version is None:
                raise NothingPublished(f"no lists are published for {self._keys.dataset}; `make run` publishes them.")
            name = version.decode(errors="replace")
            values = await self._reader.get(self._keys.manifest(name), self._keys.popular(name))
            if None not in values:
                self.known_head = _decode_head(name, *values)
                return self.known_head
        raise VersionUnreadable(
            f"version {name} is named by the pointer but missing in Redis; publish again, or roll back."
        )

    async def read(self, keys_of: Callable[[Manifest], Sequence[str]]) -> tuple[PublishedHead, list[bytes]]:
        """Return a version that is current during this call, and values of it, empty where one is lost.

        Args:
            keys_of: names the wanted keys of a version.

        Raises:
            StoreUnavailable: Redis is away, or no readable version is published.
        """
        known = self.known_head
        head = known or await self.head()
        for _ in range(LOOKUP_ATTEMPTS):
            pointer, *values = await self._reader.get(self._keys.current, *keys_of(head.manifest))
            version = (pointer or b"").decode(errors="replace")
            was_current = head is not known or version == head.manifest.version
            if was_current and None not in values:
                return head, values
            current = await self.head()
            if version == head.manifest.version == current.manifest.version:  # no flip came between: a value is lost
                return head, [value or b"" for value in values]
            head = current
        raise VersionUnreadable(f"{LOOKUP_ATTEMPTS} versions vanished during one lookup; try again.")


def _decode_head(version: str, manifest_value: bytes, popular_value: bytes) -> PublishedHead:
    try:
        manifest = Manifest.from_json(manifest_value)
        popular = find_list(popular_value, OVERALL)
    except CacheFormatError as error:
        raise VersionUnreadable(f"version {version} cannot be served: {error}") from error
    if popular is None or manifest.version != version:
        raise VersionUnreadable(f"version {version} has no overall list or a foreign manifest; publish again.")
    return PublishedHead(manifest, popular)
