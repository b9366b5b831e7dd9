"""Similar and popular articles and explanations over real HTTP and a real Redis, with rules, keys and faults."""

from dataclasses import replace

import pytest
from waiting import wait_until

from recommender.release.publish import PublishedRun, publish
from serving.commands import rules
from serving.http.article_responses import PopularResponse, SimilarResponse
from serving.http.explain_responses import ExplainResponse

PROBLEM = "application/problem+json"
SEGMENT = "young/online"
PATHS = ("/similar/0001000001", f"/popular?segment={SEGMENT}", "/explain/customer-0")


def article_ids(response) -> list[str]:
    assert response.status_code == 200, response.text
    return [item["article_id"] for item in response.json()["items"]]


def test_similar_articles_come_with_their_cosine(published_api, planted_articles):
    first, *others = planted_articles(1, 0)
    response = published_api.get(f"/similar/{first}")
    assert article_ids(response) == others
    assert response.json()["items"][0] == {"article_id": others[0], "score": 12.0}
    assert (response.json()["article_id"], response.json()["model"]) == (first, "model-1")
    assert article_ids(published_api.get(f"/similar/{first}", params={"k": 3})) == others[:3]


@pytest.mark.parametrize("article_id", ["0000000001", "abc", "1000001", "%00", "a%2Fb", "%F0%9F%98%80", "..%2F.."])
def test_similar_to_an_article_that_nobody_knows_is_a_problem(published_api, article_id):
    response = published_api.get(f"/similar/{article_id}")
    assert (response.status_code, response.headers["content-type"]) == (404, PROBLEM)
    assert response.json()["type"] == "urn:recommendations:unknown-article"


def test_popular_is_that_of_the_segment_or_of_everybody(published_api, planted_articles):
    everybody, segment, unknown = (
        published_api.get("/popular", params=params) for params in ({}, {"segment": SEGMENT}, {"segment": "old"})
    )
    assert article_ids(everybody) == article_ids(unknown) == planted_articles(1, 9_999)
    assert article_ids(segment) == planted_articles(1, 8_888)
    told = [(each.json()["source"], each.json()["fallback_reason"]) for each in (everybody, segment, unknown)]
    assert told == [("popular", None), ("segment", None), ("popular", "unknown_segment")]
    assert unknown.json()["degraded"] is False
    assert unknown.json()["segments"] == [SEGMENT]
    assert article_ids(published_api.get("/popular", params={"segment": SEGMENT, "k": 2})) == article_ids(segment)[:2]


def test_an_explanation_tells_purchases_places_and_proposers(published_api, planted_articles):
    body = published_api.get("/explain/customer-0", params={"k": 3}).json()
    first, second, third = planted_articles(1, 0)[:3]
    assert body["purchases"] == [
        {"article_id": third, "name": "Product 1000003", "department": "Socks", "day": "2020-09-22"},
        {"article_id": first, "name": "Product 1000001", "department": "Socks", "day": "2020-09-01"},
    ]
    assert body["items"][0] == {
        "article_id": first, "name": "Product 1000001", "department": "Socks",
        "place": 1, "score": 12.0, "reason": "repurchase", "proposers": ["two_tower", "own"],
    }  # fmt: skip
    assert [(item["article_id"], item["proposers"]) for item in body["items"][1:]] == [
        (second, ["two_tower"]),
        (third, ["popular"]),
    ]
    assert (body["filtered"], body["source"], body["fallback_reason"]) == ([], "personal", None)
    assert (body["model"], body["stale"]) == ("model-1", False)


@pytest.mark.parametrize("customer_id", ["nobody", "%00", "a%2Fb", "%0A", "%F0%9F%98%80", "x" * 128])
def test_a_stranger_is_explained_the_overall_list(published_api, planted_articles, customer_id):
    response = published_api.get(f"/explain/{customer_id}")
    assert article_ids(response) == planted_articles(1, 9_999)
    assert (response.json()["purchases"], response.json()["fallback_reason"]) == ([], "unknown_customer")


def test_a_cold_customer_has_no_purchases_and_the_list_of_the_segment(published_api):
    body = published_api.get("/explain/customer-99").json()
    assert (body["purchases"], body["source"], body["fallback_reason"]) == ([], "segment", "no_history")
    assert {item["reason"] for item in body["items"]} == {"segment"}
    assert not any(item["proposers"] for item in body["items"])


@pytest.mark.parametrize("path", [*PATHS, "/popular"])
@pytest.mark.parametrize("k", [0, 256, "ten"])
def test_k_out_of_range_is_a_problem(published_api, path, k):
    response = published_api.get(path.partition("?")[0], params={"k": k})
    assert (response.status_code, response.headers["content-type"]) == (422, PROBLEM)


def test_every_body_is_what_openapi_says(published_api):
    models = SimilarResponse, PopularResponse, ExplainResponse
    for path, model in zip(PATHS, models, strict=True):
        found = published_api.get(path).json()
        assert model.model_validate(found).model_dump(mode="json") == found


def test_rules_hold_for_all_and_the_explanation_names_them(
    redis_server, client, start_api, publish_planted, planted_articles
):
    publish_planted(client, 1)
    first, second, third = planted_articles(1, 0)[:3]
    with start_api(redis_server.directory) as http:
        rules.main(["deny", second, "--note", "recalled"])
        rules.main(["out-of-stock", planted_articles(1, 8_888)[0]])
        wait_until(lambda: article_ids(http.get(PATHS[0]))[0] == third)
        assert article_ids(http.get(PATHS[1])) == planted_articles(1, 8_888)[1:]
        body = http.get("/explain/customer-0", params={"k": 2}).json()
        assert [(item["place"], item["article_id"]) for item in body["items"]] == [(1, first), (3, third)]
        (filtered,) = body["filtered"]
        assert filtered.pop("since").startswith("20")
        assert filtered == {
            "article_id": second, "name": "Product 1000002", "department": "Socks",
            "place": 2, "rule": "denied", "note": "recalled",
        }  # fmt: skip


def test_a_cap_is_named_too(redis_server, client, start_api, publish_planted, planted):
    """All planted articles become variants of one product."""
    lists = planted(1)
    same = {article_id: facts._replace(product_code="one") for article_id, facts in lists.articles.items()}
    publish(client, replace(lists, articles=same), PublishedRun("demo", "run", "model", {}), lambda *_: None)
    rules.main(["cap", "1"])
    with start_api(redis_server.directory) as http:
        wait_until(lambda: len(http.get("/explain/customer-0").json()["items"]) == 1)
        filtered = http.get("/explain/customer-0").json()["filtered"]
        assert [(each["place"], each["rule"], each["note"], each["since"]) for each in filtered] == [
            (place, "cap", "", None) for place in range(2, 13)
        ]
        assert len(article_ids(http.get("/similar/0001000001"))) == 1


def test_without_redis_popular_has_an_answer_and_the_others_say_why_not(
    redis_server, client, start_api, publish_planted, planted_articles
):
    publish_planted(client, 1)
    similar, segment, explain = PATHS
    with start_api(redis_server.directory) as http:
        assert article_ids(http.get(segment)) == planted_articles(1, 8_888)
        redis_server.stop()
        away = http.get(segment)
        assert article_ids(away) == planted_articles(1, 9_999)
        assert (away.json()["fallback_reason"], away.json()["degraded"]) == ("redis_away", True)
        for path in (similar, explain):
            assert http.get(path).status_code == 503
            assert http.get(path).json()["type"] == "urn:recommendations:redis-away"


def test_what_is_damaged_is_a_problem(redis_server, client, start_api, publish_planted):
    publish_planted(client, 1)
    for part in ("similar", "purchases"):
        for key in client.keys(f"*:{part}:*"):
            client.setrange(key, 20, b"garbage")
    with start_api(redis_server.directory) as http:
        for path in (PATHS[0], PATHS[2]):
            assert (http.get(path).status_code, http.get(path).json()["type"]) == (503, "urn:recommendations:damaged")
        assert http.get("/recommendations/customer-0").json()["source"] == "personal"


def test_a_version_of_an_earlier_release_has_lists_and_says_what_it_lacks(
    redis_server, client, start_api, planted, planted_articles
):
    lists = replace(planted(1), segments=None, similar=None, purchases=None, shown=None)
    publish(client, lists, PublishedRun("demo", "run", "model", {}), lambda *_: None)
    with start_api(redis_server.directory) as http:
        missing = http.get(PATHS[0])
        assert (missing.status_code, "no similar articles at all" in missing.json()["detail"]) == (404, True)
        assert http.get(PATHS[1]).json()["fallback_reason"] == "unknown_segment"
        explained = http.get(PATHS[2])
        assert (article_ids(explained), explained.json()["purchases"]) == (planted_articles(1, 0), [])


def test_callers_need_their_key_and_what_shoppers_see_is_counted(redis_server, client, start_api, publish_planted):
    publish_planted(client, 1)
    with start_api(redis_server.directory, API_KEYS="shop:a-secret") as http:
        for path in PATHS:
            assert http.get(path).status_code == 401
            assert http.get(path, headers={"X-API-Key": "a-secret"}).status_code == 200
        lines = [
            line
            for line in http.get("/metrics", headers={"X-API-Key": "a-secret"}).text.splitlines()
            if "recommendations_lists_total{" in line
        ]
        sources = {line.partition('source="')[2].partition('"')[0] for line in lines}
        assert sources == {"similar", "segment"}  # an explanation is for the shop, not for a shopper
        assert all(line.endswith(" 1.0") and 'caller="shop"' in line for line in lines)
