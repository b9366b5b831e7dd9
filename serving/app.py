"""The HTTP API put together: routes, errors, metrics, and the connection to Redis that they share.

Stage: the end of the pipeline. In: HTTP requests and the lists in Redis. Out: JSON; errors as problem details
(RFC 9457). The API starts and stays up without Redis: until it has read a version once it answers 503 and says why,
from then on everybody always gets a list.
"""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool

from serving.cache.contract import CacheFormatError
from serving.connection.redis_connection import connect_async, redis_url
from serving.http import admin_routes, article_routes, explain_routes, health_routes, recommendation_routes
from serving.http.middlewares import add_middlewares
from serving.http.problems import add_problem_handlers, problem_responses
from serving.lookup.recommendation_store import RecommendationStore
from serving.lookup.rule_book import RuleBook
from serving.lookup.store_errors import StoreUnavailable
from serving.page import routes as page_routes
from serving.page.pictures import Pictures
from serving.page.shop_window import ShopWindow
from serving.settings import Settings

SECONDS_BETWEEN_LOOKS = 1.0  # a rule holds that long after it was made
ALLOCATIONS_BETWEEN_COLLECTIONS = 10_000  # with Python's 700, a twentieth of a busy API's time goes into collections
LIMITED_ROUTES = recommendation_routes, article_routes, explain_routes, admin_routes
TOO_MANY_REQUESTS = problem_responses({429: "The caller asks more often than `RATE_LIMIT`."})

DESCRIPTION = """
Top-k recommendations for every customer, computed every night and looked up here.

Every customer gets an answer: the personal list, the list of the segment for a customer without purchases, or the
overall popular list for a stranger and while Redis is away. `source` says which, `fallback_reason` says why.
"""


def create_app(settings: Settings | None = None, looks_by_itself: bool = True) -> FastAPI:
    """The application for `settings`, by default those of the environment.

    Args:
        settings: of the API.
        looks_by_itself: whether it reads Redis every second; if not, the caller calls `store.refresh`.

    Raises:
        SettingsError: a setting cannot be used.
    """
    settings = settings or Settings.from_environment()
    app = FastAPI(
        title="Recommendations at reasonable scale",
        version="1",
        description=DESCRIPTION,
        lifespan=_lifespan(settings, looks_by_itself),
    )
    app.state.settings = settings
    app.state.pictures = Pictures(settings.images_url)
    app.state.stale_after_seconds = settings.stale_after_hours * 3600
    add_middlewares(app, settings)
    add_problem_handlers(app)
    for each in LIMITED_ROUTES:
        app.include_router(each.router, responses=TOO_MANY_REQUESTS)
    for each in (health_routes, page_routes):
        app.include_router(each.router)
    return app


def _lifespan(settings: Settings, looks_by_itself: bool) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def connected(app: FastAPI) -> AsyncIterator[None]:
        gc.set_threshold(ALLOCATIONS_BETWEEN_COLLECTIONS)
        url = await run_in_threadpool(redis_url)
        client = connect_async(url, settings.redis_timeout_seconds)
        store = app.state.store = RecommendationStore(client, settings.dataset)
        app.state.rule_book = RuleBook(client, settings.dataset)
        app.state.shop_window = ShopWindow(client, settings.dataset)
        if looks_by_itself:
            await _look(store)  # so that the very first answer keeps to the rules
        looking = asyncio.create_task(_keep_looking(store)) if looks_by_itself else None
        yield
        if looking:
            looking.cancel()
        await app.state.shop_window.close()
        await store.close()
        await client.aclose()

    return connected


async def _keep_looking(store: RecommendationStore) -> None:
    """Read rules, variants and overall list every second, so that they are there when needed."""
    while True:
        await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
        await _look(store)


async def _look(store: RecommendationStore) -> None:
    facts = store.facts
    with suppress(StoreUnavailable, CacheFormatError):  # said by every answer and by /health/ready
        await store.refresh()
    if store.facts is not facts:
        gc.freeze()  # else requests wait 80 ms, once a second, while 100,000 articles' facts are searched for garbage
