"""Publish lists to Redis: write a new version beside the old one, check it, flip one pointer.

Stage: the last of the pipeline. In: the lists of every customer and what is to be known about them. Out: a version
in Redis that the API serves from the flip on. Keys and values are those of `serving.cache.contract`.

What holds at every moment, also when this process is killed: `current` names a complete version that was read back
and compared. Each version enters the registry before its first key is written, so what is in the registry, but
neither in the history nor served by a variant, is left over from a crash, a rollback or age: the next publisher removes
it.
"""

import contextlib
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial, reduce

import numpy as np
import redis

from recommender.release.part_transfer import LAST_RESORT_SECONDS, read_keys, read_part, write_part
from recommender.release.publish_errors import NotEnoughMemory, Overtaken, ReadBackDiffers
from recommender.release.published_lists import PublishedLists, check_published
from recommender.release.published_versions import remove_unused, remove_version
from recommender.release.publisher_lock import publisher_lock
from recommender.release.version_parts import Part, estimated_memory_bytes, parts_of
from serving.cache.article_numbers import article_ids_of
from serving.cache.buckets import bucket_number
from serving.cache.contract import BUCKET, CacheKeys, Manifest, PartSummary, registry_value
from serving.cache.list_buckets import ROWS_AT_A_TIME, Source, find_list
from serving.connection.eviction import eviction_warning, memories

KEPT_VERSIONS = 2  # the served one and the one to roll back to
LOCK_SECONDS = 10.0
SAMPLED_CUSTOMERS = 200
OF_CUSTOMERS = (Source.PERSONAL, Source.SEGMENT, Source.POPULAR)

# All its keys carry the same hash tag, so it runs on a Redis Cluster too. It may run twice: a client repeats a command
# whose answer was lost.
FLIP_SCRIPT = """
-- KEYS: lock, registry, current, history   ARGV: token, version, current when loading began, versions to keep
local current = redis.call('get', KEYS[3]) or ''
if current == ARGV[2] then return 'done' end
if redis.call('get', KEYS[1]) ~= ARGV[1] then return 'another publisher took the lock' end
if redis.call('hexists', KEYS[2], ARGV[2]) == 0 then return 'another publisher removed it' end
if current ~= ARGV[3] then return 'the pointer was moved' end
redis.call('set', KEYS[3], ARGV[2])
redis.call('lpush', KEYS[4], ARGV[2])
redis.call('ltrim', KEYS[4], 0, ARGV[4] - 1)
return 'done'
"""

Progress = Callable[[str, int, int], None]
"""Called with a stage, how much of it is done, and how much there is: `write` and `verify` of the lists, the same of
other parts such as `write purchases`, `flip`, `clean`."""


@dataclass(frozen=True)
class PublishedRun:
    """Where the lists come from; goes into the manifest, see `Manifest`.

    Attributes:
        dataset, run_id, model, windows: of the run.
        generated_at: when the lists were made, UTC, ISO 8601; without it, when they are published.
        due_at: by when newer lists should be there, UTC, ISO 8601; empty where no night is to come.
    """

    dataset: str
    run_id: str
    model: str
    windows: Mapping[str, Mapping[str, str]]
    generated_at: str = ""
    due_at: str = ""


@dataclass(frozen=True)
class PublishedVersion:
    """What `publish` did; bytes are those of the packed lists, without Redis's own overhead."""

    version: str
    customers: int
    bytes_per_customer: float
    seconds: float


@dataclass(frozen=True)
class _Load:
    """One version on its way into Redis."""

    client: redis.Redis
    keys: CacheKeys
    lists: PublishedLists
    parts: list[Part]
    version: str
    created_at: datetime
    progress: Progress

    @property
    def key_counts(self) -> dict[str, int]:
        """How many keys each part with numbered keys has."""
        return {part.name: part.keys for part in self.parts if part.is_numbered}

    def key_of(self, part: Part) -> Callable[[int], str]:
        """Name the keys of a part by their numbers."""
        return partial(part.key, self.keys, self.version)

    def progress_of(self, what: str, part: Part, total: int) -> Callable[[int], None]:
        """Report how much of a part is done, as `Progress` says."""
        stage = what if part.name == BUCKET else f"{what} {part.name}"
        return lambda done: self.progress(stage, done, total)


def print_progress(stage: str, done: int, total: int) -> None:
    """The default progress: one line for each chunk."""
    print(f"publish: {stage} {done:,} of {total:,}", flush=True)


def publish(
    client: redis.Redis,
    lists: PublishedLists,
    run: PublishedRun,
    progress: Progress = print_progress,
    kept_versions: int = KEPT_VERSIONS,
    lock_seconds: float = LOCK_SECONDS,
    warn: Callable[[str], None] = print,
) -> PublishedVersion:
    """Make `lists` the served version of the run's dataset.

    Args:
        client: a Redis client with bytes replies.
        lists: what to publish.
        run: where it comes from.
        progress: called after each chunk.
        kept_versions: versions that remain, the new one included; at least 2, so that a rollback is possible.
        lock_seconds: how long a publisher that died keeps others out.
        warn: called when Redis may throw lists away.

    Raises:
        ValueError: the lists do not fit the cache format.
        PublishError: nothing was published, for the reason its subclass names.
        redis.RedisError: Redis failed; nothing was published unless the flip was already done.
    """
    started = time.monotonic()
    keys = CacheKeys(run.dataset)
    if kept_versions < 2:
        raise ValueError(f"kept_versions is {kept_versions}; keep at least 2, so that a rollback is possible.")
    check_published(lists)
    for warning in {eviction_warning(memory) for memory in memories(client)} - {None}:
        warn(warning)
    with publisher_lock(client, keys, lock_seconds) as token:
        remove_unused(client, keys, progress)
        expected_current = client.get(keys.current) or b""
        load = _new_load(client, keys, lists, progress)
        manifest = _load(load, run)
        progress("flip", 0, 1)
        _flip(load, token, expected_current, kept_versions)
        progress("flip", 1, 1)
        remove_unused(client, keys, progress)
    seconds = time.monotonic() - started
    return PublishedVersion(manifest.version, manifest.customers, manifest.bytes / manifest.customers, seconds)


def _new_load(client: redis.Redis, keys: CacheKeys, lists: PublishedLists, progress: Progress) -> _Load:
    now = datetime.now(UTC)
    return _Load(
        client=client,
        keys=keys,
        lists=lists,
        parts=parts_of(lists),
        version=f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}",
        created_at=now,
        progress=progress,
    )


def _load(load: _Load, run: PublishedRun) -> Manifest:
    """Write the version and read it back; remove it again when that fails."""
    _check_memory(load)
    load.client.hset(load.keys.registry, load.version, registry_value(load.key_counts))
    try:
        written = {
            part.name: write_part(load.client, part, load.key_of(part), load.progress_of("write", part, part.entries))
            for part in load.parts
        }
        manifest = _describe(load, run, written)
        load.client.set(load.keys.manifest(load.version), manifest.to_json(), ex=LAST_RESORT_SECONDS)
        for part in load.parts:
            _verify(load, part, written[part.name])
        _verify_sample(load)
    except BaseException as error:  # an interrupt too
        with contextlib.suppress(redis.RedisError):  # the next publisher removes what stays now
            remove_version(load.client, load.keys, load.version, load.key_counts)
        if isinstance(error, redis.exceptions.OutOfMemoryError):
            raise NotEnoughMemory(f"Redis ran out of memory while {load.version} was loaded: {error}") from error
        raise
    return manifest


def _check_memory(load: _Load) -> None:
    """Stop before loading what cannot fit."""
    servers = memories(load.client)
    needed = estimated_memory_bytes(load.parts) / len(servers)
    for memory in servers:
        limit, used = memory.get("maxmemory", 0), memory["used_memory"]
        if limit and used + needed > limit:
            raise NotEnoughMemory(
                f"the new version needs about {needed / 2**20:,.1f} MiB beside the {used / 2**20:,.1f} MiB in use, "
                f"above Redis's maxmemory of {limit / 2**20:,.1f} MiB; raise maxmemory or publish fewer articles per "
                "customer."
            )


def _describe(load: _Load, run: PublishedRun, written: Mapping[str, PartSummary]) -> Manifest:
    customer_ids, lists, segments = load.lists.customer_ids, load.lists.lists, load.lists.segments
    buckets = written[BUCKET]
    rows_of_source = {source.name.lower(): np.flatnonzero(lists.sources == source) for source in OF_CUSTOMERS}
    return Manifest(
        version=load.version,
        run_id=run.run_id,
        dataset=run.dataset,
        model=run.model,
        k=lists.numbers.shape[1],
        customers=len(customer_ids),
        customers_by_source={name: len(rows) for name, rows in rows_of_source.items()},
        articles=_distinct_articles(lists.numbers),
        windows={name: dict(window) for name, window in run.windows.items()},
        created_at=run.generated_at or load.created_at.isoformat(timespec="seconds"),
        due_at=run.due_at,
        bucket_count=buckets.keys,
        bytes=buckets.bytes,
        checksum=buckets.checksum,
        example_customers={name: str(customer_ids[rows[0]]) for name, rows in rows_of_source.items() if len(rows)},
        segments=tuple(segments.names) if segments else (),
        parts={name: summary for name, summary in written.items() if name != BUCKET},
    )


def _distinct_articles(numbers: np.ndarray) -> int:
    parts = (numbers[first : first + ROWS_AT_A_TIME] for first in range(0, len(numbers), ROWS_AT_A_TIME))
    return int(np.count_nonzero(reduce(np.union1d, parts)))


def _verify(load: _Load, part: Part, written: PartSummary) -> None:
    """Read every key of a part back and compare bytes and checksum."""
    read = read_part(load.client, part, load.key_of(part), load.progress_of("verify", part, part.keys))
    if read != written:
        raise ReadBackDiffers(
            f"version {load.version}: wrote {written.bytes:,} bytes of {part.name} with checksum {written.checksum}, "
            f"read {read.bytes:,} bytes with {read.checksum}; look for evictions or a second writer in Redis."
        )


def _verify_sample(load: _Load) -> None:
    """Decode the lists of evenly spread customers and compare articles, source and proposers."""
    rows = np.unique(np.linspace(0, len(load.lists.customer_ids) - 1, SAMPLED_CUSTOMERS).astype(int)).tolist()
    customer_ids = [str(load.lists.customer_ids[row]) for row in rows]
    buckets, *_ = load.parts
    numbers = (bucket_number(customer_id, buckets.keys) for customer_id in customer_ids)
    values = read_keys(load.client, map(load.key_of(buckets), numbers))
    for row, customer_id, value in zip(rows, customer_ids, values, strict=True):
        stored = find_list(value, customer_id)
        numbers, _, source, proposers = (each[row] for each in load.lists.lists)
        article_ids = article_ids_of(numbers[numbers != 0].tolist())
        expected = source, article_ids, tuple(proposers[numbers != 0].tolist())
        if stored is None or (stored.source, stored.article_ids, stored.proposers) != expected:
            raise ReadBackDiffers(f"version {load.version}: customer {customer_id} reads back as {stored}.")


def _flip(load: _Load, token: bytes, expected_current: bytes, kept_versions: int) -> None:
    """Point `current` at the new version, unless the world changed while it was loaded."""
    keys = load.keys
    outcome = load.client.eval(
        FLIP_SCRIPT,
        4,
        *(keys.lock, keys.registry, keys.current, keys.history),
        *(token, load.version, expected_current, kept_versions),
    )
    if outcome != b"done":
        remove_version(load.client, keys, load.version, load.key_counts)
        raise Overtaken(
            f"version {load.version} of {keys.dataset} was loaded but is not served: {outcome.decode()} meanwhile; "
            "look at versions, then publish again."
        )
