"""The rate limit and browsers of other origins, over real HTTP."""

import time

KEYS = {"API_KEYS": "shop:key-of-shop,mail:key-of-mail", "ADMIN_API_KEY": "key-of-boss"}
SHOP, MAIL, BOSS = ({"X-API-Key": key} for key in ("key-of-shop", "key-of-mail", "key-of-boss"))
PATH = "/recommendations/customer-0"
ORIGIN = "https://shop.example"


def ask_until_refused(http, headers, path=PATH):
    """Ask without pause; returns how often it was answered, and the refusal."""
    for n_answered in range(100):
        response = http.get(path, headers=headers)
        if response.status_code == 429:
            return n_answered, response
    raise AssertionError("a hundred requests were answered")


def test_who_asks_too_often_is_refused_alone_and_answered_again_later(published_redis, start_api):
    with start_api(published_redis, RATE_LIMIT="5", **KEYS) as http:
        n_answered, refused = ask_until_refused(http, SHOP)
        assert 5 <= n_answered < 20  # a second's worth at once
        assert refused.headers["content-type"] == "application/problem+json"
        assert (refused.json()["status"], refused.json()["type"]) == (429, "urn:recommendations:too-many-requests")
        assert refused.headers["retry-after"] == "1"
        assert len(refused.headers["x-request-id"]) == 16
        for headers, path in [(MAIL, PATH), (BOSS, "/admin/rules")]:
            assert http.get(path, headers=headers).status_code == 200
        for path in ("/health/live", "/health/ready", "/metrics"):
            assert {http.get(path, headers=SHOP).status_code for _ in range(10)} == {200}
        time.sleep(1)
        assert http.get(PATH, headers=SHOP).status_code == 200


def test_who_guesses_keys_is_known_by_the_address(published_redis, start_api):
    with start_api(published_redis, RATE_LIMIT="5", **KEYS) as http:
        statuses = [http.get(PATH, headers={"X-API-Key": str(guess)}).status_code for guess in range(30)]
        assert {*statuses[:5]} == {401} and statuses.count(429) > 10
        assert http.get(PATH).status_code == 429
        assert http.get(PATH, headers=SHOP).status_code == 200


def test_a_large_batch_is_answered_and_followed_by_a_pause(published_redis, start_api):
    with start_api(published_redis, RATE_LIMIT="5") as http:
        small = {"customer_ids": ["customer-0"] * 3}
        assert [http.post("/recommendations", json=small).status_code for _ in range(3)] == [200] * 3
        time.sleep(1)
        large = {"customer_ids": ["customer-0"] * 40}
        assert http.post("/recommendations", json=large).status_code == 200
        refused = http.post("/recommendations", json=small)  # 1 + 40 / 4 requests are 2.2 s, of which 1 s is free
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "2")


def test_a_limit_below_one_answers_once_in_a_while(published_redis, start_api):
    with start_api(published_redis, RATE_LIMIT="0.1") as http:
        n_answered, refused = ask_until_refused(http, {})
        assert (n_answered, refused.headers["retry-after"]) == (1, "10")


def test_without_a_limit_nobody_is_refused(published_api):
    assert {published_api.get(PATH).status_code for _ in range(100)} == {200}


def preflight(http, origin, method="GET"):
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "x-api-key, authorization",
    }
    return http.options(PATH, headers=headers)


def test_pages_of_named_origins_may_ask_and_read_refusals(published_redis, start_api):
    settings = {"CORS_ORIGINS": f"{ORIGIN},http://localhost:3000", "RATE_LIMIT": "5", **KEYS}
    with start_api(published_redis, **settings) as http:
        for _ in range(10):  # a browser asks without a key; it is not refused for asking often
            allowed = preflight(http, ORIGIN)
            assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (200, ORIGIN)
        assert "x-api-key" in allowed.headers["access-control-allow-headers"].lower()
        assert len(allowed.headers["x-request-id"]) == 16
        own = {"Origin": ORIGIN, **SHOP}
        answered, (_, refused) = http.get(PATH, headers=own), ask_until_refused(http, own)
        for response in (answered, refused):
            assert response.headers["access-control-allow-origin"] == ORIGIN
            assert "x-request-id" in response.headers["access-control-expose-headers"].lower()
        assert preflight(http, ORIGIN, "DELETE").status_code == 400


def test_pages_of_other_origins_may_not(published_redis, published_api, start_api):
    assert "access-control-allow-origin" not in published_api.get(PATH, headers={"Origin": ORIGIN}).headers
    with start_api(published_redis, CORS_ORIGINS=ORIGIN) as http:
        for origin in ("https://other.example", f"{ORIGIN}.other.example", "null"):
            assert preflight(http, origin).status_code == 400
            assert "access-control-allow-origin" not in http.get(PATH, headers={"Origin": origin}).headers
