"""A shopper's view of bad days: Redis dies under load, versions flip, clocks differ, and nobody sees an error."""

import os
import signal
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from recommender.release.published_versions import rollback
from serving.cache_contract import CacheKeys, Manifest

KEYS = CacheKeys("demo")
SHOPPERS = 4


@contextmanager
def shoppers(http: httpx.Client):
    """Let some customers ask without pause until the block ends; yields the list of all they were answered."""
    answers: list[tuple[int, httpx.Response]] = []
    is_over = threading.Event()

    def shop(row: int) -> None:
        with httpx.Client(base_url=http.base_url, timeout=10.0) as client:
            while not is_over.is_set():
                answers.append((row, client.get(f"/recommendations/customer-{row}")))

    threads = [threading.Thread(target=shop, args=(row,)) for row in range(SHOPPERS)]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        is_over.set()
        for thread in threads:
            thread.join()


def check(row: int, response: httpx.Response, planted_articles) -> str:
    """Hold an answer against what was planted: a whole list of one version, the own one or the overall one."""
    assert response.status_code == 200, response.text
    body = response.json()
    version = int(body["model"].removeprefix("model-"))
    expected = planted_articles(version, 9_999 if body["degraded"] else row)
    assert [item["article_id"] for item in body["items"]] == expected
    return body["fallback_reason"] or "own"


def wait_until_own(answers: list, since: int) -> None:
    """Wait for a list of one's own among the answers after some place."""
    for _ in range(200):
        if any(not response.json()["degraded"] for _, response in answers[since:]):
            return
        time.sleep(0.05)
    raise AssertionError("ten seconds later nobody is served their own list")


def test_redis_killed_and_restarted_under_load(redis_server, client, start_api, publish_planted, planted_articles):
    publish_planted(client, 1)
    time.sleep(1.2)  # appendfsync everysec
    with start_api(redis_server.directory) as http, shoppers(http) as answers:
        for _ in range(3):
            wait_until_own(answers, len(answers))
            os.kill(redis_server.process_id(), signal.SIGKILL)
            time.sleep(0.7)
            redis_server.ensure_running()
        wait_until_own(answers, len(answers))
    reasons = [check(row, response, planted_articles) for row, response in answers]
    assert set(reasons) == {"own", "redis_away"}


def test_flips_and_rollbacks_under_load(redis_server, client, start_api, publish_planted, planted_articles):
    publish_planted(client, 1)
    with start_api(redis_server.directory) as http, shoppers(http) as answers:
        for version in range(2, 22):
            publish_planted(client, version, customers=100 + 40 * (version % 3))
            if version % 4 == 0:
                rollback(client, "demo")
            time.sleep(0.05)
    assert {check(row, response, planted_articles) for row, response in answers} == {"own"}
    assert len({response.json()["version"] for _, response in answers}) >= 5


def test_everything_vanishes_under_load_and_is_published_again(
    redis_server, client, start_api, publish_planted, planted_articles
):
    publish_planted(client, 1)
    with start_api(redis_server.directory) as http, shoppers(http) as answers:
        wait_until_own(answers, 0)
        client.flushall()
        time.sleep(0.5)
        publish_planted(client, 2)
        wait_until_own(answers, len(answers))
    reasons = {check(row, response, planted_articles) for row, response in answers}
    assert {"own", "nothing_published"} <= reasons <= {"own", "nothing_published", "version_unreadable"}


@pytest.mark.parametrize(("hours", "is_stale"), [(-5, False), (40, True)])
def test_clocks_that_differ_make_no_age_negative(redis_server, client, start_api, publish_planted, hours, is_stale):
    """The publisher's clock runs five hours ahead of the API's, or the lists are forty hours old."""
    version = publish_planted(client, 1)
    manifest = Manifest.from_json(client.get(KEYS.manifest(version)))
    made = (datetime.now(UTC) - timedelta(hours=hours)).isoformat(timespec="seconds")
    client.set(KEYS.manifest(version), Manifest(**{**vars(manifest), "created_at": made}).to_json())
    with start_api(redis_server.directory) as http:
        body = http.get("/recommendations/customer-0").json()
    assert (body["stale"], body["degraded"], body["source"]) == (is_stale, False, "personal")
    assert body["age_seconds"] == pytest.approx(max(0, hours) * 3600, abs=60)
