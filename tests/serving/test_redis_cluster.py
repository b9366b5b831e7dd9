"""A Redis Cluster: no command touches two slots, every client finds the node of a key, and a lost node is said."""

import asyncio
import time
from collections.abc import Iterator
from itertools import product

import pytest
import redis
from certificates import make_certificates
from clusters import PASSWORD, SLOTS, Cluster, running_cluster
from documented_users import PASSWORD as OF_USERS
from documented_users import rules_in_a_cluster
from redis_servers import free_port, needs_redis_server, server, tls_server
from whole_flow import SHOP

from recommender.release.publish_errors import NotEnoughMemory, RedisFailed
from recommender.release.redis_client import redis_client
from serving.cache.kept_rules import rules_file
from serving.connection.redis_address import RedisUnreachable
from serving.connection.redis_connection import connect, connect_async, redis_url
from serving.connection.redis_failures import failure
from serving.lookup.batched_reader import get_values


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Three nodes with a third of the slots each, and a replica of the first."""
    with running_cluster(tmp_path_factory.mktemp("cluster"), n_replicas=1) as nodes:
        yield nodes


def test_everything_works_on_three_nodes_of_which_two_are_named(cluster, whole_flow, monkeypatch):
    with pytest.raises(redis.ResponseError, match="(?i)slot"):
        cluster.client(cluster.primaries[0]).mget("a", "b")
    for port, user in product(cluster.primaries, ("publisher", "api")):
        cluster.client(port).execute_command("ACL SETUSER", user, *rules_in_a_cluster(user))
    named = cluster.url(*cluster.primaries[:2])
    whole_flow(*(named.replace(":s3%2Fcret@", f"{user}:{OF_USERS}@") for user in ("publisher", "api"))).run()
    n_keys = [cluster.client(port).dbsize() for port in cluster.primaries]
    assert min(n_keys) > 0  # lists are spread
    with connect() as client:
        ours = rules_file(client, "demo")
        monkeypatch.setenv("REDIS_URL", cluster.url(*reversed(cluster.primaries[:2])))
        with connect() as other:
            assert rules_file(other, "demo") == ours


def test_values_come_in_order_from_all_nodes_and_what_is_no_string_is_missing(cluster):
    names = [f"key-{number}" for number in range(100)]

    async def asked() -> list[bytes | None]:
        async with connect_async(cluster.url(), 1.0) as client:
            for name in names:
                await client.set(name, name)
            await client.lpush("list", "x")
            assert await get_values(client, names) == [name.encode() for name in names]
            return await get_values(client, ["key-7", "list", "nothing", "key-8"])

    assert asyncio.run(asked()) == [b"key-7", None, None, b"key-8"]


@pytest.mark.parametrize("place", range(3))
def test_the_memory_of_every_node_counts(cluster, monkeypatch, publish_planted, place):
    monkeypatch.setenv("REDIS_URL", cluster.url())
    node = cluster.client(cluster.primaries[place])
    node.config_set("maxmemory", node.info("memory")["used_memory"] + 150_000)
    try:
        with pytest.raises(NotEnoughMemory, match="the new version needs about"), redis_client() as client:
            publish_planted(client, 9, customers=10_000)
    finally:
        node.config_set("maxmemory", 0)


@needs_redis_server
def test_nodes_over_tls_are_reached_with_a_private_authority(tmp_path, monkeypatch):
    (tmp_path / "files").mkdir()
    files = make_certificates(tmp_path / "files")
    options = "--cluster-enabled yes --tls-cluster yes --tls-auth-clients no".split()
    with tls_server(tmp_path, files, *options, name="node") as port:
        monkeypatch.setenv("REDIS_URL", f"rediss+cluster://127.0.0.1:{port}?ssl_ca_certs={files}/authority.pem")
        with redis.Redis("127.0.0.1", port, ssl=True, ssl_ca_certs=str(files / "authority.pem")) as node:
            node.execute_command("CLUSTER ADDSLOTSRANGE", 0, SLOTS - 1)
        with connect() as client:
            assert client.ping()

        async def asked() -> bool:
            reader = connect_async(redis_url(), 1.0)
            answered = await reader.ping()
            await reader.aclose()
            return answered

        assert asyncio.run(asked())


def refusal(monkeypatch, url: str) -> str:
    """What `connect` says of an address."""
    monkeypatch.setenv("REDIS_URL", url)
    with pytest.raises(RedisUnreachable) as raised:
        connect(timeout_seconds=1.0)
    assert "s3" not in str(raised.value) and PASSWORD not in str(raised.value)
    return str(raised.value).removeprefix("Redis at ")


def test_what_is_no_cluster_is_said(cluster, monkeypatch, tmp_path):
    first, nobody = cluster.primaries[0], free_port()
    assert refusal(monkeypatch, cluster.url(nobody)).startswith(
        f"redis+cluster://127.0.0.1:{nobody} has no node that can be asked; the first cannot be reached (Error 111 "
    )
    assert refusal(monkeypatch, cluster.url(first, password="s3cret")).startswith(
        f"redis+cluster://127.0.0.1:{first} has no node that can be asked; the first refuses the password: write user"
    )
    with server(tmp_path) as port:
        assert refusal(monkeypatch, f"redis+cluster://127.0.0.1:{port}") == (
            f"redis+cluster://127.0.0.1:{port} has no node that can be asked; the first names a server that is in no "
            "cluster: write redis:// for redis+cluster://."
        )


def test_a_cluster_with_slots_that_no_node_has_is_told(tmp_path, monkeypatch):
    with server(tmp_path, "--cluster-enabled", "yes") as port:
        message = refusal(monkeypatch, f"redis+cluster://127.0.0.1:{port}")
    assert message.startswith(f"redis+cluster://127.0.0.1:{port} is a cluster that does not work (")
    assert message.endswith("): look at CLUSTER INFO and CLUSTER NODES.")


def test_one_node_of_several_is_told_to_be_one(cluster, monkeypatch):
    monkeypatch.setenv("REDIS_URL", f"redis://:s3%2Fcret@127.0.0.1:{cluster.primaries[0]}")
    with pytest.raises(RedisFailed) as raised, redis_client() as client:
        for number in range(20):
            client.get(f"key-{number}")
    assert str(raised.value).endswith("/0 is one node of a cluster: write redis+cluster:// for redis://.")


def test_a_reader_without_its_cluster_meets_errors_as_of_any_redis():
    async def asked() -> None:
        client = connect_async(f"redis+cluster://127.0.0.1:{free_port()}", 0.5)
        for command in (
            client.ping(),
            get_values(client, ["a"]),
            client.pipeline(transaction=False).exists("a").execute(),
        ):
            with pytest.raises(redis.ConnectionError) as raised:
                await command
        assert " has a node that cannot be reached (Redis Cluster cannot be connected" in failure(client, raised.value)
        await client.aclose()

    asyncio.run(asked())


def test_after_a_node_has_died_its_replica_serves(cluster, whole_flow):
    """The last test of this file: the cluster is not as it was afterwards."""
    flow = whole_flow(cluster.url())
    flow.publish(1)
    with flow.api as http:
        flow.is_served(http, 1)
        assert cluster.client(cluster.primaries[0]).wait(1, 5000) == 1
        cluster.kill(cluster.primaries[0])
        died_at, seconds, is_degraded = time.monotonic(), [], [True]
        while is_degraded[-1]:
            answer = http.get("/recommendations/customer-7", headers=SHOP)
            seconds.append(answer.elapsed.total_seconds())
            is_degraded.append(answer.json()["degraded"] or time.monotonic() < died_at + 0.5)
            assert time.monotonic() < died_at + 20
            time.sleep(0.05)
        print(f"own lists are served {time.monotonic() - died_at:.1f} s after the node died")
        assert max(seconds) < 3
        flow.is_served(http, 1)
        flow.publish(2)
        flow.is_served(http, 2)
