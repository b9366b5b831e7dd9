"""The small shop over real HTTP, for tests with and without a browser."""

import boutique
import pytest
import redis


@pytest.fixture(scope="module")
def boutique_redis(tmp_path_factory, start_redis):
    """A folder with a running Redis in which both versions are published, and the versions, the served one first."""
    directory = tmp_path_factory.mktemp("boutique") / "redis"
    with start_redis(directory) as server, redis.Redis.from_url(server.url) as client:
        yield directory, boutique.publish_two(client)


@pytest.fixture(scope="module")
def versions(boutique_redis):
    """The published versions, the served one first."""
    return boutique_redis[1]


@pytest.fixture(scope="module")
def shop(boutique_redis, start_api):
    """An HTTP client of the API over the small shop."""
    with start_api(boutique_redis[0]) as http:
        yield http
