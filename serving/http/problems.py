"""Errors as problem details (RFC 9457, https://www.rfc-editor.org/rfc/rfc9457): one form for all errors.

Stage: beside the routes. In: exceptions. Out: `application/problem+json` with a type, a title, a status and a remedy.
"""

import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.routing import get_route_path
from starlette.types import Scope

from serving.cache.contract import CacheFormatError
from serving.http.api_keys import NotAllowed
from serving.lookup.store_errors import NothingPublished, RedisAway, StoreUnavailable, UnknownArticle, VersionUnreadable

PROBLEM_JSON = "application/problem+json"
CHALLENGE = 'Bearer realm="Recommendations"'
SECONDS_WITHOUT_REDIS = 1  # after which a caller may ask again

logger = logging.getLogger(__name__)


class Problem(BaseModel):
    """An error, as RFC 9457 describes it."""

    type: str = Field(examples=["urn:recommendations:redis-away"])
    title: str = Field(examples=["Redis is away"])
    status: int = Field(examples=[503])
    detail: str = Field(description="What is wrong and what to do.")


UNAVAILABLE = {
    RedisAway: ("redis-away", "Redis is away"),
    NothingPublished: ("nothing-published", "Nothing is published"),
    VersionUnreadable: ("version-unreadable", "The published version cannot be read"),
}


def problem(status: int, kind: str, title: str, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """Return an error as a response; 503 says when to ask again."""
    body = Problem(type=f"urn:recommendations:{kind}", title=title, status=status, detail=detail)
    if status == 503:
        headers = {"Retry-After": str(SECONDS_WITHOUT_REDIS)}
    return JSONResponse(body.model_dump(), status, headers, media_type=PROBLEM_JSON)


def body_too_large() -> JSONResponse:
    """Return the answer to a body above the limit."""
    return problem(413, "body-too-large", "The body is too large", "Ask for fewer customers at a time.")


def too_many_requests(wait_seconds: int) -> JSONResponse:
    """Return the answer to a caller who asks more often than `RATE_LIMIT`."""
    detail = f"Wait {wait_seconds} s, and ask less often or for many customers at once."
    return problem(429, "too-many-requests", "There are too many requests", detail, {"Retry-After": str(wait_seconds)})


def unknown_host() -> JSONResponse:
    """Return the answer to a request for a host that a server without keys does not know."""
    detail = "Ask for localhost or 127.0.0.1, or name the host in ALLOWED_HOSTS; a server with API_KEYS has any name."
    return problem(421, "unknown-host", "The host is unknown", detail)


def not_ready() -> JSONResponse:
    """Return the answer to who asks without a key whether lists can be served, when they cannot."""
    return problem(503, "not-ready", "Lists cannot be served", "With a key, this answer says why.")


def internal_error() -> JSONResponse:
    """Return the answer to a request that failed in this program; the log has the error under the request's id."""
    detail = "This is a fault of the server; its log says more, under the X-Request-ID of this answer."
    return problem(500, "internal-error", "The server failed", detail)


def problem_responses(descriptions: dict[int, str]) -> dict[int, dict]:
    """Return OpenAPI's description of a route's errors, by status."""
    content = {PROBLEM_JSON: {"schema": Problem.model_json_schema()}}
    return {status: {"description": text, "content": content} for status, text in descriptions.items()}


def no_such_path(scope: Scope) -> JSONResponse:
    """The answer to a path that no route has."""
    return problem(404, "no-such-route", "Not Found", f"{scope['method']} {scope['path']}")


def add_problem_handlers(app: FastAPI) -> None:
    """Make an application answer every error as a problem."""
    app.add_exception_handler(StoreUnavailable, _store_unavailable)
    app.add_exception_handler(UnknownArticle, _unknown_article)
    app.add_exception_handler(NotAllowed, _not_allowed)
    app.add_exception_handler(CacheFormatError, _damaged)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(HTTPException, _http_error)


async def _store_unavailable(request: Request, error: StoreUnavailable) -> JSONResponse:
    logger.error("%s", error)
    return problem(503, *UNAVAILABLE[type(error)], error.for_callers)


async def _unknown_article(request: Request, error: UnknownArticle) -> JSONResponse:
    return problem(404, "unknown-article", "The article is unknown", str(error))


async def _not_allowed(request: Request, error: NotAllowed) -> JSONResponse:
    return problem(401, "not-allowed", "This is not allowed", str(error), {"WWW-Authenticate": CHALLENGE})


async def _damaged(request: Request, error: CacheFormatError) -> JSONResponse:
    logger.error("%s", error)
    return problem(503, "damaged", "What Redis holds cannot be read", str(error))


async def _http_error(request: Request, error: HTTPException) -> JSONResponse:
    """No such path, a method that a path does not have, or a body that is too large, one too many, or not text."""
    if error.status_code == 413:
        return body_too_large()
    if error.status_code in (400, 422):
        return problem(error.status_code, "invalid-request", "The request is not valid", str(error.detail))
    if error.status_code == 409:
        return problem(409, "conflict", "This cannot be done", str(error.detail))
    if error.status_code == 503:
        return problem(503, "too-many-bodies", "There are too many requests with bodies", "Ask again in a second.")
    headers = {"Allow": ", ".join(allowed_methods(request))} if error.status_code == 405 else None
    asked = f"{request.method} {request.url.path}"
    return problem(error.status_code, "no-such-route", str(error.detail), asked, headers)


def allowed_methods(request: Request) -> list[str]:
    """Return the methods of a path, ascending; the framework would name those of its first route only."""
    path = get_route_path(request.scope)
    routes = [each for each in iter_route_contexts(request.app.routes) if each.path_regex.match(path)]
    methods = {method for each in routes for method in each.methods}
    return sorted(methods | {"HEAD"} if "GET" in methods else methods)


async def _invalid_request(request: Request, error: RequestValidationError) -> JSONResponse:
    faults = "; ".join(f"{fault['loc'][-1]}: {fault['msg']}" for fault in error.errors())
    return problem(422, "invalid-request", "The request is not valid", faults)
