"""What every answer has in common, over real HTTP: HEAD, Allow, caching, compression, hosts, the path of a proxy."""

import gzip
import json
import select
import socket

import pytest

LOOKUPS = ["/recommendations/customer-0", "/similar/0001000001", "/popular", "/explain/customer-0"]
PAGES = ["/", "/page/customer?id=customer-0", "/page/style.css", "/docs"]
OTHERS = ["/health/live", "/health/ready", "/openapi.json"]


@pytest.mark.parametrize("path", [*LOOKUPS, *PAGES, *OTHERS, "/metrics", "/nothing", "/popular?k=0"])
def test_head_is_answered_like_get_without_the_body(published_api, path):
    got, head = published_api.get(path), published_api.head(path)
    assert (head.status_code, head.content) == (got.status_code, b"")
    kept = {"content-type", "cache-control"} | ({"content-length"} if path != "/metrics" else set())
    assert {name: head.headers.get(name) for name in kept} == {name: got.headers.get(name) for name in kept}


def test_a_connection_goes_on_after_a_head(published_api):
    request = "{} /popular HTTP/1.1\r\nHost: localhost\r\n{}\r\n"
    with socket.create_connection((published_api.base_url.host, published_api.base_url.port), timeout=10) as connection:
        connection.sendall((request.format("HEAD", "") + request.format("GET", "Connection: close\r\n")).encode())
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    assert received.count(b"HTTP/1.1 200 OK") == 2
    head, first_body, *_ = received.split(b"\r\n\r\n")
    assert first_body.startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/recommendations", "POST"),
        ("HEAD", "/recommendations", "POST"),
        ("PUT", "/recommendations/customer-0", "GET, HEAD"),
        ("POST", "/health/live", "GET, HEAD"),
        ("POST", "/admin/rules/articles/0001000001", "DELETE, PUT"),
        ("OPTIONS", "/popular", "GET, HEAD"),
    ],
)
def test_a_method_that_a_path_does_not_have_is_told_those_that_it_has(published_api, method, path, allowed):
    response = published_api.request(method, path)
    assert (response.status_code, response.headers.get("allow")) == (405, allowed)


def test_nobody_keeps_an_answer_about_a_customer(published_api):
    batch = published_api.post("/recommendations", json={"customer_ids": ["customer-0"]})
    answers = [batch, *(published_api.get(path) for path in [*LOOKUPS, "/page/customer?id=customer-0", "/nothing"])]
    assert {each.headers["cache-control"] for each in answers} == {"no-store"}
    assert published_api.get("/page/style.css").headers["cache-control"] == "max-age=3600"


def test_large_answers_are_compressed_where_that_is_asked_for(published_api):
    asked = {"customer_ids": [f"customer-{row}" for row in range(50)]}
    plain = published_api.post("/recommendations", json=asked, headers={"Accept-Encoding": "identity"})
    packed = published_api.post("/recommendations", json=asked, headers={"Accept-Encoding": "gzip"})
    assert [each.headers.get("content-encoding") for each in (plain, packed)] == [None, "gzip"]
    assert [each.headers.get("vary") for each in (plain, packed)] == ["Accept-Encoding"] * 2
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"]) / 4
    ids = [[each["items"] for each in answer.json()["recommendations"]] for answer in (plain, packed)]
    assert ids[0] == ids[1]


@pytest.mark.parametrize("wish", ["gzip;q=0", "identity, gzip; q=0.0", "br", "", "identity;q=1, gzip;q=0, br"])
def test_who_does_not_want_gzip_gets_none_and_caches_are_told(published_api, wish):
    response = published_api.get("/openapi.json", headers={"Accept-Encoding": wish})
    assert (response.headers.get("content-encoding"), response.headers["vary"]) == (None, "Accept-Encoding")


@pytest.mark.parametrize("wish", ["gzip", "gzip;q=0.5", "br, gzip;q=1.0"])
def test_who_wants_gzip_gets_it(published_api, wish):
    response = published_api.get("/openapi.json", headers={"Accept-Encoding": wish})
    assert response.headers["content-encoding"] == "gzip"


def test_one_list_is_too_small_to_be_compressed(published_api):
    response = published_api.get("/recommendations/customer-0", headers={"Accept-Encoding": "gzip"})
    assert {"content-encoding", "vary"}.isdisjoint(response.headers)
    page = published_api.get("/docs", headers={"Accept-Encoding": "gzip"})
    assert page.headers["content-encoding"] == "gzip"


def raw(http, request: bytes) -> bytes:
    with socket.create_connection((http.base_url.host, http.base_url.port), timeout=10) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.7", "", "é"]
)
def test_without_keys_an_unknown_host_is_refused(published_api, host):
    response = published_api.get("/explain/customer-0", headers={"Host": host.encode()})
    assert (response.status_code, response.json()["type"]) == (421, "urn:recommendations:unknown-host")


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8000", "localhost.", "127.0.0.1:1", "127.1.2.3", "[::1]:80", "[::1]"]
)
def test_the_names_of_loopback_are_known(published_api, host):
    assert published_api.get("/popular", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("hosts", [b"", b"Host: localhost\r\nHost: evil.example\r\n"])
def test_a_request_names_one_host(published_api, hosts):
    assert raw(published_api, b"GET /popular HTTP/1.1\r\nConnection: close\r\n" + hosts + b"\r\n").startswith(
        b"HTTP/1.1 421 "
    )


def test_hosts_can_be_allowed_and_keys_allow_all(published_redis, start_api):
    with start_api(published_redis, ALLOWED_HOSTS="shop.example") as http:
        for host, status in [("Shop.example:443", 200), ("localhost", 200), ("evil.example", 421)]:
            assert http.get("/popular", headers={"Host": host}).status_code == status
    with start_api(published_redis, API_KEYS="shop:a-secret") as http:
        asked = {"Host": "any.example", "X-API-Key": "a-secret"}
        assert http.get("/popular", headers=asked).status_code == 200


@pytest.mark.parametrize("path", ["/popular/", "/health/live/", "/docs/", "/page/customer/", "/recommendations/?a=b"])
def test_a_slash_at_the_end_redirects_nowhere(published_api, path):
    response = published_api.get(path, headers={"Host": "localhost"})
    assert response.status_code in (404, 422)
    assert "location" not in response.headers


@pytest.mark.parametrize("sent_path", ["", "/shop/api"])
def test_behind_a_proxy_links_stay_below_its_path(published_redis, start_api, sent_path):
    """Some proxies strip the prefix from the path, some leave it."""
    with start_api(published_redis, ROOT_PATH="/shop/api") as http:
        assert http.get(f"{sent_path}/recommendations/customer-0").json()["source"] == "personal"
        for page in ("/", "/docs", "/page/customer?id=customer-0", "/page/search?q=product"):
            text = http.get(sent_path + page).text
            links = {
                each.partition('"')[0] for kind in ("href", "action", "src") for each in text.split(f'{kind}="')[1:]
            }
            assert links and all(each.startswith(("/shop/api/", "#")) for each in links), links
        redirect = http.get(f"{sent_path}/page/random")
        assert (redirect.status_code, redirect.headers["location"][:24]) == (303, "/shop/api/page/customer?")
        assert http.get(f"{sent_path}/openapi.json").json()["servers"] == [{"url": "/shop/api"}]
        assert http.get(f"{sent_path}/page/style.css").status_code == 200
        assert http.get(f"{sent_path}/health/live").status_code == 200


def test_the_limits_on_bodies_are_met_by_who_may_send_one(published_redis, start_api):
    body = json.dumps({"customer_ids": ["customer-0"], "padding": "x" * 2**20}).encode()
    with start_api(published_redis, MAX_BODIES_MIB="1", API_KEYS="shop:a-secret") as http:
        json_with_key = {"Content-Type": "application/json", "X-API-Key": "a-secret"}
        assert http.post("/recommendations", content=body, headers=json_with_key).status_code == 413
        chunks = (body[start : start + 2**16] for start in range(0, len(body), 2**16))
        assert http.post("/recommendations", content=chunks, headers=json_with_key).status_code == 413
        assert http.post("/recommendations", content=body).status_code == 401


def test_bodies_that_wait_for_their_end_hold_no_more_than_is_set(published_redis, start_api):
    half = b"x" * (2**20 - 1000)
    head = (
        "POST /recommendations HTTP/1.1\r\nHost: localhost\r\n"
        f"Content-Type: application/json\r\nContent-Length: {2**20}"
    )
    with start_api(published_redis, MAX_BODIES_MIB="1") as http:
        first = socket.create_connection((http.base_url.host, http.base_url.port), timeout=10)
        with first, socket.create_connection((http.base_url.host, http.base_url.port), timeout=10) as second:
            for connection in (first, second):
                connection.sendall(f"{head}\r\n\r\n".encode() + half)
            (refused, *_), _, _ = select.select([first, second], [], [], 10)  # whoever's bytes came last
            answer = b""
            while b"too-many-bodies" not in answer:
                answer += (some := refused.recv(65536))
                assert some, answer
            assert answer.startswith(b"HTTP/1.1 503 ")
        small = {"customer_ids": ["customer-0"]}
        assert http.post("/recommendations", json=small).status_code == 200


def test_gzip_bodies_are_whole(published_api):
    """What is said about the length is what is sent."""
    answer = raw(published_api, b"GET /openapi.json HTTP/1.0\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n")
    body = answer.partition(b"\r\n\r\n")[2]
    assert json.loads(gzip.decompress(body))["openapi"].startswith("3.")


@pytest.mark.parametrize(
    "path", ["/recommendations/customer-0/", "/explain/customer-0/?k=1", "/similar/x/", "/popular/"]
)
def test_a_path_with_a_slash_too_many_is_not_found(published_api, path):
    """Else a known customer would be answered as a stranger called `customer-0/`."""
    answer = published_api.get(path)
    assert answer.status_code == 404
    assert answer.json()["type"].endswith("no-such-route")


def test_an_id_may_end_with_a_slash_that_is_written_as_one(published_api):
    answer = published_api.get("/recommendations/customer-0%2F")
    assert (answer.status_code, answer.json()["customer_id"]) == (200, "customer-0/")
    assert published_api.get("/").status_code == 200
