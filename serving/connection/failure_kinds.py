"""The ways for Redis to fail, told apart by the errors of redis-py and of TLS.

In: an error. Out: its kind, which says what the server is or does, what to do, and whether the server can be read.
"""

import re
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import redis.asyncio.sentinel
import redis.sentinel

from serving.connection.redis_address import FORM

PASSWORD_REMEDY = f"write user and password, percent-encoded, into REDIS_URL: {FORM}"
OF_A_SCRIPT = "The user executing the script can't"


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
OF_PASSWORDS = REFUSED_PASSWORD, UNWANTED_PASSWORD, NO_PASSWORD
SENTINEL_PASSWORD = "write the Sentinels' own as ?sentinel_username=USER&sentinel_password=PASSWORD, percent-encoded"
UNTRUSTED = Kind("has a certificate that is not trusted", "name its authority: ?ssl_ca_certs=/path/to/ca.pem")
OTHER_NAME = Kind(
    "has a certificate for another name",
    "write its host in REDIS_URL as its certificate does, or renew the certificate",
)
NOT_VALID_NOW = Kind("has a certificate that is not valid today", "renew it, or look at this machine's clock")
NO_CLIENT_CERTIFICATE = Kind(
    "asks for a certificate",
    "name yours and its key: ?ssl_certfile=/path/to/client.pem&ssl_keyfile=/path/to/client.key",
)
DISTRUSTS_CLIENT = Kind(
    "does not take the certificate of ssl_certfile", "use one of the authority that it trusts, and that is valid today"
)
TLS_ENDED = Kind(
    "ends TLS with an error",
    "correct the options ssl_... of REDIS_URL; it may want a certificate, by ssl_certfile and ssl_keyfile",
    is_quoted=True,
)
NO_TLS = Kind("does not speak TLS there", "use redis:// instead of rediss://, or the port that speaks TLS")
TLS_ALONE = Kind("speaks TLS alone", "use rediss:// instead of redis://")
NO_REDIS = Kind("does not speak Redis’s protocol", "correct host, port and scheme in REDIS_URL")
CLOSED = Kind("closes the connection", "if it speaks TLS, use rediss://; otherwise read its log")
NOT_FOUND = Kind("cannot be found: its host has no address", "correct the host in REDIS_URL, or the DNS")
NO_ANSWER = Kind("does not answer in time", "look at its load and at the network, or correct REDIS_URL", is_quoted=True)
AWAY = Kind("cannot be reached", is_quoted=True)
OTHER = Kind("refuses a command", "read its log", is_quoted=True)
NO_MASTER = Kind("has no master that its Sentinels name", "look at them, or wait until they have chosen one")
MASTER_DOWN = Kind("has a master that its Sentinels take for dead", "start it, or wait until they have chosen another")
LOST_MASTER = Kind(
    "has a master that cannot be reached",
    "wait until its Sentinels have chosen another, or start it; the address that they name must be reachable from here",
    is_quoted=True,
)
UNKNOWN_MASTER = Kind("is unknown to its Sentinels by that name", "write the name that `sentinel monitor` gives it")
NO_SENTINEL = Kind(
    "names a server that is no Sentinel", "write the port of the Sentinels, 26379 by default, or redis://"
)

LOST_NODE = Kind(
    "has a node that cannot be reached", "start it, or wait until a replica has taken its place", is_quoted=True
)
CLUSTER_DOWN = Kind("is a cluster that does not work", "look at CLUSTER INFO and CLUSTER NODES", is_quoted=True)
NO_CLUSTER = Kind("names a server that is in no cluster", "write redis:// for redis+cluster://")
ONE_NODE = Kind("is one node of a cluster", "write redis+cluster:// for redis://")

REPLICA = Kind("is a read-only replica", "name its primary in REDIS_URL", reads=True)
FULL = Kind("is full", "raise its maxmemory, or remove what else it holds", reads=True)

_BY_CLASS: Sequence[tuple[type[Exception], Kind]] = (
    (redis.sentinel.MasterNotFoundError, NO_MASTER),
    (redis.asyncio.sentinel.MasterNotFoundError, NO_MASTER),
    (redis.BusyLoadingError, Kind("is still loading its data", "wait until it is done")),
    (redis.exceptions.MasterDownError, Kind("is a replica without its primary", "name the primary in REDIS_URL")),
    (redis.exceptions.ClusterDownError, CLUSTER_DOWN),
    (redis.exceptions.MovedError, ONE_NODE),
    (redis.ReadOnlyError, REPLICA),
    (redis.exceptions.OutOfMemoryError, FULL),
    (redis.InvalidResponse, NO_REDIS),
)
_BY_WORD_OF_TLS: Sequence[tuple[str, Kind]] = (
    ("Hostname mismatch", OTHER_NAME),
    ("IP address mismatch", OTHER_NAME),
    ("certificate has expired", NOT_VALID_NOW),
    ("certificate is not yet valid", NOT_VALID_NOW),
    ("CERTIFICATE_VERIFY_FAILED", UNTRUSTED),
    ("ALERT_CERTIFICATE_REQUIRED", NO_CLIENT_CERTIFICATE),  # of TLS 1.3; 1.2 says only that the handshake failed
    ("ALERT_UNKNOWN_CA", DISTRUSTS_CLIENT),
    ("ALERT_CERTIFICATE_EXPIRED", DISTRUSTS_CLIENT),
    ("ALERT_BAD_CERTIFICATE", DISTRUSTS_CLIENT),
    ("WRONG_VERSION_NUMBER", NO_TLS),
    ("RECORD_LAYER_FAILURE", NO_TLS),
)
_BY_WORD: Sequence[tuple[str, Kind]] = (
    ("MISCONF", Kind("is read-only, for it cannot save on its disk", "make room on its disk", reads=True)),
    ("OOM command not allowed", FULL),
    ("READONLY You can't write", REPLICA),
    ("BUSY Redis is busy", Kind("is busy with a script", "wait for its end, or end it with SCRIPT KILL")),
    ("NOREPLICAS", Kind("is read-only, for too few replicas follow it", "start its replicas", reads=True)),
    ("unknown command 'SENTINEL'", NO_SENTINEL),
    ("unknown command `SENTINEL`", NO_SENTINEL),  # of Redis 6
    ("cluster support disabled", NO_CLUSTER),
    ("max number of clients", Kind("has as many clients as it may have", "raise its maxclients")),
)


def kind_of(error: Exception) -> Kind:
    """Return the way in which Redis failed."""
    if isinstance(error, redis.exceptions.NoPermissionError) or OF_A_SCRIPT in str(error):
        return _about_rights(str(error))
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


def _about_rights(text: str) -> Kind:
    """Name the command that a user lacks; before Redis 7.2, scripts do not tell theirs."""
    command = re.search(r"'([\w|]+)' command", text)
    if command:
        what, remedy = f"the command {command[1]}", f"+{command[1]}"
    elif "key" in text:
        what, remedy = "a key", "~recommendations:*"
    else:
        what, remedy = "a command of a script", "+COMMAND"
    names = "ACL LOG names the command, and " if remedy == "+COMMAND" else ""
    return Kind(
        f"does not allow its user {what} (NOPERM)",
        f"{names}ACL SETUSER NAME {remedy} allows it; docs/deployment.md has all rights that are needed",
        reads=True,
    )


def _about_the_password(text: str) -> Kind:
    if "without any password" in text or "no password is set" in text:
        return UNWANTED_PASSWORD
    return NO_PASSWORD if "required" in text or "NOAUTH" in text or "HELLO" in text else REFUSED_PASSWORD


def _about_the_network(error: Exception) -> Kind:
    causes = list(_causes(error))
    texts = " ".join(map(str, causes))
    if any(isinstance(each, ssl.SSLError) for each in causes) or "SSL:" in texts:
        return next((kind for word, kind in _BY_WORD_OF_TLS if word in texts), TLS_ENDED)
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
