"""Lists that newer ones should have replaced by now: seen by orchestrators, by Prometheus and on the page."""

import json
from datetime import UTC, datetime, timedelta

import pytest
import redis
from prometheus_client.parser import text_string_to_metric_families

from recommender.release.publish import PublishedRun, publish

HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def late_redis(tmp_path_factory, start_redis):
    with start_redis(tmp_path_factory.mktemp("late") / "redis") as server:
        yield server


@pytest.fixture(scope="module")
def api(late_redis, start_api):
    with start_api(late_redis.directory) as http:
        yield http


@pytest.fixture
def publish_due(late_redis, planted):
    """`publish_due(age, due)`: publish lists that are so old, and newer ones due so long ago; `due` may be None."""

    def publish_lists(age: timedelta, due: timedelta | None) -> str:
        due_at = "" if due is None else _ago(due)
        run = PublishedRun("demo", "17", "lambdarank", {}, generated_at=_ago(age), due_at=due_at)
        with redis.Redis.from_url(late_redis.url) as client:
            publish(client, planted(1), run, lambda *_: None)
        return due_at

    return publish_lists


def _ago(time: timedelta) -> str:
    return (datetime.now(UTC) - time).isoformat(timespec="seconds")


def metric(http, name: str) -> float:
    families = text_string_to_metric_families(http.get("/metrics").text)
    return next(sample.value for family in families for sample in family.samples if sample.name == name)


@pytest.mark.parametrize(
    ("age", "due", "reason", "late_hours", "notice"),
    [
        (26 * HOUR, -6 * HOUR, None, 0, None),
        (26 * HOUR, None, None, 0, None),
        (34 * HOUR, 2 * HOUR, "late", 2, "Newer lists are 2 hours late."),
        (40 * HOUR, 8 * HOUR, "stale", 8, "Newer lists are 8 hours late."),
        (40 * HOUR, None, "stale", 0, "These lists are 40 hours old."),
    ],
    ids=["in time", "without nights", "late", "late and stale", "stale without nights"],
)
def test_late_lists_are_seen_everywhere(api, publish_due, age, due, reason, late_hours, notice):
    due_at = publish_due(age, due)
    ready = api.get("/health/ready").json()
    assert (ready["reason"], ready["status"]) == (reason, "degraded" if reason else "ready")
    assert ready["due_at"] == (due_at or None)
    assert metric(api, "recommendations_late_seconds") == pytest.approx(late_hours * 3600, abs=60)
    said = api.get("/").text
    assert (notice in said) if notice else ('class="notice"' not in said)


def test_lists_of_a_release_that_named_no_night_are_never_late(api, late_redis, publish_due):
    """What an earlier release published has no such field."""
    publish_due(HOUR, 2 * HOUR)
    with redis.Redis.from_url(late_redis.url) as client:
        key = f"recommendations:demo:{client.get('recommendations:{demo}:current').decode()}:manifest"
        manifest = json.loads(client.get(key))
        del manifest["due_at"]
        client.set(key, json.dumps(manifest))
    ready = api.get("/health/ready").json()
    assert (ready["reason"], ready["due_at"]) == (None, None)
