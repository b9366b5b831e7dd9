"""The log over real HTTP: what a server writes, and which ids it never does."""

import json
import os
import re
import time
from urllib.parse import quote

import pytest

from serving.customer_mask import HASH, customer_mask

FAILING = """
import asyncio
from serving.__main__ import serve
from serving.app import create_app

app = create_app()

async def fail(customer_id):
    try:
        raise KeyError(customer_id)
    except KeyError as error:
        raise ValueError(f"nothing of {customer_id}") from error

@app.get("/broken/{customer_id:any_text}")
async def broken(customer_id: str):
    await fail(customer_id)

@app.get("/forgotten/{customer_id:any_text}")
async def forgotten(customer_id: str):
    asyncio.create_task(fail(customer_id))

serve(app)
"""
SMALL_QUEUE = """
import serving.logs.background_lines
from serving.__main__ import main

serving.logs.background_lines.MAX_WAITING = 50
main()
"""
KNOWN = "customer-7"
STRANGERS = ["secret", "secret/é", "secret\n\r\u2028", 'secret"\\', "secret 😀", "%secret%", "secret" * 21]


def lines_of(log) -> list[dict]:
    return [json.loads(line) for line in log.read_text().splitlines()]


def ask_everything(http) -> dict[str, tuple[str, int]]:
    """Ask for known and unknown customers in each way that fails or does not; returns URL and status by request id."""
    asked = {}
    for customer_id in (KNOWN, *STRANGERS):
        path = quote(customer_id, safe="")
        for method, url, body in [
            ("GET", f"/recommendations/{path}", None),
            ("GET", f"/recommendations/{path}?k=0&customer={path}", None),
            ("GET", f"/recommendations/{path * 20}", None),
            ("POST", "/recommendations", {"customer_ids": [customer_id, "secret-b"]}),
            ("POST", "/recommendations", {"customer_ids": [customer_id, 7]}),
            ("GET", f"/nothing/{path}", None),
            ("PUT", f"/recommendations/{path}", None),
            ("PUT", f"/admin/rules/articles/{path}", None),
            ("GET", f"/broken/{path}", None),
            ("GET", f"/forgotten/{path}", None),
        ]:
            response = http.request(method, url, json=body, headers={"Referer": f"http://shop/{path}"})
            asked[response.headers["x-request-id"]] = (url, response.status_code)
    return asked


@pytest.mark.parametrize(("how", "n_names"), [("hash", 1), ("clear", 1), ("none", 0)])
def test_ids_are_in_the_log_as_the_setting_says_and_never_else(published_redis, start_api, tmp_path, how, n_names):
    log = tmp_path / "log"
    with start_api(published_redis, log, FAILING, LOG_CUSTOMER_IDS=how, LOG_LEVEL="debug") as http:
        asked = ask_everything(http)
    lines = lines_of(log)
    has_texts = [text in log.read_text() for text in (KNOWN, "secret", "ValueError", "KeyError")]
    assert has_texts == [how == "clear", how == "clear", True, True]
    seen = {line["request_id"]: line for line in lines if "status" in line}
    assert {each: seen[each]["status"] for each in asked} == {each: status for each, (_, status) in asked.items()}
    names = {seen[each].get("customer") for each, (url, _) in asked.items() if f"/{KNOWN}?" in url}
    assert len(names - {None}) == n_names
    failed = {line["request_id"] for line in lines if line.get("message", "").startswith("GET /broken/{customer_id")}
    assert failed == {each for each, (url, _) in asked.items() if url.startswith("/broken")}


def test_a_line_has_what_a_shop_asks_for(published_redis, start_api, tmp_path):
    log, key = tmp_path / "log", {"X-API-Key": "a-secret", "X-Request-ID": "cart-7"}
    with start_api(published_redis, log, API_KEYS="shop:a-secret") as http:
        version = http.get(f"/recommendations/{KNOWN}", headers=key).json()["version"]
        http.post("/recommendations", json={"customer_ids": [KNOWN, "nobody"]}, headers=key)
        http.get(f"/recommendations/{KNOWN}")
        http.get("/health/live")
    single, batch, refused, health = [line for line in lines_of(log) if "status" in line][-4:]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", single.pop("time"))
    assert 0 < single.pop("ms") < 10_000
    assert single == {
        "request_id": "cart-7",
        "level": "info",
        "method": "GET",
        "route": "/recommendations/{customer_id:any_text}",
        "status": 200,
        "caller": "shop",
        "customer": single["customer"],
        "lists": 1,
        "source": "personal",
        "version": version,
    }
    assert (batch["lists"], batch["version"], batch["caller"]) == (2, version, "shop")
    assert {"customer", "source"}.isdisjoint(batch)
    assert (refused["status"], refused["customer"], "caller" in refused) == (401, single["customer"], False)
    assert (health["route"], health["status"]) == ("/health/live", 200)


def test_the_hash_is_the_same_everywhere_and_another_with_another_key():
    assert customer_mask(HASH)(KNOWN) == "b8517307874da909"
    assert customer_mask(HASH, "a-key")(KNOWN) == "bb1fa7d1d8382232"
    assert customer_mask(HASH)("\ud800") != customer_mask(HASH)("\ud801")


@pytest.mark.parametrize("settings", [{"LOG_REQUESTS": "off"}, {"LOG_LEVEL": "error"}])
def test_requests_that_are_not_wanted_are_not_logged_and_failures_are(published_redis, start_api, tmp_path, settings):
    log = tmp_path / "log"
    with start_api(published_redis, log, FAILING, **settings) as http:
        http.get(f"/recommendations/{KNOWN}")
        request_id = http.get(f"/broken/{KNOWN}").headers["x-request-id"]
    assert [line for line in lines_of(log) if line.get("status", 500) < 500] == []
    assert request_id in {line["request_id"] for line in lines_of(log) if "error" in line}


def test_a_log_that_nobody_reads_delays_nobody_and_what_is_lost_is_counted(published_redis, start_api, tmp_path):
    log = tmp_path / "log"
    os.mkfifo(log)
    reader = os.open(log, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with start_api(published_redis, log, SMALL_QUEUE) as http:
            statuses = [http.get(f"/recommendations/{KNOWN}").status_code for _ in range(450)]
            lost = re.search(r'lines_dropped_total\{kind="log"\} (\S+)', http.get("/metrics").text)
            assert set(statuses) == {200}
            assert float(lost[1]) > 50
            os.read(reader, 2**20)
            time.sleep(0.3)
            http.get("/health/live", headers={"X-Request-ID": "read-again"})
            time.sleep(0.3)
            assert b"read-again" in os.read(reader, 2**20)
            for _ in range(300):
                http.get(f"/recommendations/{KNOWN}")
            ended = time.monotonic()
        assert time.monotonic() - ended < 6
    finally:
        os.close(reader)
