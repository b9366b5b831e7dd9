"""Look up customers' lists in the version that is served now.

Stage: between Redis and the API. In: an asyncio Redis client and a dataset. Out: `Recommendations`, each wholly
from one version.

A store that has read a version once always answers: while Redis is away, or what it holds cannot be read, everybody
gets the overall list of the version read last, and the answer says so.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import redis.asyncio

from serving.cache.article_facts import ArticleFacts, decode_articles
from serving.cache.buckets import bucket_number, customer_fingerprint
from serving.cache.contract import CacheFormatError, CacheKeys, Manifest
from serving.cache.list_buckets import CachedList
from serving.cache.variants import Variant
from serving.lookup.answers import (
    Explanation,
    Item,
    LastPurchases,
    PopularArticles,
    Recommendations,
    ShownTo,
    SimilarArticles,
    items_at,
)
from serving.lookup.batched_reader import BatchedReader
from serving.lookup.explanation import explained_items, filtered_articles
from serving.lookup.lookup_rules import LookupRules
from serving.lookup.pinned_reader import PinnedReader
from serving.lookup.rule_book import RuleBook
from serving.lookup.served_version import PublishedHead, ServedVersion
from serving.lookup.store_errors import RedisAway, StoreUnavailable
from serving.lookup.variant_versions import VariantVersions
from serving.lookup.version_reads import (
    FoundList,
    find_popular,
    find_shown_to,
    find_similar,
    list_or_fallback,
    read_customer,
    read_recommended_articles,
)

DEFAULT_DEPTH = 12

logger = logging.getLogger(__name__)


class RecommendationStore:
    """Lookups in one dataset.

    Args:
        client: replies must be bytes; its timeouts bound how long a lookup takes.
        dataset: namespace of the keys.
        version: the only one that is looked at, for everybody; by default what is served, variants included.

    Attributes:
        pinned_version: the `version` that was given.
        rules: what `refresh` read last; no rules before the first.
        facts: of the articles of the version that `refresh` saw last.
    """

    def __init__(self, client: redis.asyncio.Redis, dataset: str, version: str | None = None) -> None:
        self._keys = CacheKeys(dataset)
        self.pinned_version = version
        reader = BatchedReader(client)
        self._reader = reader if version is None else PinnedReader(reader, self._keys.current, version)
        self._rule_book = RuleBook(client, dataset)
        self._served = ServedVersion(self._reader, self._keys)
        self._versions = VariantVersions(self._reader, self._keys, self._served)
        self.rules = LookupRules()
        self.facts: Mapping[str, ArticleFacts] = {}
        self._facts_version = ""

    @property
    def is_redis_away(self) -> bool:
        """Whether Redis failed and has not answered since."""
        return self._reader.is_away

    @property
    def variants(self) -> tuple[Variant, ...]:
        """The variants that are served, as `refresh` saw them last."""
        return self._versions.variants

    @property
    def known_head(self) -> PublishedHead | None:
        """Manifest and overall list of the version that was read last; None before the first."""
        return self._served.known_head

    async def head(self) -> PublishedHead:
        """Manifest and overall list of the version that is served now, read from Redis; see `ServedVersion.head`."""
        return await self._served.head()

    async def close(self) -> None:
        """Stop what runs in the background."""
        await self._reader.close()

    async def refresh(self) -> None:
        """Read the served version, its articles, the variants and the rules, so that lookups know them.

        Raises:
            StoreUnavailable: Redis is away, or no readable version is published; the rules are read even so.
        """
        await self._refresh_rules()
        if self.pinned_version is None:
            await self._versions.refresh()
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
        """Return the lists of customers, or the fallback, in their order; those of one variant from one version.

        Args:
            customer_ids: any texts.
            k: most articles wanted, at least 1; an answer never has more than were published.
            is_wanted: leaves out the articles that the caller does not want.

        Raises:
            StoreUnavailable: Redis is away, or no readable version is published, and no version was ever read.
        """
        answers: dict[int, Recommendations] = {}
        try:
            for variant, places in self._versions.groups(customer_ids):
                wanted = partial(self._buckets_of, [customer_ids[place] for place in places])
                name, head, buckets = await self._versions.read(variant, wanted)
                for place, bucket in zip(places, buckets, strict=True):
                    found = list_or_fallback(head, customer_ids[place], bucket)
                    answers[place] = self._answer(head, customer_ids[place], found, k, is_wanted, name)
        except StoreUnavailable as error:
            if self.known_head is None:
                raise
            fallback = FoundList(self.known_head.popular, error.fallback_reason)
            return [self._answer(self.known_head, each, fallback, k, is_wanted) for each in customer_ids]
        return [answers[place] for place in range(len(customer_ids))]

    async def similar(self, article_id: str, k: int = DEFAULT_DEPTH) -> SimilarArticles:
        """Return the articles that are most like one, in the space of the two-tower's candidate tower.

        Raises:
            UnknownArticle: the served version knows no such article.
            StoreUnavailable: Redis is away, or no readable version is published.
        """
        manifest, found = await find_similar(self._served, self._keys, article_id)
        return SimilarArticles(article_id, self._allowed(found, k), *_origin(manifest))

    async def popular(self, segment: str | None = None, k: int = DEFAULT_DEPTH) -> PopularArticles:
        """Return what is bought most in a segment, or by everybody; also where the segment is unknown.

        Raises:
            StoreUnavailable: Redis is away, or no readable version is published, and no version was ever read.
        """
        head, found = await find_popular(self._served, self._keys, segment)
        items, (chosen, fallback_reason) = self._allowed(found.chosen, k), found
        return PopularArticles(
            segment, items, chosen.source, fallback_reason, head.manifest.segments, *_origin(head.manifest)
        )

    async def last_purchases(self, customer_id: str) -> LastPurchases:
        """Return what a customer bought last, newest first; nothing of an unknown customer.

        Raises:
            StoreUnavailable: Redis is away, or no readable version is published.
            CacheFormatError: what lies in Redis is damaged.
        """
        variant, head, _, purchases = await read_customer(self._versions, self._keys, customer_id)
        return LastPurchases(customer_id, purchases, *_origin(head.manifest), variant)

    async def shown_to(self, article_id: str) -> ShownTo:
        """Return to how many customers an article is recommended, and some of them; nobody for one in no list.

        Raises:
            StoreUnavailable: Redis is away, or no readable version is published.
            CacheFormatError: what lies in Redis is damaged.
        """
        manifest, shown = await find_shown_to(self._served, self._keys, article_id)
        return ShownTo(article_id, *shown, *_origin(manifest))

    async def recommended_articles(self) -> frozenset[str]:
        """Return the articles in somebody's list, empty where the version does not say.

        Raises:
            StoreUnavailable: Redis is away, or no readable version is published.
            CacheFormatError: what lies in Redis is damaged.
        """
        return await read_recommended_articles(self._served, self._keys)

    async def explain(self, customer_id: str, k: int = DEFAULT_DEPTH) -> Explanation:
        """Return a customer's list with all that led to it: purchases, places, proposers and what the rules took out.

        Raises:
            StoreUnavailable: Redis is away, or no readable version is published.
            CacheFormatError: what lies in Redis is damaged.
        """
        variant, head, bucket, purchases = await read_customer(self._versions, self._keys, customer_id)
        found = list_or_fallback(head, customer_id, bucket)
        facts = await self.facts_of(head.manifest.version)
        items = explained_items(found.chosen, self.rules, facts, k)
        return Explanation(
            found=Recommendations(
                customer_id,
                tuple(each.item for each in items),
                found.chosen.source,
                found.fallback_reason,
                *_origin(head.manifest),
                variant,
            ),
            items=items,
            filtered=filtered_articles(found.chosen, self.rules, facts),
            purchases=purchases,
            facts=facts,
        )

    async def facts_of(self, version: str) -> Mapping[str, ArticleFacts]:
        """What is known of articles by their ids, as published with a version; empty when the version has gone."""
        return self.facts if version == self._facts_version else await self.articles(version)

    async def articles(self, version: str) -> dict[str, ArticleFacts]:
        """The same, read from Redis; decoded in a thread, beside lookups."""
        (value,) = await self._reader.get(self._keys.articles(version))
        return {} if value is None else await asyncio.to_thread(decode_articles, value)

    def _buckets_of(self, customer_ids: Sequence[str], manifest: Manifest) -> list[str]:
        numbers = (bucket_number(customer_fingerprint(each), manifest.bucket_count) for each in customer_ids)
        return [self._keys.bucket(manifest.version, number) for number in numbers]

    def _allowed(self, chosen: CachedList, k: int) -> tuple[Item, ...]:
        places = self.rules.places_left(chosen.article_ids, self.facts)[:k]
        return items_at(chosen, places)

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
        found: FoundList,
        k: int,
        is_wanted: Callable[[Item], bool] | None,
        variant: str | None = None,
    ) -> Recommendations:
        """Cut a list to what is allowed and wanted, and say where it is from."""
        manifest, (chosen, fallback_reason) = head.manifest, found
        places = self.rules.places_left(chosen.article_ids, self.facts)
        if is_wanted is None:
            items = items_at(chosen, places[:k])
        else:
            items = tuple(filter(is_wanted, items_at(chosen, places)))[:k]
        return Recommendations(
            customer_id=customer_id,
            items=items,
            source=chosen.source,
            fallback_reason=fallback_reason,
            version=manifest.version,
            model=manifest.model,
            generated_at=manifest.created_at,
            variant=variant,
        )


def _origin(manifest: Manifest) -> tuple[str, str, str]:
    """The last fields of every answer: version, model, generated_at."""
    return manifest.version, manifest.model, manifest.created_at
