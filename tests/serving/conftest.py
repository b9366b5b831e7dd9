"""A real Redis, real published versions and a real HTTP server for the serving tests.

The articles of planted lists tell which version they belong to: in version v, customer row i has the articles
v * 1,000,000 + i * 100 + 1, + 2, ...; the overall list has those of row 9,999, the list of the segment `young/online`
those of row 8,888. Customer i bought the third article of the own list on 2020-09-22 and the first on 2020-09-01. The
articles of customer 0's list are each similar to the others; they are shown to customer 0.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import httpx
import numpy as np
import pytest
import redis
from whole_flow import KEYS, WholeFlow

from recommender.release.publish import PublishedRun, publish
from recommender.release.published_lists import NamedLists, PublishedLists
from serving.cache.article_facts import ArticleFacts
from serving.cache.article_numbers import article_id_of
from serving.cache.list_buckets import ListArrays, Proposer, Source
from serving.cache.purchase_buckets import PurchaseArrays
from serving.cache.shown_articles import ShownArticles
from serving.connection.embedded_redis import EmbeddedRedis
from serving.connection.redis_connection import connect

K = 12
STRANGER_ROW, SEGMENT_ROW = 9_999, 8_888
NEWEST, OLDER = 18_527, 18_506  # 2020-09-22 and 2020-09-01 in days since 1970-01-01
PROPOSERS = np.array([Proposer.OWN | Proposer.TWO_TOWER, Proposer.TWO_TOWER, *[Proposer.POPULAR] * (K - 2)])
"""Of the planted personal lists, place by place."""
START_TIMEOUT_SECONDS = 30.0


def planted_row(version: int, row: int, k: int = K) -> np.ndarray:
    """Article numbers of one list, uint32 (k,)."""
    return version * 1_000_000 + row * 100 + np.arange(1, k + 1, dtype=np.uint32)


def planted_lists(version: int, customers: int = 100) -> PublishedLists:
    """Lists of `customer-0` .. `customer-<n-1>`; the last one is a cold customer with a segment list."""
    numbers = np.stack([planted_row(version, row) for row in range(customers)])
    scores = np.broadcast_to(np.arange(K, 0, -1, dtype=np.float32), numbers.shape)
    popular = planted_row(version, STRANGER_ROW)
    return PublishedLists(
        customer_ids=np.array([f"customer-{row}" for row in range(customers)]),
        lists=ListArrays(
            numbers,
            scores,
            np.array([Source.PERSONAL] * (customers - 1) + [Source.SEGMENT], dtype=np.uint8),
            np.where(np.arange(customers)[:, np.newaxis] < customers - 1, PROPOSERS, 0).astype(np.uint8),
        ),
        popular=ListArrays(
            popular[np.newaxis], scores[:1], np.array([Source.POPULAR], np.uint8), np.zeros((1, K), np.uint8)
        ),
        articles={
            article_id_of(number): ArticleFacts(f"Product {number}", f"code-{number % 100}", "Socks")
            for number in [*numbers[0], *popular]
        },
        segments=NamedLists(["young/online"], one_list(planted_row(version, SEGMENT_ROW), Source.SEGMENT)),
        similar=planted_similar(numbers[0]),
        purchases=PurchaseArrays(
            np.where(np.arange(customers)[:, np.newaxis] < customers - 1, numbers[:, [2, 0]], 0).astype(np.uint32),
            np.tile(np.array([NEWEST, OLDER], np.uint16), (customers, 1)),
        ),
        shown=ShownArticles(
            np.array([article_id_of(number) for number in numbers[0]]), np.ones(K), np.array([["customer-0"]] * K)
        ),
    )


def one_list(numbers: np.ndarray, source: Source) -> ListArrays:
    """A list with falling scores that nobody proposed."""
    scores = np.arange(K, 0, -1, dtype=np.float32)[np.newaxis, : len(numbers)]
    return ListArrays(numbers[np.newaxis], scores, np.array([source], np.uint8), np.zeros(scores.shape, np.uint8))


def planted_similar(numbers: np.ndarray) -> NamedLists:
    """Each of some articles with all others, in their order."""
    lists = [one_list(np.delete(numbers, place), Source.SIMILAR) for place in range(len(numbers))]
    names = [article_id_of(number) for number in numbers]
    return NamedLists(names, ListArrays(*(np.concatenate(each) for each in zip(*lists, strict=True))))


@pytest.fixture(scope="session")
def planted_articles() -> Callable[..., list[str]]:
    """`planted_articles(version, row)`: the article ids of a planted list."""
    return lambda version, row, k=K: [article_id_of(number) for number in planted_row(version, row, k)]


@contextmanager
def running_redis(directory: Path) -> Iterator[EmbeddedRedis]:
    server = EmbeddedRedis(directory)
    server.ensure_running()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def start_redis() -> Callable[..., contextmanager]:
    """`with start_redis(directory) as server`: an embedded Redis of one's own."""
    return running_redis


@pytest.fixture(scope="session")
def planted() -> Callable[..., PublishedLists]:
    """See `planted_lists`."""
    return planted_lists


@pytest.fixture
def redis_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddedRedis]:
    """An empty embedded Redis that `serving.connection.redis_connection` finds."""
    monkeypatch.delenv("REDIS_URL", raising=False)
    monkeypatch.setenv("EMBEDDED_REDIS_DIR", str(tmp_path / "redis"))
    monkeypatch.setenv("RECOMMENDER_DATA_DIR", str(tmp_path))
    with running_redis(tmp_path / "redis") as server:
        yield server


@pytest.fixture
def client(redis_server: EmbeddedRedis) -> Iterator[redis.Redis]:
    with connect() as connected:
        yield connected


@pytest.fixture(scope="session")
def publish_planted() -> Callable[..., str]:
    """`publish_planted(client, version)`: publish planted lists of `demo`; returns the version's id."""

    def publish_version(client: redis.Redis, version: int, customers: int = 100) -> str:
        run = PublishedRun("demo", run_id=f"run-{version}", model=f"model-{version}", windows={})
        published = publish(client, planted_lists(version, customers), run, lambda *_: None, lock_seconds=2.0)
        return published.version

    return publish_version


@contextmanager
def running_api(
    directory: Path, log: Path | None = None, program: str = "", **environment: str
) -> Iterator[httpx.Client]:
    """`python -m serving`, or another program, on a free port over the embedded Redis in `directory`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    inherited = {name: value for name, value in os.environ.items() if name not in {"REDIS_URL", "DATASET", "HOST"}}
    settings = {"EMBEDDED_REDIS_DIR": str(directory), "PORT": str(port), **environment}
    command = [sys.executable, *(["-c", program] if program else ["-m", "serving"])]
    with log.open("ab") if log else nullcontext() as stderr:
        process = subprocess.Popen(command, env=inherited | settings, stderr=stderr)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10.0) as http:
            _wait_until_live(http, process)
            yield http
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=START_TIMEOUT_SECONDS)


def _wait_until_live(http: httpx.Client, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            http.get("/health/live")
            return
        except httpx.TransportError:
            time.sleep(0.05)
    raise RuntimeError(f"the API did not start (exit code {process.poll()})")


@pytest.fixture(scope="session")
def start_api() -> Callable[..., contextmanager]:
    """`with start_api(directory) as http`: see `running_api`."""
    return running_api


@pytest.fixture
def whole_flow(start_api, publish_planted, planted_articles, tmp_path, monkeypatch) -> Callable[..., WholeFlow]:
    """`whole_flow(publisher_url, api_url)`: see `WholeFlow`; by default one URL for both."""

    def prepared(publisher_url: str, api_url: str = "", log: Path | None = None) -> WholeFlow:
        monkeypatch.setenv("REDIS_URL", publisher_url)
        monkeypatch.setenv("RECOMMENDER_DATA_DIR", str(tmp_path))
        api = start_api(tmp_path / "no-redis-here", log, REDIS_URL=api_url or publisher_url, **KEYS)
        return WholeFlow(api, publish_planted, planted_articles)

    return prepared


@pytest.fixture(scope="module")
def published_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Directory of an embedded Redis with planted version 1 of `demo`, shared by the read-only tests of a module."""
    directory = tmp_path_factory.mktemp("api") / "redis"
    with running_redis(directory) as server, redis.Redis.from_url(server.url) as client:
        run = PublishedRun("demo", run_id="run-1", model="model-1", windows={})
        publish(client, planted_lists(version=1), run, lambda *_: None)
        yield directory


@pytest.fixture(scope="module")
def published_api(published_redis: Path) -> Iterator[httpx.Client]:
    """An API that serves planted version 1 of `demo`, shared by the read-only tests of a module."""
    with running_api(published_redis) as http:
        yield http
