"""Is the process up? Can lists be served? And the metrics for Prometheus.

In: requests. Out: the state of the store. Where callers have keys, who has none learns only whether to send shoppers
here: an orchestrator or a load balancer needs no more. Prometheus has a key of its own.
"""

from typing import Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, Field

from serving.cache.contract import Manifest
from serving.http.api_keys import NEEDS_KEY, KeyedRoute, has_key
from serving.http.problems import not_ready, problem_responses
from serving.lookup.answers import age_seconds, late_seconds
from serving.lookup.recommendation_store import RecommendationStore
from serving.lookup.store_errors import FallbackReason, RulesTrouble, StoreUnavailable

router = APIRouter(tags=["health"])
keyed = APIRouter(tags=["health"], route_class=KeyedRoute)


OfAge = Literal["stale", "late"]
OfLists = Literal["lists_missing", "popular_list_barred"]


class Live(BaseModel):
    """The process answers."""

    status: Literal["live"] = "live"


class ReadyBriefly(BaseModel):
    """Lists can be served; all that is said without a key."""

    status: Literal["ready", "degraded"] = Field(description="`degraded`: everybody gets a list, but see `reason`.")


class Ready(ReadyBriefly):
    """Lists can be served."""

    reason: FallbackReason | RulesTrouble | OfAge | OfLists | None = Field(
        description="`stale`: the lists are too old; `late`: newer ones should have come by `due_at`; "
        "`lists_missing`: Redis has lost some; `popular_list_barred`: rules leave nothing of the list for strangers; "
        "`rules_...`: what is wrong with the rules; else why all customers get the overall list that was read last."
    )
    dataset: str = Field(examples=["demo"])
    version: str = Field(examples=["20200923T021500Z-5f0c9a1e"])
    generated_at: str = Field(examples=["2020-09-23T02:15:00+00:00"])
    age_seconds: int = Field(ge=0, examples=[25_200])
    due_at: str | None = Field(
        description="By when newer lists should be there; null where no night is to come.",
        examples=["2020-09-24T10:00:00+00:00"],
    )
    customers: int = Field(description="Customers with a list.", examples=[50_000])
    k: int = Field(description="The most articles a list has.", examples=[12])


@router.get("/health/live", summary="Is the process up?")
async def live() -> Live:
    """Always 200 while the process answers; says nothing about Redis."""
    return Live()


@router.get(
    "/health/ready",
    response_model=Ready | ReadyBriefly,
    summary="Can lists be served?",
    responses=problem_responses({503: "No list was ever read: Redis is away, or nothing readable is published."}),
)
async def ready(request: Request) -> Response | Ready | ReadyBriefly:
    """200 when shoppers get lists: from which version, and whether something is wrong with them.

    Without a key, where callers have keys, it is the status alone.
    """
    if has_key(request):
        return await _state_of_lists(request)
    try:
        found = await _state_of_lists(request)
    except StoreUnavailable:
        return not_ready()
    return ReadyBriefly(status=found.status)


async def _state_of_lists(request: Request) -> Ready:
    store, reason = request.app.state.store, None
    try:
        manifest = (await store.head()).manifest
    except StoreUnavailable as error:
        if store.known_head is None:
            raise
        manifest, reason = store.known_head.manifest, error.fallback_reason
    reason = reason or store.rules_trouble or _gaps(store) or _age(manifest, request.app.state.stale_after_seconds)
    return Ready(
        status="degraded" if reason else "ready",
        reason=reason,
        dataset=manifest.dataset,
        version=manifest.version,
        generated_at=manifest.created_at,
        age_seconds=age_seconds(manifest.created_at),
        due_at=manifest.due_at or None,
        customers=manifest.customers,
        k=manifest.k,
    )


def _age(manifest: Manifest, stale_after_seconds: float) -> OfAge | None:
    """Return whether the lists are older than they should be."""
    if age_seconds(manifest.created_at) > stale_after_seconds:
        return "stale"
    return "late" if late_seconds(manifest.due_at) else None


def _gaps(store: RecommendationStore) -> OfLists | None:
    """Return what keeps some shoppers from their lists while Redis answers."""
    if store.missing_keys:
        return "lists_missing"
    return None if store.has_popular_articles else "popular_list_barred"


@keyed.get(
    "/metrics",
    summary="For Prometheus",
    response_class=PlainTextResponse,
    responses=problem_responses({401: "The key is missing or unknown."}),
    openapi_extra={"security": NEEDS_KEY},
)
async def metrics(request: Request) -> Response:
    """Request times, served lists by source, age of the lists, whether Redis answers."""
    return request.app.state.metrics.page(request.app.state.store)


router.include_router(keyed)
