"""Why a customer gets these recommendations.

In: requests. Out: an explained list, or problems.
"""

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from serving.http.api_keys import NEEDS_KEY, KeyedRoute, caller_of
from serving.http.explain_responses import ExplainResponse, explain_response
from serving.http.problems import problem_responses
from serving.http.request_query import CustomerId, Depth, openapi_parameters, read_query
from serving.lookup.answers import DEFAULT_DEPTH

router = APIRouter(tags=["recommendations"], route_class=KeyedRoute)


class ExplainQuery(BaseModel):
    """Whose list is to be explained, and how much of it."""

    customer_id: CustomerId
    k: Depth = DEFAULT_DEPTH


@router.get(
    "/explain/{customer_id:any_text}",
    summary="Why a customer gets these recommendations",
    response_model=ExplainResponse,
    responses=problem_responses(
        {
            401: "The key is missing or unknown.",
            422: "The customer id or k is out of range.",
            503: "Redis is away, or what it holds cannot be read.",
        }
    ),
    openapi_extra={"parameters": openapi_parameters(ExplainQuery), "security": NEEDS_KEY},
)
async def explain(request: Request) -> Response:
    """The customer's last purchases, where each article of the list comes from, and which rule took out which article.

    All of it is from one version, and is read from Redis: without Redis there is no answer.
    """
    caller_of(request)
    asked, state = read_query(ExplainQuery, request), request.app.state
    explanation = await state.store.explain(asked.customer_id, asked.k)
    return explain_response(explanation, state.stale_after_seconds)
