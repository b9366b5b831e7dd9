"""Recommendations of one customer or of many.

In: requests. Out: lists, or problems.
"""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from serving.http.api_keys import NEEDS_KEY, KeyedRoute, caller_of
from serving.http.problems import problem_responses
from serving.http.request_query import CustomerId, Depth, openapi_parameters, read_query
from serving.http.request_watch import note_served
from serving.http.responses import BatchResponse, RecommendationsResponse, batch_response, list_response
from serving.lookup.answers import DEFAULT_DEPTH
from serving.lookup.catalogue import Catalogue
from serving.lookup.wanted import Wanted, named_department

MAX_CUSTOMERS = 1_000  # of one request

router = APIRouter(tags=["recommendations"], route_class=KeyedRoute)


class Filters(BaseModel):
    """What of a list is wanted."""

    k: Depth = DEFAULT_DEPTH
    exclude: Literal["purchased"] | None = Field(
        None, description="`purchased` leaves out what the customer bought before."
    )
    department: str | None = Field(
        None, max_length=100, description="Only articles of this department; `/departments` lists them."
    )

    def wanted(self, catalogue: Catalogue) -> Wanted | None:
        """Return what the filters want of a list; None without any."""
        if not self.exclude and self.department is None:
            return None
        if self.department is None:
            return Wanted(catalogue.facts, skips_purchased=True)
        name = named_department(catalogue.departments, self.department)
        return Wanted(catalogue.facts, bool(self.exclude), name, is_unknown=name is None)


class LookupQuery(Filters):
    """Whose list is wanted, and what of it."""

    customer_id: CustomerId


def _text_of_number(value: Any) -> Any:
    """Many shops number their customers, and their JSON has numbers; `true` is none."""
    return str(value) if type(value) is int else value


JsonCustomerId = Annotated[CustomerId, BeforeValidator(_text_of_number, json_schema_input_type=CustomerId | int)]


class BatchRequest(Filters):
    """Whose lists are wanted, and what of them; a field that is none of these is refused."""

    model_config = ConfigDict(extra="forbid")

    customer_ids: list[JsonCustomerId] = Field(min_length=1, max_length=MAX_CUSTOMERS)


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

    Articles that the shop has denied or sold out are never in it. Filters may leave fewer articles than k, or none;
    `empty_reason` says why.
    """
    caller_of(request)
    asked, state = read_query(LookupQuery, request), request.app.state
    found = await state.store.lookup(asked.customer_id, asked.k, asked.wanted(state.store.catalogue))
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
            422: "There are too many customers, or an id or k is out of range, or a field is unknown.",
            503: "No list was ever read.",
        }
    ),
    openapi_extra={"security": NEEDS_KEY},
)
async def batch(request: Request, asked: BatchRequest) -> Response:
    """The customers' lists in the order of their ids, read in one round trip, all from one version."""
    caller_of(request)
    state = request.app.state
    found = await state.store.lookup_many(asked.customer_ids, asked.k, asked.wanted(state.store.catalogue))
    note_served(request, found)
    return batch_response(found, state.stale_after_seconds)
