"""Find nothing behind an id with a slash too many: an ASGI middleware.

In: requests. Out: 404 as a problem for a path of several parts that ends with a slash. Customers' ids may hold any
text, so `/recommendations/17850/` would ask for a customer `17850/`, whom nobody knows; who means such an id writes its
slash as `%2F`. Pages and paths of one part have answers of their own.
"""

from starlette.routing import get_route_path
from starlette.types import ASGIApp, Receive, Scope, Send

from serving.http.problems import no_such_path


class ExtraSlashes:
    """Middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on unless its path ends with a slash."""
        if scope["type"] == "http" and _has_extra_slash(scope):
            await no_such_path(scope)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _has_extra_slash(scope: Scope) -> bool:
    raw, path = scope.get("raw_path") or scope["path"].encode(errors="surrogatepass"), get_route_path(scope)
    is_of_one_part = "/" not in path.strip("/")
    return raw.partition(b"?")[0].endswith(b"/") and not is_of_one_part and not path.startswith("/page/")
