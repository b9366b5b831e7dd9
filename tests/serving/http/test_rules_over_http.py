"""Rules, keys and filters over real HTTP: a change reaches every list within seconds, and only some may make it."""

import asyncio
import time

import pytest
from waiting import wait_until

from serving.app import create_app
from serving.cache.contract import CacheKeys
from serving.commands import rules
from serving.lookup.variant_book import VariantBook
from serving.settings import Settings

ADMIN = {"X-API-Key": "of-the-boss"}
CALLER = {"X-API-Key": "of-the-shop"}
KEYS = {"API_KEYS": "shop:of-the-shop,mail:of-the-mail", "ADMIN_API_KEY": "of-the-boss"}
FIRST = "0001000001"  # what planted version 1 recommends customer 0 first


def article_ids(http, customer="customer-0", headers=None, **parameters) -> list[str]:
    response = http.get(f"/recommendations/{customer}", params=parameters, headers=headers)
    assert response.status_code == 200, response.text
    return [item["article_id"] for item in response.json()["items"]]


def test_a_denied_article_leaves_every_list_at_once_and_comes_back(
    redis_server, client, start_api, publish_planted, planted_articles
):
    publish_planted(client, 1)
    with start_api(redis_server.directory) as http:
        assert article_ids(http) == planted_articles(1, 0)
        rules.main(["deny", FIRST])
        wait_until(lambda: article_ids(http) == planted_articles(1, 0)[1:])
        many = http.post("/recommendations", json={"customer_ids": ["customer-0"]}).json()["recommendations"]
        assert [item["article_id"] for item in many[0]["items"]] == planted_articles(1, 0)[1:]
        assert article_ids(http, k=3) == planted_articles(1, 0)[1:4]  # the next ones move up
        publish_planted(client, 2)  # a rule outlives the version
        rules.main(["deny", planted_articles(2, 0)[0]])
        wait_until(lambda: article_ids(http) == planted_articles(2, 0)[1:])
        rules.main(["allow", planted_articles(2, 0)[0]])
        wait_until(lambda: article_ids(http) == planted_articles(2, 0))


def test_rules_and_variants_are_read_before_the_first_request(redis_server, client, publish_planted):
    before = publish_planted(client, 1)
    publish_planted(client, 2)
    rules.main(["deny", FIRST])
    VariantBook(client, "demo").start("old", before, 0.5)

    async def first_answer():
        app = create_app(Settings())
        async with app.router.lifespan_context(app):
            store = app.state.store
            barred = store.catalogue.rules.barred.keys()
            return barred, await store.lookup_many([f"customer-{row}" for row in range(20)])

    barred, found = asyncio.run(first_answer())
    assert barred == {FIRST}
    assert {each.variant for each in found} == {None, "old"}


def test_a_denied_article_stays_away_while_redis_is(redis_server, client, start_api, publish_planted, planted_articles):
    publish_planted(client, 1)
    popular = planted_articles(1, 9_999)
    with start_api(redis_server.directory) as http:
        rules.main(["deny", popular[0]])
        wait_until(lambda: article_ids(http, "nobody") == popular[1:])
        redis_server.stop()
        assert article_ids(http) == popular[1:]


def test_damaged_rules_leave_those_that_were_read_last(
    redis_server, client, start_api, publish_planted, planted_articles
):
    publish_planted(client, 1)
    with start_api(redis_server.directory) as http:
        rules.main(["deny", FIRST])
        wait_until(lambda: article_ids(http) == planted_articles(1, 0)[1:])
        client.hset(CacheKeys("demo").rules, FIRST, "garbage")
        time.sleep(1.5)
        assert article_ids(http) == planted_articles(1, 0)[1:]


def test_filters_of_a_request(redis_server, client, start_api, publish_planted, planted_articles):
    publish_planted(client, 1)
    with start_api(redis_server.directory) as http:
        wait_until(lambda: article_ids(http, department="Socks") == planted_articles(1, 0))
        assert article_ids(http, department="Shoes") == []
        assert article_ids(http, exclude="purchased") == planted_articles(1, 0)[1:]  # the first is a repurchase
        assert http.get("/recommendations/customer-0", params={"exclude": "all"}).status_code == 422


def test_the_administrator_changes_rules_and_nobody_else(redis_server, client, start_api, publish_planted):
    publish_planted(client, 1)
    path = f"/admin/rules/articles/{FIRST}"
    with start_api(redis_server.directory, **KEYS) as http:
        for headers in ({}, CALLER, {"X-API-Key": "é".encode()}):
            for method in ("put", "delete"):
                body = {"json": {"note": "recalled"}} if method == "put" else {}
                response = getattr(http, method)(path, headers=headers, **body)
                assert (response.status_code, response.json()["type"]) == (401, "urn:recommendations:not-allowed")
        assert not client.exists(CacheKeys("demo").rules)

        barred = http.put(path, json={"rule": "out_of_stock", "note": "back in May"}, headers=ADMIN).json()["barred"]
        assert (barred[FIRST]["rule"], barred[FIRST]["note"]) == ("out_of_stock", "back in May")
        assert http.put("/admin/rules/cap", json={"most": 1}, headers=ADMIN).json()["most_per_product_code"] == 1
        wait_until(lambda: FIRST not in article_ids(http, headers=CALLER))
        assert http.delete(path, headers=ADMIN).json()["barred"] == {}
        assert http.get("/admin/rules", headers=ADMIN).json() == {"barred": {}, "most_per_product_code": 1}
        assert http.put("/admin/rules/articles/abc", json={}, headers=ADMIN).status_code == 422


def test_callers_need_their_key(redis_server, client, start_api, publish_planted):
    publish_planted(client, 1)
    with start_api(redis_server.directory, **KEYS) as http:
        for headers in ({}, {"X-API-Key": "wrong"}, {"X-API-Key": "of-the-shop,mail:of-the-mail"}, ADMIN):
            assert http.get("/recommendations/customer-0", headers=headers).status_code == 401
            assert http.post("/recommendations", json={"customer_ids": ["a"]}, headers=headers).status_code == 401
        assert len(article_ids(http, headers=CALLER)) == 12
        assert http.get("/health/live").status_code == http.get("/health/ready").status_code == 200


def test_without_a_key_of_its_own_nobody_administers(published_api):
    response = published_api.get("/admin/rules", headers=ADMIN)
    assert (response.status_code, "ADMIN_API_KEY" in response.json()["detail"]) == (401, True)


@pytest.mark.parametrize("article_id", ["", "706016001", "07060160012", "x" * 10])
def test_the_administrator_cannot_bar_what_is_no_article(redis_server, client, start_api, article_id):
    with start_api(redis_server.directory, **KEYS) as http:
        response = http.put(f"/admin/rules/articles/{article_id}", json={}, headers=ADMIN)
        assert response.status_code in (404, 405, 422)
    assert not client.exists(CacheKeys("demo").rules)
