"""The version that each customer is served: that of the customer's variant, or the one that the pointer names.

Stage: between versions and the store. In: the variants in Redis, ids. Out: values of the right version. A variant whose
version is gone or cannot be read is as good as ended: its customers are served what everybody is.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Sequence

from serving.cache.contract import CacheFormatError, CacheKeys, Manifest
from serving.cache.variants import Variant, decode_variants, variant_of
from serving.lookup.batched_reader import BatchedReader
from serving.lookup.pinned_reader import PinnedReader
from serving.lookup.served_version import PublishedHead, ServedVersion
from serving.lookup.store_errors import VersionUnreadable

KeysOf = Callable[[Manifest], Sequence[str]]

logger = logging.getLogger(__name__)


class VariantVersions:
    """Reads for customers.

    Args:
        reader: of Redis.
        keys: of the dataset.
        served: the version that the pointer names.

    Attributes:
        variants: those that are served, as `refresh` saw them last.
    """

    def __init__(self, reader: BatchedReader, keys: CacheKeys, served: ServedVersion) -> None:
        self._reader, self._keys, self._served = reader, keys, served
        self._pinned: dict[str, ServedVersion] = {}
        self.variants: tuple[Variant, ...] = ()

    async def refresh(self) -> None:
        """Read which variants there are, and their versions' heads; damaged ones are logged and left out.

        Raises:
            RedisAway: Redis does not answer; the variants stay as they were.
        """
        (value,) = await self._reader.get(self._keys.variants)
        try:
            variants = decode_variants(value)
        except CacheFormatError as error:
            logger.error("%s", error)
            variants = ()
        pinned = {version: await self._opened(version) for version in {each.version for each in variants}}
        self._pinned = {version: opened for version, opened in pinned.items() if opened}
        self.variants = tuple(each for each in variants if each.version in self._pinned)

    def groups(self, customer_ids: Sequence[str]) -> list[tuple[Variant | None, list[int]]]:
        """Return the variants of customers, each with the places of its customers among the ids."""
        if not self.variants:
            return [(None, list(range(len(customer_ids))))]
        places = defaultdict(list)
        for place, customer_id in enumerate(customer_ids):
            places[variant_of(self.variants, customer_id)].append(place)
        return list(places.items())

    async def read(self, variant: Variant | None, keys_of: KeysOf) -> tuple[str | None, PublishedHead, list[bytes]]:
        """Return the name of the variant that is served, and what `ServedVersion.read` does of its version.

        Raises:
            StoreUnavailable: Redis is away, or no readable version is published.
        """
        pinned = self._pinned.get(variant.version) if variant else None
        if pinned:
            try:
                return variant.name, *await pinned.read(keys_of)
            except VersionUnreadable as error:
                logger.error("variant %s: %s", variant.name, error)
        return None, *await self._served.read(keys_of)

    async def _opened(self, version: str) -> ServedVersion | None:
        opened = self._pinned.get(version) or ServedVersion(
            PinnedReader(self._reader, self._keys.current, version), self._keys
        )
        try:
            await opened.head()
        except VersionUnreadable as error:
            logger.error("a variant's version cannot be served: %s", error)
            return None
        return opened
