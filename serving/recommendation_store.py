"""Look up a customer's list in the version that is served now.

Stage: between Redis and the API. In: an asyncio Redis client and a dataset. Out: `Recommendations`, each wholly
from one version.

How versions never mix: a lookup asks for the pointer and for the customer's bucket *of the version it knows* in one
round trip. If the pointer names that version, the bucket is the answer. If it names another one, that one's manifest
is read and its bucket asked for; its answer counts even if the pointer moves again meanwhile, because that version
was the current one during this lookup. A version is not changed once the pointer has named it.
"""

import logging
from dataclasses import dataclass
from enum import StrEnum

import redis.asyncio

from serving.cache_contract import (
    OVERALL,
    CachedList,
    CacheFormatError,
    CacheKeys,
    Manifest,
    Source,
    bucket_number,
    customer_fingerprint,
    decode_names,
    find_list,
)

LOOKUP_ATTEMPTS = 5  # a repetition needs two flips between two reads: then the version is gone

logger = logging.getLogger(__name__)


class StoreUnavailable(Exception):
    """No list can be served at the moment.

    StoreUnavailable
    ├── RedisAway           Redis does not answer
    ├── NothingPublished    the dataset has no version
    └── VersionUnreadable   the pointer names a version that is missing or damaged
    """


class RedisAway(StoreUnavailable):
    """Redis does not answer."""


class NothingPublished(StoreUnavailable):
    """The dataset has no version."""


class VersionUnreadable(StoreUnavailable):
    """The pointer names a version that is missing or damaged."""


class DepthExceeded(ValueError):
    """More articles were asked for than lists were published with."""


class FallbackReason(StrEnum):
    """Why an answer is not the customer's own list."""

    NO_HISTORY = "no_history"
    """The customer is known but has no purchases: the list of the segment, or the overall one without a segment."""
    UNKNOWN_CUSTOMER = "unknown_customer"
    """The customer was not in the published run: the overall list."""
    UNREADABLE_LIST = "unreadable_list"
    """The customer's list is damaged or lost in Redis: the overall list, and an error in the log."""


@dataclass(frozen=True)
class Recommendations:
    """An answer: at most k `(article_id, score)` pairs, best first, all from `version`."""

    customer_id: str
    items: tuple[tuple[str, float], ...]
    source: Source
    fallback_reason: FallbackReason | None
    version: str
    model: str
    generated_at: str


@dataclass(frozen=True)
class PublishedHead:
    """What every lookup of a version shares: its manifest and its overall list."""

    manifest: Manifest
    popular: CachedList


class RecommendationStore:
    """Lookups in one dataset.

    Args:
        client: replies must be bytes; its timeouts bound how long a lookup takes.
        dataset: namespace of the keys.
    """

    def __init__(self, client: redis.asyncio.Redis, dataset: str) -> None:
        self._client = client
        self._keys = CacheKeys(dataset)
        self._known_head: PublishedHead | None = None

    async def lookup(self, customer_id: str, k: int | None = None) -> Recommendations:
        """The list of a customer, or the fallback.

        Args:
            customer_id: any text.
            k: most articles wanted; by default 12, or the published depth where that is less.

        Raises:
            DepthExceeded: k is above the published depth.
            StoreUnavailable: Redis is away, or no readable version is published.
        """
        known = self._known_head
        head = known or await self.head()
        for _ in range(LOOKUP_ATTEMPTS):
            version, bucket = await self._pointer_and_bucket(head.manifest, customer_id)
            was_current = head is not known or version == head.manifest.version
            if was_current and bucket is not None:
                return _answer(head, customer_id, bucket, k)
            current = await self.head()
            if version == head.manifest.version == current.manifest.version:
                return _answer(head, customer_id, b"", k)  # no flip came between: the bucket is lost
            head = current
        raise VersionUnreadable(f"{LOOKUP_ATTEMPTS} versions vanished during one lookup; try again.")

    async def head(self) -> PublishedHead:
        """Manifest and overall list of the version that is served now, read from Redis.

        Raises:
            StoreUnavailable: Redis is away, or no readable version is published.
        """
        for _ in range(LOOKUP_ATTEMPTS):
            version = await self._get(self._keys.current)
            if version is None:
                raise NothingPublished(f"no lists are published for {self._keys.dataset}; `make run` publishes them.")
            values = await self._get_all(self._keys.manifest(version.decode()), self._keys.popular(version.decode()))
            if None not in values:
                self._known_head = _decode_head(version.decode(), *values)
                return self._known_head
        raise VersionUnreadable(
            f"version {version.decode()} is named by the pointer but missing in Redis; publish again, or roll back."
        )

    async def article_names(self, version: str) -> dict[str, str]:
        """Product name by article id, as published with a version; empty when the version has gone."""
        value = await self._get(self._keys.names(version))
        return {} if value is None else decode_names(value)

    async def _pointer_and_bucket(self, manifest: Manifest, customer_id: str) -> tuple[str, bytes | None]:
        number = bucket_number(customer_fingerprint(customer_id), manifest.bucket_count)
        pointer, bucket = await self._get_all(self._keys.current, self._keys.bucket(manifest.version, number))
        return (pointer or b"").decode(), bucket

    async def _get(self, key: str) -> bytes | None:
        return (await self._get_all(key))[0]

    async def _get_all(self, *keys: str) -> list[bytes | None]:
        """Plain GETs in one round trip, in order; not MGET, which a cluster refuses across slots."""
        pipeline = self._client.pipeline(transaction=False)
        for key in keys:
            pipeline.get(key)
        try:
            return await pipeline.execute()
        except (redis.RedisError, OSError) as error:
            raise RedisAway(
                f"Redis does not answer ({error}); start it "
                "(the embedded one with `python -m serving.redis_connection start`)."
            ) from error


def _decode_head(version: str, manifest_value: bytes, popular_value: bytes) -> PublishedHead:
    try:
        manifest = Manifest.from_json(manifest_value)
        popular = find_list(popular_value, OVERALL)
    except CacheFormatError as error:
        raise VersionUnreadable(f"version {version} cannot be served: {error}") from error
    if popular is None or manifest.version != version:
        raise VersionUnreadable(f"version {version} has no overall list or a foreign manifest; publish again.")
    return PublishedHead(manifest, popular)


def _answer(head: PublishedHead, customer_id: str, bucket: bytes, k: int | None) -> Recommendations:
    """Turn the bucket into an answer; a damaged bucket means the overall list."""
    manifest = head.manifest
    wanted = min(12, manifest.k) if k is None else k
    if not 1 <= wanted <= manifest.k:
        raise DepthExceeded(f"k is {wanted}; lists of {manifest.dataset} were published with k = {manifest.k}.")
    found, fallback_reason = _list_or_fallback(head, customer_id, bucket)
    return Recommendations(
        customer_id=customer_id,
        items=tuple(zip(found.article_ids, found.scores, strict=True))[:wanted],
        source=found.source,
        fallback_reason=fallback_reason,
        version=manifest.version,
        model=manifest.model,
        generated_at=manifest.created_at,
    )


def _list_or_fallback(head: PublishedHead, customer_id: str, bucket: bytes) -> tuple[CachedList, FallbackReason | None]:
    try:
        own = find_list(bucket, customer_id)
    except CacheFormatError as error:
        logger.error("version %s: %s", head.manifest.version, error)
        return head.popular, FallbackReason.UNREADABLE_LIST
    if own is None or not own.article_ids:
        return head.popular, FallbackReason.UNKNOWN_CUSTOMER
    return own, None if own.source is Source.PERSONAL else FallbackReason.NO_HISTORY
