"""Refuse request bodies above a limit before they are read into memory: an ASGI middleware.

In: requests. Out: 413 as a problem when a body is declared longer or turns out to be; 503 when all bodies together
would hold too much. Both come when a route begins to read, which is after it has looked at the key.
"""

from starlette.exceptions import HTTPException
from starlette.routing import get_route_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class BodyLimit:
    """Middleware with limits in bytes: of each body, and of all that are held at a time.

    A body below `/admin/`, where lists of articles are sent, may be larger.
    """

    def __init__(self, app: ASGIApp, max_bytes: int, max_bytes_of_admin: int, max_bytes_held: int) -> None:
        self._app, self._max_bytes, self._max_bytes_of_admin = app, max_bytes, max_bytes_of_admin
        self._max_bytes_held, self._n_bytes_held = max_bytes_held, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; whoever reads its body meets the limits."""
        if scope["type"] != "http" or scope["method"] == "GET":
            await self._app(scope, receive, send)
            return
        most = self._max_bytes_of_admin if get_route_path(scope).startswith("/admin/") else self._max_bytes
        is_too_large, n_bytes = _declared_bytes(scope) > most, 0

        async def receive_some() -> Message:
            nonlocal n_bytes
            message = {} if is_too_large else await receive()
            more = len(message.get("body", b""))
            n_bytes += more
            self._n_bytes_held += more
            if is_too_large or n_bytes > most:
                raise HTTPException(413)
            if self._n_bytes_held > self._max_bytes_held:
                raise HTTPException(503)
            return message

        try:
            await self._app(scope, receive_some, send)
        finally:
            self._n_bytes_held -= n_bytes


def _declared_bytes(scope: Scope) -> int:
    lengths = [value for name, value in scope["headers"] if name == b"content-length"]
    return int(lengths[0]) if lengths and lengths[0].isdigit() else 0
