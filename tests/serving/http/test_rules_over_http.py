"""Rules, keys and filters over real HTTP: a change reaches every list within seconds, and only some may make it."""

import asyncio
import time

import pytest
from waiting import wait_until

from serving.app import create_app
from serving.cache.contract import CacheKeys
from serving.cache.kept_rules import rescue_rules
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


def test_a_damaged_rule_bars_its_article_and_is_told(
    redis_server, client, start_api, publish_planted, planted_articles
):
    """The API has never read it whole: it starts after the damage."""
    publish_planted(client, 1)
    rules.main(["deny", FIRST])
    rules.main(["deny", planted_articles(1, 0)[1]])
    client.hset(CacheKeys("demo").rules, FIRST, "garbage")
    with start_api(redis_server.directory) as http:
        assert article_ids(http) == planted_articles(1, 0)[2:]
        ready = http.get("/health/ready").json()
        assert (ready["status"], ready["reason"]) == ("degraded", "rules_unreadable")
        rules.main(["allow", FIRST])
        wait_until(lambda: article_ids(http) == [FIRST, *planted_articles(1, 0)[2:]])
        assert http.get("/health/ready").json()["status"] == "ready"


def test_rules_that_cannot_be_read_at_all_hold_as_they_were(
    redis_server, client, start_api, publish_planted, planted_articles
):
    publish_planted(client, 1)
    with start_api(redis_server.directory) as http:
        rules.main(["deny", FIRST])
        wait_until(lambda: article_ids(http) == planted_articles(1, 0)[1:])
        client.set(CacheKeys("demo").rules, "not a hash")
        wait_until(lambda: http.get("/health/ready").json()["reason"] == "rules_unreadable")
        assert article_ids(http) == planted_articles(1, 0)[1:]
        client.delete(CacheKeys("demo").rules)
        rules.main(["deny", FIRST])
        wait_until(lambda: http.get("/health/ready").json()["status"] == "ready")


def test_rules_survive_the_loss_of_redis_while_the_api_runs(
    redis_server, client, start_api, publish_planted, planted_articles
):
    publish_planted(client, 1)
    with start_api(redis_server.directory, **KEYS) as http:
        ids = planted_articles(2, 0)
        http.put(f"/admin/rules/articles/{ids[0]}", json={"note": "recalled"}, headers=ADMIN)
        http.put("/admin/rules/feeds/stock", json={"article_ids": ids[1:3]}, headers=ADMIN)
        wait_until(lambda: client.hlen(CacheKeys("demo").barred_sets) == 1)
        time.sleep(1.5)
        client.flushall()
        publish_planted(client, 2)
        wait_until(lambda: article_ids(http, headers=CALLER)[0] == ids[3])
        wait_until(lambda: client.hget(CacheKeys("demo").rules, ids[0]) is not None)
        assert http.get("/admin/rules", headers=ADMIN).json()["articles_barred"] == 3


@pytest.mark.parametrize("is_known", [True, False])
def test_rules_that_redis_has_evicted_come_back_or_are_missed(
    redis_server, client, start_api, publish_planted, planted_articles, is_known
):
    """An API that never read them can only say so; whoever publishes has them on the disk."""
    publish_planted(client, 1)
    rules.main(["deny", FIRST])
    if not is_known:
        client.delete(CacheKeys("demo").rules)
    with start_api(redis_server.directory) as http:
        if is_known:
            assert article_ids(http) == planted_articles(1, 0)[1:]
            client.delete(CacheKeys("demo").rules)
            wait_until(lambda: client.hexists(CacheKeys("demo").rules, FIRST))
        else:
            assert http.get("/health/ready").json()["reason"] == "rules_lost"
            assert "Redis had lost 1 of the 1 rules" in rescue_rules(client, "demo")[0]
        wait_until(lambda: article_ids(http) == planted_articles(1, 0)[1:])
        wait_until(lambda: http.get("/health/ready").json()["status"] == "ready")


def test_a_feed_over_http_replaces_its_articles(redis_server, client, start_api, publish_planted, planted_articles):
    publish_planted(client, 1)
    ids, feed = planted_articles(1, 0), "/admin/rules/feeds/stock"
    with start_api(redis_server.directory, **KEYS) as http:

        def changed(response) -> tuple:
            assert response.status_code == 200, response.text
            return tuple(response.json()[name] for name in ("added", "freed", "still_barred", "articles_barred"))

        sold_out = {"rule": "out_of_stock", "note": "sold out", "article_ids": [*ids[:4], ids[0], "4000000000"]}
        answer = http.put(feed, json=sold_out, headers=ADMIN)
        assert changed(answer) == (5, 0, 0, 5)
        assert (answer.json()["unknown"], answer.json()["unknown_examples"]) == (1, ["4000000000"])
        wait_until(lambda: article_ids(http, headers=CALLER) == ids[4:])
        assert changed(http.put(feed, json={"article_ids": ids[2:6]}, headers=ADMIN)) == (2, 3, 0, 4)
        wait_until(lambda: article_ids(http, headers=CALLER) == [*ids[:2], *ids[6:]])
        assert changed(http.post("/admin/rules/lists", json={"article_ids": ids[:1]}, headers=ADMIN)) == (1, 0, 0, 5)
        allowed = http.post("/admin/rules/lists/allow", json={"article_ids": ids[:3]}, headers=ADMIN)
        assert changed(allowed) == (0, 1, 1, 4)
        assert changed(http.delete(feed, headers=ADMIN)) == (0, 4, 0, 0)
        for body in ({"article_ids": []}, {"article_ids": ["706016001"]}, {"article_ids": [706016001]}, {}):
            assert http.put(feed, json=body, headers=ADMIN).status_code == 422
        assert http.put("/admin/rules/feeds/a b", json={"article_ids": ids}, headers=ADMIN).status_code == 422
        gone = http.delete(feed, headers=ADMIN)
        assert (gone.status_code, gone.json()["detail"]) == (409, "there is no feed 'stock'; there are: none.")
        for name, ids_sent in (("stock", ["9999999999"]), ("list-1", ids)):
            conflict = http.put(f"/admin/rules/feeds/{name}", json={"article_ids": ids_sent}, headers=ADMIN)
            assert conflict.status_code == 409
        assert http.put(feed, json=sold_out, headers=CALLER).status_code == 401


def test_filters_of_a_request(redis_server, client, start_api, publish_planted, planted_articles):
    publish_planted(client, 1)
    with start_api(redis_server.directory) as http:
        wait_until(lambda: article_ids(http, department="Socks") == planted_articles(1, 0))
        assert article_ids(http, department="socks ") == planted_articles(1, 0)
        assert article_ids(http, department="Shoes") == []
        assert article_ids(http, exclude="purchased") == planted_articles(1, 0)[1:]  # the first is a repurchase
        assert http.get("/recommendations/customer-0", params={"exclude": "all"}).status_code == 422


def test_a_batch_takes_the_filters_of_a_single_lookup(
    redis_server, client, start_api, publish_planted, planted_articles
):
    publish_planted(client, 1)

    def asked(http, **body):
        return http.post("/recommendations", json={"customer_ids": ["customer-0", "nobody"], **body})

    with start_api(redis_server.directory) as http:
        own, popular = asked(http, exclude="purchased", department="SOCKS", k=5).json()["recommendations"]
        assert [item["article_id"] for item in own["items"]] == planted_articles(1, 0)[1:6]
        assert [item["article_id"] for item in popular["items"]] == planted_articles(1, 9_999)[:5]
        unknown = asked(http, department="Shoes").json()["recommendations"]
        assert [(each["items"], each["empty_reason"]) for each in unknown] == [([], "unknown_department")] * 2
        for body, name in (({"departement": "Socks"}, "departement"), ({"K": 3}, "K"), ({"exclude": "all"}, "exclude")):
            response = asked(http, **body)
            assert response.status_code == 422 and name in response.json()["detail"]


def test_departments_are_listed(published_api):
    wait_until(lambda: published_api.get("/departments").json()["departments"] == [{"name": "Socks", "articles": 24}])


def test_an_empty_answer_says_why_and_is_counted(redis_server, client, start_api, publish_planted, planted_articles):
    publish_planted(client, 1)
    with start_api(redis_server.directory) as http:

        def reason(path: str, **parameters) -> str | None:
            body = http.get(path, params=parameters).json()
            assert (body["empty_reason"] is None) == bool(body["items"])
            return body["empty_reason"]

        assert reason("/recommendations/customer-0") is None
        assert reason("/recommendations/customer-0", department="Shoes") == "unknown_department"
        assert reason("/recommendations/customer-5", department="Socks") == "nothing_of_department"
        popular = CacheKeys("demo").rules
        client.hset(
            popular, mapping=dict.fromkeys(planted_articles(1, 9999), '{"rule": "denied", "note": "", "since": ""}')
        )
        wait_until(lambda: reason("/recommendations/nobody") == "all_barred")
        assert reason("/popular") == "all_barred"
        assert reason("/recommendations/customer-0") is None
        ready = http.get("/health/ready").json()
        assert (ready["status"], ready["reason"]) == ("degraded", "popular_list_barred")
        metrics = http.get("/metrics").text
        assert 'recommendations_empty_lists_total{reason="unknown_department"} 1.0' in metrics
        assert "recommendations_articles_barred 12.0" in metrics


def test_lists_that_redis_has_evicted_are_told(redis_server, client, start_api, publish_planted):
    version = publish_planted(client, 1)
    with start_api(redis_server.directory) as http:
        assert http.get("/health/ready").json()["status"] == "ready"
        client.delete(CacheKeys("demo").bucket(version, 1))
        wait_until(lambda: http.get("/health/ready").json()["reason"] == "lists_missing")
        assert "recommendations_keys_missing 1.0" in http.get("/metrics").text
        publish_planted(client, 2)
        wait_until(lambda: http.get("/health/ready").json()["status"] == "ready")


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

        assert http.put(path, json={"rule": "out_of_stock", "note": "back in May"}, headers=ADMIN).json()["added"] == 1
        barred = http.get("/admin/rules", headers=ADMIN).json()["barred"]
        assert (barred[FIRST]["rule"], barred[FIRST]["note"]) == ("out_of_stock", "back in May")
        assert http.put("/admin/rules/cap", json={"most": 1}, headers=ADMIN).json()["most_per_product_code"] == 1
        wait_until(lambda: FIRST not in article_ids(http, headers=CALLER))
        assert http.delete(path, headers=ADMIN).json()["freed"] == 1
        assert http.get("/admin/rules", headers=ADMIN).json() == {
            "barred": {},
            "feeds": {},
            "articles_barred": 0,
            "most_per_product_code": 1,
            "unreadable": [],
        }
        assert http.put("/admin/rules/articles/abc", json={}, headers=ADMIN).status_code == 422
        for note in ("x" * 501, "recalled\x1b[2J"):
            assert http.put(path, json={"note": note}, headers=ADMIN).status_code == 422


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
