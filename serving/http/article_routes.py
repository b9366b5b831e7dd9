"""Articles that are similar to one, and articles that are popular.

In: requests. Out: lists, or problems.
"""

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from serving.http.api_keys import NEEDS_KEY, KeyedRoute, caller_of
from serving.http.article_responses import (
    DepartmentsResponse,
    PopularResponse,
    SimilarResponse,
    popular_response,
    similar_response,
)
from serving.http.problems import problem_responses
from serving.http.request_query import Depth, openapi_parameters, read_query
from serving.http.request_watch import note_served
from serving.http.responses import json_response
from serving.lookup.answers import DEFAULT_DEPTH

router = APIRouter(tags=["articles"], route_class=KeyedRoute)


class SimilarQuery(BaseModel):
    """The article that others are to be similar to."""

    article_id: str = Field(
        min_length=1, max_length=128, description="Ten digits, leading zeros included.", examples=["0706016001"]
    )
    k: Depth = DEFAULT_DEPTH


class PopularQuery(BaseModel):
    """The segment whose popular articles are wanted."""

    segment: str | None = Field(
        None, min_length=1, max_length=100, description="A name of `segments`; everybody without it."
    )
    k: Depth = DEFAULT_DEPTH


@router.get(
    "/similar/{article_id:any_text}",
    summary="Similar articles",
    response_model=SimilarResponse,
    responses=problem_responses(
        {
            401: "The key is missing or unknown.",
            404: "The served version does not know the article.",
            422: "The article id or k is out of range.",
            503: "Redis is away, or what it holds cannot be read.",
        }
    ),
    openapi_extra={"parameters": openapi_parameters(SimilarQuery), "security": NEEDS_KEY},
)
async def similar(request: Request) -> Response:
    """The nearest articles on sale in the space of the two-tower model, without other variants of the product.

    Articles that the shop has denied or sold out are never in it. Any article that was ever sold can be asked for.
    """
    caller_of(request)
    asked, state = read_query(SimilarQuery, request), request.app.state
    found = await state.store.article_lists.similar(asked.article_id, asked.k)
    note_served(request, [found])
    return similar_response(found, state.stale_after_seconds)


@router.get(
    "/departments",
    summary="Departments",
    response_model=DepartmentsResponse,
    responses=problem_responses({401: "The key is missing or unknown.", 503: "No list was ever read."}),
    openapi_extra={"security": NEEDS_KEY},
)
async def departments(request: Request) -> Response:
    """What `department` of a recommendation can be, by name; lower case will do where only one differs in it."""
    caller_of(request)
    store = request.app.state.store
    if store.known_head is None:
        await store.head()
    found = [{"name": name, "articles": count} for name, count in store.catalogue.departments.items()]
    version = store.catalogue.version or store.known_head.manifest.version  # facts may still be those of the one before
    return json_response({"departments": found, "version": version})


@router.get(
    "/popular",
    summary="Popular articles",
    response_model=PopularResponse,
    responses=problem_responses(
        {
            401: "The key is missing or unknown.",
            422: "The segment or k is out of range.",
            503: "No list was ever read.",
        }
    ),
    openapi_extra={"parameters": openapi_parameters(PopularQuery), "security": NEEDS_KEY},
)
async def popular(request: Request) -> Response:
    """What a segment bought most last week; without a segment, or for an unknown one, what everybody bought most."""
    caller_of(request)
    asked, state = read_query(PopularQuery, request), request.app.state
    found = await state.store.article_lists.popular(asked.segment, asked.k)
    note_served(request, [found])
    return popular_response(found, state.stale_after_seconds)
