"""The page without a browser: what it says, to whom, and how it says that something is wrong."""

import re
from html import unescape
from urllib.parse import urlencode

import boutique
import httpx
import pytest
import redis
from waiting import wait_until

from serving.connection.embedded_redis import EmbeddedRedis
from serving.lookup.variant_book import VariantBook

PAGES = ["/", "/page/customer?id=x", f"/page/article?id={boutique.SCRIPT}", "/page/search?q=black", "/page/article"]
CUSTOMER = boutique.customer_ids(40)[3]


def links(response: httpx.Response) -> list[str]:
    return [unescape(address) for address in re.findall(r'<a [^>]*href="([^"]*)"', response.text)]


def columns(response: httpx.Response) -> list[list[str]]:
    """Texts of the cells, row by row, of all tables."""
    rows = re.findall(r"<tr>(.*?)</tr>", response.text.partition("<tbody>")[2], flags=re.DOTALL)
    texts = [
        [" ".join(re.sub("<[^>]+>", " ", cell).split()) for cell in re.findall(r"<t[hd].*?</t[hd]>", row, re.S)]
        for row in rows
    ]
    return [[unescape(text) for text in row] for row in texts]


def test_a_customer_has_purchases_and_recommendations_with_reasons(shop):
    planted, response = boutique.lists(40, seed=2), shop.get("/page/customer", params={"id": CUSTOMER})
    facts, rows = boutique.facts(), columns(response)
    first = facts[f"{planted.lists.numbers[3, 0]:010d}"]
    bought = facts[f"{planted.purchases.numbers[3, 0]:010d}"]
    n_bought = int((planted.purchases.numbers[3] > 0).sum())
    assert rows[0][1] == f"{bought.name} {bought.product_type} · {bought.colour} · {bought.department}"
    assert re.fullmatch(r"20(19|20)-\d\d-\d\d", rows[0][0])
    assert rows[n_bought + 1][0] == "1" and rows[n_bought + 1][1].startswith(first.name)
    assert rows[n_bought + 1][2:] == ["bought before", "2.4"]
    assert len(rows) == n_bought + 1 + 12  # one header lies between


def test_a_stranger_is_told_what_strangers_get_and_why(shop):
    response = shop.get("/page/customer", params={"id": "nobody"})
    assert response.status_code == 200
    assert "No customer has this id in this version" in response.text
    assert columns(response)[0][1:3] == ["Luna sweater Sweater · Dark blue · Knitwear", "popular with everybody"]


@pytest.mark.parametrize("customer_id", boutique.ODD_IDS)
def test_odd_ids_are_found_and_escaped(shop, customer_id):
    response = shop.get(f"/page/customer?{urlencode({'id': customer_id})}")
    assert "The customer’s own list" in response.text
    assert response.text.count("<script") == 0
    assert customer_id in unescape(re.search("<h1>.*</h1>", response.text)[0])


def test_odd_ids_can_be_followed_from_an_article(shop):
    asked = set()
    for number in boutique.NUMBERS.tolist():
        page = shop.get("/page/article", params={"id": f"{number:010d}"})
        asked |= {link for link in links(page) if link.startswith("/page/customer")}
    assert {f"/page/customer?{urlencode({'id': odd})}" for odd in boutique.ODD_IDS[-1:]} <= asked
    for link in sorted(asked):
        assert "The customer’s own list" in shop.get(link).text


def test_names_and_descriptions_are_escaped(shop):
    for path in (f"/page/article?id={boutique.SCRIPT}", "/page/search?q=alert"):
        response = shop.get(path)
        assert "&lt;script&gt;alert(" in response.text
        assert "<script" not in response.text and "<img" not in response.text


def test_a_random_customer_is_one_of_the_version(shop):
    addresses = {shop.get("/page/random").headers["location"] for _ in range(8)}
    assert len(addresses) > 1
    assert addresses <= {f"/page/customer?{urlencode({'id': each})}" for each in boutique.customer_ids(40)}


def test_an_article_tells_who_gets_it_and_what_is_similar(shop):
    shown = boutique.lists(40, seed=2).shown
    response = shop.get("/page/article", params={"id": f"{boutique.NUMBERS[13]:010d}"})
    assert f"{shown.customers[13]} customers have it" in response.text
    assert link_to_customer(shown.examples[13][0]) in links(response)
    similar = boutique.facts()[f"{boutique.NUMBERS[13 + 6]:010d}"]
    assert columns(response)[0][1].startswith(similar.name)


def link_to_customer(customer_id: str) -> str:
    return f"/page/customer?{urlencode({'id': customer_id})}"


def test_an_article_that_nobody_gets_says_so(shop):
    response = shop.get("/page/article", params={"id": boutique.UNSHOWN})
    assert "It is in nobody’s list." in response.text and "No similar articles are known." in response.text


def test_a_search_finds_articles_and_says_how_many_get_them(shop):
    response = shop.get("/page/search", params={"q": "vera umbr"})
    assert [row[:2] for row in columns(response)] == [["Vera umbrella Umbrella · Red · Accessories", "0"]]
    assert "1 article." in response.text


def test_a_search_shows_first_what_somebody_gets(shop):
    *others, last = columns(shop.get("/page/search", params={"q": "accessories"}))
    assert last[:2] == ["Vera umbrella Umbrella · Red · Accessories", "0"]  # whose few words fit best
    assert len(others) == 8 and all(int(customers) > 0 for _, customers, *_ in others)


@pytest.mark.parametrize("q", ['"', "AND OR NOT", "name:*", "(((", "%00", "'; DROP TABLE articles"])
def test_no_search_fails(shop, q):
    assert shop.get("/page/search", params={"q": q}).status_code == 200


def test_an_earlier_version_is_looked_at_without_being_served(shop, versions):
    served, earlier = versions
    new = boutique.customer_ids(40)[30]  # of whom the first version knew nothing
    known = shop.get("/page/customer", params={"id": new})
    before = shop.get("/page/customer", params={"id": new, "version": earlier})
    assert "The customer’s own list" in known.text and "Preview" not in known.text
    assert "No customer has this id" in before.text and "Preview" in before.text
    assert all(f"version={earlier}" in link for link in links(before) if link.startswith(("/page/article", "/?")))
    assert f'<option value="{earlier}" selected>' in before.text
    assert shop.get("/recommendations/x").json()["version"] == served


def test_a_segment_has_a_list(shop):
    response = shop.get("/", params={"segment": boutique.SEGMENTS[1]})
    assert "What &lt;b&gt;/store buys" in response.text
    assert columns(response)[0][1].startswith(boutique.facts()[f"{boutique.NUMBERS[20]:010d}"].name)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/page/article?id=1", "No article of this version has the id 1"),
        ("/page/article", "No article of this version has the id (empty)"),
        ("/page/customer?id=" + "x" * 129, "at most 128 characters"),
        ("/?version=20200101T000000Z-00", "not published any more"),
        ("/?segment=none", "No segment is called none"),
        ("/images/0108775015.jpg", "no picture"),
    ],
)
def test_what_is_not_there_is_a_page_that_says_so(shop, path, said):
    response = shop.get(path)
    assert response.status_code == 404
    assert said in unescape(response.text) and "<main" in response.text


@pytest.mark.parametrize("path", PAGES)
def test_every_page_carries_strict_headers(shop, path):
    headers = shop.get(path).headers
    assert headers["content-security-policy"] == (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )
    assert headers["x-content-type-options"] == "nosniff"
    assert (headers["referrer-policy"], headers["cache-control"]) == ("no-referrer", "no-store")


def test_pages_are_no_part_of_the_document(shop):
    paths = shop.get("/openapi.json").json()["paths"]
    assert not [path for path in paths if path == "/" or path.startswith(("/page", "/images"))]


def test_a_denied_article_leaves_the_lists_and_its_page_says_why(boutique_redis, start_api):
    denied = f"{boutique.NUMBERS[0]:010d}"
    with start_api(boutique_redis[0], ADMIN_API_KEY="of-the-boss") as http:
        rule = {"rule": "denied", "note": "recalled <b>"}
        http.put(f"/admin/rules/articles/{denied}", json=rule, headers={"X-API-Key": "of-the-boss"})
        try:
            wait_until(lambda: "Luna sweater</a> (denied)" in http.get("/page/customer?id=stranger").text)
            assert columns(http.get("/"))[0][1].startswith("Luna dress")
            assert "recalled &lt;b&gt;" in http.get("/page/article", params={"id": denied}).text
        finally:
            http.delete(f"/admin/rules/articles/{denied}", headers={"X-API-Key": "of-the-boss"})


def test_a_customer_in_a_variant_is_shown_what_the_variant_serves(boutique_redis, start_api):
    directory, (served, before) = boutique_redis
    with redis.Redis.from_url(EmbeddedRedis(directory).url) as client:
        VariantBook(client, "demo").start("bolder", before, 1.0)
        try:
            with start_api(directory) as http:
                page = http.get("/page/customer", params={"id": CUSTOMER}).text
                assert "Variant bolder." in page and "100% who are served this version" in page
                assert f'<option value="{before}" selected>{before}, variant bolder (100%)</option>' in page
                asked = http.get("/page/customer", params={"id": CUSTOMER, "version": served}).text
                assert "Variant bolder." not in asked and f"Version {served}, made by" in asked
                assert "Variant bolder." not in http.get("/").text
        finally:
            VariantBook(client, "demo").end("bolder")


def test_with_keys_a_key_is_the_password(boutique_redis, start_api):
    with start_api(boutique_redis[0], API_KEYS="shop:a-secret,other:the-2nd-key") as http:
        refused = http.get("/")
        assert refused.status_code == 401 and refused.headers["www-authenticate"].startswith("Basic ")
        assert refused.headers["content-type"].startswith("text/html")
        for password in ("wrong", "", "shop"):
            assert http.get("/", auth=("shop", password)).status_code == 401
        for path in [*PAGES, "/page/random", "/images/0108775015.jpg"]:
            assert http.get(path).status_code == 401
            assert http.get(path, auth=("anybody", "the-2nd-key")).status_code != 401
        assert http.get("/", auth=("", "a-secret")).status_code == 200
        for header in ("Basic", "Basic !!!", "Bearer the-3rd-key", "Basic /w=="):
            assert http.get("/", headers={"Authorization": header}).status_code == 401
        assert http.get("/page/style.css").status_code == 200


def test_pictures_are_shown_with_what_they_show(boutique_redis, start_api, tmp_path):
    article_id = f"{boutique.NUMBERS[0]:010d}"
    (tmp_path / f"{article_id}.jpg").write_bytes(b"a picture")
    with start_api(boutique_redis[0], IMAGES_URL=str(tmp_path)) as http:
        [picture] = re.findall("<img [^>]*>", http.get("/").text)
        assert f'src="/images/{article_id}.jpg"' in picture
        assert 'alt="Luna sweater, Sweater · Dark blue · Knitwear"' in picture
        assert http.get(f"/images/{article_id}.jpg").content == b"a picture"


def test_without_redis_the_page_says_so_and_recovers(tmp_path, start_redis, start_api):
    with start_redis(tmp_path / "redis") as server, start_api(tmp_path / "redis") as http:
        empty = http.get("/")
        assert (empty.status_code, empty.headers["retry-after"]) == (503, "1")
        assert "Nothing is published" in empty.text
        with redis.Redis.from_url(server.url) as client:
            boutique.publish_two(client)
        assert http.get("/").status_code == 200
        server.stop()
        away = http.get("/page/customer", params={"id": CUSTOMER})
        assert away.status_code == 200 and "Redis does not answer" in away.text
        assert columns(away)[0][2] == "popular with everybody"
        for path in ("/", "/page/search?q=black", f"/page/article?id={boutique.SCRIPT}"):
            assert "Redis does not answer" in http.get(path).text
        EmbeddedRedis(tmp_path / "redis").ensure_running()
        wait_until(lambda: "The customer’s own list" in http.get("/page/customer", params={"id": CUSTOMER}).text)


PASTED = [" {} ", "\t{}\r\n", '"{}"', "'{}',".rstrip(","), "“{}”", "\ufeff{}", "\u200b{}\u200b", "\u00a0{}\u2060"]


@pytest.mark.parametrize("around", PASTED)
def test_an_id_is_found_with_what_was_pasted_around_it_and_that_is_said(shop, around):
    response = shop.get("/page/customer", params={"id": around.format(CUSTOMER)})
    assert f'<h1>Customer <span class="id">{CUSTOMER}</span></h1>' in response.text
    assert "The customer’s own list" in response.text
    assert "Looked up without the spaces, quotes or invisible characters around the id." in response.text
    article = shop.get("/page/article", params={"id": around.format(boutique.SCRIPT)})
    assert article.status_code == 200 and "Looked up without what surrounded the id" in article.text
    assert columns(shop.get("/page/search", params={"q": around.format(boutique.SCRIPT)}))


def test_an_id_that_is_as_it_was_typed_is_not_said_to_be_mended(shop):
    for customer_id in (CUSTOMER, *boutique.ODD_IDS, "nobody"):
        assert "Looked up without" not in shop.get("/page/customer", params={"id": customer_id}).text


def test_an_article_is_found_without_its_leading_zeros(shop):
    article_id = f"{boutique.NUMBERS[13]:010d}"
    response = shop.get("/page/article", params={"id": article_id.lstrip("0")})
    assert article_id in response.text and "with its leading zeros" in response.text


@pytest.mark.parametrize("path", ["/page/nonsense", "/page", "/page/", "/page/customer/x", "/page/<b>", "/page/a%0Ab"])
def test_an_address_without_a_page_is_a_page_with_a_search(shop, path):
    response = shop.get(path, follow_redirects=True)
    assert (response.status_code, response.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert "There is no page /page" in response.text and "<b>" not in response.text
    assert '<form action="/page/search" role="search">' in response.text
