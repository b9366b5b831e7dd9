"""Watch every request: an ASGI middleware, the outermost.

In: requests and answers. Out: a request id on every answer, the caller's own where one was sent; times and counts for
`metrics`, a line for `request_log`, lists for `served_sample`; a problem in place of an unexpected error.
"""

import logging
import re
import secrets
import time
from collections.abc import Sequence
from contextlib import ExitStack

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.http.metrics import ApiMetrics
from serving.http.problems import internal_error
from serving.logs.log_records import REQUEST_ID
from serving.logs.request_log import RequestLog, SeenRequest
from serving.logs.served_sample import ServedSample
from serving.lookup.answers import ServedList

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"})
NO_ROUTE = "none"  # of a path without a route: what strangers type must not become labels
REQUEST_ID_FORM = re.compile(rb"[A-Za-z0-9._-]{1,64}")

logger = logging.getLogger(__name__)


def note_served(request: Request, lists: Sequence[ServedList]) -> None:
    """Note that a request is answered with these lists, so that they are counted, logged and sampled."""
    request.scope["served"] = lists


class RequestWatch:
    """Middleware; its log and its sample are written while the application runs."""

    def __init__(self, app: ASGIApp, metrics: ApiMetrics, log: RequestLog, sample: ServedSample | None) -> None:
        self._app, self._metrics, self._log, self._sample = app, metrics, log, sample

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or start and end with the application."""
        if scope["type"] == "http":
            await self._watch(scope, receive, send)
            return
        with ExitStack() as writing:
            if scope["type"] == "lifespan":
                for each in filter(None, (self._sample, self._log)):
                    writing.enter_context(each.lines.running())
            await self._app(scope, receive, send)

    async def _watch(self, scope: Scope, receive: Receive, send: Send) -> None:
        started, status, request_id = time.perf_counter(), 0, _request_id(scope)
        REQUEST_ID.set(request_id.decode())

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id)]
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except Exception:
            logger.exception("%s %s failed", *_method_and_route(scope))
            if status:  # too late for another answer
                raise
            await internal_error()(scope, receive, send_with_id)
        finally:
            self._record(scope, request_id.decode(), status or 500, time.perf_counter() - started)

    def _record(self, scope: Scope, request_id: str, status: int, seconds: float) -> None:
        now, caller, served = time.time(), scope.get("caller"), scope.get("served", ())
        method, route = _method_and_route(scope)
        self._metrics.timer_of(method, route, status).observe(seconds)
        customer_id = scope.get("path_params", {}).get("customer_id")
        self._log.log(SeenRequest(now, request_id, method, route, status, seconds, caller, customer_id, served))
        if served:
            self._metrics.count(served, caller)
            if self._sample:
                self._sample.offer(now, request_id, caller, served)


def _method_and_route(scope: Scope) -> tuple[str, str]:
    """Method and route in a limited set of words, whatever a caller sends."""
    method = scope["method"] if scope["method"] in METHODS else "other"
    return method, getattr(scope.get("route"), "path", NO_ROUTE)


def _request_id(scope: Scope) -> bytes:
    """The caller's request id if it is short and plain, else a new one."""
    given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
    return given if REQUEST_ID_FORM.fullmatch(given) else secrets.token_hex(8).encode()
