"""The API on Lambda: AWS's own runtime client, events as AWS documents them, and a real Redis."""

import base64
import copy
import gzip
import json
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import quote, unquote

import pytest
import redis
from lambda_service import LambdaService, lambda_container

from recommender.release.publish import PublishedRun, publish
from serving.cache.article_facts import ArticleFacts
from serving.cache.article_numbers import article_id_of
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


def test_a_large_catalogue_is_known_although_no_answer_waits_until_it_is_decoded(redis_server, client, planted):
    """A new version on a warm container, then the same on one that starts; its facts take half a second to decode."""

    def publish_articles_of(department: str) -> str:
        facts = {article_id_of(n): ArticleFacts(f"Product {n}", f"code-{n}", department) for n in range(1, 100_001)}
        run = PublishedRun("demo", run_id=department, model="model", windows={})
        return publish(client, replace(planted(1), articles=facts), run, lambda *_: None).version

    def departments() -> list[tuple[str, str]]:
        answer = list_of(service.invoke(function_url("/departments")))
        return [(each["name"], answer["version"]) for each in answer["departments"]]

    hats = "Hats", publish_articles_of("Hats")
    with lambda_container(REDIS_URL=redis_server.url, API_KEYS=KEYS, REDIS_TIMEOUT_SECONDS="0.1") as (service, _):
        assert departments() == [hats]
        shoes = "Shoes", publish_articles_of("Shoes")
        started, answers = time.monotonic(), []
        while shoes not in answers and time.monotonic() < started + 60:
            time.sleep(1.05)
            answers += departments()
    assert {*answers[:-1]} <= {hats}
    assert answers[-1] == shoes


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


# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html
LOAD_BALANCER_EVENT = {
    "requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:us-east-2:1:targetgroup/l/6d0ecf8"}},
    "httpMethod": "GET",
    "path": "/health/live",
    "queryStringParameters": {"k": "1"},
    "headers": {"host": "lambda-846800462.us-east-2.elb.amazonaws.com"},
    "body": "",
    "isBase64Encoded": False,
}
# https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
FORMAT_1_EVENT = {
    "version": "1.0",
    "resource": "/health/live",
    "path": "/health/live",
    "httpMethod": "GET",
    "headers": {"host": "id.execute-api.us-east-1.amazonaws.com"},
    "requestContext": {"identity": {"sourceIp": "192.0.2.1"}, "domainName": "id.execute-api.us-east-1.amazonaws.com"},
    "body": None,
    "isBase64Encoded": False,
}
QUEUE_EVENT = {"Records": [{"messageId": "19dd0b57", "body": "Test message.", "eventSource": "aws:sqs"}]}


@pytest.mark.parametrize("event", [{}, [], "ping", None, 7, LOAD_BALANCER_EVENT, FORMAT_1_EVENT, QUEUE_EVENT])
def test_an_event_that_is_no_http_request_is_answered_400_and_the_next_one_as_ever(shop, event):
    container, _ = shop
    answer = container.invoke(event)
    assert (answer["statusCode"], answer["headers"]["content-type"]) == (400, "application/problem+json")
    assert "payload format 2.0" in json.loads(answer["body"])["detail"]
    assert container.invoke(function_url("/health/live"))["statusCode"] == 200


def without(event: dict, *path: str) -> dict:
    """The event without one of its parts."""
    event = copy.deepcopy(event)
    *folders, last = path
    part = event
    for each in folders:
        part = part[each]
    del part[last]
    return event


@pytest.mark.parametrize(
    "missing", [("requestContext", "http"), ("requestContext", "http", "method"), ("requestContext", "http", "path")]
)
def test_an_event_without_its_request_is_told_what_is_missing(shop, missing):
    container, _ = shop
    answer = container.invoke(without(FUNCTION_URL_EVENT, *missing))
    assert (answer["statusCode"], missing[-1] in json.loads(answer["body"])["detail"]) == (400, True)


@pytest.mark.parametrize(
    "missing",
    [
        ("requestContext", "domainName"),
        ("requestContext", "http", "sourceIp"),
        ("rawQueryString",),
        ("cookies",),
        ("isBase64Encoded",),
    ],
)
def test_an_event_that_lacks_what_nothing_needs_is_answered(shop, missing):
    container, _ = shop
    assert list_of(container.invoke(without(function_url("/recommendations/customer-0"), *missing)))["items"]


def test_without_headers_there_is_no_key(shop):
    container, _ = shop
    assert container.invoke(without(function_url("/popular"), "headers"))["statusCode"] == 401


@pytest.mark.parametrize(("name", "value"), [("host", "[::1]:80"), ("host", "a:b"), ("x-forwarded-port", "https")])
def test_a_host_or_port_that_a_client_makes_up_breaks_nothing(shop, name, value):
    container, _ = shop
    event = function_url("/recommendations/customer-0")
    event["headers"][name] = value
    assert list_of(container.invoke(event))["items"]


def test_a_body_that_is_no_base64_is_refused(shop):
    container, _ = shop
    answer = container.invoke(posted(function_url("/recommendations"), "é{", is_base64=True))
    assert answer["statusCode"] == 400


@pytest.mark.parametrize("source", ["aws.events", "aws.scheduler"])
def test_a_scheduled_event_keeps_the_container_warm(client, publish_planted, container, planted_articles, source):
    publish_planted(client, 1)
    scheduled = {"source": source, "detail-type": "Scheduled Event", "detail": {}, "resources": []}
    assert container.invoke(scheduled)["statusCode"] == 200
    answer = container.invoke(function_url("/recommendations/customer-0"))
    assert article_ids(answer) == planted_articles(1, 0)


def test_a_compressed_answer_is_passed_on_as_base64(shop):
    container, _ = shop
    event = function_url("/openapi.json")
    event["headers"]["accept-encoding"] = "gzip"
    answer = container.invoke(event)
    assert (answer["headers"]["content-encoding"], answer["isBase64Encoded"]) == ("gzip", True)
    assert json.loads(gzip.decompress(base64.b64decode(answer["body"])))["openapi"].startswith("3.")


def test_the_log_names_no_customer(redis_server, client, publish_planted, tmp_path):
    """Neither does Mangum's, which has each path."""
    publish_planted(client, 1)
    log = tmp_path / "log"
    quiet = {"LOG_REQUESTS": "off", "LOG_CUSTOMER_IDS": "none", "LOG_LEVEL": "debug"}
    with lambda_container(log=log, REDIS_URL=redis_server.url, API_KEYS=KEYS, **quiet) as (service, _):
        list_of(service.invoke(function_url("/recommendations/customer-50")))
        assert service.invoke({"Records": [{"body": "customer-50"}]})["statusCode"] == 400
    assert "no HTTP request" in log.read_text()
    assert "customer-50" not in log.read_text()
