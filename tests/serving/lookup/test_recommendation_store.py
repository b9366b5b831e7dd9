"""Every answer is wholly from one version, whatever happens to the pointer and the keys meanwhile."""

import asyncio
import threading
from contextlib import asynccontextmanager
from datetime import date

import pytest

from recommender.release.published_versions import rollback
from serving.cache.buckets import bucket_number
from serving.cache.contract import BUCKET, CacheFormatError, CacheKeys, registered_counts
from serving.cache.list_buckets import Source
from serving.connection.redis_connection import connect_async, redis_url
from serving.lookup import batched_reader
from serving.lookup.recommendation_store import RecommendationStore
from serving.lookup.store_errors import FallbackReason, NothingPublished, RedisAway, VersionUnreadable

KEYS = CacheKeys("demo")


@asynccontextmanager
async def open_store():
    """A store over the embedded Redis, with a short timeout."""
    connected = connect_async(redis_url(), timeout_seconds=1.0)
    store = RecommendationStore(connected, "demo")
    yield store
    await store.close()
    await connected.aclose()


def looked_up(*customer_ids, k=12):
    """The answers of one fresh store to these lookups, in order."""

    async def answers():
        async with open_store() as store:
            return [await store.lookup(customer_id, k) for customer_id in customer_ids]

    return asyncio.run(answers())


def article_ids(found) -> list[str]:
    return [item.article_id for item in found.items]


def test_known_cold_and_unknown_customers_each_get_their_list(client, publish_planted, planted_articles):
    version = publish_planted(client, 1)
    known, cold, unknown = looked_up("customer-0", "customer-99", "nobody")
    assert article_ids(known) == planted_articles(1, 0)
    assert [item.score for item in known.items] == [12.0 - place for place in range(12)]
    assert [item.reason for item in known.items] == ["repurchase", "two_tower", *["popular"] * 10]
    assert ({item.reason for item in cold.items}, {item.reason for item in unknown.items}) == ({"segment"}, {"popular"})
    assert (known.source, known.fallback_reason) == (Source.PERSONAL, None)
    assert article_ids(cold) == planted_articles(1, 99)
    assert (cold.source, cold.fallback_reason) == (Source.SEGMENT, FallbackReason.NO_HISTORY)
    assert article_ids(unknown) == planted_articles(1, 9_999)
    assert (unknown.source, unknown.fallback_reason) == (Source.POPULAR, FallbackReason.UNKNOWN_CUSTOMER)
    assert {found.version for found in (known, cold, unknown)} == {version}
    assert known.model == "model-1"


def test_k_cuts_the_list_and_cannot_make_it_longer(client, publish_planted, planted_articles):
    publish_planted(client, 1)
    assert article_ids(looked_up("customer-0", k=3)[0]) == planted_articles(1, 0)[:3]
    assert article_ids(looked_up("customer-0", k=255)[0]) == planted_articles(1, 0)


def test_the_next_lookup_after_a_flip_or_a_rollback_sees_it(client, publish_planted):
    async def models():
        async with open_store() as store:
            for change in (lambda: publish_planted(client, 1), lambda: publish_planted(client, 2)):
                change()
                yield (await store.lookup("customer-0")).model
            rollback(client, "demo")
            yield (await store.lookup("customer-0")).model

    async def collected():
        return [model async for model in models()]

    assert asyncio.run(collected()) == ["model-1", "model-2", "model-1"]


def test_flips_under_load_never_mix_versions(client, publish_planted, planted_articles):
    """Versions have different numbers of buckets, so that a mixed lookup would also look into a wrong bucket."""
    publish_planted(client, 1)
    is_done = threading.Event()

    def flip():
        for version in range(2, 32):
            publish_planted(client, version, customers=100 + 40 * (version % 3))
            if version % 5 == 0:
                rollback(client, "demo")
        is_done.set()

    async def read(store, row):
        seen = []
        while not is_done.is_set():
            found = await store.lookup(f"customer-{row}")
            planted_version = int(found.model.removeprefix("model-"))
            assert article_ids(found) == planted_articles(planted_version, row)
            seen.append(planted_version)
        return set(seen)

    async def read_all():
        async with open_store() as first, open_store() as second:
            return await asyncio.gather(*(read(store, row) for store in (first, second) for row in (0, 1, 98)))

    flipping = threading.Thread(target=flip)
    flipping.start()
    seen = set().union(*asyncio.run(read_all()))
    flipping.join()
    assert len(seen) >= 5


def test_a_reader_left_behind_by_two_flips_finds_the_new_version(client, publish_planted, planted_articles):
    """The version that the store knows is deleted, not only outdated."""

    async def after_flips():
        async with open_store() as store:
            await store.lookup("customer-0")
            for version in (2, 3, 4):
                publish_planted(client, version)
            return await store.lookup("customer-0")

    publish_planted(client, 1)
    assert article_ids(asyncio.run(after_flips())) == planted_articles(4, 0)


@pytest.mark.parametrize("damage", ["changed", "cut", "deleted"])
def test_a_damaged_list_falls_back_to_the_overall_one_and_says_so(client, publish_planted, planted_articles, damage):
    version = publish_planted(client, 1)
    bucket_count = registered_counts(client.hget(KEYS.registry, version))[BUCKET]
    key = KEYS.bucket(version, bucket_number("customer-0", bucket_count))
    if damage == "changed":
        client.setrange(key, 200, b"garbage")
    if damage == "cut":
        client.set(key, client.get(key)[:-1])
    if damage == "deleted":
        client.delete(key)
    (found,) = looked_up("customer-0")
    assert (found.source, found.fallback_reason) == (Source.POPULAR, FallbackReason.UNREADABLE_LIST)
    assert article_ids(found) == planted_articles(1, 9_999)


def test_an_empty_redis_has_nothing_published(client):
    with pytest.raises(NothingPublished, match="no lists are published for demo"):
        looked_up("customer-0")


def test_a_pointer_to_a_missing_version_is_named(client, publish_planted):
    publish_planted(client, 1)
    client.set(KEYS.current, "20200101T000000Z-00000000")
    with pytest.raises(VersionUnreadable, match="20200101T000000Z-00000000 .* missing"):
        looked_up("customer-0")


@pytest.mark.parametrize("key", [KEYS.manifest, KEYS.popular])
def test_a_damaged_head_of_a_version_is_named(client, publish_planted, key):
    version = publish_planted(client, 1)
    client.set(key(version), b"garbage")
    with pytest.raises(VersionUnreadable, match=version):
        looked_up("customer-0")


def test_without_redis_a_store_that_never_read_a_version_has_no_answer(redis_server):
    async def away():
        async with open_store() as store:
            redis_server.stop()
            await store.lookup("customer-0")

    with pytest.raises(RedisAway, match="redis.sock cannot be reached"):
        asyncio.run(away())


def test_while_redis_is_away_everybody_gets_the_overall_list_and_its_return_is_noticed(
    redis_server, client, publish_planted, planted_articles
):
    async def away_and_back():
        async with open_store() as store:
            await store.lookup("customer-0")
            redis_server.stop()
            away = await store.lookup_many(["customer-0", "nobody"])
            redis_server.ensure_running()
            return away, await until_personal(store)

    version = publish_planted(client, 1)
    away, back = asyncio.run(away_and_back())
    for found in away:
        assert article_ids(found) == planted_articles(1, 9_999)
        assert (found.source, found.fallback_reason) == (Source.POPULAR, FallbackReason.REDIS_AWAY)
        assert found.version == version
    assert article_ids(back) == planted_articles(1, 0)


async def until_personal(store):
    """Look up until the own list comes back; the store asks Redis every half second."""
    for _ in range(100):
        found = await store.lookup("customer-0")
        if found.source is Source.PERSONAL:
            return found
        await asyncio.sleep(0.05)
    raise AssertionError("Redis answers again, but five seconds later nobody has noticed")


def test_a_refresh_that_reaches_redis_ends_its_absence_without_a_ping(
    redis_server, client, publish_planted, monkeypatch
):
    """As in a process that was frozen while Redis was away: its clock, and so the next ping, stood still."""
    monkeypatch.setattr(batched_reader, "SECONDS_BETWEEN_PINGS", 60.0)
    publish_planted(client, 1)

    async def reasons():
        async with open_store() as store:
            await store.refresh()
            redis_server.stop()
            away = await store.lookup("customer-0")
            redis_server.ensure_running()
            await store.refresh()
            return away.fallback_reason, (await store.lookup("customer-0")).fallback_reason

    assert asyncio.run(reasons()) == (FallbackReason.REDIS_AWAY, None)


@pytest.mark.parametrize(
    ("break_it", "reason"),
    [
        (lambda client: client.flushall(), FallbackReason.NOTHING_PUBLISHED),
        (lambda client: client.set(KEYS.current, "20200101T000000Z-00000000"), FallbackReason.VERSION_UNREADABLE),
        (lambda client: client.lpush(KEYS.current, "of another kind"), FallbackReason.NOTHING_PUBLISHED),
    ],
    ids=["emptied", "foreign pointer", "pointer of another kind"],
)
def test_a_version_that_was_read_once_outlives_whatever_happens_to_redis(
    client, publish_planted, planted_articles, break_it, reason
):
    async def before_and_after():
        async with open_store() as store:
            await store.lookup("customer-0")
            client.delete(KEYS.current)
            break_it(client)
            return await store.lookup("customer-0")

    publish_planted(client, 1)
    found = asyncio.run(before_and_after())
    assert (article_ids(found), found.fallback_reason) == (planted_articles(1, 9_999), reason)


def test_many_customers_are_answered_in_their_order(client, publish_planted, planted_articles):
    async def many():
        async with open_store() as store:
            return await store.lookup_many(["customer-7", "nobody", "customer-3", "customer-7"], k=2)

    publish_planted(client, 1)
    found = asyncio.run(many())
    assert [each.customer_id for each in found] == ["customer-7", "nobody", "customer-3", "customer-7"]
    assert [article_ids(each) for each in found] == [planted_articles(1, row)[:2] for row in (7, 9_999, 3, 7)]


@pytest.mark.parametrize("damage", ["deleted", "changed"])
@pytest.mark.parametrize(
    ("part", "ask"),
    [
        ("similar", lambda store: store.article_lists.similar("0001000001")),
        ("shown", lambda store: store.article_lists.shown_to("0001000001")),
        ("purchases", lambda store: store.explain("customer-0")),
        ("bucket", lambda store: store.explain("customer-0")),
    ],
)
def test_a_damaged_part_is_an_error_that_says_so(client, publish_planted, part, ask, damage):
    async def asked():
        async with open_store() as store:
            await ask(store)

    publish_planted(client, 1)
    asyncio.run(asked())
    for key in client.keys(f"*:{part}:*"):
        client.delete(key) if damage == "deleted" else client.setrange(key, 20, b"garbage")
    with pytest.raises(CacheFormatError, match="publish again"):
        asyncio.run(asked())


def test_last_purchases_and_who_is_shown_an_article(client, publish_planted, planted_articles):
    async def asked():
        async with open_store() as store:
            bought = [(await store.explain(each)).purchases for each in ("customer-7", "customer-99", "nobody")]
            shown = await store.article_lists.shown_to(planted_articles(1, 0)[0])
            return bought, shown, await store.article_lists.shown_to("0000000001")

    version = publish_planted(client, 1)
    bought, shown, hidden = asyncio.run(asked())
    first, _, third = planted_articles(1, 7)[:3]
    assert bought == [((third, date(2020, 9, 22)), (first, date(2020, 9, 1))), (), ()]
    assert (shown.customers, shown.examples, shown.version) == (1, ("customer-0",), version)
    assert (hidden.customers, hidden.examples) == (0, ())


def test_flips_under_load_never_mix_versions_in_an_explanation(client, publish_planted, planted_articles):
    """List, purchases and names are all of the version that the answer names."""
    publish_planted(client, 1)
    is_done = threading.Event()

    def flip():
        for version in range(2, 22):
            publish_planted(client, version, customers=100 + 40 * (version % 3))
        is_done.set()

    async def read(store):
        seen = set()
        while not is_done.is_set():
            told = await store.explain("customer-0")
            version = int(told.found.model.removeprefix("model-"))
            own = planted_articles(version, 0)
            assert article_ids(told.found) == own
            assert [each.article_id for each in told.purchases] == [own[2], own[0]]
            assert not told.facts or own[0] in told.facts  # none where the version was removed meanwhile
            seen.add(version)
        return seen

    async def read_all():
        async with open_store() as store:
            return await asyncio.gather(read(store), read(store))

    flipping = threading.Thread(target=flip)
    flipping.start()
    seen = set().union(*asyncio.run(read_all()))
    flipping.join()
    assert len(seen) >= 5


@pytest.mark.parametrize("customer_id", ["été", "a/b", " ", "a\x00b", "😀" * 32, "%2F", "customer-0 "])
def test_an_id_with_odd_characters_is_an_unknown_customer(client, publish_planted, customer_id):
    publish_planted(client, 1)
    (found,) = looked_up(customer_id)
    assert (found.customer_id, found.source) == (customer_id, Source.POPULAR)
