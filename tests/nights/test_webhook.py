"""The webhook, a real server on loopback at its end."""

import http.server
import json
import socketserver
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

import pytest

from recommender.alarms import Alarm, Kind, Level
from recommender.nights import webhook
from recommender.nights.night_log import Night
from recommender.nights.webhook import WEBHOOK_VARIABLE, message_of, tell

ALARM = Alarm(Kind.DATA, Level.WARNING, "prices are 100 times the usual")
NIGHT = Night("demo", "2026-12-01T03:00:00+00:00", "2026-12-01T03:04:00+00:00", 0, "published: 51 of 52", "17")
BAD_NIGHT = Night("demo", NIGHT.began, NIGHT.ended, 1, "refused: 1 of 40", "18", alarms=(ALARM,))


@contextmanager
def server(*statuses: int, seconds: float = 0.0, location: str = ""):
    """Answer with one status after the other, the last one for ever; gives the address and the bodies that came."""
    came, left = [], list(statuses)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            came.append(
                (self.headers["Content-Type"], json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            )
            time.sleep(seconds)
            self.send_response(left.pop(0) if len(left) > 1 else left[0])
            if location:
                self.send_header("Location", location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST

        def log_message(self, *_):
            pass

    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{running.server_port}/hooks/very-secret", came
    finally:
        running.shutdown()
        running.server_close()


@contextmanager
def answering_bytes(pieces: Iterable[bytes], seconds_between: float = 0.0) -> Iterator[str]:
    """Answer whatever comes with these bytes, piece by piece; gives the address."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            self.request.recv(65_536)
            with suppress(OSError):  # nobody listens any more
                for piece in pieces:
                    self.request.sendall(piece)
                    time.sleep(seconds_between)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as running:
        running.daemon_threads = True
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{running.server_address[1]}/hooks/very-secret"
        running.shutdown()


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(webhook, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(webhook, "SECONDS", 0.3)
    monkeypatch.delenv(WEBHOOK_VARIABLE, raising=False)


def test_text_for_people_and_fields_for_programs_arrive(monkeypatch):
    with server(200) as (url, came):
        monkeypatch.setenv(WEBHOOK_VARIABLE, url)
        assert tell(BAD_NIGHT)
    ((kind, body),) = came
    assert kind == "application/json"
    assert body["text"] == "demo: refused: 1 of 40\n- data: prices are 100 times the usual"
    assert body["exit_code"] == 1 and body["run_id"] == "18" and body["alarms"] == [ALARM.as_dict()]


def test_the_reason_of_a_bad_night_stands_in_the_text_once():
    alarm = Alarm(Kind.REFUSED, Level.STOP, BAD_NIGHT.reason)
    message = message_of(replace(BAD_NIGHT, alarms=(ALARM, alarm)))
    assert message["text"] == "demo: refused: 1 of 40\n- data: prices are 100 times the usual"
    assert message["alarms"] == [ALARM.as_dict(), alarm.as_dict()]


def test_a_night_without_alarms_and_one_without_an_address_are_told_nobody(monkeypatch):
    assert not tell(BAD_NIGHT)
    with server(200) as (url, came):
        monkeypatch.setenv(WEBHOOK_VARIABLE, url)
        assert not tell(NIGHT)
    assert came == []


def test_a_server_that_stumbles_is_asked_again(monkeypatch, capsys):
    with server(500, 503, 204) as (url, came):
        monkeypatch.setenv(WEBHOOK_VARIABLE, url)
        assert tell(BAD_NIGHT)
    assert len(came) == 3
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("statuses", "options", "why"),
    [
        ([500], {}, "it answered 500"),
        ([302], {"location": "http://127.0.0.1:1/elsewhere"}, "it answered 302"),
        ([200], {"seconds": 0.6}, "timed out"),
    ],
    ids=["an error", "a redirect", "too slow"],
)
def test_what_does_not_arrive_is_said_without_the_address(statuses, options, why, monkeypatch, capsys):
    with server(*statuses, **options) as (url, came):
        monkeypatch.setenv(WEBHOOK_VARIABLE, url)
        assert not tell(BAD_NIGHT)
    assert len(came) == webhook.ATTEMPTS
    said = capsys.readouterr().err
    assert said.startswith("the webhook at 127.0.0.1 was not told: ") and why in said
    assert "secret" not in said


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/very-secret",
        "http://127.0.0.1:1/very secret",
        "http://127.0.0.1:very-secret/",
        "http://127.0.0.1:1/véry-secret",
        "ftp://127.0.0.1/very-secret",
        "http://[very-secret",
        "very-secret",
    ],
)
def test_an_address_where_nobody_is_is_said_without_it(url, monkeypatch, capsys):
    monkeypatch.setenv(WEBHOOK_VARIABLE, url)
    assert not tell(BAD_NIGHT)
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "secret" not in said


def test_a_server_that_speaks_something_else_is_said(monkeypatch, capsys):
    with answering_bytes([b"220 mail.example ESMTP\r\n"]) as url:
        monkeypatch.setenv(WEBHOOK_VARIABLE, url)
        assert not tell(BAD_NIGHT)
    assert capsys.readouterr().err == "the webhook at 127.0.0.1 was not told: BadStatusLine\n"


def test_an_answer_that_comes_byte_by_byte_is_not_waited_for(monkeypatch, capsys):
    with answering_bytes([b"HTTP/1.1 200 OK\r\nX: ", *[b"y"] * 99], seconds_between=0.1) as url:
        monkeypatch.setenv(WEBHOOK_VARIABLE, url)
        began = time.monotonic()
        assert not tell(BAD_NIGHT)
    assert time.monotonic() - began < 3.0  # three times 0.3 s, where the answer takes ten
    assert "timed out" in capsys.readouterr().err
