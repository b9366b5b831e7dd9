"""The HTTP API put together: routes, errors, metrics, and the connection to Redis that they share.

Stage: the end of the pipeline. In: HTTP requests and the lists in Redis. Out: JSON; errors as problem details
(RFC 9457). The API starts and stays up without Redis: until it has read a version once it answers 503 and says why,
from then on every customer always gets a list.
"""

import asyncio
import gc
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool

from serving.cache.contract import CacheFormatError
from serving.connection.redis_connection import connect_async, redis_url
from serving.http import admin_routes, article_routes, explain_routes, health_routes, recommendation_routes
from serving.http.problems import add_problem_handlers, problem_responses
from serving.lookup.recommendation_store import RecommendationStore
from serving.lookup.rule_book import RuleBook
from serving.lookup.store_errors import StoreUnavailable
from serving.middlewares.stack import add_middlewares
from serving.page import docs_routes
from serving.page import routes as page_routes
from serving.page.pictures import Pictures
from serving.page.viewable_versions import ViewableVersions
from serving.settings import Settings

SECONDS_BETWEEN_REFRESHES = 1.0  # a rule holds that long after it was made
SECONDS_BETWEEN_THREADS = 0.0005  # with Python's 5 ms, lookups wait for the thread that decodes rules or facts
ALLOCATIONS_BETWEEN_COLLECTIONS = 10_000  # with Python's 700, a twentieth of a busy API's time goes into collections
LIMITED_ROUTES = recommendation_routes, article_routes, explain_routes, admin_routes
TOO_MANY_REQUESTS = problem_responses({429: "The caller asks more often than `RATE_LIMIT`."})

DESCRIPTION = """
Top-k recommendations for every customer, computed every night and looked up here.

Every customer gets an answer: the personal list, the list of the segment for a customer without purchases, or the
overall popular list for a stranger and while Redis is away. `source` says which, `fallback_reason` says why.
"""


def create_app(settings: Settings | None = None, refreshes_in_background: bool = True) -> FastAPI:
    """Return the application for some settings, by default those of the environment.

    Args:
        settings: see `Settings`.
        refreshes_in_background: whether `store.refresh` is called every second; else the caller must call it.

    Raises:
        SettingsError: a setting cannot be used.
    """
    settings = settings or Settings.from_environment()
    app = FastAPI(
        title="Recommendations at reasonable scale",
        version="1",
        description=DESCRIPTION,
        docs_url=None,  # loads scripts from elsewhere; the page has a document of its own
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,  # such a redirect would name the client's Host and not know of TLS
        root_path=settings.root_path,
        servers=[{"url": settings.root_path or "/"}],
        lifespan=_lifespan(settings, refreshes_in_background),
    )
    app.state.settings = settings
    app.state.pictures = Pictures(settings.images_url, settings.root_path)
    app.state.stale_after_seconds = settings.stale_after_hours * 3600
    add_middlewares(app, settings)
    add_problem_handlers(app)
    for each in LIMITED_ROUTES:
        app.include_router(each.router, responses=TOO_MANY_REQUESTS)
    for each in (health_routes, page_routes, docs_routes):
        app.include_router(each.router)
    return app


def _lifespan(
    settings: Settings, refreshes_in_background: bool
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def connected(app: FastAPI) -> AsyncIterator[None]:
        gc.set_threshold(ALLOCATIONS_BETWEEN_COLLECTIONS)
        sys.setswitchinterval(SECONDS_BETWEEN_THREADS)
        url = await run_in_threadpool(redis_url)
        client = connect_async(url, settings.redis_timeout_seconds)
        store = app.state.store = RecommendationStore(client, settings.dataset)
        app.state.rule_book = RuleBook(client, settings.dataset)
        app.state.viewable_versions = ViewableVersions(client, settings.dataset)
        if refreshes_in_background:
            await _refresh(store)  # so that the very first answer keeps to the rules
        refreshing = asyncio.create_task(_keep_refreshing(store)) if refreshes_in_background else None
        yield
        if refreshing:
            refreshing.cancel()
        await app.state.viewable_versions.close()
        await store.close()
        await client.aclose()

    return connected


async def _keep_refreshing(store: RecommendationStore) -> None:
    """Read rules, variants and overall list every second, so that they are there when needed."""
    while True:
        await asyncio.sleep(SECONDS_BETWEEN_REFRESHES)
        await _refresh(store)


async def _refresh(store: RecommendationStore) -> None:
    facts = store.catalogue.facts
    with suppress(StoreUnavailable, CacheFormatError):  # every answer and /health/ready say so
        await store.refresh()
    if store.catalogue.facts is not facts:
        gc.freeze()  # else requests wait 80 ms, once a second, while 100,000 articles' facts are searched for garbage
