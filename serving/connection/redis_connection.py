"""Connect to Redis: the one in REDIS_URL when that is set, else the embedded one, started when needed.

Stage: below publishing and serving. In: the environment (REDIS_URL, EMBEDDED_REDIS_DIR). Out: a client.

    python -m serving.connection.redis_connection start|status|stop     the embedded Redis
"""

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

from serving.connection.embedded_redis import EmbeddedRedis, EmbeddedRedisError
from serving.connection.failure_kinds import still_reads
from serving.connection.many_hosts import many_hosts
from serving.connection.redis_address import RedisUnreachable, checked_url
from serving.connection.redis_clients import async_client_of, client_of
from serving.connection.redis_failures import failure, failure_of_cluster
from serving.errors import ServingError

PROJECT_ROOT = Path(__file__).absolute().parents[2]
EXIT_NOT_RUNNING = 3  # what init scripts return for a service that is not running

logger = logging.getLogger(__name__)


def connect(timeout_seconds: float = 30.0) -> redis.Redis:
    """A client whose server has just answered; replies are bytes. One that takes no writes is told on standard error.

    Args:
        timeout_seconds: longest wait for one reply.

    Raises:
        RedisUnreachable: no answer from REDIS_URL, or the embedded Redis cannot be started.
    """
    url = redis_url()
    try:
        client = client_of(url, socket_timeout=timeout_seconds, socket_connect_timeout=5.0, retry=Retry(NoBackoff(), 1))
    except redis.RedisError as error:  # the client of a cluster connects when it is made
        raise RedisUnreachable(failure_of_cluster(many_hosts(url), error)) from error
    try:
        client.ping()
    except (redis.RedisError, OSError) as error:
        if not still_reads(error):
            raise RedisUnreachable(failure(client, error, asks_port=True)) from error
        logger.warning("%s", failure(client, error))
    return client


def connect_async(url: str, timeout_seconds: float) -> redis.asyncio.Redis:
    """An asyncio client that has not connected yet; one retry covers connections that a restart has cut."""
    return async_client_of(
        url,
        socket_timeout=timeout_seconds,
        socket_connect_timeout=timeout_seconds,
        retry=AsyncRetry(NoBackoff(), 1),
    )


def redis_url() -> str:
    """REDIS_URL, or the URL of the embedded Redis, which runs afterwards.

    Raises:
        RedisUnreachable: REDIS_URL is not a Redis URL, or the embedded Redis cannot be started.
    """
    if url := os.environ.get("REDIS_URL"):
        return checked_url(url)
    try:
        return EmbeddedRedis(embedded_directory()).ensure_running()
    except EmbeddedRedisError as error:
        raise RedisUnreachable(str(error)) from error
    except OSError as error:
        raise RedisUnreachable(
            f"the embedded Redis has no place for its files ({error}); set REDIS_URL to use another Redis, or "
            "EMBEDDED_REDIS_DIR to a folder that can be written."
        ) from error


def data_folder() -> Path:
    """Where this project keeps its data: RECOMMENDER_DATA_DIR, or data/."""
    return Path(os.environ.get("RECOMMENDER_DATA_DIR") or PROJECT_ROOT / "data").expanduser()


def embedded_directory() -> Path:
    """Where the embedded Redis keeps its files: EMBEDDED_REDIS_DIR, or redis/ in the folder of data."""
    return Path(os.environ.get("EMBEDDED_REDIS_DIR") or data_folder() / "redis").expanduser()


def main(arguments: Sequence[str] | None = None) -> int:
    """Start, stop or show the embedded Redis; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m serving.connection.redis_connection", description="The embedded Redis."
    )
    parser.add_argument("action", choices=["start", "status", "stop"])
    action = parser.parse_args(arguments).action
    try:
        server = EmbeddedRedis(embedded_directory())
        if action == "start":
            server.ensure_running()
        if action == "stop":
            print("stopped" if server.stop() else "was not running")
            return 0
    except ServingError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except OSError as error:
        print(f"the embedded Redis has no place for its files ({error})", file=sys.stderr)
        return RedisUnreachable.exit_code
    if not server.is_running():
        print(f"not running (files in {server.directory})")
        return EXIT_NOT_RUNNING
    print(f"running: {server.shown_address}, files in {server.directory}")
    if server.is_of_earlier_release:
        print("an earlier release started it, on a TCP port; stop and start it once to have a socket instead")
    return 0


if __name__ == "__main__":
    sys.exit(main())
