"""The versions that pages can show, each opened once, and their articles' search indexes.

Stage: below the page's routes. In: Redis. Out: stores that each read one version, and `ArticleSearch`es.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import redis.asyncio

from serving.cache.contract import CacheFormatError, CacheKeys
from serving.connection.redis_failures import failure
from serving.lookup.recommendation_store import RecommendationStore
from serving.lookup.store_errors import NothingPublished, RedisAway, StoreUnavailable
from serving.page.article_search import ArticleSearch

Name, Made = TypeVar("Name"), TypeVar("Made")
MAX_OPEN = 3  # versions; the facts of a hundred thousand articles take tens of MB


class NoSuchVersion(Exception):
    """The version is not published, or not any more."""


class ViewableVersions:
    """The published versions of one dataset, for one event loop.

    Args:
        client: replies must be bytes.
        dataset: namespace of the keys.

    Attributes:
        last_served: the store of the served version that was shown last, for when Redis is away; None at first.
    """

    def __init__(self, client: redis.asyncio.Redis, dataset: str) -> None:
        self._client, self._dataset = client, dataset
        self._stores: dict[str, asyncio.Task[RecommendationStore]] = {}
        self._searches: dict[tuple[str, bool], asyncio.Task[ArticleSearch]] = {}
        self.last_served: RecommendationStore | None = None

    async def published(self) -> list[str]:
        """Return the versions that may be served, newest first, the served one at the head.

        Raises:
            RedisAway: Redis does not answer.
            NothingPublished: no version is published.
        """
        try:
            history = await self._client.lrange(CacheKeys(self._dataset).history, 0, -1)
        except (redis.RedisError, OSError) as error:
            raise RedisAway(failure(self._client, error)) from error
        if not history:
            raise NothingPublished(
                f"no lists are published for {self._dataset}; `make run DATASET={self._dataset}` does it."
            )
        return [version.decode(errors="replace") for version in history]

    async def open(self, version: str, versions: list[str]) -> RecommendationStore:
        """Return the store of one of the versions, opened by the first call.

        Raises:
            NoSuchVersion: it is not one of them.
            StoreUnavailable: Redis is away, or the version cannot be read.
        """
        if version not in versions:
            raise NoSuchVersion(version)
        store = await _once(self._stores, version, lambda: self._open(version))
        if version == versions[0]:
            self.last_served = store
        return store

    async def search(self, store: RecommendationStore) -> ArticleSearch:
        """Return the index of a version's articles; the first search waits until a thread has made it.

        While Redis cannot say which articles are recommended, another index finds articles by their fit alone.
        """
        version = store.pinned_version
        try:
            return await _once(self._searches, (version, True), lambda: _index(store))
        except (StoreUnavailable, CacheFormatError):
            plain = (version, False)
            return await _once(self._searches, plain, lambda: asyncio.to_thread(ArticleSearch, store.catalogue.facts))

    async def close(self) -> None:
        """Stop what runs in the background."""
        for opened in self._stores.values():
            if opened.done() and not opened.exception():
                await opened.result().close()

    async def _open(self, version: str) -> RecommendationStore:
        store = RecommendationStore(self._client, self._dataset, version)
        await store.refresh()
        return store


async def _index(store: RecommendationStore) -> ArticleSearch:
    recommended = await store.article_lists.recommended()
    return await asyncio.to_thread(ArticleSearch, store.catalogue.facts, recommended)


async def _once(
    tasks: "dict[Name, asyncio.Task[Made]]", name: Name, make: Callable[[], Coroutine[Any, Any, Made]]
) -> Made:
    """Await what is made once for all callers; make again what failed, and drop the oldest of too many."""
    if name not in tasks:
        tasks[name] = asyncio.create_task(make())
        while len(tasks) > MAX_OPEN:
            del tasks[next(iter(tasks))]
    try:
        return await asyncio.shield(tasks[name])
    except Exception:
        tasks.pop(name, None)
        raise
