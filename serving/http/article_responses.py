"""What `/similar` and `/popular` answer: the models that OpenAPI shows, and the bodies themselves; see `responses`."""

from typing import Literal

from fastapi import Response
from pydantic import BaseModel, Field

from serving.http.responses import DEGRADED, RecommendedArticle, Versioned, item_bodies, json_response, origin
from serving.lookup.answers import PopularArticles, SimilarArticles
from serving.lookup.store_errors import FallbackReason
from serving.lookup.wanted import EmptyReason


class SimilarArticle(BaseModel):
    """One article that is similar to another one."""

    article_id: str = Field(description="Ten digits, leading zeros included.", examples=["0706016001"])
    score: float = Field(description="Cosine of the two articles' vectors, at most 1.", examples=[0.93])


class SimilarResponse(Versioned):
    """Articles on sale that are most similar to one, without variants of its own product; the most similar first."""

    article_id: str = Field(examples=["0706016001"])
    items: list[SimilarArticle]
    empty_reason: Literal["all_barred"] | None = Field(description="Why `items` is empty; null where there are items.")


class PopularResponse(Versioned):
    """Articles that most customers of a segment, or most customers, bought last week, best first."""

    segment: str | None = Field(description="As it was asked for.", examples=["25-29/online"])
    items: list[RecommendedArticle]
    source: Literal["segment", "popular"] = Field(description="Whose list this is: the segment's or everybody's.")
    fallback_reason: FallbackReason | None = Field(
        description="Why this is not the list that was asked for: `unknown_segment`, or a fault as in recommendations."
    )
    degraded: bool = Field(description="Whether a fault kept the list away.")
    empty_reason: Literal["all_barred"] | None = Field(description="Why `items` is empty; null where there are items.")
    segments: list[str] = Field(description="What can be asked for.", examples=[["25-29/online", "25-29/store"]])


def similar_response(found: SimilarArticles, stale_after_seconds: float) -> Response:
    """Return the articles that are similar to one."""
    body = {
        "article_id": found.article_id,
        "items": [{"article_id": item.article_id, "score": item.score} for item in found.items],
        "empty_reason": _why_empty(found),
        **origin(found, stale_after_seconds),
    }
    return json_response(body)


def popular_response(found: PopularArticles, stale_after_seconds: float) -> Response:
    """Return the articles that are popular in a segment."""
    body = {
        "segment": found.segment,
        "items": item_bodies(found.items),
        "source": found.source.name.lower(),
        "fallback_reason": found.fallback_reason,
        "degraded": found.fallback_reason in DEGRADED,
        "empty_reason": _why_empty(found),
        "segments": found.segments,
        **origin(found, stale_after_seconds),
    }
    return json_response(body)


def _why_empty(found: SimilarArticles | PopularArticles) -> EmptyReason | None:
    """Published lists are never empty, so that only rules can leave nothing of them."""
    return None if found.items else EmptyReason.ALL_BARRED


class Department(BaseModel):
    """A department of the shop."""

    name: str = Field(description="As `department` takes it.", examples=["Trousers"])
    articles: int = Field(ge=1, description="How many articles of the served version it has.")


class DepartmentsResponse(BaseModel):
    """The departments that lists can be filtered by."""

    departments: list[Department]
    version: str = Field(description="The published version.", examples=["20200923T021500Z-5f0c9a1e"])
