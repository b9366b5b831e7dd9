"""Refuse requests for unknown hosts: an ASGI middleware for an API that anybody may ask without a key.

In: requests. Out: 421 as a problem unless `Host` names a loopback address or one of `ALLOWED_HOSTS`. A web page
anywhere can have its own name point to 127.0.0.1 and then read the answers of a server there (DNS rebinding); the
browser still sends the page's name. A server with keys needs no such check: the page does not know a key.
"""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import ip_address

from starlette.types import ASGIApp, Receive, Scope, Send

from serving.http.problems import unknown_host

MAX_REMEMBERED = 256


class KnownHosts:
    """Middleware with the names that are known besides those of loopback, in lower case."""

    def __init__(self, app: ASGIApp, names: Sequence[str]) -> None:
        self._app, self._names = app, frozenset(names)
        self._is_known = lru_cache(MAX_REMEMBERED)(self._is_known_host)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on if it names one known host."""
        if scope["type"] == "http":
            hosts = [value for name, value in scope["headers"] if name == b"host"]
            if len(hosts) != 1 or not self._is_known(hosts[0]):
                await unknown_host()(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _is_known_host(self, host: bytes) -> bool:
        name = host_name(host.decode("latin-1"))
        return name in self._names or is_loopback(name)


def host_name(host: str) -> str:
    """Return the name in a `Host` header, in lower case, without its port and the dot at its end.

    >>> host_name("LOCALHOST.:8000"), host_name("[::1]:8000")
    ('localhost', '[::1]')
    """
    name, _, port = host.rpartition(":")
    return (name if name and port.isdigit() else host).lower().rstrip(".")


def is_loopback(name: str) -> bool:
    """Whether a name can only be this machine's."""
    try:
        return ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return name == "localhost"
