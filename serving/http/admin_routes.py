"""Change the lookup rules over HTTP, as `make deny` does, with the administrator's key.

In: requests with `ADMIN_API_KEY`. Out: what a change did, in numbers; lookups follow within a second.
"""

from collections.abc import Collection
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, HTTPException, Path, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from serving.cache.article_numbers import ARTICLE_ID_PATTERN
from serving.http.api_keys import AdminRoute, administrator
from serving.http.problems import problem_responses
from serving.lookup.barred_articles import BarredArticle, Rule
from serving.lookup.rule_book import (
    FEED_NAME_PATTERN,
    MOST_OF_NOTE,
    NOTE_PATTERN,
    Changed,
    RuleBook,
    RuleConflict,
    RuleError,
)

PROBLEMS = problem_responses(
    {
        400: "The body is not text.",
        401: "The administrator's key is missing.",
        409: "No article can have such an id, there is no such feed, or a list has such a name.",
        413: "The body is too large.",
        422: "The request is not valid.",
        503: "Redis is away.",
    }
)
MOST_ARTICLES = 500_000  # of one request
EXAMPLES = 10  # of unknown ids

router = APIRouter(prefix="/admin", tags=["admin"], dependencies=[Depends(administrator)], route_class=AdminRoute)

ArticleId = Annotated[str, Path(pattern=f"^{ARTICLE_ID_PATTERN}$", description="Ten digits.", examples=["0706016001"])]
Feed = Annotated[
    str,
    Path(
        pattern=f"^{FEED_NAME_PATTERN}$", description="Up to 64 letters, digits, `.`, `_` and `-`.", examples=["stock"]
    ),
]


class Bar(BaseModel):
    """Why an article is to be recommended to nobody."""

    rule: Literal["denied", "out_of_stock"] = "denied"
    note: str = Field(
        "",
        max_length=MOST_OF_NOTE,
        description="The reason, for later readers, in one line.",
        examples=["recalled"],
        json_schema_extra={"pattern": NOTE_PATTERN},  # told by `check_note`, which names the character
    )


class ArticleIds(BaseModel):
    """Articles by their ids; checked in a thread of their own, for there may be hundreds of thousands."""

    article_ids: list = Field(
        min_length=1,
        max_length=MOST_ARTICLES,
        description="Ten digits each.",
        json_schema_extra={"items": {"type": "string", "pattern": f"^{ARTICLE_ID_PATTERN}$"}},
    )


class BarMany(Bar, ArticleIds):
    """Articles that are to be recommended to nobody, and why."""


class BarredAnswer(BaseModel):
    """Why nobody is recommended an article."""

    rule: Literal["denied", "out_of_stock"]
    note: str
    since: str = Field(examples=["2020-09-23T02:15:00+00:00"])


class FeedAnswer(BarredAnswer):
    """What a feed or a list bars."""

    articles: int = Field(ge=0)


class Cap(BaseModel):
    """How many articles of one product code an answer may have."""

    most: int = Field(ge=0, le=255, description="0 for no cap.")


class RulesAnswer(BaseModel):
    """The rules of the dataset; articles of feeds and lists are counted, not listed."""

    barred: dict[str, BarredAnswer] = Field(description="Articles with a rule of their own, by id.")
    feeds: dict[str, FeedAnswer] = Field(description="Feeds and lists, by name.")
    articles_barred: int = Field(description="By any rule.", ge=0)
    most_per_product_code: int | None
    unreadable: list[str] = Field(description="Fields that are damaged in Redis; set them again.")


class ChangeAnswer(BaseModel):
    """What a change did."""

    added: int = Field(description="Articles that are barred and were not, by this rule, feed or list.", ge=0)
    freed: int = Field(description="Articles that this rule, feed or list barred and does not any more.", ge=0)
    still_barred: int = Field(description="Articles to be allowed that a feed bars.", ge=0)
    articles_barred: int = Field(description="Articles that are barred now by any rule.", ge=0)
    most_per_product_code: int | None
    unknown: int = Field(description="Ids that the served version does not know; barred all the same.", ge=0)
    unknown_examples: list[str]


@router.get("/rules", summary="What is kept out of every list", responses=PROBLEMS)
async def show(request: Request) -> RulesAnswer:
    """The rules as they are in Redis."""
    rules = await _book(request).read()
    return RulesAnswer(
        barred={article_id: BarredAnswer(**_plain(each)) for article_id, each in sorted(rules.barred.single.items())},
        feeds={
            name: FeedAnswer(**_plain(each.why), articles=len(each.numbers)) for name, each in rules.together.items()
        },
        articles_barred=len(rules.barred),
        most_per_product_code=rules.most_per_product_code,
        unreadable=list(rules.unreadable),
    )


@router.put("/rules/articles/{article_id}", summary="Recommend an article to nobody", responses=PROBLEMS)
async def bar(request: Request, article_id: ArticleId, wanted: Bar) -> ChangeAnswer:
    """Bar an article, or change why it is barred."""
    changed = await _refused(_book(request).bar(article_id, Rule(wanted.rule), wanted.note))
    return await _answer(request, changed, [article_id])


@router.delete("/rules/articles/{article_id}", summary="Recommend an article again", responses=PROBLEMS)
async def allow(request: Request, article_id: ArticleId) -> ChangeAnswer:
    """Let an article be recommended again; one that was not barred stays as it is, and so does one of a feed."""
    return await _answer(request, await _refused(_book(request).allow(article_id)))


@router.post("/rules/lists", summary="Recommend many articles to nobody", responses=PROBLEMS)
async def bar_many(request: Request, wanted: BarMany) -> ChangeAnswer:
    """Bar articles as a list of their own, until they are allowed."""
    ids = wanted.article_ids
    changed = await _refused(_book(request).bar_many(ids, Rule(wanted.rule), wanted.note))
    return await _answer(request, changed, ids)


@router.post("/rules/lists/allow", summary="Recommend many articles again", responses=PROBLEMS)
async def allow_many(request: Request, wanted: ArticleIds) -> ChangeAnswer:
    """Let articles be recommended again; those of a feed stay barred."""
    return await _answer(request, await _refused(_book(request).allow_many(wanted.article_ids)))


@router.put("/rules/feeds/{feed}", summary="Replace what a feed bars", responses=PROBLEMS)
async def replace_feed(request: Request, feed: Feed, wanted: BarMany) -> ChangeAnswer:
    """Bar exactly these articles for a feed, such as all that are out of stock now; other rules stay."""
    ids = wanted.article_ids
    changed = await _refused(_book(request).replace_feed(feed, ids, Rule(wanted.rule), wanted.note))
    return await _answer(request, changed, ids)


@router.delete("/rules/feeds/{feed}", summary="End a feed", responses=PROBLEMS)
async def end_feed(request: Request, feed: Feed) -> ChangeAnswer:
    """Free all articles of a feed, or of a list."""
    return await _answer(request, await _refused(_book(request).end_feed(feed)))


@router.put("/rules/cap", summary="Limit the articles of one product code", responses=PROBLEMS)
async def cap(request: Request, wanted: Cap) -> ChangeAnswer:
    """Limit the articles of one product code in an answer."""
    await _refused(_book(request).set_cap(wanted.most))
    return await _answer(request, Changed())


def _book(request: Request) -> RuleBook:
    return request.app.state.rule_book


async def _refused(change):
    """Await a change; one that a rule forbids is a request that is not valid."""
    try:
        return await change
    except RuleError as error:
        raise HTTPException(409 if isinstance(error, RuleConflict) else 422, str(error)) from error


async def _answer(request: Request, changed: Changed, named: list[str] | None = None) -> ChangeAnswer:
    rules = await _book(request).read()
    unknown = await run_in_threadpool(_unknown, request.app.state.store.catalogue.facts, named or ())
    return ChangeAnswer(
        added=changed.added,
        freed=changed.freed,
        still_barred=changed.still_barred,
        articles_barred=len(rules.barred),
        most_per_product_code=rules.most_per_product_code,
        unknown=len(unknown),
        unknown_examples=unknown[:EXAMPLES],
    )


def _unknown(known: Collection[str], named: Collection[str]) -> list[str]:
    """Return the ids that a version does not know, each once; none of a version whose articles were not read."""
    return list(dict.fromkeys(each for each in named if each not in known)) if known else []


def _plain(each: BarredArticle) -> dict[str, str]:
    return {"rule": each.rule.value, "note": each.note, "since": each.since}
