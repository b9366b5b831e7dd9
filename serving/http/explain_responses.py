"""What `/explain` answers: the models that OpenAPI shows, and the body itself; see `responses`."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Literal

from fastapi import Response
from pydantic import BaseModel, Field

from serving.cache.article_facts import NOTHING_KNOWN, ArticleFacts
from serving.cache.purchase_buckets import Purchase
from serving.http.responses import DEGRADED, Versioned, json_response, origin
from serving.lookup.answers import ExplainedItem, Explanation, FilteredArticle, Reason
from serving.lookup.store_errors import FallbackReason


class ExplainedArticle(BaseModel):
    """An article by name; the texts of an unknown article are empty."""

    article_id: str = Field(description="Ten digits, leading zeros included.", examples=["0706016001"])
    name: str = Field(examples=["Jade HW Skinny Denim TRS"])
    department: str = Field(examples=["Trousers"])


class LastPurchase(ExplainedArticle):
    """An article that the customer bought."""

    day: date = Field(description="The last day on which the customer bought it.", examples=["2020-09-20"])


class ExplainedRecommendation(ExplainedArticle):
    """An article that is recommended to the customer."""

    place: int = Field(description="In the published list, from 1.", ge=1)
    score: float = Field(description="Comparable within one list only; higher is better.", examples=[7.25])
    reason: Reason = Field(description="Why it is recommended, the first that holds.", examples=["repurchase"])
    proposers: list[str] = Field(
        description="All generators that proposed it; empty where no stages made the list.", examples=[["own", "ease"]]
    )


class FilteredRecommendation(ExplainedArticle):
    """An article of the published list that a rule took out."""

    place: int = Field(description="In the published list, from 1.", ge=1)
    rule: Literal["denied", "out_of_stock", "cap"] = Field(description="`cap`: too many of its product before it.")
    note: str = Field(description="The note that was given when it was barred.", examples=["recalled"])
    since: str | None = Field(description="When it was barred, UTC; null for a cap.")


class ExplainResponse(Versioned):
    """A customer's list, and everything that led to it."""

    customer_id: str = Field(examples=["00000dbacae5abe5e23885899a1fa44253a17956c6d1c3d25f88aa139fdfc657"])
    purchases: list[LastPurchase] = Field(description="What the customer bought last, newest first.")
    items: list[ExplainedRecommendation]
    filtered: list[FilteredRecommendation] = Field(description="Of the whole published list, which is longer.")
    source: Literal["personal", "segment", "popular"] = Field(description="Which list this is.")
    fallback_reason: FallbackReason | None = Field(description="Why this is not a personal list.")
    degraded: bool = Field(description="Whether a fault kept the customer's own list away.")
    variant: str | None = Field(description="The customer's variant; null for customers in no variant.")


def explain_response(explanation: Explanation, stale_after_seconds: float) -> Response:
    """Return a customer's explained list."""
    found, facts = explanation.found, explanation.facts
    body = {
        "customer_id": found.customer_id,
        "purchases": [_purchase(each, facts) for each in explanation.purchases],
        "items": [_item(each, facts) for each in explanation.items],
        "filtered": [_filtered(each, facts) for each in explanation.filtered],
        "source": found.source.name.lower(),
        "fallback_reason": found.fallback_reason,
        "degraded": found.fallback_reason in DEGRADED,
        "variant": found.variant,
        **origin(found, stale_after_seconds),
    }
    return json_response(body)


def _article(article_id: str, facts: Mapping[str, ArticleFacts]) -> dict[str, Any]:
    known = facts.get(article_id, NOTHING_KNOWN)
    return {"article_id": article_id, "name": known.name, "department": known.department}


def _purchase(each: Purchase, facts: Mapping[str, ArticleFacts]) -> dict[str, Any]:
    return {**_article(each.article_id, facts), "day": each.day.isoformat()}


def _item(each: ExplainedItem, facts: Mapping[str, ArticleFacts]) -> dict[str, Any]:
    reasons = {"place": each.place, "score": each.item.score, "reason": each.item.reason, "proposers": each.proposers}
    return {**_article(each.item.article_id, facts), **reasons}


def _filtered(each: FilteredArticle, facts: Mapping[str, ArticleFacts]) -> dict[str, Any]:
    reasons = {"place": each.place, "rule": each.rule, "note": each.note, "since": each.since}
    return {**_article(each.article_id, facts), **reasons}
