"""The page's addresses.

Stage: beside the API's routes. In: requests of people. Out: HTML; nothing here is needed by a shop, so OpenAPI does
not name it, and the lists shown here are not counted as served.
"""

import random

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse, RedirectResponse

from serving.cache.contract import CacheFormatError
from serving.http.lookup_query import MAX_CUSTOMER_ID_LENGTH
from serving.lookup.store_errors import FallbackReason, RedisAway, UnknownArticle
from serving.page.access import NotFound, PageRoute
from serving.page.rendering import FOLDER, link
from serving.page.views import SOURCES
from serving.page.visit import Visit

MOST_FOUND = 30  # articles of a search
ARTICLES_TRIED = 20  # for a random customer: few articles are in no list at all

router = APIRouter(route_class=PageRoute, include_in_schema=False)
files = APIRouter(include_in_schema=False)


@router.get("/")
async def home(request: Request) -> Response:
    """The way in: a customer, an article, and what strangers get."""
    visit = await Visit.of(request)
    segment = visit.text("segment")
    found = await visit.store.popular(segment or None)
    if found.fallback_reason is FallbackReason.UNKNOWN_SEGMENT:
        raise NotFound(f"No segment is called {segment}.")
    if found.fallback_reason is not None:
        visit = visit.without_redis()
    return visit.page("home.html", segment=segment, rows=visit.cards.rows(found.items))


@router.get("/page/customer")
async def customer(request: Request) -> Response:
    """A customer's last purchases beside the recommendations."""
    visit = await Visit.of(request, request.query_params.get("id", ""))
    customer_id = visit.text("id")
    if not customer_id:
        return RedirectResponse(link("random", version=visit.preview), 303)
    if len(customer_id) > MAX_CUSTOMER_ID_LENGTH:
        raise NotFound(f"A customer’s id has at most {MAX_CUSTOMER_ID_LENGTH} characters; this one has more.")
    bought, left_out = [], []
    try:
        explained = await visit.store.explain(customer_id)
        found, bought = explained.found, visit.cards.bought(explained.purchases)
        left_out = visit.cards.left_out(explained)
    except (RedisAway, CacheFormatError):  # a lookup has an answer all the same, and says why it is another
        found = await visit.store.lookup(customer_id)
        visit = visit.without_redis() if found.fallback_reason is FallbackReason.REDIS_AWAY else visit
    return visit.page(
        "customer.html",
        customer_id=customer_id,
        fallback_reason=found.fallback_reason,
        source=SOURCES[found.source],
        rows=visit.cards.rows(found.items),
        left_out=left_out,
        purchases=bought,
    )


@router.get("/page/random")
async def random_customer(request: Request) -> Response:
    """Any customer who is shown any of the articles."""
    visit = await Visit.of(request)
    known = list(visit.store.facts)
    shown = await visit.shown_to(random.sample(known, min(ARTICLES_TRIED, len(known))))
    examples = [example for each in shown for example in each.examples]
    customer_id = random.choice(examples or list(visit.store.known_head.manifest.example_customers.values()))
    return RedirectResponse(link("customer", id=customer_id, version=visit.preview), 303)


@router.get("/page/article")
async def article(request: Request) -> Response:
    """An article, what is similar, and who gets it."""
    visit = await Visit.of(request)
    article_id = visit.text("id")
    if article_id not in visit.store.facts:
        raise NotFound(f"No article of this version has the id {article_id or '(empty)'}.")
    similar, shown_to = [], None
    try:
        [shown_to] = await visit.shown_to([article_id])
        similar = (await visit.store.similar(article_id)).items
    except UnknownArticle:  # one that is named in lists only
        pass
    except RedisAway:
        visit = visit.without_redis()
    return visit.page(
        "article.html",
        article=visit.cards.card(article_id),
        barred=visit.store.rules.barred.get(article_id),
        rows=visit.cards.rows(similar),
        shown_to=shown_to,
    )


@router.get("/page/search")
async def search(request: Request) -> Response:
    """Articles by words, and how many customers get each."""
    visit = await Visit.of(request)
    asked = visit.text("q")
    found = await visit.find(asked, MOST_FOUND)
    try:
        shown_to = await visit.shown_to(found.article_ids)
    except RedisAway:
        visit, shown_to = visit.without_redis(), [None] * len(found.article_ids)
    rows = [(visit.cards.card(each), shown) for each, shown in zip(found.article_ids, shown_to, strict=True)]
    return visit.page("search.html", q=asked, rows=rows, most=MOST_FOUND, has_all_words=found.has_all_words)


@router.get("/images/{article_id}.jpg")
async def image(request: Request, article_id: str) -> Response:
    """An article's picture, where `IMAGES_URL` is a folder."""
    path = request.app.state.pictures.file(article_id)
    if path is None:
        raise NotFound(f"There is no picture of article {article_id}.")
    return FileResponse(path, media_type="image/jpeg")


@files.get("/page/style.css")
async def style() -> Response:
    """How the pages look; for everybody."""
    return FileResponse(FOLDER / "style.css", media_type="text/css")


@files.get("/page/icon.svg")
async def icon() -> Response:
    """The pages' icon; for everybody."""
    return FileResponse(FOLDER / "icon.svg", media_type="image/svg+xml")


router.include_router(files)
