"""The one place that says what Redis holds: every key, its value, and the module with the value's codec.

Stage: between publishing and serving. The publisher encodes values and writes them under `CacheKeys`; the API reads
the same keys and decodes what one lookup needs. Codecs need the standard library and numpy only.

Keys of the dataset `demo` (the braces are a Redis Cluster hash tag, so control keys share one slot):

    recommendations:{demo}:current              id of the version that is served (the one pointer)
    recommendations:{demo}:history              ids of the served version and those to roll back to, newest first
    recommendations:{demo}:registry             hash: version id -> numbers of its keys, for every version with keys
    recommendations:{demo}:lock                 token of the publisher at work
    recommendations:{demo}:rules                hash: article id -> why it is barred, see `lookup.rule_book`
    recommendations:{demo}:barred_sets          hash: name of a feed or list -> the articles it bars, see `barred_sets`
    recommendations:{demo}:rules_state          changes with every change of rules, see `rule_changes`
    recommendations:{demo}:variants             which customers are served another version, see `variants`
    recommendations:demo:<version>:manifest     Manifest as JSON
    recommendations:demo:<version>:bucket:<n>   the lists of about 32 customers, packed, see `list_buckets`
    recommendations:demo:<version>:purchases:<n>  what the same customers bought last, see `purchase_buckets`
    recommendations:demo:<version>:similar:<n>  similar articles: lists as above, by article id instead of customer id
    recommendations:demo:<version>:shown:<n>    to whom articles are recommended, see `shown_articles`
    recommendations:demo:<version>:popular      one more bucket of lists: `overall`, and one by the name of each segment
    recommendations:demo:<version>:articles     facts of articles, see `article_facts`

Versions that earlier releases published can be read, too: they lack `purchases`, `similar`, `shown` and the lists of
segments, and the registry has the number of their buckets alone.

Keys of a version are never changed after the pointer names it. A lookup needs the pointer and one bucket, each
a plain GET. Lists are packed into buckets because every Redis key costs about 130 bytes of its own, and into one
string rather than a hash because hashes with values above 64 bytes lose their compact form on default settings.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, asdict, dataclass, field, fields

from serving.cache.buckets import bucket_number
from serving.errors import ServingError

FORMAT = 2  # of the buckets of lists
OVERALL = "overall"  # name of the popular list for strangers
BUCKET, PURCHASES, SIMILAR, SHOWN = "bucket", "purchases", "similar", "shown"  # parts of a version with numbered keys

_DATASET_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")


class CacheFormatError(ServingError, ValueError):
    """A value read from Redis is not what this contract says: damaged, or written by another format."""

    exit_code = 3


class DatasetNameError(ServingError, ValueError):
    """A dataset's name cannot be part of a Redis key."""


@dataclass(frozen=True)
class CacheKeys:
    """Every Redis key of one dataset.

    Raises:
        DatasetNameError: the name has characters other than letters, digits, `_`, `.` and `-`.
    """

    dataset: str

    def __post_init__(self) -> None:
        if not self.dataset or not _DATASET_CHARACTERS.issuperset(self.dataset):
            raise DatasetNameError(
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

    @property
    def barred_sets(self) -> str:
        return self._control("barred_sets")

    @property
    def rules_state(self) -> str:
        return self._control("rules_state")

    @property
    def variants(self) -> str:
        return self._control("variants")

    def manifest(self, version: str) -> str:
        return self._of_version(version, "manifest")

    def popular(self, version: str) -> str:
        return self._of_version(version, "popular")

    def articles(self, version: str) -> str:
        return self._of_version(version, "articles")

    def bucket(self, version: str, number: int) -> str:
        return self.numbered(version, BUCKET, number)

    def numbered(self, version: str, part: str, number: int) -> str:
        """A key of one of the parts that have several: `BUCKET`, `PURCHASES`, `SIMILAR`, `SHOWN`."""
        return self._of_version(version, f"{part}:{number}")

    def bucket_of(self, manifest: "Manifest", part: str, name: str) -> str:
        """The key of the bucket in which an entry lies: a customer's in `BUCKET` and `PURCHASES`, else an article's.

        The version must have the part.
        """
        return self.numbered(manifest.version, part, bucket_number(name, manifest.keys_of(part)))

    def all_of_version(self, version: str, counts: Mapping[str, int]) -> Iterator[str]:
        """Every key that a version may have, given how many keys its parts have, as the registry says."""
        yield from (self.numbered(version, part, number) for part, count in counts.items() for number in range(count))
        yield from (self.popular(version), self.articles(version), self.manifest(version))

    def _control(self, name: str) -> str:
        return f"recommendations:{{{self.dataset}}}:{name}"

    def _of_version(self, version: str, name: str) -> str:
        return f"recommendations:{self.dataset}:{version}:{name}"


def registry_value(counts: Mapping[str, int]) -> bytes:
    """What the registry holds of a version: how many keys each part has."""
    return json.dumps(counts, sort_keys=True).encode()


def registered_counts(value: bytes) -> dict[str, int]:
    """Inverse of `registry_value`; a plain number, as earlier releases wrote it, counts the buckets."""
    counts = json.loads(value)
    return {BUCKET: counts} if isinstance(counts, int) else counts


@dataclass(frozen=True)
class PartSummary:
    """One part of a published version: how many keys it has, their bytes together and their BLAKE2b-128 in order."""

    keys: int
    bytes: int
    checksum: str


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
        segments: names of the popular lists besides the overall one.
        parts: by name, all but the buckets and this manifest; a part that is missing here was not published.
        due_at: by when newer lists should be there, UTC, ISO 8601; empty where no night is to come.
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
    segments: tuple[str, ...] = ()
    parts: dict[str, PartSummary] = field(default_factory=dict)
    due_at: str = ""

    def keys_of(self, part: str) -> int:
        """Number of keys of a numbered part, 0 of one that was not published."""
        if part == BUCKET:
            return self.bucket_count
        return self.parts[part].keys if part in self.parts else 0

    def to_json(self) -> bytes:
        return json.dumps(asdict(self), sort_keys=True).encode()

    @classmethod
    def from_json(cls, value: bytes) -> "Manifest":
        """Read a manifest; fields of a later contract are ignored, those that an earlier one lacks have defaults.

        Raises:
            CacheFormatError: the value is not a JSON object, lacks a field, or names an unknown bucket format.
        """
        try:
            written = json.loads(value)
            known = {each.name: written[each.name] for each in fields(cls) if _is_needed(each) or each.name in written}
            known["segments"] = tuple(known.get("segments", ()))
            parts = known.get("parts", {}).items()
            known["parts"] = {name: PartSummary(each["keys"], each["bytes"], each["checksum"]) for name, each in parts}
            manifest = cls(**known)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise CacheFormatError(f"the manifest cannot be read: {error!r}; publish again.") from error
        if manifest.format != FORMAT:
            raise CacheFormatError(
                f"version {manifest.version} has bucket format {manifest.format}, this code reads {FORMAT}; "
                "deploy the code that published it, or publish again."
            )
        return manifest


def _is_needed(each: Field) -> bool:
    return each.default is MISSING and each.default_factory is MISSING
