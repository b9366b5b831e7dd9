"""The version that is served now, and values of it: never of two versions in one answer.

Stage: between the reader and the lookups. In: keys. Out: a version's head and the values of its keys.

How versions never mix: a lookup asks for the pointer and for keys *of the version it knows* in one round trip. If the
pointer names that version, the values are the answer. If it names another one, that one's manifest is read and its keys
asked for; their answer counts even if the pointer moves again meanwhile, because that version was the current one
during this lookup. A version is not changed once the pointer has named it.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from serving.cache.contract import OVERALL, CacheFormatError, CacheKeys, Manifest
from serving.cache.list_buckets import CachedList, Source, find_list
from serving.lookup.batched_reader import BatchedReader
from serving.lookup.store_errors import FallbackReason, NothingPublished, VersionUnreadable

LOOKUP_ATTEMPTS = 5  # a repetition needs two flips between two reads: then the version is gone

KeysOf = Callable[[Manifest], Sequence[str]]
"""Names the wanted keys of a version."""

logger = logging.getLogger(__name__)


class FoundList(NamedTuple):
    """A list, and why it is not the one that was asked for."""

    chosen: CachedList
    fallback_reason: FallbackReason | None


@dataclass(frozen=True)
class PublishedHead:
    """What every lookup of a version shares: its manifest and its overall list."""

    manifest: Manifest
    popular: CachedList

    @property
    def origin(self) -> tuple[str, str, str]:
        """What every answer ends with: the version, its model, and when it was made."""
        return self.manifest.version, self.manifest.model, self.manifest.created_at

    def overall(self, reason: FallbackReason) -> FoundList:
        """The overall list, because of a reason."""
        return FoundList(self.popular, reason)

    def list_of_customer(self, bucket: bytes, customer_id: str) -> FoundList:
        """A customer's list in a bucket, or the overall one."""
        try:
            own = find_list(bucket, customer_id)
        except CacheFormatError as error:
            return self._unreadable(error)
        if own is None or not own.article_ids:
            return self.overall(FallbackReason.UNKNOWN_CUSTOMER)
        return FoundList(own, None if own.source is Source.PERSONAL else FallbackReason.NO_HISTORY)

    def list_of_segment(self, bucket: bytes, segment: str) -> FoundList:
        """The popular list of a segment, or the overall one."""
        try:
            found = find_list(bucket, segment)
        except CacheFormatError as error:
            return self._unreadable(error)
        return self.overall(FallbackReason.UNKNOWN_SEGMENT) if found is None else FoundList(found, None)

    def _unreadable(self, error: CacheFormatError) -> FoundList:
        logger.error("version %s: %s", self.manifest.version, error)
        return self.overall(FallbackReason.UNREADABLE_LIST)


class ServedVersion:
    """Reads of one dataset, each wholly from one version.

    Args:
        reader: of Redis.
        keys: of the dataset.
        pinned: the only version that is read; by default the one that the pointer names.

    Attributes:
        known_head: of the version that was read last; None before the first.
    """

    def __init__(self, reader: BatchedReader, keys: CacheKeys, pinned: str | None = None) -> None:
        self._reader, self._keys, self._pinned = reader, keys, pinned
        self.known_head: PublishedHead | None = None

    async def head(self) -> PublishedHead:
        """Read manifest and overall list of the version that is served now.

        Raises:
            StoreUnavailable: Redis is away, or no readable version is published.
        """
        for _ in range(LOOKUP_ATTEMPTS):
            version, _ = await self._get()
            if version is None:
                dataset = self._keys.dataset
                raise NothingPublished(f"no lists are published for {dataset}; `make run DATASET={dataset}` does it.")
            values = await self._reader.get(self._keys.manifest(version), self._keys.popular(version))
            if None not in values:
                self.known_head = _decode_head(version, *values)
                return self.known_head
        raise VersionUnreadable(
            f"version {version} is named by the pointer but missing in Redis; publish again, or roll back."
        )

    async def read(self, keys_of: KeysOf) -> tuple[PublishedHead, list[bytes]]:
        """Return a version that is current during this call, and values of it, empty where one is lost.

        Raises:
            StoreUnavailable: Redis is away, or no readable version is published.
        """
        known = self.known_head
        head = known or await self.head()
        for _ in range(LOOKUP_ATTEMPTS):
            version, values = await self._get(*keys_of(head.manifest))
            was_current = head is not known or version == head.manifest.version
            if was_current and None not in values:
                return head, values
            current = await self.head()
            if version == head.manifest.version == current.manifest.version:  # no flip came between: a value is lost
                return head, [value or b"" for value in values]
            head = current
        raise VersionUnreadable(f"{LOOKUP_ATTEMPTS} versions vanished during one lookup; try again.")

    async def _get(self, *keys: str) -> tuple[str | None, list[bytes | None]]:
        """Return which version is current, None without one, and the keys' values, all read in one round trip."""
        if self._pinned is not None:
            return self._pinned, await self._reader.get(*keys) if keys else []
        pointer, *values = await self._reader.get(self._keys.current, *keys)
        return pointer if pointer is None else pointer.decode(errors="replace"), values


def _decode_head(version: str, manifest_value: bytes, popular_value: bytes) -> PublishedHead:
    try:
        manifest = Manifest.from_json(manifest_value)
        popular = find_list(popular_value, OVERALL)
    except CacheFormatError as error:
        raise VersionUnreadable(f"version {version} cannot be served: {error}") from error
    if popular is None or manifest.version != version:
        raise VersionUnreadable(f"version {version} has no overall list or a foreign manifest; publish again.")
    return PublishedHead(manifest, popular)
