"""What surrounds the routes, from the outside in.

watch            sees every request, answers what fails
HEAD             goes on as GET
cache rule       nobody keeps an answer
compression      of large answers, for clients that ask for it
known hosts      on servers without keys
CORS             around the limits: without its headers a browser hides an answer
rate limit
body limit
extra slashes    find nothing
plain routes     answer lookups; FastAPI answers all others
"""

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from serving.http.api_keys import ADMINISTRATOR, HEADER_NAME
from serving.http.metrics import ApiMetrics
from serving.http.request_watch import RequestWatch
from serving.logs.request_log import RequestLog
from serving.logs.served_sample import ServedSample
from serving.middlewares.body_limit import BodyLimit
from serving.middlewares.cache_rule import CacheRule
from serving.middlewares.compression import Compression
from serving.middlewares.extra_slashes import ExtraSlashes
from serving.middlewares.head_requests import HeadRequests
from serving.middlewares.known_hosts import KnownHosts
from serving.middlewares.plain_routes import PlainRoutes
from serving.middlewares.rate_limit import RateLimit
from serving.settings import Settings

MAX_BODY_BYTES = 2**20  # a thousand of the longest ids, each character escaped
MAX_ADMIN_BODY_BYTES = 2**23  # half a million article ids


def add_middlewares(app: FastAPI, settings: Settings) -> None:
    """Put the middlewares around an application; afterwards its state has `metrics` and `request_log`.

    Raises:
        SettingsError: the folder of the sample cannot be written.
    """
    metrics = app.state.metrics = ApiMetrics()
    log = app.state.request_log = RequestLog(settings, metrics.lines_dropped.labels("log").inc)
    sample = ServedSample(settings, metrics.lines_dropped.labels("sample").inc) if settings.sample_dir else None
    app.add_middleware(PlainRoutes, router=app.router, error_handlers=app.exception_handlers)
    app.add_middleware(ExtraSlashes)
    app.add_middleware(
        BodyLimit,
        max_bytes=MAX_BODY_BYTES,
        max_bytes_of_admin=MAX_ADMIN_BODY_BYTES,
        max_bytes_held=int(settings.max_bodies_mib * 2**20),
    )
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
            allow_headers=[HEADER_NAME, "Authorization", "X-Request-ID"],
            expose_headers=["X-Request-ID", "Retry-After"],
        )
    if settings.allowed_hosts or not settings.api_keys:
        app.add_middleware(KnownHosts, names=settings.allowed_hosts)
    app.add_middleware(Compression)
    app.add_middleware(CacheRule)
    app.add_middleware(HeadRequests)
    app.add_middleware(RequestWatch, metrics=metrics, log=log, sample=sample)
