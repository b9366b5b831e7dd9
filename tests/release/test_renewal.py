"""Lists that no night replaces are served for as long as nights are run: a real Redis, its clock set forward."""

import pytest
from test_publish import planted_lists, planted_run, quiet

from recommender.release.part_transfer import LAST_RESORT_SECONDS
from recommender.release.publish import publish
from recommender.release.published_versions import renew, rollback, versions

DAY = 24 * 3600


def let_pass(client, seconds: int) -> None:
    """Let every key that expires do so sooner, as if the clock had gone on."""
    for key in client.scan_iter("*"):
        if (left := client.ttl(key)) >= 0:
            client.expire(key, left - seconds)


def test_after_ninety_nights_that_publish_nothing_the_lists_are_served(client):
    publish(client, planted_lists(1), planted_run(1), quiet)
    published = publish(client, planted_lists(2), planted_run(2), quiet)
    keys = client.dbsize()
    for _ in range(91):
        let_pass(client, DAY)
        assert renew("demo", pytest.fail) > 0
    assert client.dbsize() == keys
    assert versions(client, "demo")[0].version == published.version
    assert versions(client, "demo")[0].manifest is not None
    rollback(client, "demo")


def test_without_a_night_they_expire(client):
    publish(client, planted_lists(1), planted_run(1), quiet)
    for _ in range(91):
        let_pass(client, DAY)
    assert versions(client, "demo")[0].manifest is None


def test_what_nobody_needs_is_not_renewed(client):
    for number in (1, 2, 3):
        publish(client, planted_lists(number), planted_run(number), quiet)
    kept = {each.version for each in versions(client, "demo")}
    assert len(kept) == 2
    let_pass(client, DAY)
    rollback(client, "demo")
    renew("demo", pytest.fail)
    needed = versions(client, "demo")[0].version
    renewed = {key for key in client.scan_iter("*") if client.ttl(key) > LAST_RESORT_SECONDS - DAY}
    assert renewed and all(f":{needed}:" in key.decode() for key in renewed)


def test_a_redis_that_is_away_is_told_and_ends_nothing(monkeypatch):
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    told = []
    assert renew("demo", told.append) == 0
    assert len(told) == 1 and "was not renewed: Redis at" in told[0]
