"""What a lookup asks for: the parameters of `GET /recommendations/{customer_id}`.

In: a request. Out: `LookupQuery`, or the error that FastAPI gives for a parameter. Read by one pydantic model, not by
FastAPI's dependencies, which took a third of the time of a lookup; OpenAPI is told of them from the same model.
"""

from typing import Any, Literal

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field, ValidationError

from serving.list_buckets import MAX_DEPTH
from serving.recommendation_store import DEFAULT_DEPTH

MAX_CUSTOMER_ID_LENGTH = 128  # twice H&M's 64
DEPTH_DESCRIPTION = "Most articles wanted; an answer has no more than were published."


class LookupQuery(BaseModel):
    """Whose list is wanted, and what of it."""

    customer_id: str = Field(
        min_length=1, max_length=MAX_CUSTOMER_ID_LENGTH, description="As in the purchases; any text."
    )
    k: int = Field(DEFAULT_DEPTH, ge=1, le=MAX_DEPTH, description=DEPTH_DESCRIPTION, examples=[12])
    exclude: Literal["purchased"] | None = Field(
        None, description="`purchased` leaves out what the customer bought before."
    )
    department: str | None = Field(None, max_length=100, description="Only articles of this department.")

    @classmethod
    def of(cls, request: Request) -> "LookupQuery":
        """Read a request; parameters that are not ours are ignored.

        Raises:
            RequestValidationError: a parameter is out of range.
        """
        given = request.query_params if request.scope["query_string"] else {}
        try:
            return cls.model_validate({**given, "customer_id": request.path_params["customer_id"]})
        except ValidationError as error:
            raise RequestValidationError(error.errors()) from error


def openapi_parameters() -> list[dict[str, Any]]:
    """Return the parameters as OpenAPI describes them."""
    properties = LookupQuery.model_json_schema()["properties"]
    return [
        {
            "name": name,
            "in": "path" if name == "customer_id" else "query",
            "required": name == "customer_id",
            "description": schema.pop("description"),
            "schema": schema,
        }
        for name, schema in properties.items()
    ]
