"""Rules in Redis: what is written comes back, and damage is named."""

import pytest

from serving.cache.barred_sets import BarredSet, decode_barred_set, encode_barred_set, unique_numbers
from serving.cache.rule_changes import StoredRules, lost_rules
from serving.lookup.barred_articles import BarredArticle, BarredArticles, Rule
from serving.lookup.lookup_rules import LookupRules, rule_value

DENIED = BarredArticle(Rule.DENIED, "recalled", "2020-09-23T02:15:00+00:00")


def stored(rules=None, sets=None, state=b"a:1:0:0") -> StoredRules:
    return StoredRules(state, rules or {}, sets or {})


def encoded(article_ids) -> bytes:
    """The value of a set of articles."""
    return encode_barred_set(BarredSet("out_of_stock", "", "2020-09-23", unique_numbers(article_ids)))


def test_rules_come_back_from_their_fields():
    fields = {b"0706016001": rule_value(DENIED).encode(), b"cap:product_code": b"3"}
    assert LookupRules.from_stored(stored(fields)) == LookupRules(BarredArticles({"0706016001": DENIED}), 3)
    assert LookupRules.from_stored(StoredRules()) == LookupRules()


@pytest.mark.parametrize("value", [b"", b"{}", b"[]", b"\xff", b'{"rule": "?", "note": "", "since": ""}'])
def test_an_article_whose_rule_is_damaged_stays_barred_beside_the_others(value):
    fields = {b"0706016001": value, b"0000000002": rule_value(DENIED).encode()}
    rules = LookupRules.from_stored(stored(fields))
    assert rules.barred.keys() == {"0706016001", "0000000002"}
    assert rules.barred["0706016001"].note == "its rule cannot be read; set it again"
    assert rules.unreadable == ("0706016001",)


def test_a_damaged_cap_or_set_is_as_it_was_read_last():
    sold_out = encoded(["0000000002", "0000000003"])
    before = LookupRules.from_stored(stored({b"cap:product_code": b"2"}, {b"stock": sold_out}))
    damaged = stored({b"cap:product_code": b"two", b"?": b"garbage"}, {b"stock": sold_out[:-1], b"new": b""})
    rules = LookupRules.from_stored(damaged, before)
    assert (rules.most_per_product_code, rules.barred.keys()) == (2, {"0000000002", "0000000003"})
    assert set(rules.unreadable) == {"cap:product_code", "stock", "new", "?"}
    assert LookupRules.from_stored(damaged).barred == {}  # nobody knows which they were


def test_a_rule_of_its_own_comes_before_that_of_a_feed():
    sold_out = encoded(["0706016001", "0000000002"])
    rules = LookupRules.from_stored(stored({b"0706016001": rule_value(DENIED).encode()}, {b"stock": sold_out}))
    assert rules.barred["0706016001"] == DENIED
    assert rules.barred["0000000002"].origin == "stock"
    assert len(rules.barred) == 2 and sorted(rules.barred) == ["0000000002", "0706016001"]
    assert "0000000003" not in rules.barred and "no id" not in rules.barred and rules.barred.get("٣") is None
    assert rules.barred.single.keys() == {"0706016001"}
    assert len(rules.together["stock"].numbers) == 2


def test_a_set_takes_four_bytes_for_an_article():
    ids = [f"{number:010d}" for number in range(1, 100_001)]
    value = encoded(ids)
    assert len(value) < 400_200
    assert decode_barred_set(value).numbers.tolist() == list(range(1, 100_001))


@pytest.mark.parametrize(
    ("known", "found", "lost"),
    [
        (stored({b"a": b"1", b"b": b"2"}, {b"s": b"3"}), StoredRules(), {b"a", b"b", b"s"}),
        (stored({b"a": b"1"}), stored({b"a": b"9"}, state=b"new:1:0:0"), set()),
        (stored({b"a": b"1", b"b": b"2"}), stored({b"a": b"9"}, state=b"new:7:0:0"), {b"b"}),
        (stored({b"a": b"1"}, state=b"a:5:0:0"), stored({}, state=b"a:4:0:0"), {b"a"}),  # of an older copy
        (stored({b"a": b"1"}, state=b"a:5:0:0"), stored({}, state=b"a:6:0:0"), set()),  # somebody allowed it
        (stored({b"a": b"1"}, state=b""), StoredRules(), set()),
        (stored({b"a": b"1"}, {b"s": b"2"}), stored({}, {b"s": b"2"}, state=b"a:1:1:1"), {b"a"}),  # evicted
        (stored({b"a": b"1"}, {b"s": b"2"}), stored({b"a": b"1"}, {}, state=b"a:1:1:1"), {b"s"}),
    ],
)
def test_what_redis_has_lost_is_known_by_its_state(known, found, lost):
    assert {name for _, name, _ in lost_rules(known, found)} == lost
