"""Recommendations of one customer or of many.

In: requests. Out: lists, or problems.
"""

from collections.abc import Mapping
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from serving.cache.article_facts import ArticleFacts
from serving.cache.list_buckets import MAX_DEPTH
from serving.http.api_keys import NEEDS_KEY, caller_of
from serving.http.lookup_query import DEPTH_DESCRIPTION, MAX_CUSTOMER_ID_LENGTH, LookupQuery
from serving.http.problems import problem_responses
from serving.http.request_query import openapi_parameters, read_query
from serving.http.request_watch import note_served
from serving.http.responses import BatchResponse, RecommendationsResponse, batch_response, list_response
from serving.lookup.answers import Item
from serving.lookup.reasons import Reason
from serving.lookup.recommendation_store import DEFAULT_DEPTH

MAX_CUSTOMERS = 1_000  # of one request

router = APIRouter(tags=["recommendations"])


class BatchRequest(BaseModel):
    """Whose lists are wanted."""

    customer_ids: list[Annotated[str, Field(min_length=1, max_length=MAX_CUSTOMER_ID_LENGTH)]] = Field(
        min_length=1, max_length=MAX_CUSTOMERS
    )
    k: int = Field(DEFAULT_DEPTH, ge=1, le=MAX_DEPTH, description=DEPTH_DESCRIPTION)


@router.get(
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
    openapi_extra={"parameters": openapi_parameters(LookupQuery), "security": NEEDS_KEY},
)
async def recommendations(request: Request) -> Response:
    """The customer's list. An unknown customer gets the overall popular list, also with status 200.

    What the shop has denied or sold out of is never in it. Filters may leave fewer articles than k.
    """
    caller_of(request)
    asked, state = read_query(LookupQuery, request), request.app.state
    is_wanted = None
    if asked.exclude or asked.department:
        is_wanted = partial(_is_wanted, state.store.facts, asked.exclude, asked.department)
    found = await state.store.lookup(asked.customer_id, asked.k, is_wanted)
    note_served(request, [found])
    return list_response(found, state.stale_after_seconds)


@router.post(
    "/recommendations",
    summary="Recommendations of up to 1,000 customers",
    response_model=BatchResponse,
    responses=problem_responses(
        {
            400: "The body is not text.",
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


def _is_wanted(facts: Mapping[str, ArticleFacts], exclude: str | None, department: str | None, item: Item) -> bool:
    """Whether an article passes the filters of a request; one of whose department nothing is known does not."""
    if exclude and item.reason is Reason.REPURCHASE:
        return False
    return department is None or (item.article_id in facts and facts[item.article_id].department == department)
