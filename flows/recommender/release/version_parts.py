"""The parts of a version, each a number of keys with encoded values: what is written, read back and compared alike.

In: `PublishedLists`. Out: `Part`s, in the order in which they are written.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np

from recommender.release.published_lists import NamedLists, PublishedLists
from serving.cache.article_facts import encode_articles
from serving.cache.buckets import BucketChunk, bucket_count_for, customer_fingerprints
from serving.cache.contract import BUCKET, PURCHASES, SHOWN, SIMILAR, CacheKeys
from serving.cache.list_buckets import bytes_per_customer, encode_buckets
from serving.cache.purchase_buckets import BYTES_PER_PURCHASE, encode_purchases
from serving.cache.shown_articles import encode_shown, shown_bucket_count

BYTES_PER_KEY = 160  # the name of a bucket's key, with its object and table entry
ALLOCATION_OVERHEAD = 1.25  # the widest step between two size classes of jemalloc


@dataclass(frozen=True)
class Part:
    """One part of a version.

    Attributes:
        name: as in its keys.
        is_numbered: whether its keys have numbers; one that has none is one key.
        keys: how many.
        entries: customers or articles in it.
        packed_bytes: of all values together, or a little more.
        chunks: encodes the values, in order.
    """

    name: str
    is_numbered: bool
    keys: int
    entries: int
    packed_bytes: int
    chunks: Callable[[], Iterator[BucketChunk]]

    def key(self, keys: CacheKeys, version: str, number: int) -> str:
        """Name of one of its keys."""
        return keys.numbered(version, self.name, number) if self.is_numbered else getattr(keys, self.name)(version)


def parts_of(lists: PublishedLists) -> list[Part]:
    """Everything to be written but the manifest, the customers' buckets first."""
    customers, buckets = len(lists.customer_ids), bucket_count_for(len(lists.customer_ids))
    fingerprints = cache(lambda: customer_fingerprints(lists.customer_ids))
    size = customers * bytes_per_customer(lists.lists.numbers.shape[1])
    parts = [_numbered(BUCKET, buckets, customers, size, lambda: encode_buckets(fingerprints(), lists.lists, buckets))]
    if (purchases := lists.purchases) is not None:
        size = customers + BYTES_PER_PURCHASE * int(np.count_nonzero(purchases.numbers))
        encode = lambda: encode_purchases(fingerprints(), purchases, buckets)  # noqa: E731
        parts.append(_numbered(PURCHASES, buckets, customers, size, encode))
    if lists.similar is not None:
        parts.append(_named_lists(SIMILAR, lists.similar))
    if lists.shown is not None:
        keys = shown_bucket_count(len(lists.shown.article_ids))
        chunks = list(encode_shown(lists.shown, keys))
        size = sum(len(value) for chunk in chunks for value in chunk.values)
        parts.append(_numbered(SHOWN, keys, len(lists.shown.article_ids), size, lambda: iter(chunks)))
    popular = lists.popular_by_name()
    (chunk,) = encode_buckets(customer_fingerprints(popular.names), popular.lists, bucket_count=1)
    return [*parts, _one_value("popular", chunk.values[0]), _one_value("articles", encode_articles(lists.articles))]


def _numbered(name: str, keys: int, entries: int, size: int, chunks: Callable[[], Iterator[BucketChunk]]) -> Part:
    return Part(name, True, keys, entries, size, chunks)


def _named_lists(name: str, named: NamedLists) -> Part:
    count, k = named.lists.numbers.shape
    keys = bucket_count_for(count)

    def encode() -> Iterator[BucketChunk]:
        return encode_buckets(customer_fingerprints(named.names), named.lists, keys)

    return _numbered(name, keys, count, count * bytes_per_customer(k), encode)


def _one_value(name: str, value: bytes) -> Part:
    return Part(name, False, 1, 1, len(value), lambda: iter([BucketChunk(0, [value], 1)]))


def estimated_memory_bytes(parts: list[Part]) -> int:
    """Redis memory of a version, on the safe side: packed values plus what keys and the allocator add."""
    keys, packed_bytes = sum(part.keys for part in parts), sum(part.packed_bytes for part in parts)
    return int(packed_bytes * ALLOCATION_OVERHEAD) + keys * BYTES_PER_KEY
