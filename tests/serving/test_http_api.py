"""The API over real HTTP: `python -m serving` in its own process, over a real Redis."""

import os
import signal
import time
from datetime import datetime

import pytest

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


def test_a_cold_customer_gets_the_segment_list(published_api, planted_articles):
    response = published_api.get("/recommendations/customer-99")
    assert article_ids(response) == planted_articles(1, 99)
    assert (response.json()["source"], response.json()["fallback_reason"]) == ("segment", "no_history")


def test_an_unknown_customer_gets_the_overall_list_with_status_200(published_api, planted_articles):
    response = published_api.get("/recommendations/nobody")
    assert response.status_code == 200
    assert article_ids(response) == planted_articles(1, 9_999)
    assert (response.json()["source"], response.json()["fallback_reason"]) == ("popular", "unknown_customer")


@pytest.mark.parametrize("k", [1, 5, 12])
def test_k_cuts_the_list(published_api, planted_articles, k):
    response = published_api.get("/recommendations/customer-7", params={"k": k})
    assert article_ids(response) == planted_articles(1, 7)[:k]


@pytest.mark.parametrize("k", [-1, 0, 13, 256, "ten", ""])
def test_k_out_of_range_is_a_problem(published_api, k):
    response = published_api.get("/recommendations/customer-7", params={"k": k})
    assert (response.status_code, response.headers["content-type"]) == (422, PROBLEM)
    assert response.json()["status"] == 422
    assert "k" in response.json()["detail"]


@pytest.mark.parametrize(
    "customer_id", ["a%2Fb", "%00", "%F0%9F%98%80", "%FF", "..%2F..", "a%20b", "%3Fk=1", "x" * 128]
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
    assert set(paths) == {"/recommendations/{customer_id}", "/health/live", "/health/ready"}
    lookup = paths["/recommendations/{customer_id}"]["get"]
    assert set(lookup["responses"]) == {"200", "422", "503"}
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
        for path in ("/health/ready", "/recommendations/customer-0"):
            assert_problem(http.get(path), "redis-away", "Redis does not answer")

        redis_server.ensure_running()
        assert http.get("/health/ready").status_code == 200
        assert article_ids(http.get("/recommendations/customer-0")) == planted_articles(1, 0)


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
        response = http.get("/recommendations/customer-0")
        waited_seconds = time.monotonic() - started
        os.kill(redis_server.process_id(), signal.SIGCONT)
        assert response.status_code == 503
        assert waited_seconds < 5 * 0.2  # two attempts, each with a connect and a read at most
        assert http.get("/recommendations/customer-0").status_code == 200


def test_the_dataset_setting_selects_the_lists(redis_server, client, start_api, publish_planted):
    publish_planted(client, 1)
    with start_api(redis_server.directory, DATASET="online-retail") as http:
        assert_problem(http.get("/health/ready"), "nothing-published", "online-retail")
