"""Where the variants of a dataset are kept: start one, end one, read all.

In: a Redis client. Out: the variants. The API follows within a second. Publishing keeps the versions of variants in
Redis until the variants end.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import redis

from serving.cache.contract import CacheFormatError, CacheKeys, Manifest
from serving.cache.variants import Variant, VariantError, decode_variants, encode_variants, free_start

ATTEMPTS = 10
SET_IF_UNCHANGED = """
-- KEYS: variants   ARGV: as they were, as they are to be
if (redis.call('get', KEYS[1]) or '') ~= ARGV[1] then return 0 end
redis.call('set', KEYS[1], ARGV[2])
return 1
"""


class VariantBook:
    """The variants of one dataset in Redis.

    Every method raises redis.RedisError when Redis does not answer, and CacheFormatError when the variants are damaged.
    """

    def __init__(self, client: redis.Redis, dataset: str) -> None:
        self._client, self._keys = client, CacheKeys(dataset)

    def read(self) -> tuple[Variant, ...]:
        """Return all variants."""
        return decode_variants(self._client.get(self._keys.variants))

    def start(self, name: str, version: str, share: float) -> None:
        """Serve a share of the customers a version.

        Raises:
            VariantError: the name is taken or empty, the version is not published, or the share is not free.
        """
        self._check_version(version)

        def added(variants: Sequence[Variant]) -> list[Variant]:
            if not name or name in {each.name for each in variants}:
                raise VariantError(f"{name!r} is empty or the name of another variant; choose a new one.")
            since = datetime.now(UTC).isoformat(timespec="seconds")
            return [*variants, Variant(name, version, free_start(variants, share), share, since)]

        self._change(added)

    def end(self, name: str) -> None:
        """Serve a variant's customers what everybody is served.

        Raises:
            VariantError: no variant has the name.
        """

        def removed(variants: Sequence[Variant]) -> list[Variant]:
            if name not in {each.name for each in variants}:
                there_are = ", ".join(each.name for each in variants) or "none"
                raise VariantError(f"there is no variant {name!r}; there are: {there_are}.")
            return [each for each in variants if each.name != name]

        self._change(removed)

    def _change(self, change: Callable[[Sequence[Variant]], list[Variant]]) -> None:
        """Write changed variants; if others have changed them meanwhile, change the new ones."""
        for _ in range(ATTEMPTS):
            before = self._client.get(self._keys.variants) or b""
            after = encode_variants(change(decode_variants(before)))
            if self._client.eval(SET_IF_UNCHANGED, 1, self._keys.variants, before, after):
                return
        raise VariantError("others keep changing the variants; try again.")

    def _check_version(self, version: str) -> None:
        value = self._client.get(self._keys.manifest(version))
        if value is None:
            raise VariantError(
                f"{self._keys.dataset} has no published version {version!r}; `make versions` lists them."
            )
        try:
            Manifest.from_json(value)
        except CacheFormatError as error:
            raise VariantError(f"version {version} cannot be served: {error}") from error
