"""What the API answers: the models that OpenAPI shows, and the bodies themselves.

In: answers of the store. Out: JSON. Bodies are made of plain values: to validate what this code has just made would
take as long as the lookup. A test checks every body against the models.
"""

from collections.abc import Sequence
from typing import Any, Literal, Protocol

import orjson
from fastapi import Response
from pydantic import BaseModel, Field

from serving.lookup.answers import Item, Reason, Recommendations, age_seconds
from serving.lookup.store_errors import FallbackReason
from serving.lookup.wanted import EmptyReason

WHY_EMPTY = (
    "Why `items` is empty: `all_barred` (by rules), `unknown_department` (see `/departments`), `nothing_of_department` "
    "or `all_purchased`. Null where there are items."
)


class RecommendedArticle(BaseModel):
    """One article of a list."""

    article_id: str = Field(description="Ten digits, leading zeros included.", examples=["0706016001"])
    score: float = Field(description="Comparable within one list only; higher is better.", examples=[7.25])
    reason: Reason = Field(description="Why it is recommended, the first that holds.", examples=["repurchase"])


class Versioned(BaseModel):
    """An answer from one published version."""

    version: str = Field(description="The published version.", examples=["20200923T021500Z-5f0c9a1e"])
    model: str = Field(description="The model that made the personal lists.", examples=["two_tower_64_seed_0"])
    generated_at: str = Field(description="When the version was made, UTC.", examples=["2020-09-23T02:15:00+00:00"])
    age_seconds: int = Field(description="Time since then.", ge=0, examples=[25_200])
    stale: bool = Field(description="Whether the age is above `STALE_AFTER_HOURS`.")


class RecommendationsResponse(Versioned):
    """The articles recommended to a customer, best first."""

    customer_id: str = Field(examples=["00000dbacae5abe5e23885899a1fa44253a17956c6d1c3d25f88aa139fdfc657"])
    items: list[RecommendedArticle]
    source: Literal["personal", "segment", "popular"] = Field(description="Which list this is.")
    fallback_reason: FallbackReason | None = Field(
        description=(
            "Why this is not a personal list: `no_history` (a customer without purchases), `unknown_customer` (not in "
            "the published run), `unreadable_list` (damaged in Redis), `redis_away`, `nothing_published` and "
            "`version_unreadable` (the overall list that was read last). Null for a personal list."
        )
    )
    degraded: bool = Field(description="Whether a fault kept the customer's own list away.")
    variant: str | None = Field(description="The customer's variant; null for customers in no variant.")
    empty_reason: EmptyReason | None = Field(description=WHY_EMPTY)


class BatchResponse(BaseModel):
    """The lists of several customers in the order of their ids, those of one variant from one version."""

    recommendations: list[RecommendationsResponse]


DEGRADED = frozenset(FallbackReason) - {
    FallbackReason.NO_HISTORY,
    FallbackReason.UNKNOWN_CUSTOMER,
    FallbackReason.UNKNOWN_SEGMENT,
}


def list_response(found: Recommendations, stale_after_seconds: float) -> Response:
    """Return one customer's list."""
    return json_response(_body(found, origin(found, stale_after_seconds)))


def batch_response(found: Sequence[Recommendations], stale_after_seconds: float) -> Response:
    """Return several customers' lists; those of one version are equally old."""
    one_of_each = {each.version: each for each in found}
    origins = {version: origin(each, stale_after_seconds) for version, each in one_of_each.items()}
    return json_response({"recommendations": [_body(each, origins[each.version]) for each in found]})


class FromVersion(Protocol):
    """An answer of the store."""

    version: str
    model: str
    generated_at: str


def origin(found: FromVersion, stale_after_seconds: float) -> dict[str, Any]:
    """Return the last fields of every answer: which version it is from, and how old that is."""
    age = age_seconds(found.generated_at)
    return {
        "version": found.version,
        "model": found.model,
        "generated_at": found.generated_at,
        "age_seconds": age,
        "stale": age > stale_after_seconds,
    }


def _body(found: Recommendations, origin_of_list: dict[str, Any]) -> dict[str, Any]:
    return {
        "customer_id": found.customer_id,
        "items": item_bodies(found.items),
        "source": found.source.name.lower(),
        "fallback_reason": found.fallback_reason,
        "degraded": found.fallback_reason in DEGRADED,
        "variant": found.variant,
        "empty_reason": found.empty_reason,
        **origin_of_list,
    }


def item_bodies(items: Sequence[Item]) -> list[dict[str, Any]]:
    """Return the articles of an answer."""
    return [{"article_id": article_id, "score": score, "reason": reason} for article_id, score, reason in items]


def json_response(body: dict[str, Any]) -> Response:
    """Return a body as a response, without validating it."""
    return Response(orjson.dumps(body), media_type="application/json")
