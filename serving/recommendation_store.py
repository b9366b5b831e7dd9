"""Look up customers' lists in the version that is served now.

Stage: between Redis and the API. In: an asyncio Redis client and a dataset. Out: `Recommendations`, each wholly
from one version.

How versions never mix: a lookup asks for the pointer and for the customers' buckets *of the version it knows* in one
round trip. If the pointer names that version, the buckets are the answer. If it names another one, that one's manifest
is read and its buckets asked for; their answer counts even if the pointer moves again meanwhile, because that version
was the current one during this lookup. A version is not changed once the pointer has named it.

A store that has read a version once always answers: while Redis is away, or what it holds cannot be read, everybody
gets the overall list of the version read last, and the answer says so.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import redis.asyncio

from serving.article_facts import ArticleFacts, decode_articles
from serving.batched_reader import BatchedReader
from serving.buckets import bucket_number, customer_fingerprint
from serving.cache_contract import OVERALL, CacheFormatError, CacheKeys, Manifest
from serving.list_buckets import CachedList, Source, find_list
from serving.lookup_rules import LookupRules
from serving.reasons import Reason, reason_of
from serving.rule_book import RuleBook
from serving.store_errors import (
    FallbackReason,
    NothingPublished,
    RedisAway,
    StoreUnavailable,
    VersionUnreadable,
)

DEFAULT_DEPTH = 12
LOOKUP_ATTEMPTS = 5  # a repetition needs two flips between two reads: then the version is gone

logger = logging.getLogger(__name__)


class Item(NamedTuple):
    """One article of an answer."""

    article_id: str
    score: float
    reason: Reason


@dataclass(frozen=True)
class Recommendations:
    """An answer: at most k articles, best first, all from `version`."""

    customer_id: str
    items: tuple[Item, ...]
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

    Attributes:
        known_head: of the version that was read last; None before the first.
        rules: what `refresh` read last; none before the first.
        facts: of the articles of the version that `refresh` saw last.
    """

    def __init__(self, client: redis.asyncio.Redis, dataset: str) -> None:
        self._reader = BatchedReader(client)
        self._rule_book = RuleBook(client, dataset)
        self._keys = CacheKeys(dataset)
        self.known_head: PublishedHead | None = None
        self.rules = LookupRules()
        self.facts: Mapping[str, ArticleFacts] = {}
        self._facts_version = ""

    @property
    def is_redis_away(self) -> bool:
        """Whether Redis failed and has not answered since."""
        return self._reader.is_away

    async def close(self) -> None:
        """Stop what runs in the background."""
        await self._reader.close()

    async def refresh(self) -> None:
        """Read the served version, its articles and the rules, so that lookups know them.

        Raises:
            StoreUnavailable: Redis is away, or no readable version is published; the rules are read even so.
        """
        await self._refresh_rules()
        version = (await self.head()).manifest.version
        if version != self._facts_version:
            self.facts = await self.articles(version)
            self._facts_version = version

    async def lookup(
        self, customer_id: str, k: int = DEFAULT_DEPTH, is_wanted: Callable[[Item], bool] | None = None
    ) -> Recommendations:
        """Return the list of a customer, or the fallback; see `lookup_many`."""
        (found,) = await self.lookup_many([customer_id], k, is_wanted)
        return found

    async def lookup_many(
        self, customer_ids: Sequence[str], k: int = DEFAULT_DEPTH, is_wanted: Callable[[Item], bool] | None = None
    ) -> list[Recommendations]:
        """Return the lists of customers, or the fallback, in their order and all from one version.

        Args:
            customer_ids: any texts.
            k: most articles wanted, at least 1; an answer never has more than were published.
            is_wanted: leaves out the articles that the caller does not want.

        Raises:
            StoreUnavailable: Redis is away, or no readable version is published, and none was ever read.
        """
        try:
            head, buckets = await self._head_and_buckets(customer_ids)
        except StoreUnavailable as error:
            if self.known_head is None:
                raise
            fallback = self.known_head.popular, error.fallback_reason
            return [self._answer(self.known_head, each, fallback, k, is_wanted) for each in customer_ids]
        return [
            self._answer(head, customer_id, _list_or_fallback(head, customer_id, bucket), k, is_wanted)
            for customer_id, bucket in zip(customer_ids, buckets, strict=True)
        ]

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

    async def articles(self, version: str) -> dict[str, ArticleFacts]:
        """What is known of articles by their ids, as published with a version; empty when the version has gone."""
        (value,) = await self._reader.get(self._keys.articles(version))
        return {} if value is None else decode_articles(value)

    async def _refresh_rules(self) -> None:
        """Read the rules; the last readable ones stay while Redis is away or theirs are damaged."""
        try:
            self.rules = await self._rule_book.read()
            self._reader.redis_has_answered()
        except (RedisAway, CacheFormatError) as error:
            logger.error("the rules cannot be read, those read last still hold: %s", error)

    def _answer(
        self,
        head: PublishedHead,
        customer_id: str,
        found: tuple[CachedList, FallbackReason | None],
        k: int,
        is_wanted: Callable[[Item], bool] | None,
    ) -> Recommendations:
        """Cut a list to what is allowed and wanted, and say where it is from."""
        manifest, (chosen, fallback_reason) = head.manifest, found
        places = self.rules.places_left(chosen.article_ids, self.facts)
        allowed = (_item(chosen, place) for place in places)
        return Recommendations(
            customer_id=customer_id,
            items=tuple(islice(allowed if is_wanted is None else filter(is_wanted, allowed), k)),
            source=chosen.source,
            fallback_reason=fallback_reason,
            version=manifest.version,
            model=manifest.model,
            generated_at=manifest.created_at,
        )

    async def _head_and_buckets(self, customer_ids: Sequence[str]) -> tuple[PublishedHead, list[bytes]]:
        """Return a version that is current during this call, and the customers' buckets, empty where one is lost."""
        known = self.known_head
        head = known or await self.head()
        for _ in range(LOOKUP_ATTEMPTS):
            version, buckets = await self._pointer_and_buckets(head.manifest, customer_ids)
            was_current = head is not known or version == head.manifest.version
            if was_current and None not in buckets:
                return head, buckets
            current = await self.head()
            if version == head.manifest.version == current.manifest.version:  # no flip came between: a bucket is lost
                return head, [bucket or b"" for bucket in buckets]
            head = current
        raise VersionUnreadable(f"{LOOKUP_ATTEMPTS} versions vanished during one lookup; try again.")

    async def _pointer_and_buckets(
        self, manifest: Manifest, customer_ids: Sequence[str]
    ) -> tuple[str, list[bytes | None]]:
        numbers = (bucket_number(customer_fingerprint(each), manifest.bucket_count) for each in customer_ids)
        buckets = (self._keys.bucket(manifest.version, number) for number in numbers)
        pointer, *values = await self._reader.get(self._keys.current, *buckets)
        return (pointer or b"").decode(errors="replace"), values


def _decode_head(version: str, manifest_value: bytes, popular_value: bytes) -> PublishedHead:
    try:
        manifest = Manifest.from_json(manifest_value)
        popular = find_list(popular_value, OVERALL)
    except CacheFormatError as error:
        raise VersionUnreadable(f"version {version} cannot be served: {error}") from error
    if popular is None or manifest.version != version:
        raise VersionUnreadable(f"version {version} has no overall list or a foreign manifest; publish again.")
    return PublishedHead(manifest, popular)


def _item(chosen: CachedList, place: int) -> Item:
    score = float(f"{chosen.scores[place]:.4g}")  # a cached score holds hardly four digits
    return Item(chosen.article_ids[place], score, reason_of(chosen.proposers[place], chosen.source))


def _list_or_fallback(head: PublishedHead, customer_id: str, bucket: bytes) -> tuple[CachedList, FallbackReason | None]:
    try:
        own = find_list(bucket, customer_id)
    except CacheFormatError as error:
        logger.error("version %s: %s", head.manifest.version, error)
        return head.popular, FallbackReason.UNREADABLE_LIST
    if own is None or not own.article_ids:
        return head.popular, FallbackReason.UNKNOWN_CUSTOMER
    return own, None if own.source is Source.PERSONAL else FallbackReason.NO_HISTORY
