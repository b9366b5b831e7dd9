"""A Redis Cluster's rule that one command may not touch two slots is kept: one node that has every slot enforces it."""

import os
import random
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from recommender.release.published_versions import rollback
from serving.commands import rules
from serving.connection.embedded_redis import redis_executable
from serving.connection.redis_connection import connect

SLOTS = 16_384


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[redis.Redis]:
    """A cluster of one node, which REDIS_URL names."""
    port = free_port()
    command = [redis_executable(), "--port", str(port), "--cluster-enabled", "yes", "--save", ""]
    monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{port}/0")
    server = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL)
    try:
        with redis.Redis(port=port, retry=Retry(ConstantBackoff(0.05), 100)) as client:
            client.execute_command("CLUSTER ADDSLOTS", *range(SLOTS))
            wait_until(lambda: client.cluster("info")["cluster_state"] == "ok")
            yield client
    finally:
        server.kill()
        server.wait()


def free_port() -> int:
    """A port that is free together with the one 10,000 above it, on which nodes talk to each other."""
    while True:
        port = random.randrange(20_000, 50_000)
        with socket.socket() as one, socket.socket() as other, suppress(OSError):
            one.bind(("127.0.0.1", port))
            other.bind(("127.0.0.1", port + 10_000))
            return port


def wait_until(holds: Callable[[], bool]) -> None:
    """Wait at most ten seconds."""
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline, "ten seconds later it does not hold"
        time.sleep(0.05)


def articles(answer: dict) -> list[str]:
    return [item["article_id"] for item in answer["items"]]


def test_publishing_rules_rollback_and_lookups_keep_to_one_slot(
    cluster, start_api, publish_planted, planted_articles, tmp_path
):
    with pytest.raises(redis.ResponseError, match="(?i)slot"):
        cluster.mget("a", "b")
    with connect() as client:
        for version in (1, 2, 3, 4):
            publish_planted(client, version)
        rollback(client, "demo")
    with start_api(tmp_path / "no-embedded-redis", REDIS_URL=os.environ["REDIS_URL"]) as http:
        first, *others = planted_articles(3, 0)
        assert rules.main(["deny", first]) == 0
        wait_until(lambda: articles(http.get("/recommendations/customer-0").json()) == others)
        ids = [f"customer-{row}" for row in range(99)]
        found = http.post("/recommendations", json={"customer_ids": ids}).json()["recommendations"]
    assert [articles(each) for each in found[1:]] == [planted_articles(3, row) for row in range(1, 99)]
