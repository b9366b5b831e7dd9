"""The users of docs/deployment.md: what they may do is enough, and nothing of it can be left out.

`test_redis_cluster` runs everything with them, too.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from documented_users import documented_commands, documented_rules
from redis_servers import INSTALLED, needs_redis_server, server
from waiting import wait_until
from whole_flow import ADMIN, KEYS, SHOP

from recommender.release import published_versions
from recommender.release.publish_errors import AnotherPublisher, RedisFailed
from recommender.release.publisher_lock import publisher_lock
from recommender.release.redis_client import redis_client
from serving.cache.contract import CacheKeys
from serving.commands import query, rules, variants
from serving.connection.redis_clients import client_of

pytestmark = needs_redis_server
KEYS_OF_DEMO = CacheKeys("demo")
BODY = {"put": {"json": {"rule": "denied"}}, "delete": {}}
OF_CONNECTING = {"hello", "auth", "client|setinfo", "client|maint_notifications"}  # may be refused, or need no right
OF_THE_TEST = {"config|resetstat", "client|pause", "acl|setuser"}


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """Port of a Redis with the documented users, and an administrator."""
    (tmp_path / "server").mkdir()
    users = "--user administrator on >of-the-administrator ~* &* +@all --user default off"
    with server(tmp_path / "server", *users.split(), program=INSTALLED) as port:
        with administrator_of(port) as client:
            for user in ("publisher", "api"):
                client.execute_command("ACL", "SETUSER", user, *documented_rules(user))
        yield port


def administrator_of(port: int) -> redis.Redis:
    return redis.Redis(port=port, username="administrator", password="of-the-administrator")


def url_of(user: str, port: int) -> str:
    return f"redis://{user}:PASSWORD@127.0.0.1:{port}/0"


@pytest.fixture
def as_publisher(port, monkeypatch, tmp_path) -> None:
    """What is run here is run by the publisher's user."""
    monkeypatch.setenv("REDIS_URL", url_of("publisher", port))
    monkeypatch.setenv("RECOMMENDER_DATA_DIR", str(tmp_path))


def commands_since(client: redis.Redis) -> set[str]:
    """What all clients called since the statistics were reset, in scripts, too."""
    statistics = client.info("commandstats")
    called = {name.removeprefix("cmdstat_") for name, each in statistics.items() if each["calls"]}
    return called - OF_CONNECTING - OF_THE_TEST


def lose_rules(client: redis.Redis) -> None:
    """Take the rules away, as a Redis that lost its data."""
    client.delete(KEYS_OF_DEMO.rules, KEYS_OF_DEMO.rules_state)


def test_no_right_of_the_publisher_can_be_left_out(port, as_publisher, publish_planted):
    with administrator_of(port) as administrator:
        administrator.config_resetstat()
        with redis_client() as client:
            versions = [publish_planted(client, number) for number in (1, 2, 3, 4)]
            with publisher_lock(client, KEYS_OF_DEMO, 1.0), pytest.raises(AnotherPublisher):
                time.sleep(0.5)
                publish_planted(client, 5)
        rules.main(["deny", "0000000001"])
        lose_rules(administrator)
        rules.main(["allow", "0000000001"])
        variants.main(["start", "bolder", "--version", versions[-2]])
        query.main([])
        published_versions.main(["versions", "--dataset", "nothing"])
        assert published_versions.main(["rollback"]) == 0
        assert commands_since(administrator) == documented_commands("publisher")


def test_no_right_of_the_api_can_be_left_out(port, as_publisher, publish_planted, start_api, tmp_path):
    with redis_client() as client:
        publish_planted(client, 1)
    rules.main(["deny", "0000000001"])
    with (
        administrator_of(port) as administrator,
        start_api(tmp_path / "no-redis-here", REDIS_URL=url_of("api", port), **KEYS) as http,
    ):
        administrator.config_resetstat()
        for route in ("/recommendations/customer-1", "/page/customer?id=customer-1"):
            assert http.get(route, headers=SHOP).status_code == 200
        for change in (http.put, http.delete):
            assert change("/admin/rules/articles/0000000002", headers=ADMIN, **BODY[change.__name__]).status_code == 200
        lose_rules(administrator)
        wait_until(lambda: administrator.hexists(KEYS_OF_DEMO.rules, "0000000001"))
        administrator.client_pause(1300)
        assert http.get("/recommendations/customer-1", headers=SHOP).json()["fallback_reason"] == "redis_away"
        wait_until(lambda: "ping" in commands_since(administrator))
        assert commands_since(administrator) - {"del", "hexists", "info"} == documented_commands("api")
        refused = {each["object"] for each in administrator.acl_log()}
    assert refused <= OF_CONNECTING


@pytest.mark.parametrize(
    "command", ["SET recommendations:{demo}:current x", "SET recommendations:demo:1:popular x", "GET other"]
)
def test_the_api_writes_rules_alone_and_reads_nothing_else(port, command):
    with client_of(url_of("api", port)) as client, pytest.raises(redis.exceptions.NoPermissionError):
        client.execute_command(*command.split())


@pytest.mark.parametrize(
    ("taken", "what", "remedy"),
    [
        ("-info", "the command info (NOPERM)", "ACL SETUSER NAME +info"),
        ("-lpush", "a command of a script (NOPERM)", "ACL LOG names the command, and ACL SETUSER NAME +COMMAND"),
        ("resetkeys", "a key (NOPERM)", "ACL SETUSER NAME ~recommendations:*"),
    ],
)
def test_a_right_that_the_publisher_lacks(port, as_publisher, publish_planted, taken, what, remedy):
    with administrator_of(port) as client:
        client.execute_command("ACL", "SETUSER", "publisher", taken)
    with pytest.raises(RedisFailed) as raised, redis_client() as client:
        publish_planted(client, 1)
    assert str(raised.value) == (
        f"Redis at redis://127.0.0.1:{port}/0 does not allow its user {what}: {remedy} allows it; docs/deployment.md "
        "has all rights that are needed."
    )


def test_a_right_that_the_api_lacks(port, as_publisher, publish_planted, start_api, tmp_path):
    with redis_client() as client:
        publish_planted(client, 1)
    with administrator_of(port) as client:
        client.execute_command("ACL", "SETUSER", "api", "-get")
    log = tmp_path / "log"
    with start_api(tmp_path / "no-redis-here", log, REDIS_URL=url_of("api", port)) as http:
        answer = http.get("/recommendations/customer-1")
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:recommendations:redis-away")
    assert "does not allow its user the command get (NOPERM): ACL SETUSER NAME +get allows it" in log.read_text()
    assert "PASSWORD" not in log.read_text()
