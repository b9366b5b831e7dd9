"""What REDIS_URL may be, and how an address is shown: never with a user, a password or an option.

Stage: below all connections. In: a text. Out: the text, checked, or one line that says how to write it. No message
repeats a part of a text that cannot be read: what looks like a port may be the end of a password.

The grammar is that of RFC 3986 (https://www.rfc-editor.org/rfc/rfc3986#section-3.2). redis-py itself takes a password
with a slash for a port, and shows it.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

import redis
import redis.asyncio

from serving.connection.many_hosts import HOST, MOST_PORT, OPTIONS, SCHEMES, USER, many_hosts, wrong_hosts
from serving.connection.tls_files import wrong_tls_file
from serving.errors import ServingError

_ADDRESSES = (
    re.compile(rf"rediss?://{USER}{HOST}(?::(?P<port>[0-9]+))?(?:/[0-9]*)?{OPTIONS}", re.ASCII),
    re.compile(rf"unix://{USER}/[^?#@]+{OPTIONS}", re.ASCII),
)
_BEHIND_USER = re.compile(rf"(rediss?(?:\+sentinel|\+cluster)?://){USER}([^@#]*)", re.ASCII)
_PARTS = re.compile(r"[a-z]+://(?P<host>\[[^]]*\]|[^:/?#]*)(?::(?P<port>[^/?#]*))?(?:/(?P<database>[^?#]*))?")
FORM = "redis://USER:PASSWORD@HOST:6379/0"
OF_ONE_SERVER = {"db", "ssl_ca_path", "ssl_password", "ssl_min_version", "ssl_ciphers"}
"""Options that one of redis-py's two clients of a cluster does not know, or leaves out without a word."""
PERCENT_ENCODE = (
    "percent-encode the password: / is %2F, # is %23, ? is %3F, @ is %40, % is %25, [ is %5B, ] is %5D, a space is %20"
)


class RedisUnreachable(ServingError, ConnectionError):
    """Redis does not answer as it should; the message names the server without its password, why, and what to do."""

    exit_code = 4


def checked_url(text: str, variable: str = "REDIS_URL") -> str:
    """Return the address of a Redis as redis-py takes it.

    Args:
        text: a URL; white space around it is no part of it.
        variable: where the text stands.

    Raises:
        RedisUnreachable: it is no such URL; the message repeats nothing of it.
    """
    url = text.strip()
    if several := many_hosts(url):
        if several.is_cluster and (names := OF_ONE_SERVER & parse_qs(url.partition("?")[2]).keys()):
            raise RedisUnreachable(
                f"{variable} cannot be used: no cluster takes {', '.join(sorted(names))}; remove it."
            )
        return _with_options(url, several.server_url, variable)
    found = next(filter(None, (address.fullmatch(url) for address in _ADDRESSES)), None)
    port = int(found.groupdict().get("port") or 1) if found else 0
    if not 0 < port <= MOST_PORT:
        raise RedisUnreachable(f"{variable} cannot be read: {_what_is_wrong(url)}.")
    return _with_options(url, url, variable)


def _with_options(url: str, server_url: str, variable: str) -> str:
    """Return a URL whose options can be used, given the same address as redis-py takes it."""
    if trouble := _wrong_options(server_url):
        raise RedisUnreachable(f"{variable} cannot be used: {trouble}.")
    return url


def _wrong_options(url: str) -> str | None:
    """Say what is wrong with what follows the ?, without a word of it; None if nothing is."""
    try:
        for pools in (redis.ConnectionPool, redis.asyncio.ConnectionPool):
            pool = pools.from_url(url)
            pool.connection_class(**pool.connection_kwargs)
    except (ValueError, TypeError, redis.RedisError):
        if "ssl_" in url.partition("?")[2] and not url.startswith("rediss"):
            return "its options ssl_... are for TLS; write rediss:// for redis://"
        return (
            "redis-py does not know one of the options after its ?, or not with such a value, or knows it for some "
            "clients alone; correct or remove it"
        )
    return wrong_tls_file(pool.connection_kwargs)


def _what_is_wrong(url: str) -> str:
    """Say what to change, without a word of the text."""
    if not url.startswith(("redis://", "rediss://", "unix://", *SCHEMES)):
        return f"it must start with redis://, rediss://, unix://, redis+sentinel:// or redis+cluster://, as in {FORM}"
    if behind := _BEHIND_USER.fullmatch(url):  # a user and a password that can be read are not what is wrong
        url = "".join(behind.groups())
    if "@" in url or "#" in url:
        return f"{PERCENT_ENCODE}, as in {FORM}"
    odd = f"it has characters that no address has; write it as {FORM}, and {PERCENT_ENCODE}"
    if url.startswith(SCHEMES):
        return wrong_hosts(url) or odd
    if url.startswith("unix://"):
        return "a socket has a full path, as in unix:///run/redis/redis.sock?db=0"
    parts = _PARTS.match(url)
    if not parts["host"]:
        return f"it names no host; write it as {FORM}"
    if parts["port"] is not None and not (parts["port"].isdecimal() and 0 < int(parts["port"]) <= MOST_PORT):
        return f"its port is no number from 1 to {MOST_PORT}; if that is a password, write the URL as {FORM}"
    if not (parts["database"] or "0").isdecimal():
        return f"its database, after the last /, is no number; write it as {FORM}"
    return odd


def shown_address(options: Mapping[str, Any], is_encrypted: bool = False) -> str:
    """Return the address of a connection as it may be shown and logged.

    Args:
        options: of the connection, as redis-py keeps them.
        is_encrypted: whether it speaks TLS.
    """
    if options.get("path"):
        return f"unix://{options['path']}"
    host = options.get("host") or "localhost"
    host = f"[{host}]" if ":" in host else host
    scheme = "rediss" if is_encrypted else "redis"
    return f"{scheme}://{host}:{options.get('port') or 6379}/{options.get('db') or 0}"
