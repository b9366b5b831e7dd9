"""Customers who ask without pause while something goes wrong, and what their answers must be."""

import threading
import time
from contextlib import contextmanager

import httpx

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
