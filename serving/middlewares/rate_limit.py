"""Refuse callers who ask more often than `RATE_LIMIT`: an ASGI middleware.

In: requests. Out: 429 as a problem that says when to come back. A caller is known by the name of the key, else by the
address; health checks and metrics are free. Each process counts for itself.

The generic cell rate algorithm (a token bucket that needs one number; ITU-T I.371, annex A): each request books the
caller's next 1 / RATE_LIMIT seconds, and a caller who has booked more than a second ahead is refused. The cost of a
batch is known when it is answered, and is booked then: a large batch is followed by a pause, and never refused for its
size.
"""

import math
import time
from collections.abc import Hashable, Mapping

from starlette.routing import get_route_path
from starlette.types import ASGIApp, Receive, Scope, Send

from serving.http.api_keys import given_key, name_of_key
from serving.http.problems import too_many_requests

FREE_PATHS = frozenset({"/health/live", "/health/ready", "/metrics"})
LISTS_OF_ONE_REQUEST = 4  # a list of a batch takes about a quarter of the time of a lookup
SECONDS_AHEAD = 1.0
ROUNDING_SECONDS = 1e-6
MAX_CALLERS = 10_000


class RateLimit:
    """Middleware with a limit in requests a second."""

    def __init__(self, app: ASGIApp, per_second: float, keys: Mapping[str, str]) -> None:
        self._app, self._seconds_each, self._keys = app, 1 / per_second, keys
        self._seconds_ahead = max(SECONDS_AHEAD, self._seconds_each) + ROUNDING_SECONDS
        self._booked_until: dict[Hashable, float] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on unless its caller asks too often."""
        if scope["type"] != "http" or get_route_path(scope) in FREE_PATHS:
            await self._app(scope, receive, send)
            return
        caller = self._caller(scope)
        wait_seconds = self._book(caller)
        if wait_seconds > 0:
            await too_many_requests(math.ceil(wait_seconds))(scope, receive, send)
            return
        await self._app(scope, receive, send)
        if more_requests := len(scope.get("served", ())) // LISTS_OF_ONE_REQUEST:
            self._book(caller, more_requests, is_done=True)

    def _book(self, caller: Hashable, n_requests: int = 1, is_done: bool = False) -> float:
        """Book requests and return 0; or, unless they are done already, book nothing and return the seconds to wait."""
        now = time.monotonic()
        until = max(now, self._booked_until.get(caller, now)) + n_requests * self._seconds_each
        if until > now + self._seconds_ahead and not is_done:
            return until - now - self._seconds_ahead
        if len(self._booked_until) >= MAX_CALLERS:  # a caller with nothing booked is as good as new
            self._booked_until = {each: booked for each, booked in self._booked_until.items() if booked > now}
        self._booked_until[caller] = until
        return 0.0

    def _caller(self, scope: Scope) -> Hashable:
        name = name_of_key(given_key(scope), self._keys)
        return ("key", name) if name else ("address", scope["client"] and scope["client"][0])
