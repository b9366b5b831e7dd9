"""What customers bought last, packed into buckets that go with those of their lists.

Stage: codec of `contract`. In: arrays of many customers' purchases. Out: one value per bucket of lists; back: one
customer's purchases, newest first.

Bucket `n` has the customers of bucket `n` of the lists in the same order and repeats no fingerprint: a customer's place
is the one among the lists. Little endian:

    header     see `framed_buckets`: format 1, most purchases of a customer, number of customers
    counts     u8 each: how many purchases a customer has
    articles   u32 article number each, customer by customer, newest first
    days       u16 each, days since 1970-01-01
"""

import struct
from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np

from serving.cache.article_numbers import article_ids_of
from serving.cache.buckets import BucketChunk, row_chunks
from serving.cache.contract import CacheFormatError
from serving.cache.framed_buckets import HEADER_BYTES, BucketFormat

PURCHASES_FORMAT = 1
MAX_PURCHASES = 255
BYTES_PER_PURCHASE = 6
EPOCH = date(1970, 1, 1)


def _size(_: int, customers: int, bucket: bytes) -> int:
    counts = bucket[HEADER_BYTES : HEADER_BYTES + customers]
    return HEADER_BYTES + customers + BYTES_PER_PURCHASE * sum(counts)


_PURCHASES = BucketFormat(PURCHASES_FORMAT, "a bucket of purchases", _size)


class PurchaseArrays(NamedTuple):
    """Purchases as they are encoded, a row for each customer, newest first.

    Attributes:
        numbers: uint32 (n, p) from `article_numbers`, 0 where a customer bought less.
        days: uint16 (n, p), days since 1970-01-01; ignored where the number is 0.
    """

    numbers: np.ndarray
    days: np.ndarray


class Purchase(NamedTuple):
    """An article and the last day on which a customer bought it."""

    article_id: str
    day: date


def check_purchases(purchases: PurchaseArrays, customers: int) -> None:
    """Refuse purchases that the format cannot hold, before anything is written.

    Raises:
        ValueError: wrong shapes, more than 255 purchases of a customer, or a gap among them.
    """
    numbers, days = purchases
    if numbers.ndim != 2 or numbers.shape != days.shape or len(numbers) != customers:
        raise ValueError(
            f"purchases need article numbers and days (n, p) of {customers} customers; "
            f"got {numbers.shape} and {days.shape}."
        )
    if not 1 <= numbers.shape[1] <= MAX_PURCHASES:
        raise ValueError(f"1 to {MAX_PURCHASES} purchases of a customer can be kept; got {numbers.shape[1]}.")
    is_purchase = numbers != 0
    has_gap = (is_purchase[:, 1:] & ~is_purchase[:, :-1]).any(axis=1)
    if has_gap.any():
        raise ValueError(f"customer {has_gap.argmax()} has a purchase after an empty place; fill from the front.")


def encode_purchases(fingerprints: np.ndarray, purchases: PurchaseArrays, bucket_count: int) -> Iterator[BucketChunk]:
    """Pack purchases into the buckets of the same customers' lists.

    Args:
        fingerprints: uint64 (n,) from `customer_fingerprints`, those of the lists.
        purchases: of n customers.
        bucket_count: number of buckets of the lists.
    """
    for first, rows, starts in row_chunks(fingerprints, bucket_count):
        numbers, days = (each[rows] for each in purchases)
        is_purchase = numbers != 0
        counts = is_purchase.sum(axis=1)
        ends = np.concatenate([[0], np.cumsum(counts)])[starts]
        columns = (
            (counts.astype("u1"), starts),
            (numbers[is_purchase].astype("<u4"), ends),
            (days[is_purchase].astype("<u2"), ends),
        )
        yield BucketChunk(first, _PURCHASES.pack(numbers.shape[1], starts, columns), len(rows))


def purchases_at(bucket: bytes, place: int) -> tuple[Purchase, ...]:
    """Return the purchases of the customer at a place of the bucket, see `list_buckets.place_of`.

    Raises:
        CacheFormatError: the bucket is damaged, has another format, or has no such place.
    """
    _, customers = _PURCHASES.check(bucket)
    if place >= customers:
        raise CacheFormatError(f"a bucket of purchases has {customers} customers, so no place {place}; publish again.")
    counts = bucket[HEADER_BYTES : HEADER_BYTES + customers]
    total, before, count = sum(counts), sum(counts[:place]), counts[place]
    articles = HEADER_BYTES + customers
    numbers = struct.unpack_from(f"<{count}I", bucket, articles + 4 * before)
    days = struct.unpack_from(f"<{count}H", bucket, articles + 4 * total + 2 * before)
    bought = zip(article_ids_of(numbers), days, strict=True)
    return tuple(Purchase(article_id, EPOCH + timedelta(day)) for article_id, day in bought)
