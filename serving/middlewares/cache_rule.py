"""Tell browsers and proxies what they may keep: an ASGI middleware.

In: answers. Out: answers with `Cache-Control`. Nearly all depend on the customer, on the key, or on rules that hold
within a second, so nobody may keep them; the page's style and icon may be kept for an hour.
"""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

NOT_KEPT = (b"cache-control", b"no-store")
KEPT = (b"cache-control", b"max-age=3600")
KEPT_TYPES = (b"text/css", b"image/svg+xml")


class CacheRule:
    """Middleware; an answer that has a rule keeps it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and the answer back with its rule."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_rule(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = dict(message.get("headers", ()))
                if b"cache-control" not in given:
                    is_kept = given.get(b"content-type", b"").startswith(KEPT_TYPES)
                    message["headers"] = [*message.get("headers", ()), KEPT if is_kept else NOT_KEPT]
            await send(message)

        await self._app(scope, receive, send_with_rule)
