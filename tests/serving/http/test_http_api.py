"""The API over real HTTP: `python -m serving` in its own process, over a real Redis."""

import os
import signal
import time
from datetime import datetime

import httpx
import pytest

from serving.http.responses import BatchResponse, RecommendationsResponse

PROBLEM = "application/problem+json"


def article_ids(response) -> list[str]:
    return [item["article_id"] for item in response.json()["items"]]


def test_a_known_customer_gets_the_personal_list(published_api, planted_articles):
    response = published_api.get("/recommendations/customer-7")
    assert response.status_code == 200
    assert article_ids(response) == planted_articles(1, 7)
    body = response.json()
    assert [item["score"] for item in body["items"]] == [12.0 - place for place in range(12)]
    assert (body["customer_id"], body["source"], body["fallback_reason"]) == ("customer-7", "personal", None)
    assert body["model"] == "model-1"
    assert datetime.fromisoformat(body["generated_at"]).utcoffset().total_seconds() == 0
    assert (body["degraded"], body["stale"]) == (False, False)
    assert 0 <= body["age_seconds"] < 600


def test_a_cold_customer_gets_the_segment_list(published_api, planted_articles):
    response = published_api.get("/recommendations/customer-99")
    assert article_ids(response) == planted_articles(1, 99)
    assert (response.json()["source"], response.json()["fallback_reason"]) == ("segment", "no_history")


def test_an_unknown_customer_gets_the_overall_list_with_status_200(published_api, planted_articles):
    response = published_api.get("/recommendations/nobody")
    assert response.status_code == 200
    assert article_ids(response) == planted_articles(1, 9_999)
    assert (response.json()["source"], response.json()["fallback_reason"]) == ("popular", "unknown_customer")


@pytest.mark.parametrize("k", [1, 5, 12, 255])
def test_k_cuts_the_list(published_api, planted_articles, k):
    response = published_api.get("/recommendations/customer-7", params={"k": k})
    assert article_ids(response) == planted_articles(1, 7)[:k]


@pytest.mark.parametrize("k", [-1, 0, 256, "ten", ""])
def test_k_out_of_range_is_a_problem(published_api, k):
    response = published_api.get("/recommendations/customer-7", params={"k": k})
    assert (response.status_code, response.headers["content-type"]) == (422, PROBLEM)
    assert response.json()["status"] == 422
    assert "k" in response.json()["detail"]


@pytest.mark.parametrize(
    "customer_id",
    ["a%2Fb", "%00", "%F0%9F%98%80", "%FF", "..%2F..", "a%20b", "%3Fk=1", "a%0Ab", "%0A", "%C2%85%0D%0A", "x" * 128],
)
def test_an_id_with_odd_characters_is_an_unknown_customer(published_api, customer_id):
    response = published_api.get(f"/recommendations/{customer_id}")
    assert (response.status_code, response.json()["source"]) == (200, "popular")


@pytest.mark.parametrize("customer_id", ["", "x" * 129])
def test_an_id_that_is_empty_or_too_long_is_a_problem(published_api, customer_id):
    response = published_api.get(f"/recommendations/{customer_id}")
    assert (response.status_code, response.headers["content-type"]) == (422, PROBLEM)


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nothing", 404), ("POST", "/health/live", 405)])
def test_a_route_that_does_not_exist_is_a_problem(published_api, method, path, status):
    response = published_api.request(method, path)
    assert (response.status_code, response.headers["content-type"]) == (status, PROBLEM)
    assert response.json()["detail"] == f"{method} {path}"


def test_openapi_describes_answers_and_problems(published_api):
    paths = published_api.get("/openapi.json").json()["paths"]
    assert {path for path in paths if not path.startswith("/admin/")} == {
        "/recommendations/{customer_id}",
        "/recommendations",
        "/similar/{article_id}",
        "/popular",
        "/departments",
        "/explain/{customer_id}",
        "/health/live",
        "/health/ready",
        "/metrics",
    }
    lookup = paths["/recommendations/{customer_id}"]["get"]
    assert set(lookup["responses"]) == {"200", "401", "422", "429", "503"}
    assert set(lookup["responses"]["503"]["content"]) == {PROBLEM}
    assert set(lookup["responses"]["422"]["content"]) == {PROBLEM}
    assert all(parameter["description"] for parameter in lookup["parameters"])


def test_health_follows_publishing_and_a_killed_redis(
    redis_server, client, start_api, publish_planted, planted_articles
):
    with start_api(redis_server.directory) as http:
        assert http.get("/health/live").status_code == 200
        for path in ("/health/ready", "/recommendations/customer-0"):
            assert_problem(http.get(path), "nothing-published", "no lists are published for demo")

        version = publish_planted(client, 1)
        ready = http.get("/health/ready")
        assert ready.status_code == 200
        assert (ready.json()["version"], ready.json()["customers"], ready.json()["k"]) == (version, 100, 12)
        assert article_ids(http.get("/recommendations/customer-0")) == planted_articles(1, 0)

        time.sleep(1.2)  # appendfsync everysec
        os.kill(redis_server.process_id(), signal.SIGKILL)
        assert http.get("/health/live").status_code == 200
        away = http.get("/recommendations/customer-0")
        assert (away.status_code, article_ids(away)) == (200, planted_articles(1, 9_999))
        assert (away.json()["degraded"], away.json()["fallback_reason"]) == (True, "redis_away")
        assert (http.get("/health/ready").json()["status"], http.get("/health/ready").json()["reason"]) == (
            "degraded",
            "redis_away",
        )

        redis_server.ensure_running()
        back = wait_until(http, lambda found: not found["degraded"])
        assert article_ids(back) == planted_articles(1, 0)
        assert http.get("/health/ready").json()["status"] == "ready"


def test_an_api_that_starts_without_redis_says_so_until_it_comes(redis_server, client, start_api, publish_planted):
    publish_planted(client, 1)
    port = redis_server.url
    redis_server.stop()
    with start_api(redis_server.directory, REDIS_URL=port) as http:
        for path in ("/health/ready", "/recommendations/customer-0"):
            assert_problem(http.get(path), "redis-away", "Redis cannot be used at the moment")
            assert str(redis_server.directory) not in http.get(path).text  # the log says where Redis is
        assert http.get("/recommendations/customer-0").headers["retry-after"] == "1"
        redis_server.ensure_running()
        wait_until(http, lambda found: found.get("source") == "personal")


def wait_until(http, holds):
    """Ask for a customer's list until something holds of it."""
    for _ in range(100):
        response = http.get("/recommendations/customer-0")
        if holds(response.json()):
            return response
        time.sleep(0.05)
    raise AssertionError(f"five seconds later still {response.json()}")


def test_many_customers_are_answered_at_once(published_api, planted_articles):
    ids = [f"customer-{row}" for row in range(99)] + ["nobody"] * 901
    response = published_api.post("/recommendations", json={"customer_ids": ids, "k": 3})
    found = response.json()["recommendations"]
    assert [each["customer_id"] for each in found] == ids
    for row in (0, 50, 98):
        assert [item["article_id"] for item in found[row]["items"]] == planted_articles(1, row)[:3]
    assert found[-1]["fallback_reason"] == "unknown_customer"
    assert len({each["version"] for each in found}) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"customer_ids": []}',
        b'{"customer_ids": ["a"], "k": 0}',
        b'{"customer_ids": [""]}',
        b'{"customer_ids": [1.5]}',
        b'{"customer_ids": ["\\ud800"]}',
        b'{"customer_ids": [' + b",".join([b'"a"'] * 1_001) + b"]}",
        b'{"customer_ids": ["' + b"x" * 129 + b'"]}',
    ],
)
def test_a_batch_that_is_not_valid_is_a_problem(published_api, body):
    response = published_api.post("/recommendations", content=body, headers={"Content-Type": "application/json"})
    assert (response.status_code, response.headers["content-type"]) == (422, PROBLEM)


def test_a_batch_that_is_no_text_is_a_problem(published_api):
    headers = {"Content-Type": "application/json"}
    response = published_api.post("/recommendations", content=b'{"customer_ids": ["\xff"]}', headers=headers)
    assert (response.status_code, response.headers["content-type"]) == (400, PROBLEM)
    assert response.json()["type"] == "urn:recommendations:invalid-request"


@pytest.mark.parametrize("is_declared", [True, False])
def test_a_body_of_ten_mebibytes_is_refused(published_api, is_declared):
    body = b'{"customer_ids": ["' + b"x" * 10 * 2**20 + b'"]}'
    content = body if is_declared else iter([body[start : start + 65_536] for start in range(0, len(body), 65_536)])
    with httpx.Client(base_url=published_api.base_url) as http:  # over a connection of its own: this one is hung up
        try:
            response = http.post("/recommendations", content=content)
        except httpx.WriteError:  # while we were still sending, as it may
            return
    assert (response.status_code, response.headers["content-type"]) == (413, PROBLEM)


def test_every_body_is_what_openapi_says(published_api):
    for customer_id in ("customer-0", "customer-99", "nobody", "é\u2028"):
        found = published_api.get(f"/recommendations/{customer_id}").json()
        assert RecommendationsResponse.model_validate(found, strict=False).model_dump(mode="json") == found
    found = published_api.post("/recommendations", json={"customer_ids": ["customer-0", "é"]}).json()
    assert BatchResponse.model_validate(found).model_dump(mode="json") == found


def test_old_lists_are_marked(redis_server, client, start_api, publish_planted):
    publish_planted(client, 1)
    with start_api(redis_server.directory, STALE_AFTER_HOURS="0.0001") as http:
        time.sleep(1.4)
        assert http.get("/recommendations/customer-0").json()["stale"] is True
        ready = http.get("/health/ready")
        assert (ready.status_code, ready.json()["status"], ready.json()["reason"]) == (200, "degraded", "stale")


def assert_problem(response, kind: str, detail: str) -> None:
    """A 503 with a problem body that names its cause."""
    assert (response.status_code, response.headers["content-type"]) == (503, PROBLEM)
    assert response.json()["type"] == f"urn:recommendations:{kind}"
    assert detail in response.json()["detail"]


def test_a_paused_redis_delays_an_answer_by_the_timeout_only(redis_server, client, start_api, publish_planted):
    publish_planted(client, 1)
    with start_api(redis_server.directory, REDIS_TIMEOUT_SECONDS="0.2") as http:
        assert http.get("/recommendations/customer-0").status_code == 200
        os.kill(redis_server.process_id(), signal.SIGSTOP)
        started = time.monotonic()
        first = http.get("/recommendations/customer-0")
        waited_seconds = time.monotonic() - started
        started = time.monotonic()
        others = [http.get("/recommendations/customer-0") for _ in range(20)]
        waited_by_others = time.monotonic() - started
        os.kill(redis_server.process_id(), signal.SIGCONT)
        assert waited_seconds < 5 * 0.2  # two attempts, each with a connect and a read at most
        assert waited_by_others < 0.5 * 20 * 0.2  # nobody else waits for it
        assert {each.json()["fallback_reason"] for each in (first, *others)} == {"redis_away"}
        wait_until(http, lambda found: not found["degraded"])


def test_the_dataset_setting_selects_the_lists(redis_server, client, start_api, publish_planted):
    publish_planted(client, 1)
    with start_api(redis_server.directory, DATASET="online-retail") as http:
        assert_problem(http.get("/health/ready"), "nothing-published", "online-retail")
