"""What is wrong with a Redis, in one wording: which server, without its password, the reason, and what to do.

Stage: beside the connections. In: a client and the error that it met. Out: one line, such as

    Redis at redis://10.0.0.7:6379/0 is a read-only replica: name its primary in REDIS_URL.

The words of an error are left out where a server may repeat in them what it was sent, and freed of the password
elsewhere.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from itertools import product
from typing import Any
from urllib.parse import quote

import redis.asyncio
import redis.sentinel

from serving.connection.failure_kinds import (
    AWAY,
    CLOSED,
    LOST_MASTER,
    MASTER_DOWN,
    NO_ANSWER,
    NO_MASTER,
    NO_REDIS,
    NO_TLS,
    OF_PASSWORDS,
    SENTINEL_PASSWORD,
    TLS_ALONE,
    TLS_ENDED,
    UNKNOWN_MASTER,
    Kind,
    kind_of,
)
from serving.connection.port_probe import Protocol, spoken_protocol, tls_refusal
from serving.connection.redis_address import RedisUnreachable
from serving.connection.redis_clients import SENTINEL_POOLS, address_of, passwords_of
from serving.connection.tls_files import unchecked_context

MOST_CHARACTERS = 200  # of a server's own words
START = "start it, correct REDIS_URL, or unset REDIS_URL to use the embedded one"
START_EMBEDDED = "start it with `python -m serving.connection.redis_connection start`"

Client = redis.Redis | redis.asyncio.Redis


def failure(client: Client, error: Exception, asks_port: bool = False) -> str:
    """Return one line for a person: the server without its password, the reason, what to do.

    Args:
        client: that met the error.
        error: of redis-py, or of the system.
        asks_port: whether what listens at the address may be asked what it is, which takes up to two seconds.
    """
    kind, quoted = _known(client, error, asks_port)
    remedy = kind.remedy or (START if os.environ.get("REDIS_URL") else START_EMBEDDED)
    words = f" ({_without(passwords_of(client), str(quoted))})" if kind.is_quoted and str(quoted) else ""
    return f"Redis at {address_of(client)} {kind.reason}{words}: {remedy}."


@contextmanager
def named_failures(client: Client) -> Iterator[None]:
    """Turn what Redis does wrong inside the block into one line for a person.

    Raises:
        RedisUnreachable: instead of any error of redis-py.
    """
    try:
        yield
    except redis.RedisError as error:
        raise RedisUnreachable(failure(client, error)) from error


def _known(client: Client, error: Exception, asks_port: bool) -> tuple[Kind, Exception]:
    """Return what is wrong, and the error that says it best, after a look at the port or the Sentinels if allowed."""
    pool, kind = client.connection_pool, kind_of(error)
    options, is_encrypted = pool.connection_kwargs, "SSL" in pool.connection_class.__name__
    if is_encrypted and kind is CLOSED:
        kind = TLS_ENDED
    if asks_port and kind is NO_MASTER:
        return _by_sentinels(pool)
    if isinstance(pool, SENTINEL_POOLS) and kind in (CLOSED, AWAY):
        kind = LOST_MASTER
    if asks_port and kind in (CLOSED, NO_ANSWER, NO_TLS, TLS_ENDED, AWAY) and options.get("host"):
        kind = _by_port(options, is_encrypted) or kind
    return kind, error


def _by_sentinels(pool: redis.sentinel.SentinelConnectionPool) -> tuple[Kind, Exception]:
    """Return why no Sentinel names a master: what the first says that answers, or else why the first does not."""
    failed = []
    for each in pool.sentinel_manager.sentinels:
        try:
            masters = each.sentinel_masters()
        except (redis.RedisError, OSError) as error:
            failed.append((each, error))
        else:
            return MASTER_DOWN if pool.service_name in masters else UNKNOWN_MASTER, Exception()
    kind, error = _known(*failed[0], asks_port=True)
    remedy = SENTINEL_PASSWORD if kind in OF_PASSWORDS else kind.remedy
    return replace(kind, reason=f"has no Sentinel that can be asked; the first {kind.reason}", remedy=remedy), error


def _by_port(options: Mapping[str, Any], is_encrypted: bool) -> Kind | None:
    """Return what is wrong with an address by what its port speaks; None if that does not say it."""
    address = options["host"], options.get("port", 6379)
    found = spoken_protocol(*address)
    if found is Protocol.WEB:
        return NO_REDIS
    if not is_encrypted:
        return TLS_ALONE if found is Protocol.TLS else None
    if found is Protocol.REDIS:
        return NO_TLS
    refusal = tls_refusal(*address, unchecked_context(options))
    return kind_of(refusal) if refusal else None


def _without(secrets: Iterable[str], words: str) -> str:
    """Return the first line of an error's words, freed of secrets in every way they may be written."""
    spellings: list[Callable[[str], str]] = [str, repr, quote, lambda text: quote(text, safe="")]
    for secret, spell in product(secrets, spellings):
        words = words.replace(spell(secret).strip("'\""), "***")
    return words.split("\n")[0][:MOST_CHARACTERS].rstrip(". ")
