"""Publishing against a real Redis: whatever goes wrong at whatever point, the old version stays served."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import published_keys
import pytest
import redis
from published_keys import assert_nothing_is_left_over

from recommender.project_paths import PROJECT_ROOT
from recommender.release import part_transfer, published_versions
from recommender.release.publish import PublishedRun, publish
from recommender.release.publish_errors import (
    AnotherPublisher,
    NoPreviousVersion,
    NotEnoughMemory,
    Overtaken,
    ReadBackDiffers,
)
from recommender.release.published_lists import NamedLists, PublishedLists, numbers_at
from recommender.release.published_versions import rollback, versions
from recommender.release.version_parts import estimated_memory_bytes, parts_of
from serving.cache import buckets
from serving.cache.article_numbers import article_id_of
from serving.cache.buckets import bucket_number
from serving.cache.contract import CacheKeys, Manifest
from serving.cache.list_buckets import ListArrays, Source, find_list, place_of
from serving.cache.purchase_buckets import PurchaseArrays, purchases_at
from serving.cache.shown_articles import ShownArticles, find_shown
from serving.connection.embedded_redis import EmbeddedRedis
from serving.connection.redis_connection import connect

KEYS = CacheKeys("demo")
LOCK_SECONDS = 1.0
TWO_CHUNKS = 40_000  # customers: a chunk holds 1,024 buckets of 32


def planted_lists(version: int, customers: int = 100, k: int = 3) -> PublishedLists:
    """Article numbers of version v, customer row i: v * 100,000,000 + i * 100 + 1, + 2, ...

    Customer i bought article i + 1 on day i; article i + 1 is similar to article i + 2 and shown to i customers.
    """
    row_starts = version * 100_000_000 + 100 * np.arange(customers + 1, dtype=np.uint32)
    numbers = row_starts[:, np.newaxis] + np.arange(1, k + 1, dtype=np.uint32)
    return PublishedLists(
        customer_ids=np.array([f"customer-{row}" for row in range(customers)]),
        lists=arrays_of(numbers[:-1], Source.PERSONAL),
        popular=arrays_of(numbers[-1:], Source.POPULAR),
        articles={},
        segments=NamedLists(["young/online"], arrays_of(numbers[:1] + np.uint32(50), Source.SEGMENT)),
        similar=NamedLists(
            [article_id_of(row + 1) for row in range(customers)],
            arrays_of(np.arange(2, customers + 2, dtype=np.uint32)[:, np.newaxis], Source.SIMILAR),
        ),
        purchases=PurchaseArrays(
            np.arange(1, customers + 1, dtype=np.uint32)[:, np.newaxis],
            (np.arange(customers) % 2**16).astype(np.uint16)[:, np.newaxis],
        ),
        shown=ShownArticles(
            np.array([article_id_of(row + 1) for row in range(customers)]),
            np.arange(customers),
            np.array([[f"customer-{row}"] for row in range(customers)]),
        ),
    )


def arrays_of(numbers: np.ndarray, source: Source) -> ListArrays:
    """Lists of one source with scores of 1 and other proposers in each row."""
    proposers = np.broadcast_to(np.arange(len(numbers))[:, np.newaxis] % 256, numbers.shape).astype(np.uint8)
    return ListArrays(numbers, np.ones(numbers.shape, np.float32), np.full(len(numbers), source, np.uint8), proposers)


ONE_LIST = ListArrays(
    np.arange(1, 4, dtype=np.uint32)[np.newaxis],
    np.ones((1, 3), np.float32),
    np.array([Source.POPULAR], np.uint8),
    np.zeros((1, 3), np.uint8),
)


def planted_run(version: int) -> PublishedRun:
    windows = {"train": {"start": "2020-01-01", "end": "2020-09-08"}}
    return PublishedRun("demo", run_id=f"run-{version}", model=f"model-{version}", windows=windows)


def quiet(stage: str, done: int, total: int) -> None:
    """Progress that nobody reads."""


def publish_version(client: redis.Redis, version: int, customers: int = 100, progress=quiet) -> str:
    lists = planted_lists(version, customers)
    return publish(client, lists, planted_run(version), progress, lock_seconds=LOCK_SECONDS).version


def publish_and_die(stage: str, chunk: int) -> None:
    """Run by a child process: publish version 2 and be killed at the progress after a stage's n-th chunk."""
    chunks_seen = 0

    def die(now_stage: str, done: int, total: int) -> None:
        nonlocal chunks_seen
        chunks_seen += now_stage == stage
        if chunks_seen == chunk:
            os.kill(os.getpid(), signal.SIGKILL)

    publish_version(connect(), 2, TWO_CHUNKS, die)


@pytest.fixture
def redis_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddedRedis]:
    monkeypatch.delenv("REDIS_URL", raising=False)
    monkeypatch.setenv("EMBEDDED_REDIS_DIR", str(tmp_path / "redis"))
    server = EmbeddedRedis(tmp_path / "redis")
    server.ensure_running()
    yield server
    server.stop()


@pytest.fixture
def client(redis_server: EmbeddedRedis) -> Iterator[redis.Redis]:
    with connect() as connected:
        yield connected


def served_version(client: redis.Redis, customers: int = 100) -> int:
    """The planted version that the pointer leads to, after reading a customer's list as the API does."""
    version = client.get(KEYS.current).decode()
    manifest = Manifest.from_json(client.get(KEYS.manifest(version)))
    number = bucket_number("customer-7", manifest.bucket_count)
    found = find_list(client.get(KEYS.bucket(version, number)), "customer-7")
    planted_version, row_and_place = divmod(int(found.article_ids[0]), 100_000_000)
    assert row_and_place == 7 * 100 + 1
    assert manifest.model == f"model-{planted_version}"
    return planted_version


def test_a_version_that_nobody_replaces_is_forgotten_in_the_end_and_what_controls_it_stays(client):
    publish_version(client, 1)
    days = {key.decode(): client.ttl(key) / 86_400 for key in client.keys("*")}
    control = {KEYS.current, KEYS.history, KEYS.registry}
    assert {key for key, left in days.items() if left < 0} == control
    assert all(89 < left <= 90 for key, left in days.items() if key not in control)


def test_the_manifest_says_what_was_published(client):
    lists = planted_lists(1)
    lists.lists.sources[0] = Source.SEGMENT
    published = publish(client, lists, planted_run(1), quiet)
    (stored,) = versions(client, "demo")
    manifest = stored.manifest
    assert (stored.version, stored.state) == (published.version, "current")
    assert (manifest.run_id, manifest.model, manifest.windows) == ("run-1", "model-1", planted_run(1).windows)
    assert (manifest.customers, manifest.k, manifest.articles) == (100, 3, 100 * 3)
    assert manifest.customers_by_source == {"personal": 99, "segment": 1, "popular": 0}
    assert manifest.example_customers == {"personal": "customer-1", "segment": "customer-0"}
    headers, one_list = 4 * 8, 8 + 2 + 3 * (4 + 2 + 1)  # 100 customers fill ceil(100 / 32) = 4 buckets
    assert manifest.bytes == headers + 100 * one_list
    assert published.bytes_per_customer == manifest.bytes / 100


def test_everything_besides_the_lists_can_be_read_back(client):
    version = publish(client, planted_lists(1), planted_run(1), quiet).version
    manifest = Manifest.from_json(client.get(KEYS.manifest(version)))
    assert {name: part.keys for name, part in manifest.parts.items()} == {
        "purchases": 4, "similar": 4, "shown": 1, "popular": 1, "articles": 1,
    }  # fmt: skip
    assert manifest.segments == ("young/online",)
    segment = find_list(client.get(KEYS.popular(version)), "young/online")
    assert (segment.source, segment.article_ids[0]) == (Source.SEGMENT, "0100000051")
    number = bucket_number("customer-7", 4)
    place = place_of(client.get(KEYS.bucket(version, number)), "customer-7")
    bought = purchases_at(client.get(KEYS.numbered(version, "purchases", number)), place)
    assert bought == (("0000000008", date(1970, 1, 8)),)
    number = bucket_number("0000000008", 4)
    similar = find_list(client.get(KEYS.numbered(version, "similar", number)), "0000000008")
    assert (similar.source, similar.article_ids) == (Source.SIMILAR, ("0000000009",))
    assert find_shown(client.get(KEYS.numbered(version, "shown", 0)), "0000000008") == (7, ("customer-7",))


def test_lists_alone_can_be_published(client):
    alone = replace(planted_lists(1), segments=None, similar=None, purchases=None, shown=None)
    publish(client, alone, planted_run(1), quiet)
    assert served_version(client) == 1
    assert_nothing_is_left_over(client)


def test_a_version_of_an_earlier_release_is_removed_with_all_its_keys(client):
    """In the registry it has the number of its buckets alone."""
    old = "20200101T000000Z-00000000"
    client.hset(KEYS.registry, old, 3)
    for key in KEYS.all_of_version(old, {"bucket": 3}):
        client.set(key, b"old")
    publish_version(client, 1)
    assert_nothing_is_left_over(client)


def test_positions_become_article_numbers_and_minus_one_becomes_none():
    positions = np.array([[1, 0], [1, -1]], dtype=np.int32)
    numbers = numbers_at(positions, ["0000000007", "0706016001"])
    assert numbers.tolist() == [[706016001, 7], [706016001, 0]]
    assert numbers.dtype == np.uint32


def test_a_short_list_keeps_its_length(client):
    lists = planted_lists(1, customers=2)
    lists.lists.numbers[0] = [0, 0, 0]
    lists.lists.numbers[1] = [123456789, 0, 0]
    lists.lists.scores[1] = [0.5, np.nan, np.nan]
    version = publish(client, lists, planted_run(1), quiet).version
    bucket = client.get(KEYS.bucket(version, 0))
    assert find_list(bucket, "customer-0") == (Source.PERSONAL, (), (), ())
    assert find_list(bucket, "customer-1") == (Source.PERSONAL, ("0123456789",), (0.5,), (1,))


def test_the_two_newest_versions_stay_and_older_ones_go(client):
    published = [publish_version(client, version) for version in (1, 2, 3)]
    assert [(stored.version, stored.state) for stored in versions(client, "demo")] == [
        (published[2], "current"),
        (published[1], "previous"),
    ]
    assert served_version(client) == 3
    assert_nothing_is_left_over(client)


def test_datasets_do_not_touch_each_other(client):
    publish_version(client, 1)
    other = replace(planted_run(2), dataset="online-retail")
    for _ in range(3):
        publish(client, planted_lists(2), other, quiet)
    assert served_version(client) == 1
    assert len(versions(client, "online-retail")) == 2


def test_rollback_serves_the_previous_version_once(client):
    publish_version(client, 1)
    publish_version(client, 2)
    rollback(client, "demo")
    assert served_version(client) == 1
    with pytest.raises(NoPreviousVersion, match="demo has no previous version"):
        rollback(client, "demo")
    assert served_version(client) == 1


def test_after_a_rollback_the_next_publish_keeps_the_good_version_not_the_withdrawn_one(client):
    for version in (1, 2):
        publish_version(client, version)
    rollback(client, "demo")
    assert [stored.state for stored in versions(client, "demo")] == ["current", "unused"]
    publish_version(client, 3)
    assert_nothing_is_left_over(client)
    rollback(client, "demo")
    assert served_version(client) == 1


def test_rollback_without_any_version_is_an_error(client):
    with pytest.raises(NoPreviousVersion):
        rollback(client, "demo")


def test_versions_and_rollback_from_the_command_line(client, capsys):
    assert published_versions.main(["rollback"]) == 1
    assert "no previous version" in capsys.readouterr().err
    first, second = publish_version(client, 1), publish_version(client, 2)
    assert published_versions.main(["versions", "--dataset", "demo"]) == 0
    assert capsys.readouterr().out == (
        f"{second}  current   100 customers, model-2\n{first}  previous  100 customers, model-1\n"
    )
    assert published_versions.main(["rollback", "--dataset", "demo"]) == 0
    assert capsys.readouterr().out.startswith(f"demo now serves {first}\n")


# 40,000 customers are 1,250 buckets: two chunks of writing and two of reading back; flip reports before and after.
@pytest.mark.parametrize(
    ("stage", "chunk", "served_after"),
    [
        ("write", 1, 1),
        ("write", 2, 1),
        ("write shown", 1, 1),
        ("verify", 1, 1),
        ("verify", 2, 1),
        ("flip", 1, 1),
        ("flip", 2, 2),
        ("clean", 1, 2),
    ],
)
def test_a_killed_publisher_leaves_one_whole_version_served_and_the_next_publish_cleans(
    client, stage, chunk, served_after
):
    for version in (0, 1):  # two versions, so that there is something to clean after the flip
        publish_version(client, version)
    program = f"from test_publish import publish_and_die; publish_and_die({stage!r}, {chunk})"
    here, shared = Path(__file__).parent, Path(published_keys.__file__).parent
    path = os.pathsep.join([str(PROJECT_ROOT), str(shared)])  # the first: `serving` is also a folder beside the second
    child = subprocess.run([sys.executable, "-c", program], cwd=here, env=os.environ | {"PYTHONPATH": path})
    assert child.returncode == -signal.SIGKILL
    assert served_version(client) == served_after
    publish_version(client, 3)
    assert served_version(client) == 3
    assert_nothing_is_left_over(client)
    rollback(client, "demo")
    assert served_version(client) == served_after


def test_an_interrupted_publisher_leaves_no_key_that_was_still_on_its_way(client, monkeypatch):
    def send_late(*arguments):
        time.sleep(0.2)
        return send(*arguments)

    def interrupt(stage, done, total):
        raise KeyboardInterrupt

    send = part_transfer._write_chunk
    monkeypatch.setattr(part_transfer, "_write_chunk", send_late)
    monkeypatch.setattr(buckets, "BUCKETS_PER_CHUNK", 1)
    with pytest.raises(KeyboardInterrupt):
        publish(client, planted_lists(1), planted_run(1), interrupt)
    assert client.keys() == []


def test_a_second_publisher_leaves_with_a_clear_message(client):
    def publish_again(stage, done, total):
        if stage == "flip" and done == 0:
            with pytest.raises(AnotherPublisher, match=f'demo is at work .*"process": {os.getpid()}'):
                publish_version(client, 9)

    publish_version(client, 1, progress=publish_again)
    assert served_version(client) == 1
    assert_nothing_is_left_over(client)


def test_a_publisher_that_lost_its_lock_does_not_flip(client):
    """As after a pause longer than the lock: another publisher came and went meanwhile."""

    def be_overtaken(stage, done, total):
        if stage == "flip" and done == 0:
            client.delete(KEYS.lock)
            publish_version(client, 2)

    with pytest.raises(Overtaken, match="another publisher"):
        publish_version(client, 1, progress=be_overtaken)
    assert served_version(client) == 2
    assert_nothing_is_left_over(client)


def test_a_publisher_whose_lock_belongs_to_another_does_not_flip(client):
    """The other one has the lock but has not removed this version yet."""

    def lose_the_lock(stage, done, total):
        if stage == "flip":
            client.set(KEYS.lock, "somebody else's token", px=100)

    publish_version(client, 1)
    with pytest.raises(Overtaken, match="another publisher took the lock"):
        publish_version(client, 2, progress=lose_the_lock)
    assert served_version(client) == 1
    time.sleep(0.2)  # the other one's lock runs out
    assert_nothing_is_left_over(client)


def test_a_rollback_during_a_publish_is_not_undone_by_it(client):
    """Somebody decided by hand what is served; the publisher asks before it decides otherwise."""
    publish_version(client, 1)
    publish_version(client, 2)

    def roll_back(stage, done, total):
        if stage == "write":
            rollback(client, "demo")

    with pytest.raises(Overtaken, match="the pointer was moved"):
        publish_version(client, 3, progress=roll_back)
    assert served_version(client) == 1


def test_the_lock_is_kept_while_a_stage_takes_longer_than_the_lock(client):
    def be_slow(stage, done, total):
        if stage == "write":
            time.sleep(1.5 * LOCK_SECONDS)

    publish_version(client, 1, progress=be_slow)
    assert served_version(client) == 1


class RepeatingClient(redis.Redis):
    """Sends every script twice, as redis-py does when the connection breaks before the first answer arrives."""

    def eval(self, *arguments):
        super().eval(*arguments)
        return super().eval(*arguments)


def test_a_repeated_flip_or_rollback_counts_once(client):
    repeating = RepeatingClient(connection_pool=client.connection_pool)
    for version in (1, 2, 3):
        lists = planted_lists(version)
        publish(repeating, lists, planted_run(version), quiet, kept_versions=3, lock_seconds=LOCK_SECONDS)
    assert [stored.manifest.model for stored in versions(client, "demo")] == ["model-3", "model-2", "model-1"]
    rollback(repeating, "demo")
    assert served_version(client) == 2


@pytest.mark.parametrize("part", ["bucket:2", "purchases:1", "similar:3", "shown:0", "popular", "articles"])
def test_a_value_that_reads_back_differently_is_not_served(client, part):
    publish_version(client, 1)

    def damage(stage, done, total):
        if (stage, done) == ("verify", total) or (stage == "write" and part.startswith("bucket")):
            (key, *_) = [key for key in client.keys(f"*:{part}") if client.get(KEYS.current) not in key]
            client.setrange(key, 6, b"?")

    with pytest.raises(ReadBackDiffers, match="checksum"):
        publish_version(client, 2, progress=damage)
    assert served_version(client) == 1
    assert_nothing_is_left_over(client)


def test_a_version_that_does_not_fit_is_refused_before_it_is_loaded(client):
    publish_version(client, 1)
    client.config_set("maxmemory", client.info("memory")["used_memory"] + 100_000)
    with pytest.raises(NotEnoughMemory, match=re.escape("raise maxmemory")):
        publish_version(client, 2, customers=10_000)
    assert served_version(client) == 1
    assert_nothing_is_left_over(client)


def test_running_out_of_memory_while_loading_leaves_the_old_version(client):
    publish_version(client, 1)

    def fill_up(stage, done, total):
        if stage == "write":
            client.config_set("maxmemory", "100kb")

    with pytest.raises(NotEnoughMemory, match="ran out of memory"):
        publish_version(client, 2, customers=TWO_CHUNKS, progress=fill_up)
    assert served_version(client) == 1
    client.config_set("maxmemory", 0)
    assert_nothing_is_left_over(client)


def test_a_killed_redis_while_loading_leaves_the_old_version(redis_server, client):
    publish_version(client, 1)
    time.sleep(1.2)  # appendfsync everysec

    def kill_redis(stage, done, total):
        if (stage, done) == ("verify", total):
            os.kill(redis_server.process_id(), signal.SIGKILL)

    with pytest.raises(redis.ConnectionError):
        publish_version(client, 2, progress=kill_redis)
    redis_server.ensure_running()
    assert served_version(client) == 1
    publish_version(client, 3)
    assert_nothing_is_left_over(client)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"customer_ids": np.array(["a"])}, "1 customer ids for 2 lists"),
        ({"customer_ids": np.array(["a", "a"])}, "same customer id"),
        ({"popular": ONE_LIST._replace(numbers=np.ones((1, 2), np.uint32))}, "need article numbers"),
        ({"popular": ListArrays(*(each[..., :2] for each in ONE_LIST))}, "depth 3"),
        ({"popular": ONE_LIST._replace(numbers=np.zeros((1, 3), np.uint32))}, "nothing to publish"),
        ({"popular": ONE_LIST._replace(scores=np.full((1, 3), np.inf, np.float32))}, "not finite"),
        ({"lists": ONE_LIST._replace(scores=np.full((1, 3), np.nan, np.float32))}, "not finite"),
        ({"segments": NamedLists(["overall"], ONE_LIST)}, "may be called 'overall'"),
        ({"segments": NamedLists(["young"], ListArrays(*(each[..., :2] for each in ONE_LIST)))}, "got|depth 2"),
        ({"similar": NamedLists(["0000000001", "0000000001"], ONE_LIST)}, "2 names for 1 lists"),
        ({"purchases": PurchaseArrays(np.ones((1, 1), np.uint32), np.ones((1, 1), np.uint16))}, "of 2 customers"),
    ],
)
def test_lists_that_cannot_be_published_are_refused(client, changes, message):
    publish_version(client, 1)
    with pytest.raises(ValueError, match=message):
        publish(client, replace(planted_lists(2, customers=2), **changes), planted_run(2), quiet)
    assert served_version(client) == 1
    assert_nothing_is_left_over(client)


@pytest.mark.long
def test_redis_takes_at_most_1_4_times_the_payload(client):
    """At depth 24, on default settings."""
    customers, k = 200_000, 24
    before = client.info("memory")["used_memory"]
    published = publish(client, planted_lists(1, customers, k), planted_run(1), quiet)
    used = client.info("memory")["used_memory"] - before
    assert published.bytes_per_customer < 8 + 2 + 24 * (4 + 2 + 1) + 1
    assert used <= 1.4 * customers * published.bytes_per_customer
    assert used <= estimated_memory_bytes(parts_of(planted_lists(1, customers, k)))


@pytest.mark.parametrize(("policy", "is_told"), [("allkeys-lru", True), ("volatile-ttl", True), ("noeviction", False)])
def test_a_redis_that_evicts_is_told(client, policy, is_told):
    """All keys of a version expire, as a last resort, so that policies for such keys evict them, too."""
    client.config_set("maxmemory", "500mb")
    client.config_set("maxmemory-policy", policy)
    told = []
    publish(client, planted_lists(1), planted_run(1), quiet, warn=told.append)
    assert [policy in line and "Set maxmemory-policy to noeviction" in line for line in told] == [True] * is_told
