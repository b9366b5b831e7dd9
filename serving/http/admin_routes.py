"""Change the lookup rules over HTTP: what `make deny` does, for callers with the administrator's key.

In: requests with `ADMIN_API_KEY`. Out: the rules as they are afterwards; lookups follow within a second.
"""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BaseModel, Field

from serving.http.api_keys import administrator
from serving.http.problems import problem_responses
from serving.lookup.lookup_rules import BarredArticle, LookupRules, Rule

PROBLEMS = problem_responses(
    {
        400: "The body is not text.",
        401: "The administrator's key is missing.",
        413: "The body is too large.",
        422: "The request is not valid.",
        503: "Redis is away.",
    }
)

router = APIRouter(prefix="/admin", tags=["admin"], dependencies=[Depends(administrator)])

ArticleId = Annotated[str, Path(pattern="^[0-9]{10}$", description="Ten digits.", examples=["0706016001"])]


class Bar(BaseModel):
    """Why an article is to be recommended to nobody."""

    rule: Literal["denied", "out_of_stock"] = "denied"
    note: str = Field("", max_length=500, description="Why, for colleagues who read it later.", examples=["recalled"])


class BarredAnswer(BaseModel):
    """An article that is recommended to nobody."""

    rule: Literal["denied", "out_of_stock"]
    note: str
    since: str = Field(examples=["2020-09-23T02:15:00+00:00"])


class Cap(BaseModel):
    """How many articles of one product code an answer may have."""

    most: int = Field(ge=0, le=255, description="0 for no cap.")


class RulesAnswer(BaseModel):
    """The rules of the dataset."""

    barred: dict[str, BarredAnswer] = Field(description="By article id.")
    most_per_product_code: int | None


@router.get("/rules", summary="What is kept out of every list", responses=PROBLEMS)
async def show(request: Request) -> RulesAnswer:
    """The rules as they are in Redis."""
    return _answer(await request.app.state.rule_book.read())


@router.put("/rules/articles/{article_id}", summary="Recommend an article to nobody", responses=PROBLEMS)
async def bar(request: Request, article_id: ArticleId, wanted: Bar) -> RulesAnswer:
    """Bar an article, or change why it is barred."""
    await request.app.state.rule_book.bar(article_id, Rule(wanted.rule), wanted.note)
    return _answer(await request.app.state.rule_book.read())


@router.delete("/rules/articles/{article_id}", summary="Recommend an article again", responses=PROBLEMS)
async def allow(request: Request, article_id: ArticleId) -> RulesAnswer:
    """Let an article be recommended again; nothing happens to one that was not barred."""
    await request.app.state.rule_book.allow(article_id)
    return _answer(await request.app.state.rule_book.read())


@router.put("/rules/cap", summary="Limit the articles of one product code", responses=PROBLEMS)
async def cap(request: Request, wanted: Cap) -> RulesAnswer:
    """Let at most so many articles of one product code into an answer."""
    await request.app.state.rule_book.set_cap(wanted.most)
    return _answer(await request.app.state.rule_book.read())


def _answer(rules: LookupRules) -> RulesAnswer:
    def plain(each: BarredArticle) -> BarredAnswer:
        return BarredAnswer(rule=each.rule.value, note=each.note, since=each.since)

    barred = {article_id: plain(each) for article_id, each in sorted(rules.barred.items())}
    return RulesAnswer(barred=barred, most_per_product_code=rules.most_per_product_code)
