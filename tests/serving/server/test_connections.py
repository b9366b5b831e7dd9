"""What a client may hold open, and for how long: a real server and clients that never end what they begin."""

import contextlib
import json
import socket
import statistics
import time

import pytest
from slow_clients import HALF_BODY, HALF_HEAD, POST, answer_of, ask, connect, held, trickle
from waiting import wait_until

QUICK = {"HEAD_SECONDS": "0.5", "BODY_SECONDS": "0.5"}
LOOKUP = "/recommendations/customer-0"
GET = f"GET {LOOKUP} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
# Serves with a limit on descriptors, and tells how much memory it has.
WATCHED = """
import os, resource
from serving.__main__ import serve
from serving.app import create_app

descriptors = int(os.environ.get("DESCRIPTORS", "0"))
if descriptors:
    resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))
app = create_app()

@app.get("/inside")
def inside():
    pages = int(open("/proc/self/statm").read().split()[1])
    return {"mib": pages * resource.getpagesize() / 2**20, "descriptors": len(os.listdir("/proc/self/fd"))}

serve(app)
"""


@pytest.fixture(scope="module")
def quick(published_redis, start_api):
    """A server with little patience."""
    with start_api(published_redis, **QUICK) as http:
        yield http


@pytest.mark.parametrize(
    "sent", [HALF_HEAD, POST, HALF_BODY, POST.replace(b"Content-Length: 1048000", b"Transfer-Encoding: chunked")]
)
def test_a_request_that_does_not_end_is_answered_408(quick, sent):
    with held(quick, 1, sent) as (connection,):
        answer = answer_of(connection)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 ") and b"connection: close" in head
    assert json.loads(body)["type"] == "urn:recommendations:too-slow"


def test_a_connection_without_a_request_is_closed_without_an_answer(quick):
    with held(quick, 1, b"") as (connection,):
        assert answer_of(connection) == b""


def test_a_head_that_trickles_in_is_not_waited_for(quick):
    with connect(quick) as connection:
        connection.sendall(HALF_HEAD)
        assert trickle(connection, b"a", seconds=10)[:13] in (b"HTTP/1.1 408 ", b"")


def test_a_body_that_trickles_in_is_not_waited_for(quick):
    with connect(quick) as connection:
        connection.sendall(HALF_BODY)
        assert trickle(connection, b"a", seconds=10)[:13] in (b"HTTP/1.1 408 ", b"")


def test_a_body_that_trickles_in_after_its_answer_is_not_waited_for(published_redis, start_api):
    with start_api(published_redis, API_KEYS="shop:a-secret", **QUICK) as http, connect(http) as connection:
        connection.sendall(HALF_BODY)
        received = trickle(connection, b"a", seconds=10)
    assert received.startswith(b"HTTP/1.1 401 ") and b" 408 " not in received


def test_a_request_in_pieces_is_answered_if_it_ends_in_time(published_api):
    request = f"GET {LOOKUP} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
    with connect(published_api) as connection:
        for byte in request:
            connection.sendall(bytes([byte]))
        assert answer_of(connection).startswith(b"HTTP/1.1 200 ")


def endless(connection: socket.socket, piece: bytes) -> bytes:
    """What a server answers to a client that sends without end."""
    with contextlib.suppress(ConnectionError):
        for _ in range(1_000):
            connection.sendall(piece * 100)
    return answer_of(connection)


def test_a_head_without_end_is_not_kept(published_api):
    with connect(published_api) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n")
        answer = endless(connection, b"a: " + b"b" * 1000 + b"\r\n")
    assert answer.startswith(b"HTTP/1.1 431 ") or answer == b""  # which a reset may overtake


def test_trailers_without_end_are_not_kept(published_redis, start_api):
    with start_api(published_redis, program=WATCHED) as http, connect(http) as connection:
        before = http.get("/inside").json()["mib"]
        connection.sendall(POST.replace(b"Content-Length: 1048000", b"Transfer-Encoding: chunked") + b"1\r\na\r\n0\r\n")
        endless(connection, b"a: " + b"b" * 1000 + b"\r\n")
        assert http.get("/inside").json()["mib"] < before + 60


def test_an_answer_that_nobody_takes_is_given_up(published_redis, start_api, tmp_path):
    log = tmp_path / "log"
    body = json.dumps({"customer_ids": ["customer-0"] * 1000}).encode()
    request = POST.replace(b"1048000", str(len(body)).encode()) + body
    with start_api(published_redis, log, WATCHED, **QUICK) as http:
        before = http.get("/inside").json()["descriptors"] + 2  # connections to Redis
        with held(http, 5, request * 20):
            deadline = time.monotonic() + 20
            while http.get("/inside").json()["descriptors"] > before and time.monotonic() < deadline:
                time.sleep(0.2)
            assert http.get("/inside").json()["descriptors"] <= before
    assert '"level": "error"' not in log.read_text()


def test_a_client_that_hangs_up_among_its_requests_is_no_error(published_redis, start_api, tmp_path):
    log = tmp_path / "log"
    with start_api(published_redis, log) as http:
        for sent in (GET * 50, HALF_BODY, GET * 20 + HALF_BODY, GET + HALF_HEAD):
            for _ in range(10):
                with held(http, 1, sent):
                    pass
        assert http.get(LOOKUP).status_code == 200
    assert '"level": "error"' not in log.read_text()


def test_idle_connections_are_kept_longer_than_a_proxy_waits_between_requests(published_api):
    with connect(published_api) as connection:
        for _ in range(2):
            assert ask(connection, GET).startswith(b"HTTP/1.1 200 ")
            time.sleep(6)  # uvicorn's default is 5


def test_how_long_idle_connections_are_kept_is_a_setting(published_redis, start_api):
    with start_api(published_redis, KEEP_ALIVE_SECONDS="1") as http, connect(http) as connection:
        connection.sendall(GET)
        assert answer_of(connection).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("sent", [b"", HALF_HEAD, HALF_BODY, GET])
def test_at_the_limit_the_connection_that_waits_longest_makes_room(published_redis, start_api, sent):
    with start_api(published_redis, MAX_CONNECTIONS="20") as http, held(http, 50, sent):
        wait_until(lambda: is_answered(http))  # what is being answered makes no room
        assert all(is_answered(http) for _ in range(20))


def is_answered(http) -> bool:
    """Whether a new connection gets a list."""
    with connect(http) as connection:
        return ask(connection, GET).startswith(b"HTTP/1.1 200 ")


def test_a_connection_in_use_stays_when_half_open_ones_fill_the_limit(published_redis, start_api):
    with start_api(published_redis, MAX_CONNECTIONS="20") as http, connect(http) as connection:
        for _ in range(2):
            assert ask(connection, GET).startswith(b"HTTP/1.1 200 ")
            with held(http, 50, HALF_HEAD):
                pass


def test_with_few_descriptors_others_are_answered_and_the_log_stays_small(published_redis, start_api, tmp_path):
    log = tmp_path / "log"
    with start_api(published_redis, log, WATCHED, DESCRIPTORS="256") as http, held(http, 460, HALF_HEAD, HALF_BODY):
        assert [http.get(LOOKUP).json()["source"] for _ in range(20)] == ["personal"] * 20
        assert http.get("/inside").json()["descriptors"] < 256
        time.sleep(1)
    assert log.stat().st_size < 100_000


@pytest.mark.parametrize(("n_connections", "seconds"), [(100, 3), pytest.param(500, 60, marks=pytest.mark.long)])
def test_half_open_connections_delay_nobody_and_hold_little_memory(published_redis, start_api, n_connections, seconds):
    patient = {"HEAD_SECONDS": "300", "BODY_SECONDS": "300", "API_KEYS": "shop:a-secret"}
    with contextlib.ExitStack() as clients:
        with start_api(published_redis, program=WATCHED, **patient) as http:
            http.headers["X-API-Key"] = "a-secret"
            alone = p99_of_lookups(http, seconds)
            clients.enter_context(held(http, n_connections, HALF_HEAD, HALF_BODY + b"x" * 1_000_000, b""))
            among_others = p99_of_lookups(http, seconds)
            mib = http.get("/inside").json()["mib"]
            stopped = time.monotonic()
        seconds_to_stop = time.monotonic() - stopped
    print(f"p99 {alone * 1000:.2f} ms alone, {among_others * 1000:.2f} ms among {n_connections}; {mib:.0f} MiB")
    assert seconds_to_stop < 10
    assert mib < 200
    assert among_others < 2 * alone + 0.25  # a busy machine may stand still that long


def p99_of_lookups(http, seconds: float) -> float:
    """Seconds that 99 of 100 lookups take at most, one after the other."""
    taken, until = [], time.monotonic() + seconds
    while time.monotonic() < until:
        started = time.monotonic()
        assert http.get(LOOKUP).status_code == 200
        taken.append(time.monotonic() - started)
    return statistics.quantiles(taken, n=100)[-1]


def test_a_stopped_server_ends_whatever_clients_do(published_redis, start_api):
    body = json.dumps({"customer_ids": ["customer-0"] * 1000}).encode()
    unread = (POST.replace(b"1048000", str(len(body)).encode()) + body) * 20
    with contextlib.ExitStack() as clients:
        with start_api(published_redis) as http:
            clients.enter_context(held(http, 40, HALF_HEAD, HALF_BODY, b"", unread))
            time.sleep(0.5)
            stopped = time.monotonic()
        assert time.monotonic() - stopped < 10


def test_an_upgrade_that_is_offered_is_ignored_in_silence(published_redis, start_api, tmp_path):
    log = tmp_path / "log"
    upgrade = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAMAAABkAAQAoAAAAAIAAAAA"}
    websocket = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    with start_api(published_redis, log) as http:
        for headers in (upgrade, websocket):
            for _ in range(3):
                assert http.get(LOOKUP, headers=headers).status_code == 200
            asked = {"customer_ids": ["customer-0"]}
            assert http.post("/recommendations", json=asked, headers=headers).status_code == 200
    assert [line for line in log.read_text().splitlines() if json.loads(line)["level"] != "info"] == []


def test_what_is_no_http_is_refused_and_fills_no_log(published_redis, start_api, tmp_path):
    log = tmp_path / "log"
    with start_api(published_redis, log) as http:
        for _ in range(50):
            with held(http, 1, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03") as (connection,):
                answer = answer_of(connection)
        assert answer.startswith(b"HTTP/1.1 400 ") and b"urn:recommendations:no-http" in answer
    assert log.read_text().count("Invalid HTTP request") == 10
