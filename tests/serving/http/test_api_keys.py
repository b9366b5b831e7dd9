"""Where callers have keys, every route but a few wants one, before anything else of the request is looked at."""

import base64
import re
import socket

import pytest
from fastapi.routing import iter_route_contexts

from serving.app import create_app
from serving.settings import Settings

KEYS = {"API_KEYS": "shop:of-the-shop,prometheus:of-the-metrics", "ADMIN_API_KEY": "of-the-boss"}
OPEN = {"/health/live", "/health/ready", "/page/style.css", "/page/icon.svg"}
ROUTES = sorted(
    {
        (method, re.sub(r"\{[^}]*\}", "0001000001", each.path))
        for each in iter_route_contexts(create_app(Settings()).routes)
        for method in each.methods
    }
)
MALFORMED = [b"{", b"\xff", b"[" * 100_000, b'{"customer_ids": 7}', b"x" * 2**21]


@pytest.fixture(scope="module")
def keyed(published_redis, start_api):
    """An API with keys."""
    with start_api(published_redis, **KEYS) as http:
        yield http


@pytest.mark.parametrize(("method", "path"), [each for each in ROUTES if each[1] not in OPEN])
def test_without_a_key_each_route_says_so_whatever_the_body(keyed, method, path):
    for headers in ({}, {"X-API-Key": "wrong-key"}, {"Authorization": "Bearer wrong-key"}, {"X-API-Key": "é".encode()}):
        response = keyed.request(method, path, headers=headers)
        assert (response.status_code, "www-authenticate" in response.headers) == (401, True)
    if method not in ("GET", "HEAD"):
        for body in MALFORMED:
            content_type = {"Content-Type": "application/json"}
            assert keyed.request(method, path, content=body, headers=content_type).status_code == 401


def test_the_key_is_looked_at_before_a_byte_of_the_body_arrives(keyed):
    head = (
        b"POST /recommendations HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n"
    )
    with socket.create_connection((keyed.base_url.host, keyed.base_url.port), timeout=10) as connection:
        connection.sendall(head)
        assert connection.recv(100).startswith(b"HTTP/1.1 401 ")


def test_a_body_is_not_asked_for_before_the_key_is_known(keyed):
    head = (
        b"POST /recommendations HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
        b"Content-Type: application/json\r\nContent-Length: 100\r\n"
    )
    for key, answer in [(b"", b"HTTP/1.1 401 "), (b"X-API-Key: of-the-shop\r\n", b"HTTP/1.1 100 Continue")]:
        with socket.create_connection((keyed.base_url.host, keyed.base_url.port), timeout=10) as connection:
            connection.sendall(head + key + b"\r\n")
            assert connection.recv(100).startswith(answer)


@pytest.mark.parametrize("path", ["/recommendations/customer-0", "/popular", "/metrics", "/health/ready", "/docs"])
def test_a_key_is_taken_from_its_own_header_or_as_a_bearer_token(keyed, path):
    for headers in ({"X-API-Key": "of-the-shop"}, {"Authorization": "bearer of-the-metrics"}):
        assert keyed.get(path, headers=headers).status_code == 200


def test_the_administrators_key_is_taken_as_a_bearer_token_and_a_callers_is_not(keyed):
    for key, status in [("of-the-boss", 200), ("of-the-shop", 401)]:
        assert keyed.get("/admin/rules", headers={"Authorization": f"Bearer {key}"}).status_code == status


def test_without_a_key_readiness_is_a_status_alone(keyed):
    assert keyed.get("/health/ready").json() == {"status": "ready"}
    assert keyed.get("/health/ready", headers={"X-API-Key": "of-the-shop"}).json()["version"]
    assert keyed.get("/health/live").json() == {"status": "live"}


def test_readiness_tells_no_address(tmp_path, start_redis, start_api):
    """Redis is away from the start."""
    with (
        start_redis(tmp_path / "redis") as server,
        start_api(tmp_path / "redis", REDIS_URL="redis://127.0.0.1:1/0", **KEYS) as http,
    ):
        assert server
        brief = http.get("/health/ready")
        assert (brief.status_code, brief.json()["type"]) == (503, "urn:recommendations:not-ready")
        for path in ("/health/ready", "/recommendations/customer-0"):
            full = http.get(path, headers={"X-API-Key": "of-the-shop"})
            assert (full.status_code, full.json()["type"]) == (503, "urn:recommendations:redis-away")
            assert "127.0.0.1" not in full.text + brief.text


def test_people_give_the_key_as_a_password_for_the_document(keyed):
    password = {"Authorization": "Basic " + base64.b64encode(b"me:of-the-shop").decode()}
    for path in ("/docs", "/openapi.json"):
        assert keyed.get(path, headers=password).status_code == 200
    assert keyed.get("/redoc", headers=password).status_code == 404
