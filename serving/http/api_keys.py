"""Who may ask: keys of callers and of the administrator, in the header `X-API-Key` or as a bearer token.

In: settings and requests. Out: the caller's name, also noted in the request for the log, or 401. Without keys anybody
may ask, which `Settings` allows on loopback only; without an administrator's key nobody can change rules over HTTP.
Routes look at the key before they read a body.
"""

import hmac
from collections.abc import Callable, Coroutine, Mapping
from typing import Annotated, Any

from fastapi import Request, Response, Security
from fastapi.routing import APIRoute
from fastapi.security import APIKeyHeader
from starlette.types import Scope

ANONYMOUS = "anonymous"
ADMINISTRATOR = "administrator"
HEADER_NAME = "X-API-Key"
HEADER = APIKeyHeader(name=HEADER_NAME, auto_error=False, description="Needed when the server was given API_KEYS.")
NEEDS_KEY = [{HEADER.scheme_name: []}]
"""For OpenAPI: the security of a route that calls `caller_of`."""

GivenKey = Annotated[str | None, Security(HEADER)]


class NotAllowed(Exception):
    """The key is missing or unknown."""


def caller_of(request: Request) -> str:
    """Return the name of the caller, and note it for the log.

    Raises:
        NotAllowed: the server has keys, and the request sends none of them.
    """
    if "caller" not in request.scope:
        keys: Mapping[str, str] = request.app.state.settings.api_keys
        request.scope["caller"] = known_caller(given_key(request.scope), keys) if keys else ANONYMOUS
    return request.scope["caller"]


def has_key(request: Request) -> bool:
    """Whether `caller_of` would let a request pass."""
    try:
        caller_of(request)
    except NotAllowed:
        return False
    return True


async def administrator(request: Request, given: GivenKey = None) -> None:
    """Let only the administrator pass.

    Args:
        given: is here so that OpenAPI names the header; a bearer token is looked at, too.

    Raises:
        NotAllowed: the request sends another key, or the server has no administrator's key.
    """
    key: str = request.app.state.settings.admin_api_key
    if not key:
        raise NotAllowed("This server has no administrator's key; set ADMIN_API_KEY, or use `make deny`.")
    request.scope["caller"] = known_caller(given_key(request.scope), {ADMINISTRATOR: key})


class KeyedRoute(APIRoute):
    """A route for callers with a key, which is looked at before anything else of the request."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap the route."""
        answer = super().get_route_handler()

        async def answer_caller(request: Request) -> Response:
            caller_of(request)
            return await answer(request)

        return answer_caller


class AdminRoute(APIRoute):
    """A route for the administrator, whose key is looked at before anything else of the request."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap the route."""
        answer = super().get_route_handler()

        async def answer_administrator(request: Request) -> Response:
            await administrator(request)
            return await answer(request)

        return answer_administrator


def given_key(scope: Scope) -> str:
    """Return the key that a request sends, empty without one."""
    bearer = b""
    for name, value in scope["headers"]:
        if name == b"x-api-key":
            return value.decode("latin-1")
        if name == b"authorization" and value[:7].lower() == b"bearer ":
            bearer = value[7:].strip()
    return bearer.decode("latin-1")


def name_of_key(given: str, keys: Mapping[str, str]) -> str | None:
    """Return the name of a key, if it has one; the time of a comparison says nothing about the key."""
    encoded = given.encode()
    names = [name for name, key in keys.items() if hmac.compare_digest(encoded, key.encode())]
    return names[0] if names else None


def known_caller(given: str, keys: Mapping[str, str]) -> str:
    """Return the name of a key.

    Raises:
        NotAllowed: the key is missing or unknown.
    """
    name = name_of_key(given, keys)
    if name is None:
        raise NotAllowed("Send a known key in the header X-API-Key, or as a bearer token.")
    return name
