"""The versions that can be looked at, each opened once, and their articles' search indexes.

Stage: below the page's routes. In: Redis. Out: stores that look at one version, and `ArticleSearch`es.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import redis.asyncio

from serving.cache.contract import CacheFormatError, CacheKeys
from serving.lookup.recommendation_store import RecommendationStore
from serving.lookup.store_errors import NothingPublished, RedisAway, StoreUnavailable
from serving.page.article_search import ArticleSearch

Name, Made = TypeVar("Name"), TypeVar("Made")
MOST_OPEN = 3  # versions; the facts of a hundred thousand articles take tens of MB


class NoSuchVersion(Exception):
    """A version that is not, or no longer, published."""


class ShopWindow:
    """The published versions of one dataset, for one event loop.

    Args:
        client: replies must be bytes.
        dataset: namespace of the keys.

    Attributes:
        last_served: the served version that was looked at last, for when Redis is away; None before the first look.
    """

    def __init__(self, client: redis.asyncio.Redis, dataset: str) -> None:
        self._client, self._dataset = client, dataset
        self._stores: dict[str, asyncio.Task[RecommendationStore]] = {}
        self._searches: dict[tuple[str, bool], asyncio.Task[ArticleSearch]] = {}
        self.last_served: RecommendationStore | None = None

    async def versions(self) -> list[str]:
        """Return the versions that may be served, newest first, the served one at the head.

        Raises:
            RedisAway: Redis does not answer.
            NothingPublished: no version is published.
        """
        try:
            history = await self._client.lrange(CacheKeys(self._dataset).history, 0, -1)
        except (redis.RedisError, OSError) as error:
            raise RedisAway(f"Redis does not answer ({error}).") from error
        if not history:
            raise NothingPublished(f"no lists are published for {self._dataset}; `make run` publishes them.")
        return [version.decode(errors="replace") for version in history]

    async def look_at(self, version: str, versions: list[str]) -> RecommendationStore:
        """Open one of the versions, or return it where it is open.

        Raises:
            NoSuchVersion: it is not among them.
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

        While it cannot be read which articles are recommended, another one finds articles in the order of their fit.
        """
        version = store.pinned_version
        try:
            return await _once(self._searches, (version, True), lambda: _index(store))
        except (StoreUnavailable, CacheFormatError):
            plain = (version, False)
            return await _once(self._searches, plain, lambda: asyncio.to_thread(ArticleSearch, store.facts))

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
    recommended = await store.recommended_articles()
    return await asyncio.to_thread(ArticleSearch, store.facts, recommended)


async def _once(
    tasks: "dict[Name, asyncio.Task[Made]]", name: Name, make: Callable[[], Coroutine[Any, Any, Made]]
) -> Made:
    """Await what is made once for all who ask; what failed is made again, the oldest of too many is let go."""
    if name not in tasks:
        tasks[name] = asyncio.create_task(make())
        while len(tasks) > MOST_OPEN:
            del tasks[next(iter(tasks))]
    try:
        return await asyncio.shield(tasks[name])
    except Exception:
        tasks.pop(name, None)
        raise
