"""The one definition of what lies in Redis: keys, values and the manifest of a published version.

Stage: between publishing and serving. The publisher encodes lists and writes them under `CacheKeys`; the
API reads the same keys and decodes one list per lookup. Needs the standard library and numpy only.

Keys of the dataset `demo` (the braces are a Redis Cluster hash tag, so control keys share one slot):

    recommendations:{demo}:current              id of the version that is served (the one pointer)
    recommendations:{demo}:history              ids of versions that may be served, newest first; the head is current
    recommendations:{demo}:registry             hash: version id -> number of its buckets, for every version with keys
    recommendations:{demo}:lock                 token of the publisher at work
    recommendations:{demo}:rules                hash: article id -> why it is barred, see `rule_book`
    recommendations:demo:<version>:manifest     Manifest as JSON
    recommendations:demo:<version>:bucket:<n>   the lists of about 32 customers, packed (below)
    recommendations:demo:<version>:popular      one more bucket: popular lists, by name instead of customer id
    recommendations:demo:<version>:articles     name, product code and department of articles, JSON in zlib

Keys of a version are never changed after the pointer names it. A lookup needs the pointer and one bucket, each
a plain GET. Lists are packed into buckets because every Redis key costs about 130 bytes of its own, and into one
string rather than a hash because hashes with values above 64 bytes lose their compact form on default settings.

One bucket, little endian, for lists of at most `k` articles:

    header     u8 format (2), u8 k, u16 number of lists, u32 CRC-32 of all that follows
    customers  u64 fingerprint each, ascending (BLAKE2b-64 of the customer id in UTF-8)
    lists      in the same order: u8 source, u8 count, k x u32 article number, k x f16 score, k x u8 proposers

An article number is the article id read as an integer; ids are ten digits, so the leading zeros come back. A score
is a half-precision float: 11 significant bits, at most 65,504; the order of a list is kept by position. The bits of
`proposers` say which generators proposed the article, see `Proposer`; none is set where lists are not made by stages.
"""

import json
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import IntEnum, IntFlag
from hashlib import blake2b
from typing import NamedTuple

import numpy as np

FORMAT = 2
ARTICLE_ID_LENGTH = 10
MAX_ARTICLE_NUMBER = 2**32 - 1
MAX_DEPTH = 255
MAX_SCORE = 65_504.0  # the largest half-precision float
CUSTOMERS_PER_BUCKET = 32
BUCKETS_PER_CHUNK = 1_024
OVERALL = "overall"  # name of the popular list for strangers

_HEADER = struct.Struct("<BBHI")
_CHECKED_HEADER = struct.Struct("<BBH")
_DATASET_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")


class CacheFormatError(ValueError):
    """A value read from Redis is not what this contract says: damaged, or written by another format."""


class Source(IntEnum):
    """Where a list came from."""

    PERSONAL = 1
    SEGMENT = 2
    POPULAR = 3


class Proposer(IntFlag):
    """Which generators of candidates proposed an article."""

    TWO_TOWER = 1
    OWN = 2
    EASE = 4
    ITEM_KNN = 8
    LAST_BASKET = 16
    RISING = 32
    POPULAR = 64
    FRESH = 128


@dataclass(frozen=True)
class CacheKeys:
    """Every Redis key of one dataset.

    Raises:
        ValueError: the dataset name has characters other than letters, digits, `_`, `.` and `-`.
    """

    dataset: str

    def __post_init__(self) -> None:
        if not self.dataset or not _DATASET_CHARACTERS.issuperset(self.dataset):
            raise ValueError(
                f"dataset {self.dataset!r} cannot be part of a Redis key; use letters, digits, '_', '.' and '-'."
            )

    @property
    def current(self) -> str:
        return self._control("current")

    @property
    def history(self) -> str:
        return self._control("history")

    @property
    def registry(self) -> str:
        return self._control("registry")

    @property
    def lock(self) -> str:
        return self._control("lock")

    @property
    def rules(self) -> str:
        return self._control("rules")

    def manifest(self, version: str) -> str:
        return self._of_version(version, "manifest")

    def popular(self, version: str) -> str:
        return self._of_version(version, "popular")

    def articles(self, version: str) -> str:
        return self._of_version(version, "articles")

    def bucket(self, version: str, number: int) -> str:
        return self._of_version(version, f"bucket:{number}")

    def all_of_version(self, version: str, bucket_count: int) -> Iterator[str]:
        """Every key that a version with this many buckets may have."""
        yield from (self.bucket(version, number) for number in range(bucket_count))
        yield from (self.popular(version), self.articles(version), self.manifest(version))

    def _control(self, name: str) -> str:
        return f"recommendations:{{{self.dataset}}}:{name}"

    def _of_version(self, version: str, name: str) -> str:
        return f"recommendations:{self.dataset}:{version}:{name}"


@dataclass(frozen=True)
class Manifest:
    """What a published version is; one JSON value per version.

    Attributes:
        version: id of the version.
        run_id: the run that computed the lists.
        dataset: `demo`, `online-retail`, ...
        model: name of the model whose lists these are.
        k: published depth, the most articles a list can have.
        customers: number of customers with a list.
        customers_by_source: the same, split by `personal`, `segment`, `popular`.
        articles: number of distinct articles in all lists.
        windows: `{"train": {"start": "2020-01-01", "end": ...}, ...}`, ISO dates, end inclusive.
        created_at: UTC, ISO 8601.
        bucket_count: number of buckets.
        bytes: bytes of all buckets together.
        checksum: BLAKE2b-128 of all buckets in order, hexadecimal.
        example_customers: one customer id for each source that occurs.
        format: of the buckets.
    """

    version: str
    run_id: str
    dataset: str
    model: str
    k: int
    customers: int
    customers_by_source: dict[str, int]
    articles: int
    windows: dict[str, dict[str, str]]
    created_at: str
    bucket_count: int
    bytes: int
    checksum: str
    example_customers: dict[str, str]
    format: int = FORMAT

    def to_json(self) -> bytes:
        return json.dumps(asdict(self), sort_keys=True).encode()

    @classmethod
    def from_json(cls, value: bytes) -> "Manifest":
        """Read a manifest; fields of a later contract are ignored.

        Raises:
            CacheFormatError: no JSON object, a missing field, or a bucket format this code does not know.
        """
        try:
            fields = json.loads(value)
            manifest = cls(**{name: fields[name] for name in cls.__dataclass_fields__})
        except (ValueError, TypeError, KeyError) as error:
            raise CacheFormatError(f"the manifest cannot be read: {error!r}; publish again.") from error
        if manifest.format != FORMAT:
            raise CacheFormatError(
                f"version {manifest.version} has bucket format {manifest.format}, this code reads {FORMAT}; "
                "deploy the code that published it, or publish again."
            )
        return manifest


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


class ArticleFacts(NamedTuple):
    """What the API knows of an article besides its id."""

    name: str
    product_code: str
    department: str


class BucketChunk(NamedTuple):
    """Consecutive encoded buckets from number `first_bucket` on, holding `customers` lists."""

    first_bucket: int
    values: list[bytes]
    customers: int


def bytes_per_customer(k: int) -> int:
    """Packed bytes of one list and its fingerprint: 94 at k = 12."""
    return 8 + _list_bytes(k)


def bucket_count_for(customers: int) -> int:
    """Number of buckets for so many customers, at least 1."""
    return max(1, -(-customers // CUSTOMERS_PER_BUCKET))


def customer_fingerprint(customer_id: str) -> int:
    """The 64 bits that stand for a customer in Redis; stable across processes and machines."""
    return int.from_bytes(blake2b(customer_id.encode(), digest_size=8).digest(), "little")


def customer_fingerprints(customer_ids: Sequence[str] | np.ndarray) -> np.ndarray:
    """`customer_fingerprint` of many ids, as uint64 (n,)."""
    digests = [blake2b(str(customer_id).encode(), digest_size=8).digest() for customer_id in customer_ids]
    return np.frombuffer(b"".join(digests), dtype="<u8")


def bucket_number(fingerprint: int, bucket_count: int) -> int:
    """Bucket of a fingerprint: its upper 32 bits scaled to `[0, bucket_count)`, so buckets are in hash order."""
    return ((fingerprint >> 32) * bucket_count) >> 32


def article_numbers(article_ids: Sequence[str] | np.ndarray) -> np.ndarray:
    """Article ids as uint32 of the same shape; an empty string becomes 0, which means no article.

    Encode the catalogue once and index the result by article position: `article_numbers(catalogue)[positions]`.

    Raises:
        ValueError: an id is not ten digits, or its number is 0 or above 4,294,967,295.
    """
    ids = np.asarray(article_ids, dtype=str)
    numbers = np.array([_article_number(article_id) for article_id in ids.ravel().tolist()], dtype=np.uint32)
    return numbers.reshape(ids.shape)


def article_id_of(article_number: int) -> str:
    """The ten digits of an article number, leading zeros included."""
    return f"{article_number:0{ARTICLE_ID_LENGTH}d}"


def _article_number(article_id: str) -> int:
    if not article_id:
        return 0
    if len(article_id) != ARTICLE_ID_LENGTH or not (article_id.isascii() and article_id.isdigit()):
        raise ValueError(f"article_id {article_id!r} is not ten digits; keep ids as text, with their leading zeros.")
    number = int(article_id)
    if not 0 < number <= MAX_ARTICLE_NUMBER:
        raise ValueError(
            f"article_id {article_id!r} is outside 0000000001..{MAX_ARTICLE_NUMBER}, the range of the cache format."
        )
    return number


def check_lists(lists: ListArrays) -> None:
    """Stop lists that the format cannot hold before anything is written.

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
    is_article = numbers != 0
    has_gap = (is_article[:, 1:] & ~is_article[:, :-1]).any(axis=1)
    if has_gap.any():
        raise ValueError(f"list {has_gap.argmax()} has an article after an empty place; fill lists from the front.")
    is_bad_score = (is_article & ~(np.abs(scores) <= MAX_SCORE)).any(axis=1)
    if is_bad_score.any():
        row = is_bad_score.argmax()
        raise ValueError(f"list {row} has a score that is not finite or beyond {MAX_SCORE:,.0f}: {scores[row]}.")
    is_known_source = np.isin(sources, [source.value for source in Source])
    if not is_known_source.all():
        raise ValueError(f"source {sources[~is_known_source][0]} is unknown; use the values of Source.")


def encode_buckets(fingerprints: np.ndarray, lists: ListArrays, bucket_count: int) -> Iterator[BucketChunk]:
    """Pack lists into all buckets `0 .. bucket_count - 1` in order, empty ones included.

    Args:
        fingerprints: uint64 (n,) from `customer_fingerprints`.
        lists: n of them.
        bucket_count: number of buckets, see `bucket_count_for`.

    Raises:
        ValueError: as `check_lists`, or two lists have one fingerprint (a customer id given twice).
    """
    check_lists(lists)
    order = np.argsort(fingerprints)
    ordered = fingerprints[order]
    is_repeated = ordered[1:] == ordered[:-1]
    if is_repeated.any():
        first, second = sorted(order[np.flatnonzero(is_repeated)[0] :][:2].tolist())
        raise ValueError(f"lists {first} and {second} belong to the same customer id; publish one list each.")
    bucket_of_row = ((ordered >> np.uint64(32)) * np.uint64(bucket_count)) >> np.uint64(32)
    starts = np.searchsorted(bucket_of_row, np.arange(bucket_count + 1, dtype=np.uint64))
    for first in range(0, bucket_count, BUCKETS_PER_CHUNK):
        chunk_starts = starts[first : first + BUCKETS_PER_CHUNK + 1]
        rows = order[chunk_starts[0] : chunk_starts[-1]]
        entries = _entries(ListArrays(*(each[rows] for each in lists)))
        values = _packed_buckets(fingerprints[rows], entries, chunk_starts - chunk_starts[0])
        yield BucketChunk(first, values, len(rows))


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


def _packed_buckets(fingerprints: np.ndarray, entries: np.ndarray, starts: np.ndarray) -> list[bytes]:
    """One value for each pair of neighbouring row offsets in `starts`."""
    k = entries.dtype["articles"].shape[0]
    width = entries.dtype.itemsize
    all_customers, all_lists = fingerprints.astype("<u8").tobytes(), entries.tobytes()
    values = []
    for start, end in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
        body = all_customers[8 * start : 8 * end] + all_lists[width * start : width * end]
        values.append(_HEADER.pack(FORMAT, k, end - start, _checksum(k, end - start, body)) + body)
    return values


def _checksum(k: int, count: int, body: bytes) -> int:
    return zlib.crc32(body, zlib.crc32(_CHECKED_HEADER.pack(FORMAT, k, count)))


def find_list(bucket: bytes, customer_id: str) -> CachedList | None:
    """The list of a customer in the bucket that `bucket_number` names; None when it is not there.

    Raises:
        CacheFormatError: the bucket is damaged or has another format.
    """
    k, count = _check_bucket(bucket)
    fingerprint = customer_fingerprint(customer_id)
    fingerprints = struct.unpack_from(f"<{count}Q", bucket, _HEADER.size)
    if fingerprint not in fingerprints:
        return None
    position = fingerprints.index(fingerprint)
    offset = _HEADER.size + 8 * count + position * _list_bytes(k)
    source, length, *values = struct.unpack_from(f"<BB{k}I{k}e{k}B", bucket, offset)
    if source not in Source._value2member_map_ or length > k:
        raise CacheFormatError(f"a list has source {source} and {length} of at most {k} articles; publish again.")
    article_ids = tuple(article_id_of(number) for number in values[:length])
    scores, proposers = values[k : k + length], values[2 * k : 2 * k + length]
    return CachedList(Source(source), article_ids, tuple(scores), tuple(proposers))


def _check_bucket(bucket: bytes) -> tuple[int, int]:
    """Depth k and number of lists of a sound bucket."""
    if len(bucket) < _HEADER.size:
        raise CacheFormatError(f"a bucket has {len(bucket)} bytes, less than its header; publish again.")
    bucket_format, k, count, checksum = _HEADER.unpack_from(bucket)
    if bucket_format != FORMAT:
        raise CacheFormatError(f"a bucket has format {bucket_format}, this code reads {FORMAT}; publish again.")
    size = _HEADER.size + count * bytes_per_customer(k)
    if len(bucket) != size or _checksum(k, count, bucket[_HEADER.size :]) != checksum:
        raise CacheFormatError(f"a bucket of {len(bucket)} bytes is damaged ({size} expected); publish again.")
    return k, count


def encode_articles(articles: Mapping[str, ArticleFacts]) -> bytes:
    """What is known of articles, by their ids, as one compressed value."""
    facts = {name: [getattr(each, name) for each in articles.values()] for name in ArticleFacts._fields}
    columns = {"article_id": list(articles), **facts}
    return zlib.compress(json.dumps(columns, ensure_ascii=False).encode())


def decode_articles(value: bytes) -> dict[str, ArticleFacts]:
    """Inverse of `encode_articles`.

    Raises:
        CacheFormatError: the value is damaged.
    """
    try:
        columns = json.loads(zlib.decompress(value))
        facts = zip(*(columns.get(name, []) for name in ArticleFacts._fields), strict=True)
        return dict(zip(columns["article_id"], map(ArticleFacts._make, facts), strict=True))
    except (zlib.error, ValueError, KeyError, AttributeError) as error:
        raise CacheFormatError(f"the articles' facts are damaged: {error!r}; publish again.") from error
