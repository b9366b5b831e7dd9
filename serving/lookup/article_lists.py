"""Look up articles: what is similar to one, what is popular in a segment, who is recommended one.

Stage: between versions and the API. In: article ids and names of segments. Out: answers, each wholly from the version
that is served.
"""

import asyncio

from serving.cache.contract import OVERALL, SHOWN, SIMILAR, CacheKeys, Manifest
from serving.cache.list_buckets import find_list
from serving.cache.shown_articles import Shown, find_shown, shown_article_ids
from serving.lookup.answers import DEFAULT_DEPTH, PopularArticles, ShownTo, SimilarArticles
from serving.lookup.catalogue import Catalogue
from serving.lookup.served_version import FoundList, PublishedHead, ServedVersion
from serving.lookup.store_errors import StoreUnavailable, UnknownArticle


class ArticleLists:
    """Lookups of articles in one dataset.

    Args:
        served: the version that is read.
        keys: of the dataset.
        catalogue: says which articles may be shown.
    """

    def __init__(self, served: ServedVersion, keys: CacheKeys, catalogue: Catalogue) -> None:
        self._served, self._keys, self._catalogue = served, keys, catalogue

    async def similar(self, article_id: str, k: int = DEFAULT_DEPTH) -> SimilarArticles:
        """Return the articles that are most like one, in the space of the two-tower's candidate tower.

        Raises:
            UnknownArticle: the served version does not know the article.
            StoreUnavailable: Redis is away, or no readable version is published.
            CacheFormatError: the list is damaged or lost in Redis.
        """
        head, bucket = await self._read_bucket(SIMILAR, article_id)
        found = None if bucket is None else find_list(bucket, article_id)
        if found is None:
            what = "no similar articles at all" if bucket is None else f"no article {article_id[:20]!r}"
            raise UnknownArticle(
                f"version {head.manifest.version} knows {what}; ids are ten digits, leading zeros included."
            )
        return SimilarArticles(article_id, self._catalogue.items(found, k), *head.origin)

    async def popular(self, segment: str | None = None, k: int = DEFAULT_DEPTH) -> PopularArticles:
        """Return what a segment buys most; without a segment, or for an unknown one, what everybody buys most.

        Raises:
            StoreUnavailable: Redis is away, or no readable version is published, and none was ever read.
        """
        head, (chosen, fallback_reason) = await self._find_popular(segment)
        items, segments = self._catalogue.items(chosen, k), head.manifest.segments
        return PopularArticles(segment, items, chosen.source, fallback_reason, segments, *head.origin)

    async def shown_to(self, article_id: str) -> ShownTo:
        """Return how many customers are recommended an article, and some of them.

        Raises:
            StoreUnavailable: Redis is away, or no readable version is published.
            CacheFormatError: what Redis holds is damaged.
        """
        head, bucket = await self._read_bucket(SHOWN, article_id)
        shown = None if bucket is None else find_shown(bucket, article_id)
        return ShownTo(article_id, *(shown or Shown(0, ())), *head.origin)

    async def recommended(self) -> frozenset[str]:
        """Return the articles that are in any customer's list; empty where the version does not say.

        Raises:
            StoreUnavailable: Redis is away, or no readable version is published.
            CacheFormatError: what Redis holds is damaged.
        """

        def all_buckets(manifest: Manifest) -> list[str]:
            numbers = range(manifest.keys_of(SHOWN))
            return [self._keys.numbered(manifest.version, SHOWN, number) for number in numbers]

        _, buckets = await self._served.read(all_buckets)
        return await asyncio.to_thread(shown_article_ids, buckets)

    async def _find_popular(self, segment: str | None) -> tuple[PublishedHead, FoundList]:
        """Find a popular list in the served version, or in the one read last while none can be read."""
        try:
            head, (bucket,) = await self._served.read(lambda manifest: [self._keys.popular(manifest.version)])
        except StoreUnavailable as error:
            head = self._served.known_head
            if head is None:
                raise
            return head, head.overall(error.fallback_reason)
        return head, head.list_of_segment(bucket, segment or OVERALL)

    async def _read_bucket(self, part: str, article_id: str) -> tuple[PublishedHead, bytes | None]:
        """Read an article's bucket of a part, None where the version lacks the part."""

        def bucket_of_article(manifest: Manifest) -> list[str]:
            return [self._keys.bucket_of(manifest, part, article_id)] if manifest.keys_of(part) else []

        head, buckets = await self._served.read(bucket_of_article)
        return head, buckets[0] if buckets else None
