"""What can be asked of a version besides many customers' lists; each reads the pointer and its keys in one round trip.

Stage: between `served_version` and the store. In: ids and names. Out: decoded values.
"""

import asyncio
import logging
from typing import NamedTuple

from serving.cache.buckets import bucket_number, customer_fingerprint
from serving.cache.contract import OVERALL, PURCHASES, SHOWN, SIMILAR, CacheFormatError, CacheKeys, Manifest
from serving.cache.list_buckets import CachedList, Source, find_list, place_of
from serving.cache.purchase_buckets import Purchase, purchases_at
from serving.cache.shown_articles import Shown, find_shown, shown_article_ids
from serving.lookup.served_version import PublishedHead, ServedVersion
from serving.lookup.store_errors import FallbackReason, StoreUnavailable, UnknownArticle
from serving.lookup.variant_versions import VariantVersions

logger = logging.getLogger(__name__)


class FoundList(NamedTuple):
    """A list, and why it is not the one that was asked for."""

    chosen: CachedList
    fallback_reason: FallbackReason | None


def list_or_fallback(head: PublishedHead, customer_id: str, bucket: bytes) -> FoundList:
    """A customer's list in a bucket, or the overall one."""
    try:
        own = find_list(bucket, customer_id)
    except CacheFormatError as error:
        logger.error("version %s: %s", head.manifest.version, error)
        return FoundList(head.popular, FallbackReason.UNREADABLE_LIST)
    if own is None or not own.article_ids:
        return FoundList(head.popular, FallbackReason.UNKNOWN_CUSTOMER)
    return FoundList(own, None if own.source is Source.PERSONAL else FallbackReason.NO_HISTORY)


async def read_customer(
    versions: VariantVersions, keys: CacheKeys, customer_id: str
) -> tuple[str | None, PublishedHead, bytes, tuple[Purchase, ...]]:
    """The variant a customer is served, its head, the bucket of the customer's list, and what the customer bought last.

    Raises:
        StoreUnavailable: no version can be read.
        CacheFormatError: the bucket or the one of purchases is damaged or lost.
    """
    fingerprint = customer_fingerprint(customer_id)

    def wanted(manifest: Manifest) -> list[str]:
        number = bucket_number(fingerprint, manifest.bucket_count)
        purchases = [keys.numbered(manifest.version, PURCHASES, number)] if manifest.keys_of(PURCHASES) else []
        return [keys.bucket(manifest.version, number), *purchases]

    ((variant, _),) = versions.groups([customer_id])
    name, head, (bucket, *purchases) = await versions.read(variant, wanted)
    place = place_of(bucket, customer_id)
    return name, head, bucket, purchases_at(purchases[0], place) if purchases and place is not None else ()


async def find_similar(served: ServedVersion, keys: CacheKeys, article_id: str) -> tuple[Manifest, CachedList]:
    """The list of similar articles of one.

    Raises:
        UnknownArticle: the version has no such list.
        StoreUnavailable: no version can be read.
        CacheFormatError: the bucket is damaged or lost.
    """
    manifest, bucket = await _bucket_of_article(served, keys, SIMILAR, article_id)
    found = None if bucket is None else find_list(bucket, article_id)
    if found is None:
        what = "no similar articles at all" if bucket is None else f"no article {article_id[:20]!r}"
        raise UnknownArticle(f"version {manifest.version} knows {what}; ids are ten digits, leading zeros included.")
    return manifest, found


async def find_popular(served: ServedVersion, keys: CacheKeys, segment: str | None) -> tuple[PublishedHead, FoundList]:
    """The popular list of a segment, or the overall one, as it was read last when no version can be read now.

    Raises:
        StoreUnavailable: no version can be read, and no version ever was.
    """
    try:
        head, (value,) = await served.read(lambda manifest: [keys.popular(manifest.version)])
        found = find_list(value, segment or OVERALL)
    except StoreUnavailable as error:
        if served.known_head is None:
            raise
        return served.known_head, FoundList(served.known_head.popular, error.fallback_reason)
    except CacheFormatError as error:
        logger.error("version %s: %s", head.manifest.version, error)
        return head, FoundList(head.popular, FallbackReason.UNREADABLE_LIST)
    if found is None:
        return head, FoundList(head.popular, FallbackReason.UNKNOWN_SEGMENT)
    return head, FoundList(found, None)


async def find_shown_to(served: ServedVersion, keys: CacheKeys, article_id: str) -> tuple[Manifest, Shown]:
    """To whom an article is recommended, to nobody where the version does not say.

    Raises:
        StoreUnavailable: no version can be read.
        CacheFormatError: the bucket is damaged or lost.
    """
    manifest, bucket = await _bucket_of_article(served, keys, SHOWN, article_id)
    return manifest, (bucket is not None and find_shown(bucket, article_id)) or Shown(0, ())


async def read_recommended_articles(served: ServedVersion, keys: CacheKeys) -> frozenset[str]:
    """The articles in somebody's list, empty where the version does not say.

    Raises:
        StoreUnavailable: no version can be read.
        CacheFormatError: a bucket is damaged or lost.
    """
    _, buckets = await served.read(
        lambda manifest: [keys.numbered(manifest.version, SHOWN, number) for number in range(manifest.keys_of(SHOWN))]
    )
    return await asyncio.to_thread(shown_article_ids, buckets)


async def _bucket_of_article(
    served: ServedVersion, keys: CacheKeys, part: str, article_id: str
) -> tuple[Manifest, bytes | None]:
    """An article's bucket of a part, None where the version does not have the part."""
    fingerprint = customer_fingerprint(article_id)

    def wanted(manifest: Manifest) -> list[str]:
        count = manifest.keys_of(part)
        return [keys.numbered(manifest.version, part, bucket_number(fingerprint, count))] if count else []

    head, values = await served.read(wanted)
    return head.manifest, values[0] if values else None
