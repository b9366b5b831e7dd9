"""What lookups ask for: the parameters of the routes that answer with lists. Read by `request_query`."""

from typing import Literal

from pydantic import BaseModel, Field

from serving.cache.list_buckets import MAX_DEPTH
from serving.lookup.recommendation_store import DEFAULT_DEPTH

MAX_CUSTOMER_ID_LENGTH = 128  # twice H&M's 64
DEPTH_DESCRIPTION = "Most articles wanted; an answer has no more than were published."
CUSTOMER_DESCRIPTION = "As in the purchases; any text."


class LookupQuery(BaseModel):
    """Whose list is wanted, and what of it."""

    customer_id: str = Field(min_length=1, max_length=MAX_CUSTOMER_ID_LENGTH, description=CUSTOMER_DESCRIPTION)
    k: int = Field(DEFAULT_DEPTH, ge=1, le=MAX_DEPTH, description=DEPTH_DESCRIPTION, examples=[12])
    exclude: Literal["purchased"] | None = Field(
        None, description="`purchased` leaves out what the customer bought before."
    )
    department: str | None = Field(None, max_length=100, description="Only articles of this department.")


class ExplainQuery(BaseModel):
    """Whose list is to be explained, and how much of it."""

    customer_id: str = Field(min_length=1, max_length=MAX_CUSTOMER_ID_LENGTH, description=CUSTOMER_DESCRIPTION)
    k: int = Field(DEFAULT_DEPTH, ge=1, le=MAX_DEPTH, description=DEPTH_DESCRIPTION, examples=[12])


class SimilarQuery(BaseModel):
    """Which article's similar ones are wanted."""

    article_id: str = Field(
        min_length=1, max_length=128, description="Ten digits, leading zeros included.", examples=["0706016001"]
    )
    k: int = Field(DEFAULT_DEPTH, ge=1, le=MAX_DEPTH, description=DEPTH_DESCRIPTION, examples=[12])


class PopularQuery(BaseModel):
    """Whose popular articles are wanted."""

    segment: str | None = Field(
        None, min_length=1, max_length=100, description="A name of `segments`; everybody without it."
    )
    k: int = Field(DEFAULT_DEPTH, ge=1, le=MAX_DEPTH, description=DEPTH_DESCRIPTION, examples=[12])
