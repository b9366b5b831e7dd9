"""Connect to Redis: the one in REDIS_URL when that is set, else the embedded one, started when needed.

Stage: below publishing and serving. In: the environment (REDIS_URL, EMBEDDED_REDIS_DIR). Out: a client.

    python -m serving.connection.redis_connection start|status|stop     the embedded Redis
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

from serving.connection.embedded_redis import EmbeddedRedis, EmbeddedRedisError
from serving.errors import ServingError

PROJECT_ROOT = Path(__file__).absolute().parents[2]
URL_SCHEMES = {"redis", "rediss", "unix"}
EXIT_NOT_RUNNING = 3  # what init scripts return for a service that is not running


class RedisUnreachable(ServingError, ConnectionError):
    """Redis does not answer; the message names the URL (without password) and what to do."""

    exit_code = 4


def connect(timeout_seconds: float = 30.0) -> redis.Redis:
    """A client whose server has just answered; replies are bytes.

    Args:
        timeout_seconds: longest wait for one reply.

    Raises:
        RedisUnreachable: no answer from REDIS_URL, or the embedded Redis cannot be started.
    """
    url = redis_url()
    try:
        client = redis.Redis.from_url(
            url, socket_timeout=timeout_seconds, socket_connect_timeout=5.0, retry=Retry(NoBackoff(), 1)
        )
        client.ping()
    except (redis.RedisError, OSError, ValueError) as error:
        raise RedisUnreachable(unreachable_message(url, error)) from error
    return client


def connect_async(url: str, timeout_seconds: float) -> redis.asyncio.Redis:
    """An asyncio client that has not connected yet; one retry covers connections that a restart has cut."""
    return redis.asyncio.Redis.from_url(
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
    url = os.environ.get("REDIS_URL")
    if not url:
        try:
            return EmbeddedRedis(embedded_directory()).ensure_running()
        except EmbeddedRedisError as error:
            raise RedisUnreachable(str(error)) from error
        except OSError as error:
            raise RedisUnreachable(
                f"the embedded Redis has no place for its files ({error}); set REDIS_URL to use another Redis, or "
                "EMBEDDED_REDIS_DIR to a folder that can be written."
            ) from error
    if urlsplit(url).scheme not in URL_SCHEMES:
        raise RedisUnreachable(f"REDIS_URL {without_password(url)} must start with redis://, rediss:// or unix://.")
    return url


def embedded_directory() -> Path:
    """Where the embedded Redis keeps its files: EMBEDDED_REDIS_DIR, or redis/ in RECOMMENDER_DATA_DIR or data/."""
    data_dir = Path(os.environ.get("RECOMMENDER_DATA_DIR") or PROJECT_ROOT / "data")
    return Path(os.environ.get("EMBEDDED_REDIS_DIR") or data_dir / "redis")


def without_password(url: str) -> str:
    """The URL as it may be shown and logged."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=host, query=""))


def unreachable_message(url: str, error: Exception) -> str:
    """The message for a person when Redis does not answer: what failed, and what to do."""
    remedy = (
        "start it, correct REDIS_URL, or unset REDIS_URL to use the embedded one"
        if os.environ.get("REDIS_URL")
        else "start it with `python -m serving.connection.redis_connection start`"
    )
    reason = str(error).replace(url, without_password(url)).rstrip(".")
    return f"Redis at {without_password(url)} cannot be reached ({reason}): {remedy}."


def main(arguments: Sequence[str] | None = None) -> int:
    """Start, stop or show the embedded Redis; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m serving.connection.redis_connection", description="The embedded Redis."
    )
    parser.add_argument("action", choices=["start", "status", "stop"])
    action = parser.parse_args(arguments).action
    server = EmbeddedRedis(embedded_directory())
    try:
        if action == "start":
            server.ensure_running()
        if action == "stop":
            print("stopped" if server.stop() else "was not running")
            return 0
    except ServingError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    if not server.is_running():
        print(f"not running (files in {server.directory})")
        return EXIT_NOT_RUNNING
    print(f"running: {without_password(server.url)}, files in {server.directory}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
