"""Who may ask: keys of callers and of the administrator, in the header `X-API-Key`.

In: settings and requests. Out: the caller's name, also noted in the request for the log, or 401. Without keys everybody
may ask, which `Settings` allows on loopback only; without an administrator's key nobody administers over HTTP.
"""

import hmac
from collections.abc import Mapping
from typing import Annotated

from fastapi import Request, Security
from fastapi.security import APIKeyHeader

ANONYMOUS = "anonymous"
ADMINISTRATOR = "administrator"
HEADER_NAME = "X-API-Key"
HEADER = APIKeyHeader(name=HEADER_NAME, auto_error=False, description="Needed when the server was given API_KEYS.")
NEEDS_KEY = [{HEADER.scheme_name: []}]
"""What OpenAPI says about a route that calls `caller_of`."""

GivenKey = Annotated[str | None, Security(HEADER)]


class NotAllowed(Exception):
    """The key is missing or unknown."""


def caller_of(request: Request) -> str:
    """Return the caller's name, and note it for the log.

    Raises:
        NotAllowed: the server needs a key and the request has no valid one.
    """
    keys: Mapping[str, str] = request.app.state.settings.api_keys
    caller = request.scope["caller"] = known_caller(request.headers.get(HEADER_NAME), keys) if keys else ANONYMOUS
    return caller


async def administrator(request: Request, given: GivenKey) -> None:
    """Let only the administrator pass.

    Raises:
        NotAllowed: the key is another one, or the server has no administrator's key.
    """
    key: str = request.app.state.settings.admin_api_key
    if not key:
        raise NotAllowed("Nobody administers this server over HTTP; set ADMIN_API_KEY, or use `make deny`.")
    request.scope["caller"] = known_caller(given, {ADMINISTRATOR: key})


def name_of_key(given: str | None, keys: Mapping[str, str]) -> str | None:
    """Return the name that a key has, if any; a comparison takes the same time for every key, right or wrong."""
    encoded = (given or "").encode()
    names = [name for name, key in keys.items() if hmac.compare_digest(encoded, key.encode())]
    return names[0] if names else None


def known_caller(given: str | None, keys: Mapping[str, str]) -> str:
    """Return the name that a key has.

    Raises:
        NotAllowed: no name has this key.
    """
    name = name_of_key(given, keys)
    if name is None:
        raise NotAllowed("Send a known key in the header X-API-Key.")
    return name
