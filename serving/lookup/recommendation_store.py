"""Look up customers' lists in the version that is served now.

Stage: between Redis and the API. In: an asyncio Redis client and a dataset. Out: `Recommendations`, each wholly
from one version.

A store that has read a version once always answers: while Redis is away, or what it holds cannot be read, everybody
gets the overall list of the version read last, and the answer says so.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import redis.asyncio

from serving.cache.article_facts import ArticleFacts, decode_articles
from serving.cache.contract import BUCKET, PURCHASES, CacheKeys, Manifest
from serving.cache.list_buckets import CachedList, place_of
from serving.cache.purchase_buckets import Purchase, purchases_at
from serving.cache.variants import Variant
from serving.lookup.answers import DEFAULT_DEPTH, Explanation, Recommendations
from serving.lookup.article_lists import ArticleLists
from serving.lookup.batched_reader import BatchedReader
from serving.lookup.catalogue import Catalogue
from serving.lookup.key_watch import KeyWatch
from serving.lookup.ongoing_work import OngoingWork
from serving.lookup.rule_book import RuleBook
from serving.lookup.rule_watch import RuleWatch
from serving.lookup.served_version import FoundList, PublishedHead, ServedVersion
from serving.lookup.store_errors import RedisAway, RulesTrouble, StoreUnavailable
from serving.lookup.variant_versions import VariantVersions
from serving.lookup.wanted import EmptyReason, Wanted

logger = logging.getLogger(__name__)


class RecommendationStore:
    """Lookups in one dataset.

    Args:
        client: replies must be bytes; its timeouts bound how long a lookup takes.
        dataset: namespace of the keys.
        version: the only one that is read, for all customers; by default what is served, variants included.

    Attributes:
        pinned_version: the `version` that was given.
        catalogue: rules and facts of articles, as `refresh` read them last; empty before.
        article_lists: lookups of articles.
    """

    def __init__(self, client: redis.asyncio.Redis, dataset: str, version: str | None = None) -> None:
        self.pinned_version = version
        self._keys = CacheKeys(dataset)
        self._reader = BatchedReader(client)
        self._rules = RuleWatch(RuleBook(client, dataset))
        self._key_watch = KeyWatch(client, self._keys)
        self._served = ServedVersion(self._reader, self._keys, version)
        self._versions = VariantVersions(self._reader, self._keys, self._served)
        self._adoption = OngoingWork()
        self.catalogue = Catalogue()
        self.article_lists = ArticleLists(self._served, self._keys, self.catalogue)

    @property
    def is_redis_away(self) -> bool:
        """Whether Redis failed and has not answered since."""
        return self._reader.is_away

    @property
    def rules_trouble(self) -> RulesTrouble | None:
        """What is wrong with the rules, None if nothing is."""
        return self._rules.trouble

    @property
    def missing_keys(self) -> int:
        """How many keys of the served version are known to be missing in Redis."""
        return len(self._key_watch.missing)

    @property
    def has_popular_articles(self) -> bool:
        """Whether any article of the overall list is left by the rules."""
        head = self.known_head
        return head is None or bool(self.catalogue.items(head.popular, 1))

    @property
    def variants(self) -> tuple[Variant, ...]:
        """The variants that are served, as `refresh` saw them last."""
        return self._versions.variants

    @property
    def known_head(self) -> PublishedHead | None:
        """Manifest and overall list of the version that was read last; None before the first."""
        return self._served.known_head

    async def head(self) -> PublishedHead:
        """Read manifest and overall list of the version that is served now; see `ServedVersion.head`."""
        return await self._served.head()

    async def close(self) -> None:
        """Stop what runs in the background."""
        await self._adoption.close()
        await self._rules.close()
        await self._reader.close()

    async def refresh(self) -> None:
        """Read the served version, its articles, the variants and the rules, so that lookups know them.

        What takes long goes on when the caller is cancelled, and the next refresh finds it done.

        Raises:
            StoreUnavailable: Redis is away, or no readable version is published; the rules are read even so.
            CacheFormatError: the facts of the version's articles are damaged.
        """
        await self._refresh_rules()
        if self.pinned_version is None:
            await self._versions.refresh()
        manifest = (await self.head()).manifest
        if manifest.version != self.catalogue.version:
            await self._adoption.run(partial(self._adopt_facts, manifest.version))
        await self._key_watch.look(manifest)

    async def lookup(self, customer_id: str, k: int = DEFAULT_DEPTH, wanted: Wanted | None = None) -> Recommendations:
        """Return the list of a customer, or the fallback; see `lookup_many`."""
        (found,) = await self.lookup_many([customer_id], k, wanted)
        return found

    async def lookup_many(
        self, customer_ids: Sequence[str], k: int = DEFAULT_DEPTH, wanted: Wanted | None = None
    ) -> list[Recommendations]:
        """Return the lists of customers, or the fallback, in their order; those of one variant from one version.

        Args:
            customer_ids: any texts.
            k: most articles wanted, at least 1; an answer never has more than were published.
            wanted: leaves out the articles that the caller does not want.

        Raises:
            StoreUnavailable: Redis is away, or no readable version is published, and no version was ever read.
        """
        answers: dict[int, Recommendations] = {}
        try:
            for variant, places in self._versions.groups(customer_ids):
                buckets_of = partial(self._buckets_of, [customer_ids[place] for place in places])
                name, head, buckets = await self._versions.read(variant, buckets_of)
                for place, bucket in zip(places, buckets, strict=True):
                    found = head.list_of_customer(bucket, customer_ids[place])
                    answers[place] = self._answer(head, customer_ids[place], found, k, wanted, name)
        except StoreUnavailable as error:
            head = self.known_head
            if head is None:
                raise
            fallback = head.overall(error.fallback_reason)
            return [self._answer(head, each, fallback, k, wanted) for each in customer_ids]
        return [answers[place] for place in range(len(customer_ids))]

    async def explain(self, customer_id: str, k: int = DEFAULT_DEPTH) -> Explanation:
        """Return a customer's list with purchases, places, proposers and what the rules took out.

        Raises:
            StoreUnavailable: Redis is away, or no readable version is published.
            CacheFormatError: what Redis holds is damaged.
        """
        variant, head, bucket, purchases = await self._read_customer(customer_id)
        chosen, fallback_reason = head.list_of_customer(bucket, customer_id)
        version = head.manifest.version
        catalogue = replace(self.catalogue, facts=await self._facts_of(version), version=version)
        explained = catalogue.explained(chosen, k)
        items = tuple(each.item for each in explained)
        return Explanation(
            found=Recommendations(customer_id, items, chosen.source, fallback_reason, *head.origin, variant),
            items=explained,
            filtered=catalogue.filtered(chosen),
            purchases=purchases,
            facts=catalogue.facts,
        )

    def _buckets_of(self, customer_ids: Sequence[str], manifest: Manifest) -> list[str]:
        return [self._keys.bucket_of(manifest, BUCKET, each) for each in customer_ids]

    def _answer(
        self,
        head: PublishedHead,
        customer_id: str,
        found: FoundList,
        k: int,
        wanted: Wanted | None,
        variant: str | None = None,
    ) -> Recommendations:
        """Cut a list to k articles that are allowed and wanted, and add where it is from."""
        chosen, fallback_reason = found
        items = self.catalogue.items(chosen, k, wanted)
        why = None if items else self._why_empty(chosen, wanted)
        return Recommendations(customer_id, items, chosen.source, fallback_reason, *head.origin, variant, why)

    def _why_empty(self, chosen: CachedList, wanted: Wanted | None) -> EmptyReason:
        is_left = wanted is not None and len(self.catalogue.places_left(chosen.article_ids)) > 0
        return wanted.why_nothing if is_left else EmptyReason.ALL_BARRED

    async def _read_customer(self, customer_id: str) -> tuple[str | None, PublishedHead, bytes, tuple[Purchase, ...]]:
        """Read the name of a customer's variant, its version's head, the bucket of the list, and the last purchases."""

        def buckets_of_customer(manifest: Manifest) -> list[str]:
            parts = [part for part in (BUCKET, PURCHASES) if manifest.keys_of(part)]
            return [self._keys.bucket_of(manifest, part, customer_id) for part in parts]

        ((variant, _),) = self._versions.groups([customer_id])
        name, head, (bucket, *purchases) = await self._versions.read(variant, buckets_of_customer)
        place = place_of(bucket, customer_id)
        return name, head, bucket, purchases_at(purchases[0], place) if purchases and place is not None else ()

    async def _adopt_facts(self, version: str) -> None:
        """Make the facts of a version those of the catalogue, all at once."""
        if version == self.catalogue.version:  # whoever waited before had no time left
            return
        facts = await self._read_facts(version)
        departments = await asyncio.to_thread(_departments, facts)
        self.catalogue.facts, self.catalogue.departments, self.catalogue.version = facts, departments, version

    async def _facts_of(self, version: str) -> Mapping[str, ArticleFacts]:
        return self.catalogue.facts if version == self.catalogue.version else await self._read_facts(version)

    async def _read_facts(self, version: str) -> dict[str, ArticleFacts]:
        """Read the facts of a version's articles, empty when the version is gone; decode them beside lookups."""
        (value,) = await self._reader.get(self._keys.articles(version))
        return {} if value is None else await asyncio.to_thread(decode_articles, value)

    async def _refresh_rules(self) -> None:
        """Read the rules if they have changed; those read last stay while Redis is away."""
        try:
            await self._rules.refresh()
            self.catalogue.rules = self._rules.rules
            self._reader.redis_has_answered()
        except RedisAway as error:
            logger.error("the rules cannot be read; those read last still hold: %s", error)


def _departments(facts: Mapping[str, ArticleFacts]) -> dict[str, int]:
    """Return how many articles each department has, by its name."""
    return dict(sorted(Counter(each.department for each in facts.values() if each.department).items()))
