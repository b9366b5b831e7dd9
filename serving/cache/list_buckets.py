"""Lists of articles packed into buckets, by customer id or by any other name.

Stage: codec of `contract`. In: arrays of many lists. Out: one value per bucket; back: one list by its name.

One bucket, little endian, for lists of at most `k` articles:

    header     see `framed_buckets`: format 2, k, number of lists
    customers  u64 fingerprint each, ascending (BLAKE2b-64 of the customer id in UTF-8)
    lists      in the same order: u8 source, u8 count, k x u32 article number, k x f16 score, k x u8 proposers

An article number is that of `article_numbers`. A score is a half-precision float: 11 significant bits, at most 65,504,
read in four digits; the order of a list is kept by position. The bits of `proposers` say which generators proposed the
article, see `Proposer`; where lists are not made by stages, only whether the customer bought it before.
"""

import struct
from collections.abc import Iterator
from enum import IntEnum, IntFlag
from typing import NamedTuple

import numpy as np

from serving.cache.article_numbers import article_ids_of
from serving.cache.buckets import BucketChunk, fingerprint_bytes, row_chunks
from serving.cache.contract import FORMAT, CacheFormatError
from serving.cache.framed_buckets import HEADER_BYTES, BucketFormat

MAX_DEPTH = 255
MAX_SCORE = 65_504.0  # the largest half-precision float

ROWS_AT_A_TIME = 2**15  # that are checked: to get memory for all at once would take longer than the checks
_LISTS = BucketFormat(FORMAT, "a bucket of lists", lambda k, count, _: HEADER_BYTES + count * bytes_per_customer(k))
_SCORES = tuple(float(f"{score:.4g}") for score in np.arange(2**16, dtype="<u2").view("<f2").tolist())
"""Every half-precision float by its bits, rounded: a lookup needs dozens, and rounding one takes longer."""


class Source(IntEnum):
    """Where a list came from."""

    PERSONAL = 1
    SEGMENT = 2
    POPULAR = 3
    SIMILAR = 4
    """Of articles that are similar to one; not a list of a customer."""


_SOURCES = {source.value: source for source in Source}  # calling an enum takes ten times as long


class Proposer(IntFlag):
    """Which generators of candidates proposed an article."""

    TWO_TOWER = 1
    OWN = 2
    """The customer bought it before: set for every such article, whoever proposed it."""
    EASE = 4
    ITEM_KNN = 8
    LAST_BASKET = 16
    RISING = 32
    POPULAR = 64
    FRESH = 128


class CachedList(NamedTuple):
    """One decoded list: `article_ids`, `scores` and `proposers` have the same length, at most the published depth."""

    source: Source
    article_ids: tuple[str, ...]
    scores: tuple[float, ...]
    proposers: tuple[int, ...]


class ListArrays(NamedTuple):
    """Lists as they are encoded, one row each.

    Attributes:
        numbers: uint32 (n, k) from `article_numbers`, 0 where a list is shorter than k.
        scores: float32 (n, k), at most 65,504 in size; ignored where the number is 0.
        sources: uint8 (n,), values of `Source`.
        proposers: uint8 (n, k), bits of `Proposer`; ignored where the number is 0.
    """

    numbers: np.ndarray
    scores: np.ndarray
    sources: np.ndarray
    proposers: np.ndarray


def bytes_per_customer(k: int) -> int:
    """Packed bytes of one list and its fingerprint: 94 at k = 12."""
    return 8 + _list_bytes(k)


def check_lists(lists: ListArrays) -> None:
    """Refuse lists that the format cannot hold, before anything is written.

    Raises:
        ValueError: wrong shapes, more than 255 articles, a gap inside a list, a score that is not finite or too
            large, an unknown source.
    """
    numbers, scores, sources, proposers = lists
    shape = numbers.shape
    if numbers.ndim != 2 or scores.shape != shape or proposers.shape != shape or sources.shape != shape[:1]:
        raise ValueError(
            "lists need article numbers (n, k), scores (n, k), sources (n,) and proposers (n, k); "
            f"got {shape}, {scores.shape}, {sources.shape} and {proposers.shape}."
        )
    if not 1 <= numbers.shape[1] <= MAX_DEPTH:
        raise ValueError(f"lists must hold 1 to {MAX_DEPTH} articles; got {numbers.shape[1]}.")
    for first in range(0, len(numbers), ROWS_AT_A_TIME):
        _check_rows(first, numbers[first : first + ROWS_AT_A_TIME], scores[first : first + ROWS_AT_A_TIME])
    is_known_source = np.isin(sources, [source.value for source in Source])
    if not is_known_source.all():
        raise ValueError(f"source {sources[~is_known_source][0]} is unknown; use the values of Source.")


def _check_rows(first: int, numbers: np.ndarray, scores: np.ndarray) -> None:
    is_article = numbers != 0
    is_after_gap = is_article[:, 1:] & ~is_article[:, :-1]
    if is_after_gap.any():
        row = first + is_after_gap.any(axis=1).argmax()
        raise ValueError(f"list {row} has an article after an empty place; fill lists from the front.")
    is_bad_score = is_article & ~(np.abs(scores) <= MAX_SCORE)
    if is_bad_score.any():
        row = is_bad_score.any(axis=1).argmax()
        raise ValueError(
            f"list {first + row} has a score that is not finite or beyond {MAX_SCORE:,.0f}: {scores[row]}."
        )


def encode_buckets(fingerprints: np.ndarray, lists: ListArrays, bucket_count: int) -> Iterator[BucketChunk]:
    """Pack lists into all buckets `0 .. bucket_count - 1` in order, empty ones included.

    Args:
        fingerprints: uint64 (n,) from `customer_fingerprints`.
        lists: n of them that have passed `check_lists`.
        bucket_count: number of buckets, see `bucket_count_for`.

    Raises:
        ValueError: two lists have one fingerprint (a customer id given twice).
    """
    for first, rows, starts in row_chunks(fingerprints, bucket_count):
        entries = _entries(ListArrays(*(each[rows] for each in lists)))
        columns = (fingerprints[rows].astype("<u8"), starts), (entries, starts)
        yield BucketChunk(first, _LISTS.pack(lists.numbers.shape[1], starts, columns), len(rows))


def _entries(lists: ListArrays) -> np.ndarray:
    """Lists as packed records, (n,) of `_entry_type(k)`."""
    is_article = lists.numbers != 0
    entries = np.zeros(len(is_article), dtype=_entry_type(is_article.shape[1]))
    entries["source"] = lists.sources
    entries["count"] = is_article.sum(axis=1)
    entries["articles"] = lists.numbers
    entries["scores"] = np.where(is_article, lists.scores, 0)
    entries["proposers"] = np.where(is_article, lists.proposers, 0)
    return entries


def _list_bytes(k: int) -> int:
    return 2 + 7 * k


def _entry_type(k: int) -> np.dtype:
    lists = ("articles", "<u4", (k,)), ("scores", "<f2", (k,)), ("proposers", "u1", (k,))
    return np.dtype([("source", "u1"), ("count", "u1"), *lists])


def find_list(bucket: bytes, customer_id: str) -> CachedList | None:
    """Return the list of a customer in the bucket that `bucket_number` names, None if it has none.

    Raises:
        CacheFormatError: the bucket is damaged or has another format.
    """
    k, count = _LISTS.check(bucket)
    place = _place(bucket, count, customer_id)
    if place is None:
        return None
    offset = HEADER_BYTES + 8 * count + place * _list_bytes(k)
    source, length, *values = struct.unpack_from(f"<BB{k}I{k}H{k}B", bucket, offset)
    if source not in _SOURCES or length > k:
        raise CacheFormatError(f"a list has source {source} and {length} of at most {k} articles; publish again.")
    scores = tuple([_SCORES[bits] for bits in values[k : k + length]])
    return CachedList(_SOURCES[source], article_ids_of(values[:length]), scores, tuple(values[2 * k : 2 * k + length]))


def place_of(bucket: bytes, customer_id: str) -> int | None:
    """Return the place of a customer among those of a bucket, counted from 0, None if it has none.

    Raises:
        CacheFormatError: the bucket is damaged or has another format.
    """
    _, count = _LISTS.check(bucket)
    return _place(bucket, count, customer_id)


def _place(bucket: bytes, count: int, customer_id: str) -> int | None:
    fingerprint, end = fingerprint_bytes(customer_id), HEADER_BYTES + 8 * count
    found = bucket.find(fingerprint, HEADER_BYTES, end)
    while found >= 0 and (found - HEADER_BYTES) % 8:  # spans two other fingerprints
        found = bucket.find(fingerprint, found + 1, end)
    return None if found < 0 else (found - HEADER_BYTES) // 8
