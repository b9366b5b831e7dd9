"""The page's addresses.

Stage: beside the API's routes. In: requests of people. Out: HTML. A shop needs nothing of it: OpenAPI does not name
these routes, and lists on pages do not count as served.
"""

import random

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse, RedirectResponse

from serving.cache.article_numbers import ARTICLE_ID_LENGTH
from serving.cache.contract import CacheFormatError
from serving.http.request_query import MAX_CUSTOMER_ID_LENGTH
from serving.lookup.store_errors import FallbackReason, RedisAway, UnknownArticle
from serving.page.access import NotFound, PageRoute
from serving.page.page_request import PageRequest
from serving.page.pasted import as_meant
from serving.page.rendering import FOLDER, link
from serving.page.views import SOURCES

MOST_SHOWN_OF_PATH = 100
MAX_FOUND = 30  # articles of a search
ARTICLES_TRIED = 20  # to find a random customer: few articles are in no list at all

router = APIRouter(route_class=PageRoute, include_in_schema=False)
files = APIRouter(include_in_schema=False)


@router.get("/")
async def home(request: Request) -> Response:
    """The start page: find a customer or an article, and see what strangers get."""
    page = await PageRequest.of(request)
    segment = page.parameter("segment")
    found = await page.store.article_lists.popular(segment or None)
    if found.fallback_reason is FallbackReason.UNKNOWN_SEGMENT:
        raise NotFound(f"No segment is called {segment}.")
    if found.fallback_reason is not None:
        page = page.without_redis()
    return page.render("home.html", segment=segment, rows=page.cards.rows(found.items))


@router.get("/page/customer")
async def customer(request: Request) -> Response:
    """A customer's last purchases beside the recommendations."""
    page = await PageRequest.of(request, request.query_params.get("id", ""))
    asked = page.parameter("id")
    customer_id = await _customer_id_as_meant(page, asked)
    if customer_id != asked:
        page = await PageRequest.of(request, customer_id)
    if not customer_id:
        return RedirectResponse(link("random", page.root, version=page.preview), 303)
    if len(customer_id) > MAX_CUSTOMER_ID_LENGTH:
        raise NotFound(f"A customer’s id has at most {MAX_CUSTOMER_ID_LENGTH} characters; this one has more.")
    bought, left_out = [], []
    try:
        explained = await page.store.explain(customer_id)
        found, bought = explained.found, page.cards.bought(explained.purchases)
        left_out = page.cards.left_out(explained)
    except (RedisAway, CacheFormatError):  # a lookup still has an answer, and says why it is another list
        found = await page.store.lookup(customer_id)
        page = page.without_redis() if found.fallback_reason is FallbackReason.REDIS_AWAY else page
    return page.render(
        "customer.html",
        customer_id=customer_id,
        fallback_reason=found.fallback_reason,
        source=SOURCES[found.source],
        rows=page.cards.rows(found.items),
        left_out=left_out,
        purchases=bought,
        is_trimmed=customer_id != asked,
    )


async def _customer_id_as_meant(page: PageRequest, asked: str) -> str:
    """Return an id without what was pasted around it, unless a customer has the id as it is."""
    meant = as_meant(asked)
    if meant == asked:
        return asked
    found = await page.store.lookup(asked)
    return meant if found.fallback_reason is FallbackReason.UNKNOWN_CUSTOMER else asked


@router.get("/page/random")
async def random_customer(request: Request) -> Response:
    """A random customer, out of those who are recommended some random articles."""
    page = await PageRequest.of(request)
    known = list(page.store.catalogue.facts)
    shown = await page.shown_to(random.sample(known, min(ARTICLES_TRIED, len(known))))
    examples = [example for each in shown for example in each.examples]
    customer_id = random.choice(examples or list(page.store.known_head.manifest.example_customers.values()))
    return RedirectResponse(link("customer", page.root, id=customer_id, version=page.preview), 303)


@router.get("/page/article")
async def article(request: Request) -> Response:
    """An article, what is similar, and who gets it."""
    page = await PageRequest.of(request)
    asked = page.parameter("id")
    meant = as_meant(asked)
    wanted = (asked, meant, meant.zfill(ARTICLE_ID_LENGTH))  # a spreadsheet takes the leading zeros for a number's
    article_id = next((each for each in wanted if each in page.store.catalogue.facts), asked)
    if article_id not in page.store.catalogue.facts:
        raise NotFound(f"No article of this version has the id {article_id or '(empty)'}.")
    similar, shown_to = [], None
    try:
        [shown_to] = await page.shown_to([article_id])
        similar = (await page.store.article_lists.similar(article_id)).items
    except UnknownArticle:  # the article is in lists, but has no similar ones
        pass
    except RedisAway:
        page = page.without_redis()
    return page.render(
        "article.html",
        article=page.cards.card(article_id),
        barred=page.store.catalogue.rules.barred.get(article_id),
        rows=page.cards.rows(similar),
        shown_to=shown_to,
        is_trimmed=article_id != asked,
    )


@router.get("/page/search")
async def search(request: Request) -> Response:
    """Articles by words, and how many customers get each."""
    page = await PageRequest.of(request)
    asked = as_meant(page.parameter("q"))
    found = await page.find(asked, MAX_FOUND)
    try:
        shown_to = await page.shown_to(found.article_ids)
    except RedisAway:
        page, shown_to = page.without_redis(), [None] * len(found.article_ids)
    rows = [(page.cards.card(each), shown) for each, shown in zip(found.article_ids, shown_to, strict=True)]
    return page.render("search.html", q=asked, rows=rows, limit=MAX_FOUND, has_all_words=found.has_all_words)


@router.get("/images/{article_id}.jpg")
async def image(request: Request, article_id: str) -> Response:
    """An article's picture, where `IMAGES_URL` is a folder."""
    path = request.app.state.pictures.file(article_id)
    if path is None:
        raise NotFound(f"There is no picture of article {article_id}.")
    return FileResponse(path, media_type="image/jpeg")


@files.get("/page/style.css")
async def style() -> Response:
    """The pages' style sheet; needs no password."""
    return FileResponse(FOLDER / "style.css", media_type="text/css")


@files.get("/page/icon.svg")
async def icon() -> Response:
    """The pages' icon; needs no password."""
    return FileResponse(FOLDER / "icon.svg", media_type="image/svg+xml")


router.include_router(files)


@router.get("/page")
@router.get("/page/{path:any_text}")
async def no_such_page(request: Request) -> Response:
    """Any other address below `/page`."""
    raise NotFound(f"There is no page {request.url.path[:MOST_SHOWN_OF_PATH]}.")
