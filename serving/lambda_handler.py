"""The API on AWS Lambda, behind a Function URL or an API Gateway HTTP API; the handler is `lambda_handler.handler`.

Stage: around `serving.app`. In: events of payload format 2.0 and the environment, where REDIS_URL and API_KEYS must be
set. Out: what Lambda turns into HTTP answers. An event that is no such request is answered 400; a scheduled one keeps
the container warm.

Mangum alone would start and end the application with every event, and lose its connections and what it has read. Here
the application starts once, when Lambda loads this module, on the one event loop that all events run on.

Lambda freezes the process between two events, so nothing can happen every second. What the API does each second
elsewhere is done before an answer here, unless it was done within the last second. An answer waits for it no longer
than for Redis.
"""

import asyncio
import logging
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from fastapi import FastAPI
from mangum import Mangum
from mangum.adapter import DEFAULT_TEXT_MIME_TYPES
from pydantic import ValidationError
from starlette.types import Receive, Scope, Send

from serving.app import SECONDS_BETWEEN_REFRESHES, create_app
from serving.cache.contract import CacheFormatError
from serving.connection.redis_connection import redis_url
from serving.http.problems import PROBLEM_JSON
from serving.lambda_events import WARM, HttpEvent, is_scheduled, refused
from serving.logs.log_records import configure_logging
from serving.lookup.store_errors import StoreUnavailable
from serving.settings import Settings, SettingsError

REQUIRED = {
    "REDIS_URL": "Lambda keeps no Redis of its own; name one that the function can reach",
    "API_KEYS": "the function's URL is public; give callers keys: API_KEYS=shop:a-secret",
}

logger = logging.getLogger(__name__)


class FreshApp:
    """ASGI application around another one, which it refreshes before an answer if the last refresh is old."""

    def __init__(self, app: FastAPI) -> None:
        self._app, self._refreshed_at = app, 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        age = time.time() - self._refreshed_at  # the monotonic clock may stand still while the process is frozen
        if not 0 <= age < SECONDS_BETWEEN_REFRESHES:
            await self.refresh(self._app.state.settings.redis_timeout_seconds)
        await self._app(scope, receive, send)

    async def refresh(self, longest_wait: float | None = None) -> None:
        """Read what `store.refresh` reads; what cannot be read stays.

        Args:
            longest_wait: seconds. What is read by then and not decoded yet is decoded beside this event and the next
                ones. By default as long as it takes, for when no shopper waits; each answer of Redis has its limit.
        """
        with suppress(StoreUnavailable, CacheFormatError, TimeoutError):  # every answer says so
            async with asyncio.timeout(longest_wait):
                await self._app.state.store.refresh()
        self._refreshed_at = time.time()


def checked_environment(environment: Mapping[str, str]) -> Mapping[str, str]:
    """Return the environment if it has the variables that Lambda needs.

    Raises:
        SettingsError: REDIS_URL or API_KEYS is missing; Lambda logs it.
    """
    for name, why in REQUIRED.items():
        if not environment.get(name):
            raise SettingsError(f"{name} is not set: {why}.")
    redis_url()
    return environment


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Answer one event; one that is no HTTP request gets an answer that says so."""
    if is_scheduled(event):
        _loop.run_until_complete(_fresh_app.refresh())
        return WARM
    try:
        request = HttpEvent.model_validate(event)
    except ValidationError as error:
        logger.warning("an event is no HTTP request in payload format 2.0")
        return refused(error)
    return _adapter(request.for_mangum(), context)


_settings = Settings.from_environment(checked_environment(os.environ))
_app = create_app(_settings, refreshes_in_background=False)
configure_logging(_settings, _app.state.request_log.lines)  # Lambda's own handler would log what may name customers
_loop = asyncio.new_event_loop()
asyncio.set_event_loop(_loop)  # Mangum runs on the current one
_lifespan = _app.router.lifespan_context(_app)  # never left: Lambda ends the process without notice
_loop.run_until_complete(_lifespan.__aenter__())
_fresh_app = FreshApp(_app)
_loop.run_until_complete(_fresh_app.refresh())
_adapter = Mangum(_fresh_app, lifespan="off", text_mime_types=[*DEFAULT_TEXT_MIME_TYPES, PROBLEM_JSON])
