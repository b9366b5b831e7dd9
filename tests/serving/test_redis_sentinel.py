"""A master that Sentinels name: everything goes on after a failover, and what cannot be found is said."""

import asyncio
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import redis
from certificates import make_certificates
from redis_servers import free_port, needs_redis_server, server
from sentinels import Watched, watched
from waiting import wait_until
from whole_flow import SHOP

from recommender.release.publish import PublishedRun, publish
from recommender.release.publish_errors import RedisFailed
from recommender.release.redis_client import redis_client
from recommender.release.round_trip import round_trip
from serving.cache.kept_rules import rules_file
from serving.commands import rules
from serving.connection.redis_address import RedisUnreachable
from serving.connection.redis_connection import connect, connect_async, redis_url
from serving.connection.redis_failures import failure
from serving.lookup.batched_reader import get_values


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Watched]:
    """See `watched`."""
    with watched(tmp_path / "servers") as ports:
        yield ports


def test_a_publication_fails_with_its_master_the_api_answers_again_and_the_next_night_is_published(
    servers, whole_flow, planted, planted_articles
):
    nobody_first = f"localhost:{free_port()},localhost:{servers.sentinel}"
    flow = whole_flow(servers.url(hosts=nobody_first))
    flow.publish(1)
    with flow.api as http:
        rules.main(["deny", planted_articles(1, 7)[0]])
        flow.is_served(http, 1, first=1)
        with connect() as client:
            kept_rules = rules_file(client, "demo")
        assert servers.client(servers.master).wait(1, 5000) == 1  # its replica has everything
        run = PublishedRun("demo", run_id="run-9", model="model-9", windows={})
        with pytest.raises(RedisFailed, match="has a master that cannot be reached"), redis_client() as client:
            publish(client, planted(9), run, progress=partial(die_when_lists_are_read_back, servers), lock_seconds=0.5)
        died_at = time.monotonic()
        assert http.get("/recommendations/customer-7", headers=SHOP).json()["degraded"]
        flow.is_served(http, 1, seconds=20, first=1)
        print(f"own lists are served {time.monotonic() - died_at:.1f} s after the master died")
        flow.publish(2)
        rules.main(["deny", planted_articles(2, 7)[0]])
        flow.is_served(http, 2, first=1)
    assert servers.master_now() == servers.replica
    with connect() as client:
        assert rules_file(client, "demo") == kept_rules  # the same Redis, whoever is its master


def die_when_lists_are_read_back(servers: Watched, stage: str, done: int, total: int) -> None:
    """End the master in the middle of a publication."""
    if stage == "verify":
        servers.kill(servers.master)


def test_clients_from_before_a_failover_write_to_the_new_master(servers, monkeypatch):
    monkeypatch.setenv("REDIS_URL", servers.url())
    with connect() as client:
        round_trip(client, [("SET", "a", "before")])
        servers.of_sentinel().sentinel_failover("shop-master")
        wait_until(lambda: servers.master_now() == servers.replica, 10)
        servers.client(servers.master).replicaof("localhost", servers.replica)  # Sentinels do it after some seconds
        round_trip(client, [("SET", "a", "after"), ("SET", "b", "after")])
        assert client.set("c", "after")
    with servers.client(servers.replica) as client:
        assert client.mget("a", "b", "c") == [b"after"] * 3


@needs_redis_server
def test_tls_to_the_sentinels_and_to_their_master(tmp_path, monkeypatch):
    (tmp_path / "certificates").mkdir()
    with watched(tmp_path / "servers", make_certificates(tmp_path / "certificates")) as servers:
        assert servers.url().startswith("rediss+sentinel://")
        monkeypatch.setenv("REDIS_URL", servers.url())
        with connect() as client:
            client.set("a", "1")

        async def asked() -> list[bytes | None]:
            async with connect_async(redis_url(), 1.0) as reader:
                return await get_values(reader, ["a"])

        assert asyncio.run(asked()) == [b"1"]


def refusal(monkeypatch, url: str) -> str:
    """What `connect` says of an address."""
    monkeypatch.setenv("REDIS_URL", url)
    with pytest.raises(RedisUnreachable) as raised:
        connect(timeout_seconds=1.0)
    assert "s3" not in str(raised.value) and "of the shop" not in str(raised.value)
    return str(raised.value).removeprefix("Redis at ")


def test_what_sentinels_do_not_know_is_said(servers, monkeypatch, tmp_path):
    here = f"redis+sentinel://localhost:{servers.sentinel}"
    assert refusal(monkeypatch, servers.url(master="other")) == (
        f"{here}/other/0 is unknown to its Sentinels by that name: write the name that `sentinel monitor` gives it."
    )
    assert refusal(monkeypatch, servers.url(password="s3cret")) == (
        f"{here}/shop-master/0 has no Sentinel that can be asked; the first refuses the password: write the Sentinels' "
        "own as ?sentinel_username=USER&sentinel_password=PASSWORD, percent-encoded."
    )
    assert refusal(monkeypatch, servers.url().replace("s3%2Fcret", "s3cret")).startswith(
        f"{here}/shop-master/0 refuses the password: write user and password"
    )
    servers.kill(servers.replica)
    servers.kill(servers.master)
    wait_until(lambda: servers.of_sentinel().sentinel_master("shop-master")["is_sdown"], 10)
    assert refusal(monkeypatch, servers.url()) == (
        f"{here}/shop-master/0 has a master that its Sentinels take for dead: start it, or wait until they have chosen "
        "another."
    )


def test_what_is_no_sentinel_is_said(monkeypatch, tmp_path):
    nobody = free_port()
    message = refusal(monkeypatch, f"redis+sentinel://:s3cret@localhost:{nobody},localhost:{nobody}/shop-master")
    where = f"redis+sentinel://localhost:{nobody},localhost:{nobody}/shop-master/0"
    assert message.startswith(f"{where} has no Sentinel that can be asked; the first cannot be reached (Error 111 ")
    with server(tmp_path) as port:
        assert refusal(monkeypatch, f"redis+sentinel://localhost:{port}/shop-master") == (
            f"redis+sentinel://localhost:{port}/shop-master/0 names a server that is no Sentinel: write the port of "
            "the Sentinels, 26379 by default, or redis://."
        )


def test_an_api_without_a_master_says_so_and_waits_no_longer_than_it_may():
    async def asked() -> tuple[str, float]:
        nobody = f"localhost:{free_port()}"
        async with connect_async(f"redis+sentinel://:s3cret@{nobody},{nobody}/shop-master/2", 0.5) as client:
            began = time.monotonic()
            with pytest.raises(redis.ConnectionError) as raised:
                await client.get("a")
            return failure(client, raised.value), time.monotonic() - began

    message, seconds = asyncio.run(asked())
    assert message.endswith(
        "/2 has no master that its Sentinels name: look at them, or wait until they have chosen one."
    )
    assert seconds < 1
