"""The one place that says what lies in Redis: every key, what it holds and in which module its codec is.

Stage: between publishing and serving. The publisher encodes values and writes them under `CacheKeys`; the API reads
the same keys and decodes what one lookup needs. Codecs need the standard library and numpy only.

Keys of the dataset `demo` (the braces are a Redis Cluster hash tag, so control keys share one slot):

    recommendations:{demo}:current              id of the version that is served (the one pointer)
    recommendations:{demo}:history              ids of versions that may be served, newest first; the head is current
    recommendations:{demo}:registry             hash: version id -> number of its buckets, for every version with keys
    recommendations:{demo}:lock                 token of the publisher at work
    recommendations:{demo}:rules                hash: article id -> why it is barred, see `rule_book`
    recommendations:demo:<version>:manifest     Manifest as JSON
    recommendations:demo:<version>:bucket:<n>   the lists of about 32 customers, packed, see `list_buckets`
    recommendations:demo:<version>:popular      one more bucket: popular lists, by name instead of customer id
    recommendations:demo:<version>:articles     what is known of articles, see `article_facts`

Keys of a version are never changed after the pointer names it. A lookup needs the pointer and one bucket, each
a plain GET. Lists are packed into buckets because every Redis key costs about 130 bytes of its own, and into one
string rather than a hash because hashes with values above 64 bytes lose their compact form on default settings.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass

FORMAT = 2  # of the buckets of lists
OVERALL = "overall"  # name of the popular list for strangers

_DATASET_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")


class CacheFormatError(ValueError):
    """A value read from Redis is not what this contract says: damaged, or written by another format."""


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
