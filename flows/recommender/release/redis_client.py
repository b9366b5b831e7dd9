"""The Redis that serves the lists, as publishing sees it: whatever it does wrong is a `PublishError`.

In: the environment, see `serving.connection.redis_connection`. Out: a client.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import redis

from recommender.release.publish_errors import RedisFailed
from serving.connection.redis_connection import connect
from serving.connection.redis_failures import named_failures
from serving.errors import ServingError


@contextmanager
def redis_client() -> Iterator[redis.Redis]:
    """Yield a client with bytes replies whose server has just answered.

    Raises:
        RedisFailed: Redis cannot be reached, or failed inside the block; or what lies in it is of no use.
    """
    try:
        with connect() as client, named_failures(client):
            yield client
    except ServingError as error:
        raise RedisFailed(str(error)) from error
