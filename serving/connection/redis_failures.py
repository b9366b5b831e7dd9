"""What is wrong with a Redis, in one wording: which server, without its password, the reason, and what to do.

Stage: beside the connections. In: a client and the error that it met. Out: one line, such as

    Redis at redis://10.0.0.7:6379/0 is a read-only replica: name its primary in REDIS_URL.

The words of an error are left out where a server may repeat in them what it was sent, and freed of the password
elsewhere.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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
    CLUSTER_DOWN,
    LOST_MASTER,
    LOST_NODE,
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
from serving.connection.many_hosts import ManyHosts, shown_hosts
from serving.connection.port_probe import Protocol, spoken_protocol, tls_refusal
from serving.connection.redis_address import RedisUnreachable
from serving.connection.redis_clients import (
    CLUSTERS,
    SENTINEL_POOLS,
    Client,
    address_of,
    is_over_tls,
    nodes_of,
    passwords_of,
)
from serving.connection.tls_files import unchecked_context

MOST_CHARACTERS = 200  # of a server's own words
START = "start it, correct REDIS_URL, or unset REDIS_URL to use the embedded one"
START_EMBEDDED = "start it with `python -m serving.connection.redis_connection start`"


def failure(client: Client, error: Exception, asks_port: bool = False) -> str:
    """Return one line for a person: the server without its password, the reason, what to do.

    Args:
        client: that met the error.
        error: of redis-py, or of the system.
        asks_port: whether what listens at the address may be asked what it is, which takes up to two seconds.
    """
    return _line(address_of(client), passwords_of(client), *_known(client, error, asks_port))


def failure_of_cluster(several: ManyHosts, error: Exception) -> str:
    """Return the line about a cluster whose client could not be made, after its nodes were asked.

    Args:
        several: the address.
        error: why its client could not be made.
    """
    nodes, kind = nodes_of(several), kind_of(error)
    failed = _failed(nodes, lambda node: node.execute_command("CLUSTER SLOTS"))
    if len(failed) == len(nodes):
        kind, error = _of_first(failed, "node")
    elif kind in (CLOSED, AWAY):  # nodes answer, and have not all slots
        kind = CLUSTER_DOWN
    return _line(shown_hosts(several.hosts, several.is_encrypted), passwords_of(nodes[0]), kind, error)


def _line(address: str, passwords: Iterable[str], kind: Kind, quoted: Exception) -> str:
    remedy = kind.remedy or (START if os.environ.get("REDIS_URL") else START_EMBEDDED)
    words = f" ({_without(passwords, str(quoted))})" if kind.is_quoted and str(quoted) else ""
    return f"Redis at {address} {kind.reason}{words}: {remedy}."


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
    kind = kind_of(error)
    if isinstance(client, CLUSTERS):
        return LOST_NODE if kind in (CLOSED, AWAY) else kind, error
    pool = client.connection_pool
    options, is_encrypted = pool.connection_kwargs, is_over_tls(pool)
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
    known: list[str] = []
    sentinels = pool.sentinel_manager.sentinels
    failed = _failed(sentinels, lambda sentinel: known.extend(sentinel.sentinel_masters()))
    if len(failed) < len(sentinels):
        return MASTER_DOWN if pool.service_name in known else UNKNOWN_MASTER, Exception()
    kind, error = _of_first(failed, "Sentinel")
    return (replace(kind, remedy=SENTINEL_PASSWORD) if kind_of(error) in OF_PASSWORDS else kind), error


def _failed(clients: Iterable[redis.Redis], ask: Callable[[redis.Redis], Any]) -> list[tuple[redis.Redis, Exception]]:
    """Ask all, and return those that failed with their errors."""
    failed = []
    for client in clients:
        try:
            ask(client)
        except (redis.RedisError, OSError) as error:
            failed.append((client, error))
    return failed


def _of_first(failed: Sequence[tuple[redis.Redis, Exception]], what: str) -> tuple[Kind, Exception]:
    """Return why none of several can be asked, by the first of them."""
    kind, error = _known(*failed[0], asks_port=True)
    return replace(kind, reason=f"has no {what} that can be asked; the first {kind.reason}"), error


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
