"""Publishers die, collide or run out of memory while shoppers ask: the old version is served, and nothing mixed."""

import random
import signal
import time

import pytest
from published_keys import KEYS, assert_nothing_is_left_over
from publisher_process import CUSTOMERS, begin, start_publishers
from shoppers import check, shoppers, wait_until_own

from recommender.release.publish import PublishedRun, publish
from recommender.release.publish_errors import NotEnoughMemory


@pytest.mark.parametrize("kills", [3, pytest.param(10, marks=pytest.mark.long)])
def test_a_publisher_killed_at_random_points_under_load(
    redis_server, client, start_api, publish_planted, planted_articles, kills
):
    publish_planted(client, 1)
    quick, *publishers = start_publishers(*range(2, kills + 3))
    with start_api(redis_server.directory) as http, shoppers(http) as answers:
        started = time.monotonic()
        begin(quick)
        assert quick.stdout.readline() == "published\n"
        seconds = time.monotonic() - started
        for share, publisher in zip(points(kills), publishers, strict=True):
            begin(publisher)
            time.sleep(share * seconds)
            publisher.send_signal(signal.SIGKILL)
            assert publisher.wait() == -signal.SIGKILL
            wait_until_own(answers, len(answers))
            client.delete(KEYS.lock)  # as if it had run out, which the next one would wait for
        publish_planted(client, kills + 3)
        wait_until_own(answers, len(answers))
    assert_nothing_is_left_over(client)
    assert {check(row, response, planted_articles) for row, response in answers} == {"own"}
    assert answers[-1][1].json()["model"] == f"model-{kills + 3}"


def points(n: int) -> list[float]:
    """Random shares of the time that publishing takes, one in each n-th of it."""
    draw = random.Random(7)
    return [(number + draw.random()) / n for number in range(n)]


def test_two_publishers_at_once_under_load(redis_server, client, start_api, publish_planted, planted_articles):
    publish_planted(client, 1)
    publishers = start_publishers(2, 3)
    with start_api(redis_server.directory) as http, shoppers(http) as answers:
        wait_until_own(answers, 0)
        for publisher in publishers:
            begin(publisher)
        outcomes = [publisher.communicate()[0].strip() for publisher in publishers]
        wait_until_own(answers, len(answers))
    assert "published" in outcomes
    assert set(outcomes) <= {"published", "another publisher"}
    assert_nothing_is_left_over(client)
    assert {check(row, response, planted_articles) for row, response in answers} == {"own"}


def test_memory_that_runs_out_while_publishing_under_load(
    redis_server, client, start_api, publish_planted, planted, planted_articles
):
    def fill_up(stage, done, total):
        if stage == "write":
            client.config_set("maxmemory", "100kb")

    publish_planted(client, 1)
    run = PublishedRun("demo", "run-2", "model-2", windows={})
    with start_api(redis_server.directory) as http, shoppers(http) as answers:
        wait_until_own(answers, 0)
        with pytest.raises(NotEnoughMemory, match="ran out of memory"):
            publish(client, planted(2, 4 * CUSTOMERS), run, fill_up)
        time.sleep(1.2)  # the API looks what is published every second
        wait_until_own(answers, len(answers))
        assert {response.json()["model"] for _, response in answers} == {"model-1"}
        client.config_set("maxmemory", 0)
        publish_planted(client, 3)
        wait_until_own(answers, len(answers))
    assert_nothing_is_left_over(client)
    assert {check(row, response, planted_articles) for row, response in answers} == {"own"}
    assert answers[-1][1].json()["model"] == "model-3"
