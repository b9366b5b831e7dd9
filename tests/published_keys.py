"""What publishing may leave in Redis."""

import redis

from serving.cache.contract import CacheKeys, registered_counts

KEYS = CacheKeys("demo")


def assert_nothing_is_left_over(client: redis.Redis) -> None:
    """Redis holds the versions of the history and the three control keys, and no other key."""
    registry = {version.decode(): registered_counts(value) for version, value in client.hgetall(KEYS.registry).items()}
    history = [version.decode() for version in client.lrange(KEYS.history, 0, -1)]
    assert set(registry) == set(history)
    assert client.get(KEYS.current).decode() == history[0]
    expected = {KEYS.current, KEYS.history, KEYS.registry}
    expected.update(key for version in history for key in KEYS.all_of_version(version, registry[version]))
    assert {key.decode() for key in client.keys("*")} == expected
