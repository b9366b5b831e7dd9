"""Who may see the pages, and what every page has: a password where keys are set, strict headers, errors as pages.

Around the page's routes. In: requests. Out: HTML, for errors, too.
"""

import base64
import binascii
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from serving.cache.contract import CacheFormatError
from serving.http.api_keys import NotAllowed, given_key, known_caller
from serving.http.problems import SECONDS_WITHOUT_REDIS, UNAVAILABLE
from serving.lookup.store_errors import StoreUnavailable
from serving.page.rendering import render
from serving.page.viewable_versions import NoSuchVersion

logger = logging.getLogger(__name__)


class NotFound(Exception):
    """What was asked for is unknown; the message is a sentence for people."""


class PageRoute(APIRoute):
    """A route that answers with a page, or with one that says what is wrong."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap the route: password before, errors and headers after."""
        answer = super().get_route_handler()

        async def answer_as_page(request: Request) -> Response:
            try:
                check_password(request)
                response = await answer(request)
            except (NotAllowed, NotFound, NoSuchVersion, StoreUnavailable, CacheFormatError) as error:
                response = _error_page(request, error)
            response.headers.update(_headers(request.app.state.pictures.origin))
            return response

        return answer_as_page


def check_password(request: Request) -> None:
    """Let a request pass that has a key: as the password of HTTP Basic, with any user name, or as the API takes it.

    Raises:
        NotAllowed: the server has keys, and the request sends none of them.
    """
    keys = request.app.state.settings.api_keys
    if keys:
        given = given_key(request.scope) or _password(request.headers.get("Authorization", ""))
        request.scope["caller"] = known_caller(given, keys)


def _password(authorization: str) -> str:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(encoded, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _headers(images_origin: str) -> dict[str, str]:
    policy = {
        "default-src": "'none'",
        "style-src": "'self'",
        "img-src": f"'self' {images_origin}".strip(),
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cache-Control": "no-store",  # a page may show a customer's purchases
    }


def _error_page(request: Request, error: Exception) -> Response:
    match error:
        case NotAllowed():
            words = "A password is needed", "Any user name will do; the password is a key of this server."
            challenge = {"WWW-Authenticate": 'Basic realm="Recommendations", charset="UTF-8"'}
            return _message(request, 401, *words, challenge)
        case NoSuchVersion():
            return _message(request, 404, "This version is not published any more", f"Version: {error}")
        case NotFound():
            return _message(request, 404, "Not found", str(error))
        case StoreUnavailable():
            logger.error("%s", error)
            title, detail = UNAVAILABLE[type(error)][1], error.for_callers
        case _:
            logger.error("%s", error)
            title, detail = "What Redis holds cannot be read", str(error)
    return _message(request, 503, title, detail, {"Retry-After": str(SECONDS_WITHOUT_REDIS)})


def _message(request: Request, status: int, title: str, detail: str, headers: dict[str, str] | None = None) -> Response:
    return render(request, "error.html", status, headers, title=title, detail=detail, has_search=status == 404)
