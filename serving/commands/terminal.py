"""What the commands share: the dataset they are about, their Redis, and how they end.

Exit codes: 0 done, else those of `serving.errors`: 2 a wrong argument, 3 nothing is published or Redis holds damaged
values, 4 Redis cannot be reached.
"""

import argparse
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import redis.asyncio

from serving.cache.published_datasets import nothing_published
from serving.connection.redis_connection import connect, connect_async, redis_url
from serving.connection.redis_failures import named_failures
from serving.errors import ServingError
from serving.lookup.store_errors import NothingPublished

TIMEOUT_SECONDS = 5.0


def add_dataset_option(parser: argparse.ArgumentParser) -> None:
    """Add `--dataset`, by default the one of DATASET."""
    parser.add_argument("--dataset", default=os.environ.get("DATASET") or "demo", help="default: %(default)s")


@asynccontextmanager
async def connected(dataset: str = "") -> AsyncIterator[redis.asyncio.Redis]:
    """Yield an asyncio client of the Redis that the environment names, and that has just answered.

    Args:
        dataset: must have lists; any may lack them if this is empty.

    Raises:
        RedisUnreachable: there is no Redis that can be read.
        NothingPublished: the dataset has no lists; the message names those that have.
    """
    with connect(TIMEOUT_SECONDS) as checked, named_failures(checked):
        if dataset and (missing := nothing_published(checked, dataset)):
            raise NothingPublished(missing)
    client = connect_async(redis_url(), TIMEOUT_SECONDS)
    try:
        yield client
    finally:
        await client.aclose()


def run(command: Callable[[], str]) -> int:
    """Print what a command returns, or its error to standard error; return the exit code."""
    try:
        print(command())
    except ServingError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0
