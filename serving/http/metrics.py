"""Metrics for Prometheus: how long requests take, which lists are served, how old they are, whether Redis answers.

Stage: around the routes. In: what `request_watch` saw. Out: `GET /metrics`.
"""

from collections.abc import Iterable
from functools import lru_cache

from fastapi import Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from serving.lookup.answers import ServedList, age_seconds, late_seconds
from serving.lookup.recommendation_store import RecommendationStore
from serving.lookup.wanted import EmptyReason

MAX_CHILDREN = 4_096
SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


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
            ("source", "fallback_reason", "caller", "variant"),
            registry=self.registry,
        )
        self.empty = Counter(
            "recommendations_empty_lists",
            "Lists that were served without an article, by the reason.",
            ("reason",),
            registry=self.registry,
        )
        self.lines_dropped = Counter(
            "recommendations_lines_dropped",
            "Lines of the log and of the sample that could not be written.",
            ("kind",),
            registry=self.registry,
        )
        self.timer_of = lru_cache(MAX_CHILDREN)(self.requests.labels)  # finding one takes as long as counting
        self._counter_of = lru_cache(MAX_CHILDREN)(self.lists.labels)
        self.age = Gauge("recommendations_age_seconds", "Age of the version that is served.", registry=self.registry)
        self.late = Gauge(
            "recommendations_late_seconds",
            "Time since newer lists should have been there; 0 before, and where no night is to come.",
            registry=self.registry,
        )
        self.barred = Gauge("recommendations_articles_barred", "Articles that rules bar.", registry=self.registry)
        self.missing = Gauge(
            "recommendations_keys_missing",
            "Keys of the served version that Redis is known to have lost; all are looked at in turn.",
            registry=self.registry,
        )
        self.redis_up = Gauge("recommendations_redis_up", "Whether Redis answers, 1 or 0.", registry=self.registry)

    def count(self, found: Iterable[ServedList], caller: str) -> None:
        """Count lists that are being served."""
        for each in found:
            if not each.items:
                self.empty.labels(getattr(each, "empty_reason", None) or EmptyReason.ALL_BARRED).inc()
            self._counter_of(each.source.name.lower(), each.fallback_reason or "", caller, each.variant or "").inc()

    def page(self, store: RecommendationStore) -> Response:
        """Return all metrics as Prometheus reads them; without a version age and lateness are no number."""
        self.redis_up.set(not store.is_redis_away)
        self.barred.set(len(store.catalogue.rules.barred))
        self.missing.set(store.missing_keys)
        head = store.known_head
        self.age.set(age_seconds(head.manifest.created_at) if head else float("nan"))
        self.late.set(late_seconds(head.manifest.due_at) if head else float("nan"))
        return Response(generate_latest(self.registry), media_type=CONTENT_TYPE_LATEST)
