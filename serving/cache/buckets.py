"""In which bucket of a version an entry lies, and in which order: by a hash of the customer id, or of another name.

Stage: codec of `contract`. In: names. Out: fingerprints, bucket numbers and the rows of consecutive buckets.
"""

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import NamedTuple

import numpy as np

CUSTOMERS_PER_BUCKET = 32
BUCKETS_PER_CHUNK = 1_024


class BucketChunk(NamedTuple):
    """Consecutive encoded buckets from number `first_bucket` on, which hold `entries` entries together."""

    first_bucket: int
    values: list[bytes]
    entries: int


def bucket_count_for(customers: int) -> int:
    """Number of buckets for a number of customers, at least 1."""
    return max(1, -(-customers // CUSTOMERS_PER_BUCKET))


def fingerprint_bytes(customer_id: str) -> bytes:
    """The 64 bits that stand for a customer in Redis, little endian; stable across processes and machines."""
    return blake2b(customer_id.encode(), digest_size=8).digest()


def customer_fingerprint(customer_id: str) -> int:
    """The fingerprint of a customer as a number."""
    return int.from_bytes(fingerprint_bytes(customer_id), "little")


def customer_fingerprints(customer_ids: Sequence[str] | np.ndarray) -> np.ndarray:
    """`customer_fingerprint` of many ids, as uint64 (n,)."""
    names = customer_ids.tolist() if isinstance(customer_ids, np.ndarray) else customer_ids
    return np.frombuffer(b"".join(map(fingerprint_bytes, names)), dtype="<u8")


def bucket_number(name: str, bucket_count: int) -> int:
    """Bucket of an entry: the upper 32 bits of its fingerprint scaled to `[0, bucket_count)`, so in hash order."""
    return ((customer_fingerprint(name) >> 32) * bucket_count) >> 32


def row_chunks(fingerprints: np.ndarray, bucket_count: int) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Lay entries out in all buckets `0 .. bucket_count - 1`, some of them at a time, empty ones included.

    Args:
        fingerprints: uint64 (n,) from `customer_fingerprints`.
        bucket_count: number of buckets.

    Yields:
        The number of a first bucket; the rows of the entries in it and the buckets after it, in the order of their
        fingerprints; where each of these buckets starts among the rows, and where the last one ends.

    Raises:
        ValueError: two entries have one fingerprint.
    """
    order = np.argsort(fingerprints)
    ordered = fingerprints[order]
    is_repeated = ordered[1:] == ordered[:-1]
    if is_repeated.any():
        first, second = sorted(order[np.flatnonzero(is_repeated)[0] :][:2].tolist())
        raise ValueError(f"lists {first} and {second} belong to the same customer id; publish one list per customer.")
    bucket_of_row = ((ordered >> np.uint64(32)) * np.uint64(bucket_count)) >> np.uint64(32)
    starts = np.searchsorted(bucket_of_row, np.arange(bucket_count + 1, dtype=np.uint64))
    for first in range(0, bucket_count, BUCKETS_PER_CHUNK):
        chunk_starts = starts[first : first + BUCKETS_PER_CHUNK + 1]
        yield first, order[chunk_starts[0] : chunk_starts[-1]], chunk_starts - chunk_starts[0]
