"""One publisher of a dataset at a time: a lock in Redis that its holder keeps renewing.

A holder that dies leaves a lock that runs out by itself. The token of the lock goes into the flip, so a publisher that
lost its lock while it slept cannot publish.
"""

import contextlib
import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator

import redis

from recommender.release.publish_errors import AnotherPublisher
from serving.cache.contract import CacheKeys

RENEW_SCRIPT = "return redis.call('get', KEYS[1]) == ARGV[1] and redis.call('pexpire', KEYS[1], ARGV[2]) or 0"
RELEASE_SCRIPT = "return redis.call('get', KEYS[1]) == ARGV[1] and redis.call('del', KEYS[1]) or 0"


@contextlib.contextmanager
def publisher_lock(client: redis.Redis, keys: CacheKeys, lock_seconds: float) -> Iterator[bytes]:
    """Hold the dataset's lock and keep renewing it; yields the token that the flip checks.

    Raises:
        AnotherPublisher: a living publisher holds it. One that died is waited for, until its lock runs out.
    """
    holder = {"host": socket.gethostname(), "process": os.getpid(), "token": secrets.token_hex(8)}
    token = json.dumps(holder).encode()
    _acquire(client, keys, token, lock_seconds)
    is_done = threading.Event()
    heartbeat = threading.Thread(target=_renew, args=(client, keys, token, lock_seconds, is_done), daemon=True)
    heartbeat.start()
    try:
        yield token
    finally:
        is_done.set()
        heartbeat.join()
        with contextlib.suppress(redis.RedisError):  # it runs out by itself
            client.eval(RELEASE_SCRIPT, 1, keys.lock, token)


def _acquire(client: redis.Redis, keys: CacheKeys, token: bytes, lock_seconds: float) -> None:
    """Take the lock. A holder that renews it is alive; the lock of one that has died runs out."""
    remaining_ms = None
    while not client.set(keys.lock, token, nx=True, px=int(lock_seconds * 1000)):
        before_ms, remaining_ms = remaining_ms, client.pttl(keys.lock)
        is_renewed = before_ms is not None and remaining_ms > before_ms
        if is_renewed or remaining_ms == -1:  # -1: no time limit, so not to be waited for
            holder = (client.get(keys.lock) or b"").decode()
            raise AnotherPublisher(f"a publisher of {keys.dataset} is at work ({holder}); wait until it is done.")
        time.sleep(lock_seconds / 20)


def _renew(client: redis.Redis, keys: CacheKeys, token: bytes, lock_seconds: float, is_done: threading.Event) -> None:
    while not is_done.wait(lock_seconds / 5):
        with contextlib.suppress(redis.RedisError):  # a lock that was lost is noticed by the flip
            client.eval(RENEW_SCRIPT, 1, keys.lock, token, int(lock_seconds * 1000))
