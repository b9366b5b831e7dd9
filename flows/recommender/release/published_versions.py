"""The versions of a dataset in Redis: list them, roll back to the previous one, and remove what is no longer reachable.

python -m recommender.release.published_versions versions --dataset demo
python -m recommender.release.published_versions rollback --dataset demo
"""

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import redis

from recommender.errors import RecommenderError
from recommender.release.part_transfer import LAST_RESORT_SECONDS
from recommender.release.publish_errors import NoPreviousVersion, NothingToServe, Overtaken, RedisFailed
from recommender.release.redis_client import redis_client
from recommender.release.round_trip import MOST_COMMANDS, round_trip
from serving.cache.contract import CacheFormatError, CacheKeys, Manifest, registered_counts
from serving.cache.published_datasets import nothing_published
from serving.cache.variants import Variant, decode_variants, encode_variants

# All keys of a script carry the same hash tag, so it runs on a Redis Cluster too. It may run twice: a client repeats a
# command whose answer was lost.
ROLLBACK_SCRIPT = """
-- KEYS: registry, current, history, variants
-- ARGV: version to leave, version to serve, variants as they were, variants without those of the version to leave
local current = redis.call('get', KEYS[2])
if current == ARGV[2] then return 'done' end
if current ~= ARGV[1] or redis.call('lindex', KEYS[3], 1) ~= ARGV[2] then return 'the pointer was moved' end
if redis.call('hexists', KEYS[1], ARGV[2]) == 0 then return 'its keys were removed' end
if ARGV[3] ~= ARGV[4] then
  if (redis.call('get', KEYS[4]) or '') ~= ARGV[3] then return 'the variants were changed' end
  redis.call('set', KEYS[4], ARGV[4])
end
redis.call('lpop', KEYS[3])
redis.call('set', KEYS[2], ARGV[2])
return 'done'
"""


CURRENT, PREVIOUS, VARIANT, UNUSED = "current", "previous", "variant", "unused"


@dataclass(frozen=True)
class StoredVersion:
    """One version in Redis.

    Attributes:
        version: its id.
        state: `current`, `previous` (a rollback can reach it), `variant` (some customers are served it) or `unused`
            (withdrawn, interrupted or loading).
        manifest: None when it was not written yet or cannot be read.
    """

    version: str
    state: str
    manifest: Manifest | None


def versions(client: redis.Redis, dataset: str) -> list[StoredVersion]:
    """Every version with keys in Redis: the current one first, then previous ones, then unused ones."""
    keys = CacheKeys(dataset)
    history = [version.decode() for version in client.lrange(keys.history, 0, -1)]
    registered = sorted(version.decode() for version in client.hkeys(keys.registry))
    states = dict.fromkeys(history, PREVIOUS) | dict.fromkeys(history[:1], CURRENT)
    of_variants = {version.decode() for version in _of_variants(client, keys)}
    states |= {
        version: VARIANT if version in of_variants else UNUSED for version in registered if version not in states
    }
    return [StoredVersion(version, state, _manifest(client, keys, version)) for version, state in states.items()]


def _manifest(client: redis.Redis, keys: CacheKeys, version: str) -> Manifest | None:
    value = client.get(keys.manifest(version))
    try:
        return None if value is None else Manifest.from_json(value)
    except CacheFormatError:  # of another release; it can still be listed and rolled back to
        return None


def served_manifest(client: redis.Redis, dataset: str) -> Manifest | None:
    """Manifest of the version that is served; None when there is none, or this release cannot read it."""
    keys = CacheKeys(dataset)
    version = client.get(keys.current)
    return None if version is None else _manifest(client, keys, version.decode())


def rollback(client: redis.Redis, dataset: str, tell: Callable[[str], None] = print) -> str:
    """Serve the previous version again; variants of the withdrawn one end, and the next publisher removes it.

    Args:
        client: a Redis client with bytes replies.
        dataset: to roll back.
        tell: called for each variant that ends.

    Returns:
        The version that is served now.

    Raises:
        NoPreviousVersion: no previous version was kept.
        Overtaken: someone moved the pointer or changed the variants at the same moment.
    """
    keys = CacheKeys(dataset)
    current, previous, *_ = [*client.lrange(keys.history, 0, 1), None, None]
    if previous is None:
        raise NoPreviousVersion(f"{dataset} has no previous version to roll back to; publish one.")
    variants, left, ended = _without_variants_of(current.decode(), client.get(keys.variants) or b"")
    names = keys.registry, keys.current, keys.history, keys.variants
    outcome = client.eval(ROLLBACK_SCRIPT, len(names), *names, current, previous, variants, left)
    if outcome != b"done":
        raise Overtaken(f"{dataset} was not rolled back to {previous.decode()}: {outcome.decode()}; look at versions.")
    for each in ended:
        tell(f"variant {each.name} ({each.share:.0%} of the customers) served {each.version}: it is ended")
    return previous.decode()


def _without_variants_of(version: str, value: bytes) -> tuple[bytes, bytes, list[Variant]]:
    """Return the variants as Redis holds them, as it is to hold them without those of a version, and these."""
    try:
        variants = decode_variants(value)
    except CacheFormatError:  # damaged ones are not served
        return value, value, []
    ended = [each for each in variants if each.version == version]
    left = [each for each in variants if each.version != version]
    return value, encode_variants(left) if ended else value, ended


def remove_unused(client: redis.Redis, keys: CacheKeys, progress: Callable[[str, int, int], None]) -> None:
    """Remove every version that no rollback and no variant needs: interrupted, withdrawn, or older than those kept."""
    needed = set(client.lrange(keys.history, 0, -1)) | _of_variants(client, keys)
    registry = client.hgetall(keys.registry)
    unused = {version: registered_counts(value) for version, value in registry.items() if version not in needed}
    for done, (version, counts) in enumerate(unused.items(), 1):
        remove_version(client, keys, version.decode(), counts)
        progress("clean", done, len(unused))


def renew(dataset: str, warn: Callable[[str], None] = print) -> int:
    """Let what is served, and what a rollback or a variant needs, live for as long again; returns the number of keys.

    Every run does this as it begins, whatever comes of it: nights that publish nothing must not let the lists expire.

    Args:
        dataset: whose versions.
        warn: called when Redis cannot do it.
    """
    keys, renewed = CacheKeys(dataset), 0
    try:
        with redis_client() as client:
            needed = set(client.lrange(keys.history, 0, -1)) | _of_variants(client, keys)
            for version, value in client.hgetall(keys.registry).items():
                if version in needed:
                    renewed += _expire_later(client, [*keys.all_of_version(version.decode(), registered_counts(value))])
    except RedisFailed as error:
        warn(f"how long the published lists live was not renewed: {error}")
    return renewed


def _expire_later(client: redis.Redis, names: Sequence[str]) -> int:
    for first in range(0, len(names), MOST_COMMANDS):
        some = names[first : first + MOST_COMMANDS]
        round_trip(client, [("EXPIRE", name, LAST_RESORT_SECONDS) for name in some])
    return len(names)


def _of_variants(client: redis.Redis, keys: CacheKeys) -> set[bytes]:
    """The versions that variants name; empty where these are damaged, as they are not served then."""
    try:
        return {each.version.encode() for each in decode_variants(client.get(keys.variants))}
    except CacheFormatError:
        return set()


def remove_version(client: redis.Redis, keys: CacheKeys, version: str, counts: Mapping[str, int]) -> None:
    """Unlink a version's keys (Redis frees them in the background), its registry entry last."""
    names = list(keys.all_of_version(version, counts))
    for first in range(0, len(names), MOST_COMMANDS):
        round_trip(client, [("UNLINK", name) for name in names[first : first + MOST_COMMANDS]])
    client.hdel(keys.registry, version)


def _print_versions(client: redis.Redis, dataset: str) -> None:
    found = versions(client, dataset)
    if not found:
        raise NothingToServe(nothing_published(client, dataset))
    for stored in found:
        manifest = stored.manifest
        details = "incomplete" if manifest is None else f"{manifest.customers:,} customers, {manifest.model}"
        print(f"{stored.version}  {stored.state:8}  {details}")


def main(arguments: Sequence[str] | None = None) -> int:
    """List the versions or roll back; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m recommender.release.published_versions", description="The published versions of a dataset."
    )
    parser.add_argument("action", choices=["versions", "rollback"])
    parser.add_argument("--dataset", default=os.environ.get("DATASET") or "demo", help="default: %(default)s")
    options = parser.parse_args(arguments)
    try:
        with redis_client() as client:
            if options.action == "rollback":
                print(f"{options.dataset} now serves {rollback(client, options.dataset)}")
            _print_versions(client, options.dataset)
    except RecommenderError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
