"""Compress large answers for clients that ask for it: an ASGI middleware.

In: answers. Out: gzip for requests that accept it, with `Vary` on every answer that could be compressed.

Compression beside secrets lets an attacker guess these from the lengths of answers (BREACH), if the attacker's own text
is in the same answer and a browser sends the victim's credentials along. Answers of this API hold no secret that a
caller could not read outright, and no cookie lets another site's page ask for them.
"""

import re

from starlette.datastructures import Headers
from starlette.middleware.gzip import GZipMiddleware, IdentityResponder
from starlette.types import ASGIApp, Receive, Scope, Send

MIN_BYTES = 4096  # three times a usual list, which fits into one packet anyway
LEVEL = 1  # a batch becomes a fifth; level 6 takes three times as long to make it a sixth
REFUSED = re.compile(r"\bgzip\s*;\s*q=0(\.0*)?\s*(,|$)")


class Compression:
    """Middleware; the framework's own takes `gzip;q=0` for a wish."""

    def __init__(self, app: ASGIApp) -> None:
        self._app, self._packed = app, GZipMiddleware(app, MIN_BYTES, LEVEL)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and the answer back, smaller where that is wanted."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif REFUSED.search(Headers(scope=scope).get("accept-encoding", "")):
            await IdentityResponder(self._app, MIN_BYTES)(scope, receive, send)
        else:
            await self._packed(scope, receive, send)
