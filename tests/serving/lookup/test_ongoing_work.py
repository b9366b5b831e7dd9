"""What takes longer than its caller has is done once, not begun again by every caller."""

import asyncio
import logging
import time

import pytest

from serving.cache.article_facts import decode_articles
from serving.commands import rules
from serving.connection.redis_connection import connect_async, redis_url
from serving.lookup import recommendation_store
from serving.lookup.lookup_rules import LookupRules
from serving.lookup.ongoing_work import OngoingWork


def test_work_outlives_the_wait_for_it_and_is_waited_for_by_the_next_caller():
    done = []

    async def take_long(name):
        done.append(f"{name} begins")
        await asyncio.sleep(0.1)
        done.append(f"{name} ends")

    async def callers():
        work = OngoingWork()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await work.run(lambda: take_long("first"))
        await work.run(lambda: take_long("second"))

    asyncio.run(callers())
    assert done == ["first begins", "first ends", "second begins", "second ends"]


def test_an_error_is_told_to_the_caller_whose_work_it_was_and_to_nobody_else(caplog):
    async def fail_late():
        await asyncio.sleep(0.05)
        raise ValueError("no such version")

    async def callers():
        work = OngoingWork()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await work.run(fail_late)
        await work.run(lambda: asyncio.sleep(0))
        with pytest.raises(ValueError, match="no such version"):
            await work.run(fail_late)

    with caplog.at_level(logging.ERROR, "asyncio"):
        asyncio.run(callers())
    assert not caplog.records  # such as "Task exception was never retrieved"


def test_closing_stops_what_is_going_on():
    done = []

    async def take_long():
        await asyncio.sleep(0.05)
        done.append("ended")

    async def closed():
        work = OngoingWork()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await work.run(take_long)
        await work.close()
        await asyncio.sleep(0.1)

    asyncio.run(closed())
    assert not done


SLOW_SECONDS = 0.3
SHORT_WAIT = 0.05


def slowly(decode, calls):
    """The function with a pause before it, and a count of its calls."""

    def slow(*arguments):
        calls.append(arguments)
        time.sleep(SLOW_SECONDS)
        return decode(*arguments)

    return slow


def test_what_takes_longer_to_decode_than_a_refresh_may_wait_is_decoded_once(client, publish_planted, monkeypatch):
    """As on AWS Lambda, where a refresh has the time of one lookup."""
    version = publish_planted(client, 1)
    rules.main(["deny", "0001000001"])
    of_facts, of_rules, in_vain = [], [], []
    monkeypatch.setattr(recommendation_store, "decode_articles", slowly(decode_articles, of_facts))
    monkeypatch.setattr(LookupRules, "from_stored", slowly(LookupRules.from_stored, of_rules))

    async def refreshed():
        connected = connect_async(redis_url(), timeout_seconds=5.0)
        store = recommendation_store.RecommendationStore(connected, "demo")
        while store.catalogue.version != version and len(in_vain) < 60:
            try:
                async with asyncio.timeout(SHORT_WAIT):
                    await store.refresh()
            except TimeoutError:
                in_vain.append("the time was up")
        await store.close()
        await connected.aclose()
        return store.catalogue

    catalogue = asyncio.run(refreshed())
    assert catalogue.version == version
    assert catalogue.departments == {"Socks": 24}
    assert "0001000001" in catalogue.rules.barred
    assert in_vain
    assert (len(of_facts), len(of_rules)) == (1, 1)
