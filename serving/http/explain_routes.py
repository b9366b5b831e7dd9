"""Why a customer is recommended what.

In: requests. Out: an explained list, or problems.
"""

from fastapi import APIRouter, Request, Response

from serving.http.api_keys import NEEDS_KEY, caller_of
from serving.http.explain_responses import ExplainResponse, explain_response
from serving.http.lookup_query import ExplainQuery
from serving.http.problems import problem_responses
from serving.http.request_query import openapi_parameters, read_query

router = APIRouter(tags=["recommendations"])


@router.get(
    "/explain/{customer_id:any_text}",
    summary="Why a customer is recommended what",
    response_model=ExplainResponse,
    responses=problem_responses(
        {
            401: "The key is missing or unknown.",
            422: "The customer id or k is out of range.",
            503: "Redis is away, or what lies in it cannot be read.",
        }
    ),
    openapi_extra={"parameters": openapi_parameters(ExplainQuery), "security": NEEDS_KEY},
)
async def explain(request: Request) -> Response:
    """The customer's last purchases, where each article of the list comes from, and which rule removed which article.

    All of it comes from one version and is read from Redis, so without Redis there is no answer.
    """
    caller_of(request)
    asked, state = read_query(ExplainQuery, request), request.app.state
    explanation = await state.store.explain(asked.customer_id, asked.k)
    return explain_response(explanation, state.stale_after_seconds)
