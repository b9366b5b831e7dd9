"""The HTTP API: recommendations of one customer, and two health checks.

Stage: the end of the pipeline. In: HTTP requests and the lists in Redis. Out: JSON; errors as problem details
(RFC 9457). The API starts and stays up without Redis: it then answers 503 and says why.
"""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Annotated, Literal

from fastapi import APIRouter, FastAPI, Path, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from serving.cache_contract import MAX_DEPTH
from serving.recommendation_store import (
    DepthExceeded,
    FallbackReason,
    NothingPublished,
    Recommendations,
    RecommendationStore,
    RedisAway,
    StoreUnavailable,
    VersionUnreadable,
)
from serving.redis_connection import connect_async, redis_url
from serving.settings import Settings

MAX_CUSTOMER_ID_LENGTH = 128  # twice H&M's 64

DESCRIPTION = """
Top-k recommendations for every customer, computed every night and looked up here.

Every customer gets an answer: the personal list, the list of the segment for a customer without purchases, or the
overall popular list for a stranger. `source` says which, `fallback_reason` says why.
"""

logger = logging.getLogger(__name__)


class RecommendedArticle(BaseModel):
    """One article of a list."""

    article_id: str = Field(description="Ten digits, leading zeros included.", examples=["0706016001"])
    score: float = Field(description="Comparable within one list only; higher is better.", examples=[7.25])


class RecommendationsResponse(BaseModel):
    """The articles recommended to a customer, best first."""

    customer_id: str = Field(examples=["00000dbacae5abe5e23885899a1fa44253a17956c6d1c3d25f88aa139fdfc657"])
    items: list[RecommendedArticle]
    source: Literal["personal", "segment", "popular"] = Field(description="Which list this is.")
    fallback_reason: FallbackReason | None = Field(
        description=(
            "Why this is not a personal list: `no_history` (a customer without purchases), `unknown_customer` (not in "
            "the published run), `unreadable_list` (damaged in Redis). Null for a personal list."
        )
    )
    version: str = Field(description="The published version.", examples=["20200923T021500Z-5f0c9a1e"])
    model: str = Field(description="The model that made the personal lists.", examples=["two_tower_64_seed_0"])
    generated_at: str = Field(description="When the version was made, UTC.", examples=["2020-09-23T02:15:00+00:00"])


class Live(BaseModel):
    """The process answers."""

    status: Literal["live"] = "live"


class Ready(BaseModel):
    """Lists can be served."""

    status: Literal["ready"] = "ready"
    dataset: str = Field(examples=["demo"])
    version: str = Field(examples=["20200923T021500Z-5f0c9a1e"])
    generated_at: str = Field(examples=["2020-09-23T02:15:00+00:00"])
    customers: int = Field(description="Customers with a list.", examples=[50_000])
    k: int = Field(description="The most articles a list has.", examples=[12])


class Problem(BaseModel):
    """An error, as RFC 9457 describes it."""

    type: str = Field(examples=["urn:recommendations:redis-away"])
    title: str = Field(examples=["Redis is away"])
    status: int = Field(examples=[503])
    detail: str = Field(description="What is wrong and what to do.")


PROBLEMS = {
    RedisAway: ("redis-away", "Redis is away"),
    NothingPublished: ("nothing-published", "Nothing is published"),
    VersionUnreadable: ("version-unreadable", "The published version cannot be read"),
}


router = APIRouter()

CustomerId = Annotated[
    str, Path(min_length=1, max_length=MAX_CUSTOMER_ID_LENGTH, description="As in the purchases; any text.")
]
Depth = Annotated[
    int | None,
    Query(
        ge=1,
        le=MAX_DEPTH,
        description="Most articles wanted, up to the published depth; 12 by default.",
        examples=[12],
    ),
]


def _problem_responses(descriptions: dict[int, str]) -> dict[int, dict]:
    content = {"application/problem+json": {"schema": Problem.model_json_schema()}}
    return {status: {"description": text, "content": content} for status, text in descriptions.items()}


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application for `settings`, by default those of the environment."""
    settings = settings or Settings.from_environment()
    app = FastAPI(
        title="Recommendations at reasonable scale",
        version="1",
        description=DESCRIPTION,
        lifespan=_lifespan(settings),
    )
    app.add_exception_handler(StoreUnavailable, _store_unavailable)
    app.add_exception_handler(DepthExceeded, _depth_exceeded)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(HTTPException, _http_error)
    app.include_router(router)
    return app


def _lifespan(settings: Settings) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def connected(app: FastAPI) -> AsyncIterator[None]:
        url = await run_in_threadpool(redis_url)
        client = connect_async(url, settings.redis_timeout_seconds)
        app.state.store = RecommendationStore(client, settings.dataset)
        yield
        await client.aclose()

    return connected


@router.get(
    "/recommendations/{customer_id:path}",  # `:path` lets an id contain an encoded slash
    summary="Recommendations of one customer",
    responses=_problem_responses({422: "The customer id or k is out of range.", 503: "No list can be served."}),
    tags=["recommendations"],
)
async def recommendations(request: Request, customer_id: CustomerId, k: Depth = None) -> RecommendationsResponse:
    """The customer's list. An unknown customer gets the overall popular list, also with status 200."""
    return _response(await request.app.state.store.lookup(customer_id, k))


@router.get("/health/live", summary="Is the process up?", tags=["health"])
async def live() -> Live:
    """Always 200 while the process answers; says nothing about Redis."""
    return Live()


@router.get(
    "/health/ready",
    summary="Can lists be served?",
    responses=_problem_responses({503: "Redis is away, or nothing readable is published."}),
    tags=["health"],
)
async def ready(request: Request) -> Ready:
    """200 when Redis answers and a version is published; what that version is."""
    manifest = (await request.app.state.store.head()).manifest
    return Ready(
        dataset=manifest.dataset,
        version=manifest.version,
        generated_at=manifest.created_at,
        customers=manifest.customers,
        k=manifest.k,
    )


def _response(found: Recommendations) -> RecommendationsResponse:
    return RecommendationsResponse(
        customer_id=found.customer_id,
        items=[RecommendedArticle(article_id=article_id, score=score) for article_id, score in found.items],
        source=found.source.name.lower(),
        fallback_reason=found.fallback_reason,
        version=found.version,
        model=found.model,
        generated_at=found.generated_at,
    )


def _problem(status: int, kind: str, title: str, detail: str) -> JSONResponse:
    problem = Problem(type=f"urn:recommendations:{kind}", title=title, status=status, detail=detail)
    return JSONResponse(problem.model_dump(), status, media_type="application/problem+json")


async def _store_unavailable(request: Request, error: StoreUnavailable) -> JSONResponse:
    logger.error("%s", error)
    return _problem(503, *PROBLEMS[type(error)], str(error))


async def _depth_exceeded(request: Request, error: DepthExceeded) -> JSONResponse:
    return _problem(422, "invalid-request", "The request is not valid", str(error))


async def _http_error(request: Request, error: HTTPException) -> JSONResponse:
    """No such path, or a method that a path does not have."""
    return _problem(error.status_code, "no-such-route", str(error.detail), f"{request.method} {request.url.path}")


async def _invalid_request(request: Request, error: RequestValidationError) -> JSONResponse:
    faults = "; ".join(f"{fault['loc'][-1]}: {fault['msg']}" for fault in error.errors())
    return _problem(422, "invalid-request", "The request is not valid", faults)
