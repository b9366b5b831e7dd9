"""Is the process up? Can lists be served? And the metrics for Prometheus.

In: requests. Out: the state of the store.
"""

from typing import Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, Field

from serving.http.problems import problem_responses
from serving.lookup.answers import age_seconds
from serving.lookup.recommendation_store import RecommendationStore
from serving.lookup.store_errors import FallbackReason, RulesTrouble, StoreUnavailable

router = APIRouter(tags=["health"])


class Live(BaseModel):
    """The process answers."""

    status: Literal["live"] = "live"


class Ready(BaseModel):
    """Lists can be served."""

    status: Literal["ready", "degraded"] = Field(description="`degraded`: everybody gets a list, but see `reason`.")
    reason: FallbackReason | RulesTrouble | Literal["stale", "lists_missing", "popular_list_barred"] | None = Field(
        description="`stale`: the lists are too old; `lists_missing`: Redis has lost some; `popular_list_barred`: "
        "rules leave nothing of the list for strangers; `rules_...`: what is wrong with the rules; else "
        "why all customers get the overall list that was read last."
    )
    dataset: str = Field(examples=["demo"])
    version: str = Field(examples=["20200923T021500Z-5f0c9a1e"])
    generated_at: str = Field(examples=["2020-09-23T02:15:00+00:00"])
    age_seconds: int = Field(ge=0, examples=[25_200])
    customers: int = Field(description="Customers with a list.", examples=[50_000])
    k: int = Field(description="The most articles a list has.", examples=[12])


@router.get("/health/live", summary="Is the process up?")
async def live() -> Live:
    """Always 200 while the process answers; says nothing about Redis."""
    return Live()


@router.get(
    "/health/ready",
    summary="Can lists be served?",
    responses=problem_responses({503: "No list was ever read: Redis is away, or nothing readable is published."}),
)
async def ready(request: Request) -> Ready:
    """200 when shoppers get lists: from which version, and whether something is wrong with them."""
    store, reason = request.app.state.store, None
    try:
        manifest = (await store.head()).manifest
    except StoreUnavailable as error:
        if store.known_head is None:
            raise
        manifest, reason = store.known_head.manifest, error.fallback_reason
    age = age_seconds(manifest.created_at)
    reason = reason or store.rules_trouble or _gaps(store)
    if reason is None and age > request.app.state.stale_after_seconds:
        reason = "stale"
    return Ready(
        status="degraded" if reason else "ready",
        reason=reason,
        dataset=manifest.dataset,
        version=manifest.version,
        generated_at=manifest.created_at,
        age_seconds=age,
        customers=manifest.customers,
        k=manifest.k,
    )


def _gaps(store: RecommendationStore) -> Literal["lists_missing", "popular_list_barred"] | None:
    """Return what keeps some shoppers from their lists while Redis answers."""
    if store.missing_keys:
        return "lists_missing"
    return None if store.has_popular_articles else "popular_list_barred"


@router.get("/metrics", summary="For Prometheus", response_class=PlainTextResponse)
async def metrics(request: Request) -> Response:
    """Request times, served lists by source, age of the lists, whether Redis answers."""
    return request.app.state.metrics.page(request.app.state.store)
