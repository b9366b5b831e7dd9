"""What Prometheus reads, asked over real HTTP, and the ids of requests."""

import re
import time

import pytest
from prometheus_client.parser import text_string_to_metric_families


def metrics_of(http, key: str = "") -> dict[tuple[str, tuple], float]:
    """Every sample by its name and labels."""
    text = http.get("/metrics", headers={"X-API-Key": key}).text
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def lists_served(samples, **labels) -> float:
    """How many lists were counted under some labels."""
    return sum(
        value
        for (name, own), value in samples.items()
        if name == "recommendations_lists_total" and labels.items() <= dict(own).items()
    )


def test_lists_are_counted_by_source_reason_and_caller(redis_server, client, start_api, publish_planted):
    publish_planted(client, 1)
    key = {"X-API-Key": "a-secret"}
    with start_api(redis_server.directory, API_KEYS="shop:a-secret") as http:
        http.get("/recommendations/customer-0", headers=key)
        http.post("/recommendations", json={"customer_ids": ["customer-1", "nobody", "customer-99"]}, headers=key)
        samples = metrics_of(http, "a-secret")
        assert lists_served(samples, source="personal", fallback_reason="", caller="shop") == 2
        assert lists_served(samples, source="popular", fallback_reason="unknown_customer", caller="shop") == 1
        assert lists_served(samples, source="segment", fallback_reason="no_history", caller="shop") == 1
        assert lists_served(samples) == 4


def test_requests_are_timed_by_route_and_never_by_what_was_typed(published_api):
    published_api.get("/recommendations/customer-3")
    published_api.get("/recommendations/customer-4", params={"k": 0})
    published_api.get("/no/such/path")
    published_api.request("BREW", "/recommendations/customer-3")
    counts = {
        (labels["method"], labels["route"], labels["status"]): value
        for (name, own), value in metrics_of(published_api).items()
        if name == "recommendations_request_seconds_count" and (labels := dict(own))
    }
    route = "/recommendations/{customer_id:any_text}"
    assert counts["GET", route, "200"] >= 1
    assert counts["GET", route, "422"] >= 1
    assert counts["GET", "none", "404"] >= 1
    assert not [labels for labels in counts if "customer-3" in str(labels) or "BREW" in labels]


def test_age_and_redis_are_told(redis_server, client, start_api, publish_planted):
    with start_api(redis_server.directory) as http:
        assert str(metrics_of(http)["recommendations_age_seconds", ()]) == "nan"
        publish_planted(client, 1)
        http.get("/recommendations/customer-0")
        samples = metrics_of(http)
        assert 0 <= samples["recommendations_age_seconds", ()] < 600
        assert samples["recommendations_redis_up", ()] == 1
        redis_server.stop()
        http.get("/recommendations/customer-0")
        assert metrics_of(http)["recommendations_redis_up", ()] == 0
        redis_server.ensure_running()
        for _ in range(100):
            if metrics_of(http)["recommendations_redis_up", ()] == 1:
                return
            time.sleep(0.05)
        raise AssertionError("Redis is back, and nobody tells")


def test_every_answer_has_an_id_the_callers_own_where_it_is_plain(published_api):
    for path in ("/recommendations/customer-0", "/health/live", "/no/such/path"):
        assert re.fullmatch("[0-9a-f]{16}", published_api.get(path).headers["x-request-id"])
    assert published_api.get("/health/live", headers={"X-Request-ID": "cart-7.2"}).headers["x-request-id"] == "cart-7.2"


@pytest.mark.parametrize("given", ["x" * 65, "a b", "a;b", ""])
def test_an_odd_id_is_replaced(published_api, given):
    assert published_api.get("/health/live", headers={"X-Request-ID": given}).headers["x-request-id"] != given
