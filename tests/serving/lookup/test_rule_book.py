"""Rules in Redis: what is written comes back, and damage is named."""

import pytest

from serving.cache.contract import CacheFormatError
from serving.lookup.rule_book import BarredArticle, LookupRules, Rule

DENIED = BarredArticle(Rule.DENIED, "recalled", "2020-09-23T02:15:00+00:00")


def test_rules_come_back_from_their_fields():
    fields = {b"0706016001": DENIED.to_json().encode(), b"cap:product_code": b"3"}
    assert LookupRules.from_fields(fields) == LookupRules({"0706016001": DENIED}, 3)
    assert LookupRules.from_fields({}) == LookupRules()


@pytest.mark.parametrize("value", [b"", b"{}", b"[]", b"\xff", b'{"rule": "?", "note": "", "since": ""}'])
def test_a_damaged_rule_is_named(value):
    with pytest.raises(CacheFormatError, match="0706016001"):
        LookupRules.from_fields({b"0706016001": value})
