"""What the commands share: the dataset they are about, their Redis, and how they end.

Exit codes: 0 done, 2 a wrong argument, 3 nothing readable is published, 4 Redis cannot be reached.
"""

import argparse
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import redis
import redis.asyncio

from serving.connection.redis_connection import RedisUnreachable, connect_async, redis_url
from serving.lookup.store_errors import RedisAway, StoreUnavailable

TIMEOUT_SECONDS = 5.0
EXIT_USAGE, EXIT_NOTHING_PUBLISHED, EXIT_NO_REDIS = 2, 3, 4


def add_dataset_option(parser: argparse.ArgumentParser) -> None:
    """Add `--dataset`, by default the one of DATASET."""
    parser.add_argument("--dataset", default=os.environ.get("DATASET") or "demo", help="default: %(default)s")


@asynccontextmanager
async def connected() -> AsyncIterator[redis.asyncio.Redis]:
    """Yield an asyncio client of the Redis that the environment names."""
    client = connect_async(redis_url(), TIMEOUT_SECONDS)
    try:
        yield client
    finally:
        await client.aclose()


def run(command: Callable[[], str]) -> int:
    """Print what a command returns, or its error to standard error; return the exit code."""
    try:
        print(command())
    except (RedisUnreachable, RedisAway, redis.RedisError) as error:
        return _fail(error, EXIT_NO_REDIS)
    except StoreUnavailable as error:
        return _fail(error, EXIT_NOTHING_PUBLISHED)
    except ValueError as error:
        return _fail(error, EXIT_USAGE)
    return 0


def _fail(error: Exception, exit_code: int) -> int:
    print(error, file=sys.stderr)
    return exit_code
