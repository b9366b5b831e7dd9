"""What is denied, sold out or too much of one product is kept out of a list, and the next articles move up."""

import pytest

from serving.cache.article_facts import ArticleFacts
from serving.cache.contract import CacheFormatError, CacheKeys
from serving.lookup import rule_book
from serving.lookup.lookup_rules import BarredArticle, LookupRules, Rule, read_rules

KEY = CacheKeys("demo").rules
DENIED = BarredArticle(Rule.DENIED, "recalled", "2020-09-23T02:15:00+00:00")
SOLD_OUT = BarredArticle(Rule.OUT_OF_STOCK, "", "2020-09-23T02:15:00+00:00")
FACTS = {article: ArticleFacts(article, code, "Socks") for article, code in zip("abcdef", "xxyxyz", strict=True)}


def kept(rules: LookupRules, articles: str) -> str:
    return "".join(articles[place] for place in rules.places_left(articles, FACTS))


def test_without_rules_everything_stays():
    assert kept(LookupRules(), "abcdef") == "abcdef"


def test_barred_articles_go_and_their_rule_is_told():
    rules = LookupRules({"b": DENIED, "d": SOLD_OUT, "q": DENIED})
    assert list(rules.rule_for_each("abd", FACTS)) == [("a", None), ("b", Rule.DENIED), ("d", Rule.OUT_OF_STOCK)]


def test_a_cap_counts_what_stays_of_each_product_code():
    assert kept(LookupRules(most_per_product_code=1), "abcdef") == "acf"
    assert kept(LookupRules(most_per_product_code=2), "abcdef") == "abcef"
    assert kept(LookupRules({"a": DENIED}, most_per_product_code=1), "abcdef") == "bcf"  # the denied one takes no place


def test_articles_of_which_nothing_is_known_fall_under_no_cap():
    assert kept(LookupRules(most_per_product_code=1), "uvw") == "uvw"


def test_rules_come_back_from_their_fields():
    fields = {b"0706016001": DENIED.to_json().encode(), b"cap:product_code": b"3"}
    assert read_rules(fields) == LookupRules({"0706016001": DENIED}, 3)
    assert read_rules({}) == LookupRules()


@pytest.mark.parametrize("value", [b"", b"{}", b"[]", b"\xff", b'{"rule": "?", "note": "", "since": ""}'])
def test_a_damaged_rule_is_named(value):
    with pytest.raises(CacheFormatError, match="0706016001"):
        read_rules({b"0706016001": value})


def test_the_command_bars_allows_caps_and_shows(client, capsys):
    assert rule_book.main(["deny", "0706016001", "--note", "recalled"]) == 0
    assert rule_book.main(["out-of-stock", "0000000002"]) == 0
    assert rule_book.main(["cap", "2"]) == 0
    printed = capsys.readouterr().out
    assert "demo: 2 articles barred, at most 2 per product code" in printed
    assert "0706016001  denied" in printed and "recalled" in printed
    rules = read_rules(client.hgetall(KEY))
    assert {article: each.rule for article, each in rules.barred.items()} == {
        "0706016001": Rule.DENIED,
        "0000000002": Rule.OUT_OF_STOCK,
    }
    assert rule_book.main(["allow", "0706016001"]) == rule_book.main(["cap", "0"]) == 0
    assert rule_book.main(["allow", "0706016001"]) == 0
    assert "0706016001 was not barred" in capsys.readouterr().out
    assert read_rules(client.hgetall(KEY)).barred.keys() == {"0000000002"}


@pytest.mark.parametrize("arguments", [["deny", "706016001"], ["deny", ""], ["cap", "-1"]])
def test_a_rule_that_cannot_be_is_refused(client, capsys, arguments):
    assert rule_book.main(arguments) == 2
    assert capsys.readouterr().err
    assert not client.exists(KEY)


def test_without_redis_the_command_says_so(monkeypatch, capsys):
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    assert rule_book.main(["show"]) == 4
    assert "Redis does not answer" in capsys.readouterr().err
