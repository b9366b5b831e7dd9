"""What surrounds the routes, from the outside in: watch, CORS, rate limit, body limit.

The watch sees every request. Answers of the two limits carry CORS headers: without them a browser hides an answer.
"""

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from serving.http.api_keys import ADMINISTRATOR, HEADER_NAME
from serving.http.body_limit import BodyLimit
from serving.http.metrics import ApiMetrics
from serving.http.rate_limit import RateLimit
from serving.http.request_watch import RequestWatch
from serving.logs.request_log import RequestLog
from serving.logs.served_sample import ServedSample
from serving.settings import Settings

MAX_ADMIN_BODY_BYTES = 2**23  # half a million article ids
MAX_BODY_BYTES = 2**20  # a thousand of the longest ids, each character escaped


def add_middlewares(app: FastAPI, settings: Settings) -> None:
    """Put the middlewares around an application; afterwards its state has `metrics` and `request_log`.

    Raises:
        SettingsError: the folder of the sample cannot be written.
    """
    metrics = app.state.metrics = ApiMetrics()
    log = app.state.request_log = RequestLog(settings, metrics.lines_dropped.labels("log").inc)
    sample = ServedSample(settings, metrics.lines_dropped.labels("sample").inc) if settings.sample_dir else None
    app.add_middleware(BodyLimit, max_bytes=MAX_BODY_BYTES, max_bytes_of_admin=MAX_ADMIN_BODY_BYTES)
    if settings.rate_limit:
        keys = dict(settings.api_keys)
        if settings.admin_api_key:
            keys[ADMINISTRATOR] = settings.admin_api_key
        app.add_middleware(RateLimit, per_second=settings.rate_limit, keys=keys)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST"],
            allow_headers=[HEADER_NAME, "X-Request-ID"],
            expose_headers=["X-Request-ID", "Retry-After"],
        )
    app.add_middleware(RequestWatch, metrics=metrics, log=log, sample=sample)
