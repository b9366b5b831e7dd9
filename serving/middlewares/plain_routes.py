"""Answer routes that need nothing but the request without FastAPI's machinery: an ASGI middleware, the innermost.

In: requests. Out: what the route answers. FastAPI matches a path twice, enters three exit stacks and solves the
dependencies that a lookup does not have: together they take longer than the lookup. Every other request goes on to
FastAPI; which route a path belongs to is decided in the same order here as there.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from fastapi import Request, Response
from fastapi.routing import APIRouter, RouteContext, iter_route_contexts
from starlette.routing import get_route_path
from starlette.types import ASGIApp, Receive, Scope, Send

from serving.http.api_keys import KeyedRoute, caller_of

ErrorHandlers = Mapping[Any, Callable[..., Any]]


class PlainRoute(NamedTuple):
    """A route's context, and whether its endpoint takes the request and returns the answer."""

    context: RouteContext
    is_plain: bool


class PlainRoutes:
    """Middleware with the routes and error handlers of the application around it."""

    def __init__(self, app: ASGIApp, router: APIRouter, error_handlers: ErrorHandlers) -> None:
        self._app, self._error_handlers = app, error_handlers
        self._routes = list(_routes_until_the_last_plain_one(router))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request if its route is plain, else pass it on."""
        context = self._plain_route(scope) if scope["type"] == "http" and scope["method"] == "GET" else None
        if context is None:
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive, send)
        try:
            caller_of(request)
            response = await context.endpoint(request)
        except Exception as error:
            response = await self._answer_to(request, error)
        await response(scope, receive, send)

    def _plain_route(self, scope: Scope) -> RouteContext | None:
        """Return the plain route of a path, noted in the request; None for any other route."""
        path = get_route_path(scope)
        for context, is_plain in self._routes:
            if found := context.path_regex.match(path):
                if not is_plain:
                    return None
                scope["route"], scope["path_params"] = context.original_route, found.groupdict()
                return context
        return None

    async def _answer_to(self, request: Request, error: Exception) -> Response:
        for kind in type(error).__mro__:
            if kind in self._error_handlers:
                return await self._error_handlers[kind](request, error)
        raise error


def _routes_until_the_last_plain_one(router: APIRouter) -> Iterator[PlainRoute]:
    """Yield the routes of GET in FastAPI's order."""
    routes = [PlainRoute(each, _is_plain(each)) for each in iter_route_contexts(router.routes) if "GET" in each.methods]
    last = max((place for place, each in enumerate(routes) if each.is_plain), default=-1)
    yield from routes[: last + 1]


def _is_plain(context: RouteContext) -> bool:
    if not isinstance(context.original_route, KeyedRoute) or context.dependant.dependencies:
        return False
    signature = inspect.signature(context.endpoint)
    takes = [each.annotation for each in signature.parameters.values()]
    return takes == [Request] and signature.return_annotation is Response
