"""What is wrong with a Redis, in one wording: which server, without its password, the reason, and what to do.

Stage: beside the connections. In: a client and the error that it met. Out: one line, such as

    Redis at redis://10.0.0.7:6379/0 is a read-only replica: name its primary in REDIS_URL.

The words of an error are left out where a server may repeat in them what it was sent, and freed of the password
elsewhere.
"""

import os
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import quote

import redis
import redis.asyncio

from serving.connection.port_probe import Protocol, spoken_protocol
from serving.connection.redis_address import FORM, RedisUnreachable, shown_address

MOST_CHARACTERS = 200  # of a server's own words
PASSWORD_REMEDY = f"write user and password, percent-encoded, into REDIS_URL: {FORM}"
START = "start it, correct REDIS_URL, or unset REDIS_URL to use the embedded one"
START_EMBEDDED = "start it with `python -m serving.connection.redis_connection start`"

Client = redis.Redis | redis.asyncio.Redis


@dataclass(frozen=True)
class Kind:
    """A way for Redis to fail.

    Attributes:
        reason: what the server is or does, to follow its name.
        remedy: what to do; empty where that depends on whether REDIS_URL is set.
        reads: whether reading works.
        is_quoted: whether the error's own words are added.
    """

    reason: str
    remedy: str = ""
    reads: bool = False
    is_quoted: bool = False


REFUSED_PASSWORD = Kind("refuses the password", PASSWORD_REMEDY)
UNWANTED_PASSWORD = Kind("has no password, and REDIS_URL gives one", "leave the password out, or set one in Redis")
NO_PASSWORD = Kind("asks for a password", PASSWORD_REMEDY)
UNTRUSTED = Kind("has a certificate that is not trusted", "name its authority: ?ssl_ca_certs=/path/to/ca.pem")
NO_TLS = Kind("does not speak TLS there", "use redis:// instead of rediss://, or the port that speaks TLS")
TLS_ALONE = Kind("speaks TLS alone", "use rediss:// instead of redis://")
NO_REDIS = Kind("does not speak Redis’s protocol", "correct host, port and scheme in REDIS_URL")
CLOSED = Kind("closes the connection", "if it speaks TLS, use rediss://; otherwise read its log")
NOT_FOUND = Kind("cannot be found: its host has no address", "correct the host in REDIS_URL, or the DNS")
NO_ANSWER = Kind("does not answer in time", "look at its load and at the network, or correct REDIS_URL", is_quoted=True)
AWAY = Kind("cannot be reached", is_quoted=True)
OTHER = Kind("refuses a command", "read its log", is_quoted=True)

REPLICA = Kind("is a read-only replica", "name its primary in REDIS_URL", reads=True)
FULL = Kind("is full", "raise its maxmemory, or remove what else it holds", reads=True)

_BY_CLASS: Sequence[tuple[type[Exception], Kind]] = (
    (redis.BusyLoadingError, Kind("is still loading its data", "wait until it is done")),
    (redis.exceptions.MasterDownError, Kind("is a replica without its primary", "name the primary in REDIS_URL")),
    (redis.ReadOnlyError, REPLICA),
    (redis.exceptions.OutOfMemoryError, FULL),
    (
        redis.exceptions.NoPermissionError,
        Kind("does not allow its user a command", "give the user the right: ACL SETUSER", True, True),
    ),
    (redis.InvalidResponse, NO_REDIS),
)
_BY_WORD: Sequence[tuple[str, Kind]] = (
    ("MISCONF", Kind("is read-only, for it cannot save on its disk", "make room on its disk", reads=True)),
    ("OOM command not allowed", FULL),
    ("READONLY You can't write", REPLICA),
    ("BUSY Redis is busy", Kind("is busy with a script", "wait for its end, or end it with SCRIPT KILL")),
    ("NOREPLICAS", Kind("is read-only, for too few replicas follow it", "start its replicas", reads=True)),
    ("max number of clients", Kind("has as many clients as it may have", "raise its maxclients")),
)


def kind_of(error: Exception) -> Kind:
    """Return the way in which Redis failed."""
    for class_, kind in _BY_CLASS:
        if isinstance(error, class_):
            return kind
    if isinstance(error, redis.AuthenticationError):
        return _about_the_password(str(error))
    for word, kind in _BY_WORD:
        if word in str(error):  # not only at its beginning: a script puts words of its own before
            return kind
    if isinstance(error, redis.ResponseError):
        return _about_the_password(str(error)) if str(error).startswith(("NOAUTH", "WRONGPASS")) else OTHER
    return _about_the_network(error)


def _about_the_password(text: str) -> Kind:
    if "without any password" in text or "no password is set" in text:
        return UNWANTED_PASSWORD
    return NO_PASSWORD if "required" in text or "NOAUTH" in text or "HELLO" in text else REFUSED_PASSWORD


def _about_the_network(error: Exception) -> Kind:
    causes = list(_causes(error))
    texts = " ".join(map(str, causes))
    if any(isinstance(each, ssl.SSLCertVerificationError) for each in causes) or "CERTIFICATE_VERIFY" in texts:
        return UNTRUSTED
    if any(isinstance(each, ssl.SSLError) for each in causes) or "SSL" in texts:
        return NO_TLS
    if any(type(each).__name__ == "gaierror" for each in causes) or "Name or service not known" in texts:
        return NOT_FOUND
    if isinstance(error, TimeoutError | redis.TimeoutError):
        return NO_ANSWER
    return CLOSED if "closed by server" in texts or "Connection reset" in texts else AWAY


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def still_reads(error: Exception) -> bool:
    """Whether a server that answered with an error can be read: a replica, one that is full or cannot save."""
    return kind_of(error).reads


def failure(client: Client, error: Exception, asks_port: bool = False) -> str:
    """Return one line for a person: the server without its password, the reason, what to do.

    Args:
        client: that met the error.
        error: of redis-py, or of the system.
        asks_port: whether what listens at the address may be asked what it is, which takes up to two seconds.
    """
    pool, kind = client.connection_pool, kind_of(error)
    options, is_encrypted = pool.connection_kwargs, "SSL" in pool.connection_class.__name__
    if asks_port and kind in (CLOSED, NO_ANSWER, NO_TLS, AWAY) and not options.get("path"):
        kind = _by_protocol(spoken_protocol(options["host"], options.get("port", 6379)), is_encrypted) or kind
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


def _by_protocol(found: Protocol, is_encrypted: bool) -> Kind | None:
    """Return what is wrong with an address at which a protocol is spoken; None if that does not say it."""
    if found is Protocol.WEB:
        return NO_REDIS
    if is_encrypted:
        return NO_TLS if found is Protocol.REDIS else None
    return TLS_ALONE if found is Protocol.TLS else None


def _without(secret: str | None, words: str) -> str:
    """Return the first line of an error's words, freed of a secret in every way it may be written."""
    spellings: list[Callable[[str], str]] = [str, repr, quote, lambda text: quote(text, safe="")]
    for spell in spellings if secret else ():
        words = words.replace(spell(secret).strip("'\""), "***")
    return words.split("\n")[0][:MOST_CHARACTERS].rstrip(". ")
