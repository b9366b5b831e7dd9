"""What the API tells Prometheus: how long requests take, what lists it serves, how old they are, whether Redis answers.

Stage: around the routes. In: requests and answers. Out: `GET /metrics`, and a request id on every answer, the caller's
own where one was sent.
"""

import re
import secrets
import time
from collections.abc import Iterable

from fastapi import FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.recommendation_store import Recommendations, RecommendationStore
from serving.responses import age_seconds

SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
NO_ROUTE = "none"  # of a path that nobody serves: what strangers type must not become labels
REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")


class ApiMetrics:
    """The metrics of one application."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Histogram(
            "recommendations_request_seconds",
            "Time from a request to the end of its answer.",
            ("method", "route", "status"),
            buckets=SECONDS,
            registry=self.registry,
        )
        self.lists = Counter(
            "recommendations_lists",
            "Lists that were served, by where they came from and why they are not the customer's own.",
            ("source", "fallback_reason", "caller"),
            registry=self.registry,
        )
        self.age = Gauge("recommendations_age_seconds", "Age of the version that is served.", registry=self.registry)
        self.redis_up = Gauge("recommendations_redis_up", "Whether Redis answers, 1 or 0.", registry=self.registry)

    def count(self, found: Iterable[Recommendations], caller: str) -> None:
        """Count lists that are being served."""
        for each in found:
            self.lists.labels(each.source.name.lower(), each.fallback_reason or "", caller).inc()

    def page(self, store: RecommendationStore) -> Response:
        """Return everything as Prometheus reads it; without a version there is no age."""
        self.redis_up.set(not store.is_redis_away)
        head = store.known_head
        self.age.set(age_seconds(head.manifest.created_at) if head else float("nan"))
        return Response(generate_latest(self.registry), media_type=CONTENT_TYPE_LATEST)


class Measured:
    """Middleware: times each request and gives each answer its request's id."""

    def __init__(self, app: ASGIApp, metrics: ApiMetrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status, request_id = time.perf_counter(), 500, _request_id(scope)

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id)]
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        finally:
            route = getattr(scope.get("route"), "path", NO_ROUTE)
            seconds = time.perf_counter() - started
            self._metrics.requests.labels(_method(scope), route, status).observe(seconds)


def add_metrics(app: FastAPI) -> None:
    """Measure every request of an application."""
    app.state.metrics = ApiMetrics()
    app.add_middleware(Measured, metrics=app.state.metrics)


def _method(scope: Scope) -> str:
    return scope["method"] if scope["method"] in ("GET", "POST", "PUT", "DELETE") else "other"


def _request_id(scope: Scope) -> bytes:
    """The caller's id where it is short and plain, else a new one."""
    given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
    return given if REQUEST_ID.fullmatch(given) else secrets.token_hex(8).encode()
