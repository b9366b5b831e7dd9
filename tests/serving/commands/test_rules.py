"""`python -m serving.commands.rules`: what it changes, what it prints, and its exit codes."""

import pytest

from serving.cache.contract import CacheKeys
from serving.commands import rules
from serving.lookup.rule_book import LookupRules, Rule

KEY = CacheKeys("demo").rules


def test_the_command_bars_allows_caps_and_shows(client, capsys):
    assert rules.main(["deny", "0706016001", "--note", "recalled"]) == 0
    assert rules.main(["out-of-stock", "0000000002"]) == 0
    assert rules.main(["cap", "2"]) == 0
    printed = capsys.readouterr().out
    assert "demo: 2 articles barred, at most 2 per product code" in printed
    assert "0706016001  denied" in printed and "recalled" in printed
    stored = LookupRules.from_fields(client.hgetall(KEY))
    assert {article: each.rule for article, each in stored.barred.items()} == {
        "0706016001": Rule.DENIED,
        "0000000002": Rule.OUT_OF_STOCK,
    }
    assert rules.main(["allow", "0706016001"]) == rules.main(["cap", "0"]) == 0
    assert rules.main(["allow", "0706016001"]) == 0
    assert "0706016001 was not barred" in capsys.readouterr().out
    assert LookupRules.from_fields(client.hgetall(KEY)).barred.keys() == {"0000000002"}


@pytest.mark.parametrize("arguments", [["deny", "706016001"], ["deny", ""], ["cap", "-1"]])
def test_a_rule_that_cannot_be_is_refused(client, capsys, arguments):
    assert rules.main(arguments) == 2
    assert capsys.readouterr().err
    assert not client.exists(KEY)


def test_without_redis_the_command_says_so(monkeypatch, capsys):
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    assert rules.main(["show"]) == 4
    assert "cannot be reached" in capsys.readouterr().err
