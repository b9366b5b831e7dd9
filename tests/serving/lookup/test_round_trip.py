"""Many GETs in one round trip over a real Redis: in order, in step, in time."""

import asyncio
import os
import signal
import time
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest
import redis
import redis.asyncio

from serving.connection.redis_connection import connect_async, redis_url
from serving.lookup.batched_reader import get_values

SECONDS = 0.5


@asynccontextmanager
async def connected(url=None):
    """A client that waits half a second."""
    opened = connect_async(url or redis_url(), SECONDS)
    yield opened
    await opened.aclose()


def test_values_come_in_order_and_what_is_no_string_is_missing(client):
    client.mset({"a": "1", "b": "2"})
    client.lpush("list", "x")

    async def twice():
        async with connected() as opened:
            return await get_values(opened, ["b", "list", "nothing", "a"]), await get_values(opened, ["a"])

    assert asyncio.run(twice()) == ([b"2", None, None, b"1"], [b"1"])


def test_what_redis_forbids_is_an_error_and_the_next_round_trip_is_in_step(client):
    client.mset({"a": "1", "b": "2"})
    client.acl_setuser("reader", enabled=True, nopass=True, keys=["a"], commands=["+@all"])

    async def forbidden_then_allowed():
        async with connected(redis_url().replace("unix://", "unix://reader:any@")) as opened:
            with pytest.raises(redis.exceptions.NoPermissionError):
                await get_values(opened, ["a", "b", "a"])
            return await get_values(opened, ["a", "a"])

    assert asyncio.run(forbidden_then_allowed()) == [b"1", b"1"]


def test_a_connection_that_was_cut_is_opened_again(client):
    client.set("a", "1")

    async def around_the_cut():
        async with connected() as opened:
            before = await get_values(opened, ["a"])
            client.client_kill_filter(_type="normal", skipme=True)
            return before, await get_values(opened, ["a"])

    assert asyncio.run(around_the_cut()) == ([b"1"], [b"1"])


def test_a_late_answer_is_not_taken_for_the_next_one(client):
    client.mset({"a": "1", "b": "2"})
    server = client.info()["process_id"]

    async def late():
        async with connected() as opened:
            await get_values(opened, ["a"])
            os.kill(server, signal.SIGSTOP)
            try:
                with pytest.raises(redis.TimeoutError, match="no answer within 0.5 s"):
                    await get_values(opened, ["a"])
            finally:
                os.kill(server, signal.SIGCONT)
            return await get_values(opened, ["b"])

    assert asyncio.run(late()) == [b"2"]


@asynccontextmanager
async def slow_server(pause):
    """A proxy of Redis that pauses before every hundred bytes of its replies; yields its URL."""

    async def forward(reader, writer, most, seconds):
        while data := await reader.read(most):
            await asyncio.sleep(seconds)
            writer.write(data)

    async def serve(reader, writer):
        from_redis, to_redis = await asyncio.open_unix_connection(address.path)
        await asyncio.gather(forward(reader, to_redis, 2**16, 0), forward(from_redis, writer, 100, pause))

    address = urlsplit(redis_url())
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        yield f"redis://127.0.0.1:{port}/0"


def test_the_time_limit_holds_for_all_replies_together(client):
    """A limit for each reply would be kept here: they come one after the other, each in time."""
    client.set("a", "x" * 90)

    async def trickling():
        async with slow_server(pause=0.02) as url, connected(url) as opened:
            await get_values(opened, ["a"])
            started = time.monotonic()
            with pytest.raises(redis.TimeoutError):
                await get_values(opened, ["a"] * 100)  # some two seconds
            return time.monotonic() - started

    assert SECONDS <= asyncio.run(trickling()) < 3 * SECONDS
