"""The short way to a lookup and FastAPI's own answer alike."""

import json

import pytest
from waiting import wait_until

from serving.app import create_app
from serving.middlewares.plain_routes import PlainRoutes
from serving.settings import Settings

KEY = {"X-API-Key": "a-secret"}
# The API with every request answered by FastAPI.
WITHOUT_SHORT_WAY = """
from serving.__main__ import main
from serving.middlewares import plain_routes

plain_routes._is_plain = lambda context: False
main()
"""
PATHS = [
    "/recommendations/customer-0",
    "/recommendations/customer-0?k=3&exclude=purchased&department=Socks&other=1",
    "/recommendations/customer-0?k=0",
    "/recommendations/customer-0?k=3&k=4",
    "/recommendations/customer-0?exclude=all",
    "/recommendations/customer-99",
    "/recommendations/a%2Fb%0A%00%F0%9F%98%80",
    "/recommendations/%FF",
    "/recommendations/",
    f"/recommendations/{'x' * 129}",
    "/recommendations",
    "/similar/0001000001",
    "/similar/0000000001",
    "/similar/0001000001?k=ten",
    "/popular",
    "/popular?segment=young%2Fonline",
    "/popular?segment=",
    "/popular/",
    "/explain/customer-0?k=2",
    "/explain/nobody",
]


@pytest.fixture(scope="module")
def both_ways(published_redis, start_api, tmp_path_factory):
    """An API and the same without the short way, each with its log."""
    logs = [tmp_path_factory.mktemp("log") / name for name in ("short", "long")]
    keys = {"API_KEYS": "shop:a-secret"}
    with (
        start_api(published_redis, logs[0], **keys) as short,
        start_api(published_redis, logs[1], WITHOUT_SHORT_WAY, **keys) as long,
    ):
        yield (short, logs[0]), (long, logs[1])


def answer(http, method: str, path: str, headers: dict[str, str]) -> tuple:
    response = http.request(method, path, headers=headers)
    told = {name: value for name, value in response.headers.items() if name not in ("date", "x-request-id")}
    text = response.text
    if told["content-type"] == "application/json" and text:
        text = {name: value for name, value in response.json().items() if name != "age_seconds"}
    told.pop("content-length", None)
    return response.status_code, told, text


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_both_ways_give_one_answer(both_ways, method):
    (short, _), (long, _) = both_ways
    for path in PATHS:
        for headers in (KEY, {}, {"X-API-Key": "another-key"}):
            assert answer(short, method, path, headers) == answer(long, method, path, headers), path


def test_both_ways_write_one_log(both_ways):
    lines = []
    for http, log in both_ways:
        for place, path in enumerate(PATHS):
            http.get(path, headers=KEY | {"X-Request-ID": f"seen-{place}"})
        wait_until(lambda log=log: f"seen-{len(PATHS) - 1}" in log.read_text())
        lines.append([{**line, "time": "", "ms": 0} for line in seen_requests(log)])
    assert lines[0] == lines[1]
    assert len(lines[0]) == len(PATHS)


def seen_requests(log) -> list[dict]:
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    return [line for line in lines if "method" in line and line["request_id"].startswith("seen-")]


def test_every_lookup_takes_the_short_way():
    app = create_app(Settings())
    routes = PlainRoutes(app, app.router, {})._routes
    assert [each.context.path for each in routes if each.is_plain] == [
        "/recommendations/{customer_id:any_text}",
        "/similar/{article_id:any_text}",
        "/departments",
        "/popular",
        "/explain/{customer_id:any_text}",
        "/metrics",
    ]
