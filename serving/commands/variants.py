"""Start and end variants: serve a share of the customers another of the published versions.

    python -m serving.commands.variants start NAME --version VERSION --share 0.1     also: end NAME, show

The API follows within a second and names the variant in its answers. The next nights' publishing keeps the versions of
variants in Redis until they end.

Exit codes: 0 done, 2 a wrong argument, 3 what lies in Redis is damaged, 4 Redis cannot be reached.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import redis

from serving.cache.contract import CacheFormatError, CacheKeys, Manifest
from serving.cache.variants import Variant, VariantError, decode_variants, encode_variants, free_start
from serving.connection.redis_connection import RedisUnreachable, connect
from serving.errors import ServingError

ATTEMPTS = 10
SET_IF_UNCHANGED = """
-- KEYS: variants   ARGV: as they were, as they are to be
if (redis.call('get', KEYS[1]) or '') ~= ARGV[1] then return 0 end
redis.call('set', KEYS[1], ARGV[2])
return 1
"""


def start_variant(client: redis.Redis, dataset: str, name: str, version: str, share: float) -> None:
    """Serve a share of the customers a version.

    Raises:
        VariantError: the name is taken or empty, the version is not published, or the share is not free.
    """
    keys = CacheKeys(dataset)
    _check_version(client, keys, version)

    def added(variants: Sequence[Variant]) -> list[Variant]:
        if not name or name in {each.name for each in variants}:
            raise VariantError(f"{name!r} is empty or the name of another variant; choose a new one.")
        since = datetime.now(UTC).isoformat(timespec="seconds")
        return [*variants, Variant(name, version, free_start(variants, share), share, since)]

    _change(client, keys, added)


def end_variant(client: redis.Redis, dataset: str, name: str) -> None:
    """Serve a variant's customers what everybody is served.

    Raises:
        VariantError: there is no variant of this name.
    """

    def removed(variants: Sequence[Variant]) -> list[Variant]:
        if name not in {each.name for each in variants}:
            there_are = ", ".join(each.name for each in variants) or "none"
            raise VariantError(f"there is no variant {name!r}; there are: {there_are}.")
        return [each for each in variants if each.name != name]

    _change(client, CacheKeys(dataset), removed)


def read_variants(client: redis.Redis, dataset: str) -> tuple[Variant, ...]:
    """Return the variants of a dataset.

    Raises:
        CacheFormatError: what lies in Redis is damaged.
    """
    return decode_variants(client.get(CacheKeys(dataset).variants))


def _change(client: redis.Redis, keys: CacheKeys, change: Callable[[Sequence[Variant]], list[Variant]]) -> None:
    """Write changed variants; where others were written meanwhile, change those instead."""
    for _ in range(ATTEMPTS):
        before = client.get(keys.variants) or b""
        after = encode_variants(change(decode_variants(before)))
        if client.eval(SET_IF_UNCHANGED, 1, keys.variants, before, after):
            return
    raise VariantError("the variants keep being changed by others; try again.")


def _check_version(client: redis.Redis, keys: CacheKeys, version: str) -> None:
    value = client.get(keys.manifest(version))
    if value is None:
        raise VariantError(f"{keys.dataset} has no published version {version!r}; `make versions` lists them.")
    try:
        Manifest.from_json(value)
    except CacheFormatError as error:
        raise VariantError(f"version {version} cannot be served: {error}") from error


def main(arguments: Sequence[str] | None = None) -> int:
    """Start, end or show variants; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        client = connect()
        if options.action == "start":
            start_variant(client, options.dataset, options.name, options.version, options.share)
        elif options.action == "end":
            end_variant(client, options.dataset, options.name)
        print("\n".join(_lines(options.dataset, read_variants(client, options.dataset))))
    except ServingError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except redis.RedisError as error:  # it was there when the command began
        print(error, file=sys.stderr)
        return RedisUnreachable.exit_code
    return 0


def _lines(dataset: str, variants: Sequence[Variant]) -> list[str]:
    rest = max(0.0, 1 - sum(each.share for each in variants))
    told = [f"{each.name:12}  {each.share:6.1%}  {each.version}  since {each.since}" for each in variants]
    return [*told, f"{rest:.1%} of the customers of {dataset} are served the current version"]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m serving.commands.variants",
        description="Serve a share of the customers another published version.",
    )
    parser.add_argument("--dataset", default=os.environ.get("DATASET") or "demo", help="default: %(default)s")
    actions = parser.add_subparsers(dest="action", required=True)
    start = actions.add_parser("start", help="serve a share of the customers a version")
    start.add_argument("name", help="as the API, the log and the metrics show it")
    start.add_argument("--version", required=True, help="one of `make versions`")
    start.add_argument("--share", type=float, default=0.1, help="of the customers (default: %(default)s)")
    actions.add_parser("end", help="serve its customers the current version").add_argument("name")
    actions.add_parser("show", help="list the variants")
    return parser


if __name__ == "__main__":
    sys.exit(main())
