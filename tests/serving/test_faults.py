"""A shopper's view of bad days: Redis dies under load, versions flip, clocks differ, and nobody sees an error."""

import os
import signal
import time
from datetime import UTC, datetime, timedelta

import pytest
from published_keys import assert_nothing_is_left_over
from shoppers import check, shoppers, wait_until_own

from recommender.release.published_versions import rollback
from serving.cache.contract import BUCKET, CacheKeys, Manifest, registered_counts

KEYS = CacheKeys("demo")


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


@pytest.mark.parametrize("seconds", [1.5, pytest.param(10.0, marks=pytest.mark.long)])
def test_redis_paused_under_load(redis_server, client, start_api, publish_planted, planted_articles, seconds):
    """Its port still accepts connections, and nothing answers there."""
    publish_planted(client, 1)
    with start_api(redis_server.directory) as http, shoppers(http) as answers:
        wait_until_own(answers, 0)
        os.kill(redis_server.process_id(), signal.SIGSTOP)
        time.sleep(seconds)
        os.kill(redis_server.process_id(), signal.SIGCONT)
        wait_until_own(answers, len(answers))
    assert {check(row, response, planted_articles) for row, response in answers} == {"own", "redis_away"}
    assert (
        max(response.elapsed.total_seconds() for _, response in answers) < 3.0
    )  # two waits of half a second, and load


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


def point_to_a_missing_version(client, version):
    client.set(KEYS.current, "20200101T000000Z-00000000")


def damage_the_manifest(client, version):
    client.setrange(KEYS.manifest(version), 0, b"?")


def damage_every_list(client, version):
    for number in range(registered_counts(client.hget(KEYS.registry, version))[BUCKET]):
        client.setrange(KEYS.bucket(version, number), 100, b"garbage")


def test_damage_in_redis_under_load_lasts_until_the_next_publish(
    redis_server, client, start_api, publish_planted, planted_articles
):
    """Who has read a version once is served; an API that starts meanwhile answers as documented."""
    unreadable = 503, "urn:recommendations:version-unreadable"
    with start_api(redis_server.directory) as http:
        for number, (damage, seen, seen_at_start) in enumerate(
            [
                (point_to_a_missing_version, "version_unreadable", unreadable),
                (damage_the_manifest, "own", unreadable),
                (damage_every_list, "unreadable_list", (200, None)),
            ]
        ):
            version = publish_planted(client, 2 * number + 1)
            with shoppers(http) as before:
                wait_until_own(before, 0)
                damage(client, version)
                time.sleep(0.3)
            with start_api(redis_server.directory) as fresh:
                answer = fresh.get("/recommendations/customer-0")
                assert (answer.status_code, answer.json().get("type")) == seen_at_start
            with shoppers(http) as after:
                publish_planted(client, 2 * number + 2)
                wait_until_own(after, len(after))
            answers = before + after
            assert_nothing_is_left_over(client)
            assert {check(row, response, planted_articles) for row, response in answers} == {"own", seen}
            assert answers[-1][1].json()["model"] == f"model-{2 * number + 2}"


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
