"""Articles that are like one, and articles that are popular.

In: requests. Out: lists, or problems.
"""

from fastapi import APIRouter, Request, Response

from serving.http.api_keys import NEEDS_KEY, caller_of
from serving.http.article_responses import PopularResponse, SimilarResponse, popular_response, similar_response
from serving.http.lookup_query import PopularQuery, SimilarQuery
from serving.http.problems import problem_responses
from serving.http.request_query import openapi_parameters, read_query
from serving.http.request_watch import note_served

router = APIRouter(tags=["articles"])


@router.get(
    "/similar/{article_id:any_text}",
    summary="Articles like one",
    response_model=SimilarResponse,
    responses=problem_responses(
        {
            401: "The key is missing or unknown.",
            404: "The served version does not know the article.",
            422: "The article id or k is out of range.",
            503: "Redis is away, or what lies in it cannot be read.",
        }
    ),
    openapi_extra={"parameters": openapi_parameters(SimilarQuery), "security": NEEDS_KEY},
)
async def similar(request: Request) -> Response:
    """The nearest articles on sale in the space of the two-tower model, other variants of the product left out.

    What the shop has denied or sold out of is never in it. Any article that was ever sold can be asked for.
    """
    caller_of(request)
    asked, state = read_query(SimilarQuery, request), request.app.state
    found = await state.store.similar(asked.article_id, asked.k)
    note_served(request, [found])
    return similar_response(found, state.stale_after_seconds)


@router.get(
    "/popular",
    summary="What is bought most",
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
    """What a segment bought most last week, or everybody did. An unknown segment gets everybody's list."""
    caller_of(request)
    asked, state = read_query(PopularQuery, request), request.app.state
    found = await state.store.popular(asked.segment, asked.k)
    note_served(request, [found])
    return popular_response(found, state.stale_after_seconds)
