"""What customers bought last, packed into buckets that go with those of their lists.

Stage: codec of `contract`. In: arrays of many customers' purchases. Out: one value per bucket of lists; back: one
customer's purchases, newest first.

Bucket `n` has the customers of bucket `n` of the lists in the same order, so that no fingerprint is there twice: who
looks for a customer finds the place among the lists. Little endian:

    header     u8 format (1), u8 most purchases of a customer, u16 number of customers, u32 CRC-32 of all that follows
    counts     u8 each: how many purchases a customer has
    articles   u32 article number each, customer by customer, newest first
    days       u16 each, days since 1970-01-01
"""

import struct
import zlib
from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np

from serving.cache.article_numbers import article_ids_of
from serving.cache.buckets import BucketChunk, row_chunks
from serving.cache.contract import CacheFormatError

PURCHASES_FORMAT = 1
MAX_PURCHASES = 255
BYTES_PER_PURCHASE = 6
EPOCH = date(1970, 1, 1)
_HEADER = struct.Struct("<BBHI")
_CHECKED_HEADER = struct.Struct("<BBH")


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
    """Stop purchases that the format cannot hold before anything is written.

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
        pieces = counts.astype("u1"), numbers[is_purchase].astype("<u4"), days[is_purchase].astype("<u2")
        bounds = starts, ends, ends
        bodies = _bodies(pieces, bounds)
        sizes = np.diff(starts).tolist()
        values = [_with_header(numbers.shape[1], size, body) for size, body in zip(sizes, bodies, strict=True)]
        yield BucketChunk(first, values, len(rows))


def _bodies(pieces: tuple[np.ndarray, ...], bounds: tuple[np.ndarray, ...]) -> Iterator[bytes]:
    """Each bucket's share of every piece, one after the other."""
    encoded = [(each.tobytes(), (each.itemsize * bound).tolist()) for each, bound in zip(pieces, bounds, strict=True)]
    for bucket in range(len(bounds[0]) - 1):
        yield b"".join(text[bound[bucket] : bound[bucket + 1]] for text, bound in encoded)


def _with_header(most: int, customers: int, body: bytes) -> bytes:
    return _HEADER.pack(PURCHASES_FORMAT, most, customers, _checksum(most, customers, body)) + body


def _checksum(most: int, customers: int, body: bytes) -> int:
    return zlib.crc32(body, zlib.crc32(_CHECKED_HEADER.pack(PURCHASES_FORMAT, most, customers)))


def purchases_at(bucket: bytes, place: int) -> tuple[Purchase, ...]:
    """The purchases of the customer at a place among those of the bucket, see `list_buckets.place_of`.

    Raises:
        CacheFormatError: the bucket is damaged, has another format, or has no such place.
    """
    customers = _check_bucket(bucket)
    if place >= customers:
        raise CacheFormatError(f"a bucket of purchases has {customers} customers, none at {place}; publish again.")
    counts = bucket[_HEADER.size : _HEADER.size + customers]
    total, before, count = sum(counts), sum(counts[:place]), counts[place]
    articles = _HEADER.size + customers
    numbers = struct.unpack_from(f"<{count}I", bucket, articles + 4 * before)
    days = struct.unpack_from(f"<{count}H", bucket, articles + 4 * total + 2 * before)
    bought = zip(article_ids_of(numbers), days, strict=True)
    return tuple(Purchase(article_id, EPOCH + timedelta(day)) for article_id, day in bought)


def _check_bucket(bucket: bytes) -> int:
    """Number of customers of a sound bucket."""
    if len(bucket) < _HEADER.size:
        raise CacheFormatError(f"a bucket of purchases has {len(bucket)} bytes, less than its header; publish again.")
    bucket_format, most, customers, checksum = _HEADER.unpack_from(bucket)
    if bucket_format != PURCHASES_FORMAT:
        raise CacheFormatError(
            f"a bucket of purchases has format {bucket_format}, this code reads {PURCHASES_FORMAT}; publish again."
        )
    body = bucket[_HEADER.size :]
    size = customers + BYTES_PER_PURCHASE * sum(body[:customers])
    if len(body) != size or _checksum(most, customers, body) != checksum:
        raise CacheFormatError(f"a bucket of purchases of {len(bucket)} bytes is damaged; publish again.")
    return customers
