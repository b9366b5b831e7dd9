"""The HTTP API: recommendations of one customer or of many, and two health checks.

Stage: the end of the pipeline. In: HTTP requests and the lists in Redis. Out: JSON; errors as problem details
(RFC 9457). The API starts and stays up without Redis: until it has read a version once it answers 503 and says why,
from then on everybody always gets a list.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.convertors import PathConvertor, register_url_convertor

from serving import admin
from serving.api_keys import NEEDS_KEY, caller_of
from serving.article_facts import ArticleFacts
from serving.cache_contract import CacheFormatError
from serving.list_buckets import MAX_DEPTH
from serving.lookup_query import DEPTH_DESCRIPTION, MAX_CUSTOMER_ID_LENGTH, LookupQuery, openapi_parameters
from serving.middlewares import add_middlewares
from serving.problems import add_problem_handlers, problem_responses
from serving.reasons import Reason
from serving.recommendation_store import DEFAULT_DEPTH, Item, RecommendationStore
from serving.redis_connection import connect_async, redis_url
from serving.request_watch import note_served
from serving.responses import BatchResponse, RecommendationsResponse, age_seconds, batch_response, list_response
from serving.rule_book import RuleBook
from serving.settings import Settings
from serving.store_errors import FallbackReason, StoreUnavailable

MAX_CUSTOMERS = 1_000  # of one request
SECONDS_BETWEEN_LOOKS = 1.0  # a rule holds that long after it was made

DESCRIPTION = """
Top-k recommendations for every customer, computed every night and looked up here.

Every customer gets an answer: the personal list, the list of the segment for a customer without purchases, or the
overall popular list for a stranger and while Redis is away. `source` says which, `fallback_reason` says why.
"""


class AnyText(PathConvertor):
    """A path parameter of any characters: slashes, and line breaks, which `path` knows nothing of."""

    regex = "(?s:.*)"


register_url_convertor("any_text", AnyText())

router = APIRouter()
lookups = APIRouter(tags=["recommendations"])


class BatchRequest(BaseModel):
    """Whose lists are wanted."""

    customer_ids: list[Annotated[str, Field(min_length=1, max_length=MAX_CUSTOMER_ID_LENGTH)]] = Field(
        min_length=1, max_length=MAX_CUSTOMERS
    )
    k: int = Field(DEFAULT_DEPTH, ge=1, le=MAX_DEPTH, description=DEPTH_DESCRIPTION)


class Live(BaseModel):
    """The process answers."""

    status: Literal["live"] = "live"


class Ready(BaseModel):
    """Lists can be served."""

    status: Literal["ready", "degraded"] = Field(description="`degraded`: everybody gets a list, but see `reason`.")
    reason: FallbackReason | Literal["stale"] | None = Field(
        description="`stale`: the lists are too old; else why all are served the overall list that was read last."
    )
    dataset: str = Field(examples=["demo"])
    version: str = Field(examples=["20200923T021500Z-5f0c9a1e"])
    generated_at: str = Field(examples=["2020-09-23T02:15:00+00:00"])
    age_seconds: int = Field(ge=0, examples=[25_200])
    customers: int = Field(description="Customers with a list.", examples=[50_000])
    k: int = Field(description="The most articles a list has.", examples=[12])


def create_app(settings: Settings | None = None, looks_by_itself: bool = True) -> FastAPI:
    """The application for `settings`, by default those of the environment.

    Args:
        settings: see there.
        looks_by_itself: whether what Redis holds is looked at every second; else `store.refresh` is the caller's.

    Raises:
        SettingsError: a setting cannot be used.
    """
    settings = settings or Settings.from_environment()
    app = FastAPI(
        title="Recommendations at reasonable scale",
        version="1",
        description=DESCRIPTION,
        lifespan=_lifespan(settings, looks_by_itself),
    )
    app.state.settings = settings
    app.state.stale_after_seconds = settings.stale_after_hours * 3600
    add_middlewares(app, settings)
    add_problem_handlers(app)
    for each in (lookups, admin.router):
        app.include_router(each, responses=problem_responses({429: "The caller asks more often than `RATE_LIMIT`."}))
    app.include_router(router)
    return app


def _lifespan(settings: Settings, looks_by_itself: bool) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def connected(app: FastAPI) -> AsyncIterator[None]:
        url = await run_in_threadpool(redis_url)
        client = connect_async(url, settings.redis_timeout_seconds)
        store = app.state.store = RecommendationStore(client, settings.dataset)
        app.state.rule_book = RuleBook(client, settings.dataset)
        looking = asyncio.create_task(_keep_looking(store)) if looks_by_itself else None
        yield
        if looking:
            looking.cancel()
        await store.close()
        await client.aclose()

    return connected


async def _keep_looking(store: RecommendationStore) -> None:
    """Read rules and overall list before the first request and every second, so that they are there when needed."""
    while True:
        with suppress(StoreUnavailable, CacheFormatError):  # said by every answer and by /health/ready
            await store.refresh()
        await asyncio.sleep(SECONDS_BETWEEN_LOOKS)


@lookups.get(
    "/recommendations/{customer_id:any_text}",
    summary="Recommendations of one customer",
    response_model=RecommendationsResponse,
    responses=problem_responses(
        {
            401: "The key is missing or unknown.",
            422: "The customer id or k is out of range.",
            503: "No list was ever read.",
        }
    ),
    openapi_extra={"parameters": openapi_parameters(), "security": NEEDS_KEY},
)
async def recommendations(request: Request) -> Response:
    """The customer's list. An unknown customer gets the overall popular list, also with status 200.

    What the shop has denied or sold out of is never in it. Filters may leave fewer articles than k.
    """
    caller_of(request)
    asked, state = LookupQuery.of(request), request.app.state
    is_wanted = None
    if asked.exclude or asked.department:
        is_wanted = partial(_is_wanted, state.store.facts, asked.exclude, asked.department)
    found = await state.store.lookup(asked.customer_id, asked.k, is_wanted)
    note_served(request, [found])
    return list_response(found, state.stale_after_seconds)


@lookups.post(
    "/recommendations",
    summary="Recommendations of up to 1,000 customers",
    response_model=BatchResponse,
    responses=problem_responses(
        {
            400: "The body is no text.",
            401: "The key is missing or unknown.",
            413: "The body is too large.",
            422: "There are too many customers, or an id or k is out of range.",
            503: "No list was ever read.",
        }
    ),
    openapi_extra={"security": NEEDS_KEY},
)
async def batch(request: Request, asked: BatchRequest) -> Response:
    """The customers' lists in the order of their ids, read in one round trip, all from one version."""
    caller_of(request)
    state = request.app.state
    found = await state.store.lookup_many(asked.customer_ids, asked.k)
    note_served(request, found)
    return batch_response(found, state.stale_after_seconds)


@router.get("/health/live", summary="Is the process up?", tags=["health"])
async def live() -> Live:
    """Always 200 while the process answers; says nothing about Redis."""
    return Live()


@router.get(
    "/health/ready",
    summary="Can lists be served?",
    responses=problem_responses({503: "No list was ever read: Redis is away, or nothing readable is published."}),
    tags=["health"],
)
async def ready(request: Request) -> Ready:
    """200 when shoppers get lists, from which version, and whether something is wrong with them."""
    store, reason = request.app.state.store, None
    try:
        manifest = (await store.head()).manifest
    except StoreUnavailable as error:
        if store.known_head is None:
            raise
        manifest, reason = store.known_head.manifest, error.fallback_reason
    age = age_seconds(manifest.created_at)
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


@router.get("/metrics", summary="For Prometheus", tags=["health"], response_class=PlainTextResponse)
async def metrics(request: Request) -> Response:
    """Request times, served lists by source, age of the lists, whether Redis is there."""
    return request.app.state.metrics.page(request.app.state.store)


def _is_wanted(facts: Mapping[str, ArticleFacts], exclude: str | None, department: str | None, item: Item) -> bool:
    """Whether an article passes the filters of a request; one of whose department nothing is known does not."""
    if exclude and item.reason is Reason.REPURCHASE:
        return False
    return department is None or (item.article_id in facts and facts[item.article_id].department == department)
