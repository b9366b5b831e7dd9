"""The API on Lambda: AWS's own runtime client, events as AWS documents them, and a real Redis."""

import base64
import copy
import json
import os
import signal
import time
from collections.abc import Iterator
from urllib.parse import quote, unquote

import pytest
import redis
from lambda_service import LambdaService, lambda_container

from serving.commands import rules

KEY = "of-the-shop"
KEYS = f"shop:{KEY}"

# https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads
FUNCTION_URL_EVENT = {
    "version": "2.0",
    "routeKey": "$default",
    "rawPath": "/",
    "rawQueryString": "",
    "cookies": ["cookie1", "cookie2"],
    "headers": {"host": "abc.lambda-url.us-west-2.on.aws", "x-forwarded-proto": "https", "x-forwarded-port": "443"},
    "requestContext": {
        "accountId": "anonymous",
        "apiId": "abc",
        "authentication": None,
        "domainName": "abc.lambda-url.us-west-2.on.aws",
        "domainPrefix": "abc",
        "http": {
            "method": "GET",
            "path": "/",
            "protocol": "HTTP/1.1",
            "sourceIp": "123.123.123.123",
            "userAgent": "agent",
        },
        "requestId": "id",
        "routeKey": "$default",
        "stage": "$default",
        "time": "12/Mar/2020:19:03:58 +0000",
        "timeEpoch": 1583348638390,
    },
    "isBase64Encoded": False,
}


def function_url(path: str, query: str = "", key: str = KEY) -> dict:
    """The event of GET `path`, percent-encoded, at a Function URL."""
    event = copy.deepcopy(FUNCTION_URL_EVENT)
    event["rawPath"] = event["requestContext"]["http"]["path"] = path
    event["rawQueryString"] = query
    event["headers"]["x-api-key"] = key
    return event


def http_api(path: str, query: str = "") -> dict:
    """The event of the same GET at an API Gateway HTTP API, which decodes the path."""
    event = function_url(unquote(path), query)
    event["requestContext"]["domainName"] = event["headers"]["host"] = "abc.execute-api.us-west-2.amazonaws.com"
    return event


def posted(event: dict, body: str, is_base64: bool) -> dict:
    """The event of a POST with a body."""
    event["requestContext"]["http"]["method"] = "POST"
    event["headers"]["content-type"] = "application/json"
    return event | {"body": body, "isBase64Encoded": is_base64}


def list_of(answer: dict) -> dict:
    assert answer["statusCode"] == 200, answer
    return json.loads(answer["body"])


def article_ids(answer: dict) -> list[str]:
    return [item["article_id"] for item in list_of(answer)["items"]]


@pytest.fixture
def container(redis_server) -> Iterator[LambdaService]:
    """A container over the empty Redis."""
    with lambda_container(REDIS_URL=redis_server.url, API_KEYS=KEYS) as (service, _):
        yield service


@pytest.fixture(scope="module")
def shop(start_redis, publish_planted, tmp_path_factory) -> Iterator[tuple[LambdaService, redis.Redis]]:
    """A container over planted version 1 and the Redis below it, shared by tests that change neither."""
    with start_redis(tmp_path_factory.mktemp("shop") / "redis") as server, redis.Redis.from_url(server.url) as client:
        publish_planted(client, 1)
        with lambda_container(REDIS_URL=server.url, API_KEYS=KEYS) as (service, _):
            yield service, client


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"API_KEYS": KEYS}, "REDIS_URL is not set: Lambda keeps no Redis of its own"),
        ({"REDIS_URL": "redis://localhost"}, "API_KEYS is not set: the function's URL is public"),
    ],
)
def test_a_container_without_what_it_needs_says_so_when_it_starts(environment, message):
    with lambda_container(**environment) as (service, container):
        assert message in service.outcome("error")["errorMessage"]
        assert container.wait(timeout=10) != 0


def test_lists_are_served_by_both_kinds_of_gateway_over_one_connection(shop, planted_articles):
    container, client = shop
    for event_of in (function_url, http_api):
        for row in range(10):
            answer = container.invoke(event_of(f"/recommendations/customer-{row}", "k=3"))
            assert article_ids(answer) == planted_articles(1, row)[:3]
            assert answer["headers"]["content-type"] == "application/json"
            assert not answer["isBase64Encoded"]
    before = client.info("stats")["total_connections_received"]
    for _ in range(20):
        list_of(container.invoke(function_url("/recommendations/customer-1")))
    assert client.info("stats")["total_connections_received"] == before


def test_a_rule_holds_for_the_first_event_after_a_freeze(redis_server, client, publish_planted, planted_articles):
    publish_planted(client, 1)
    first, *others = planted_articles(1, 0)
    asked = function_url("/recommendations/customer-0")
    with lambda_container(REDIS_URL=redis_server.url, API_KEYS=KEYS) as (service, process):
        assert article_ids(service.invoke(asked)) == [first, *others]
        process.send_signal(signal.SIGSTOP)
        rules.main(["deny", first])
        time.sleep(1.1)
        process.send_signal(signal.SIGCONT)
        assert article_ids(service.invoke(asked)) == others


def test_a_version_published_between_two_events_is_served(client, publish_planted, planted_articles, container):
    for version in (1, 2):
        publish_planted(client, version)
        answer = container.invoke(function_url("/recommendations/customer-3"))
        assert article_ids(answer) == planted_articles(version, 3)


def test_connections_that_were_cut_during_a_freeze_are_made_again(shop, planted_articles):
    container, client = shop
    for row in range(3):
        answer = container.invoke(function_url(f"/recommendations/customer-{row}"))
        assert article_ids(answer) == planted_articles(1, row)
        client.client_kill_filter(_type="normal", skipme=True)
        time.sleep(0.4 * row)


def test_redis_killed_and_restarted_between_events(redis_server, client, publish_planted, planted_articles, container):
    publish_planted(client, 1)
    time.sleep(1.2)  # appendfsync everysec
    asked = function_url("/recommendations/customer-0")
    assert article_ids(container.invoke(asked)) == planted_articles(1, 0)
    os.kill(redis_server.process_id(), signal.SIGKILL)
    away = list_of(container.invoke(asked))
    assert (away["degraded"], away["fallback_reason"]) == (True, "redis_away")
    redis_server.ensure_running()
    time.sleep(1.1)
    assert article_ids(container.invoke(asked)) == planted_articles(1, 0)  # the first event, although nothing pinged


def test_without_lists_it_says_so_until_there_are_some(client, publish_planted, container):
    answer = container.invoke(function_url("/recommendations/customer-0"))
    assert (answer["statusCode"], answer["headers"]["content-type"]) == (503, "application/problem+json")
    assert json.loads(answer["body"])["type"] == "urn:recommendations:nothing-published"
    publish_planted(client, 1)
    assert list_of(container.invoke(function_url("/recommendations/customer-0")))["source"] == "personal"


@pytest.mark.parametrize("is_base64", [True, False])
def test_many_customers_are_asked_for_in_a_body(shop, is_base64):
    container, _ = shop
    ids = ["customer-1", "Ünïcode 😀", "a?b"]
    body = json.dumps({"customer_ids": ids}, ensure_ascii=False)
    encoded = base64.b64encode(body.encode()).decode() if is_base64 else body
    answer = container.invoke(posted(function_url("/recommendations"), encoded, is_base64))
    assert [each["customer_id"] for each in list_of(answer)["recommendations"]] == ids


def test_a_body_that_is_no_text_is_a_problem(shop):
    container, _ = shop
    body = base64.b64encode(b'{"customer_ids": ["\xff"]}').decode()
    assert container.invoke(posted(function_url("/recommendations"), body, is_base64=True))["statusCode"] == 400


def test_ids_with_odd_characters_arrive_as_they_are(shop):
    container, _ = shop
    for customer_id in ("a/b", "50% off", "%2F", "a+b c", "\x00", "😀", "a\nb", "../..", "a#b", "a;b=c&d"):
        for event_of in (function_url, http_api):
            answer = container.invoke(event_of(f"/recommendations/{quote(customer_id, safe='')}"))
            assert list_of(answer)["customer_id"] == customer_id


@pytest.mark.parametrize("key", ["", "wrong"])
def test_an_unknown_key_is_refused(shop, key):
    container, _ = shop
    assert container.invoke(function_url("/recommendations/customer-0", key=key))["statusCode"] == 401


def test_an_event_that_is_no_http_request_is_refused_and_the_next_one_answered(shop):
    container, _ = shop
    container.events.put({"source": "aws.events", "detail-type": "Scheduled Event"})
    assert "payload format 2.0" in container.outcome("error")["errorMessage"]
    assert container.invoke(function_url("/health/live"))["statusCode"] == 200
