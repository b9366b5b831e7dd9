"""Refuse request bodies above a limit before they are read into memory: an ASGI middleware.

In: requests. Out: 413 as a problem, without reading on, when a body is declared longer or turns out to be.
"""

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.http.problems import body_too_large


class BodyLimit:
    """Middleware with a limit in bytes, and a larger one below `/admin/`, where lists of articles are sent."""

    def __init__(self, app: ASGIApp, max_bytes: int, max_bytes_of_admin: int) -> None:
        self._app, self._max_bytes, self._max_bytes_of_admin = app, max_bytes, max_bytes_of_admin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on unless its body is too large."""
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD"):
            await self._app(scope, receive, send)
        elif _declared_bytes(scope) > (most := self._most(scope)):
            await body_too_large()(scope, receive, send)
        else:
            await self._app(scope, _counting(receive, most), send)

    def _most(self, scope: Scope) -> int:
        return self._max_bytes_of_admin if scope["path"].startswith("/admin/") else self._max_bytes


def _counting(receive: Receive, max_bytes: int) -> Receive:
    """Return a `receive` that ends with 413 once a body of undeclared length exceeds the limit."""
    n_bytes = 0

    async def receive_some() -> Message:
        nonlocal n_bytes
        message = await receive()
        n_bytes += len(message.get("body", b""))
        if n_bytes > max_bytes:
            raise HTTPException(413)
        return message

    return receive_some


def _declared_bytes(scope: Scope) -> int:
    lengths = [value for name, value in scope["headers"] if name == b"content-length"]
    return int(lengths[0]) if lengths and lengths[0].isdigit() else 0
