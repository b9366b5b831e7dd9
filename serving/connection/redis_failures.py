"""What is wrong with a Redis, in one wording: which server, without its password, the reason, and what to do.

Stage: beside the connections. In: a client and the error that it met. Out: one line, such as

    Redis at redis://10.0.0.7:6379/0 is a read-only replica: name its primary in REDIS_URL.

The words of an error are left out where a server may repeat in them what it was sent, and freed of the password
elsewhere.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import redis
import redis.asyncio

from serving.connection.failure_kinds import (
    AWAY,
    CLOSED,
    NO_ANSWER,
    NO_REDIS,
    NO_TLS,
    TLS_ALONE,
    TLS_ENDED,
    Kind,
    kind_of,
)
from serving.connection.port_probe import Protocol, spoken_protocol, tls_refusal
from serving.connection.redis_address import RedisUnreachable, shown_address
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
    pool, kind = client.connection_pool, kind_of(error)
    options, is_encrypted = pool.connection_kwargs, "SSL" in pool.connection_class.__name__
    if is_encrypted and kind is CLOSED:
        kind = TLS_ENDED
    if asks_port and kind in (CLOSED, NO_ANSWER, NO_TLS, TLS_ENDED, AWAY) and not options.get("path"):
        kind = _by_port(options, is_encrypted) or kind
    remedy = kind.remedy or (START if os.environ.get("REDIS_URL") else START_EMBEDDED)
    words = f" ({_without(options.get('password'), str(error))})" if kind.is_quoted and str(error) else ""
    return f"Redis at {shown_address(options, is_encrypted)} {kind.reason}{words}: {remedy}."


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


def _without(secret: str | None, words: str) -> str:
    """Return the first line of an error's words, freed of a secret in every way it may be written."""
    spellings: list[Callable[[str], str]] = [str, repr, quote, lambda text: quote(text, safe="")]
    for spell in spellings if secret else ():
        words = words.replace(spell(secret).strip("'\""), "***")
    return words.split("\n")[0][:MOST_CHARACTERS].rstrip(". ")
