"""`python -m serving.commands.rules`: what it changes, what it prints, and its exit codes."""

import pytest

from serving.cache.contract import CacheKeys
from serving.cache.kept_rules import read_stored_rules
from serving.commands import rules
from serving.lookup.barred_articles import Rule
from serving.lookup.lookup_rules import LookupRules

KEY = CacheKeys("demo").rules


def barred(client) -> dict:
    """The articles that Redis holds as barred."""
    return LookupRules.from_stored(read_stored_rules(client, CacheKeys("demo"))).barred


def test_the_command_bars_allows_caps_and_shows(client, capsys):
    assert rules.main(["deny", "0706016001", "--note", "recalled"]) == 0
    assert rules.main(["out-of-stock", "0000000002"]) == 0
    assert rules.main(["cap", "2"]) == 0
    printed = capsys.readouterr().out
    assert "demo: 2 articles barred, at most 2 per product code" in printed
    assert "0706016001 is barred" in printed
    assert {article: each.rule for article, each in barred(client).items()} == {
        "0706016001": Rule.DENIED,
        "0000000002": Rule.OUT_OF_STOCK,
    }
    assert rules.main(["allow", "0706016001"]) == rules.main(["cap", "0"]) == 0
    assert rules.main(["allow", "0706016001"]) == 0
    assert "0706016001 was not barred" in capsys.readouterr().out
    assert barred(client).keys() == {"0000000002"}
    assert rules.main(["show"]) == 0
    assert "0000000002  out_of_stock" in capsys.readouterr().out


NUMBERS = range(1_000_001, 1_000_013)  # customer 0's articles in planted version 1
KNOWN = [f"{number:010d}" for number in NUMBERS]


@pytest.fixture
def file(tmp_path):
    """`file(content)`: the path of a file of article ids."""

    def written(content: str | bytes | list[str]) -> str:
        content = "\n".join(content) if isinstance(content, list) else content
        path = tmp_path / "out of stock.txt"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    return written


def test_one_article_is_not_several(client, publish_planted, file, capsys):
    publish_planted(client, 1)
    assert rules.main(["deny", "--file", file(KNOWN[:1])]) == 0
    printed = capsys.readouterr().out
    assert "1 article named, 1 of them new" in printed
    assert "demo: 1 article barred" in printed and "  1 article  denied" in printed


@pytest.mark.parametrize(
    ("note", "complaint"),
    [
        ("x" * 501, "the note has 501 characters; 500 at most"),
        ("recalled\nby its maker", "the note has the character U+000A"),
        ("\x1b[31mrecalled", "the note has the character U+001B"),
        ("recalled\u2028today", "the note has the character U+2028"),
        ("\udcff", "the note has the character U+DCFF"),  # a byte of a terminal that is not UTF-8
    ],
)
def test_a_note_that_cannot_be_shown_in_a_line_is_refused(client, file, capsys, note, complaint):
    for articles in ([KNOWN[0]], ["--file", file(KNOWN)]):
        assert rules.main(["deny", "--note", note, *articles]) == 2
        assert complaint in capsys.readouterr().err
    assert not barred(client)


def test_a_note_may_have_whatever_can_be_shown(client):
    note = '5" heel – «zurück» 👩‍🏭 ' + "x" * 470
    assert rules.main(["deny", KNOWN[0], "--note", note]) == 0
    assert barred(client)[KNOWN[0]].note == note


def test_an_unknown_article_is_barred_and_told(client, publish_planted, capsys):
    publish_planted(client, 1)
    assert rules.main(["deny", "0706016099"]) == 0
    printed = capsys.readouterr().out
    assert "0706016099 is unknown to the published version of demo: look for a typing error" in printed
    assert barred(client).keys() == {"0706016099"}
    assert rules.main(["deny", KNOWN[0]]) == 0
    assert "unknown" not in capsys.readouterr().out


def test_a_feed_replaces_its_own_articles_and_leaves_all_others(client, publish_planted, file, capsys):
    publish_planted(client, 1)
    rules.main(["deny", KNOWN[0], "--note", "recalled"])
    rules.main(["deny", "--file", file(KNOWN[1:3])])
    stock = ["out-of-stock", "--feed", "stock", "--file"]
    assert rules.main([*stock, file(KNOWN[:6])]) == 0
    assert "6 articles named, 6 of them new; 0 others freed" in capsys.readouterr().out
    assert rules.main([*stock, file(KNOWN[5:8])]) == 0
    printed = capsys.readouterr().out
    assert "3 articles named, 2 of them new; 5 others freed" in printed
    assert "demo: 6 articles barred" in printed and "stock  3 articles  out_of_stock" in printed
    assert set(barred(client)) == {*KNOWN[:3], *KNOWN[5:8]}
    assert rules.main(["allow", KNOWN[6]]) == 0
    assert f"{KNOWN[6]} stays barred by a feed, which has to free it" in capsys.readouterr().out
    assert rules.main(["allow", "--feed", "stock"]) == 0
    assert set(barred(client)) == set(KNOWN[:3])
    assert rules.main(["allow", "--feed", "stock"]) == 2
    assert "there is no feed 'stock'; there are: list-" in capsys.readouterr().err


def test_a_file_is_barred_and_allowed(client, publish_planted, file, capsys):
    publish_planted(client, 1)
    assert rules.main(["deny", "--file", file(KNOWN), "--note", "season is over"]) == 0
    assert rules.main(["deny", KNOWN[0]]) == 0
    capsys.readouterr()
    assert rules.main(["allow", "--file", file([*KNOWN[:10], "0000000009"])]) == 0
    assert "10 articles are allowed\n1 article was not barred" in capsys.readouterr().out
    assert set(barred(client)) == set(KNOWN[10:])
    assert all(each.note == "season is over" for each in barred(client).values())


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("\ufeff0001000001\r\n0001000002\r\n", ""),
        ("0001000001\n\n  \n# sold out\n0001000002\n0001000001\n", "1 id came more than once"),
        ("article_id\n0001000001\n0001000002\n", ""),
        ("sku\n0001000001\n0001000002\n", ""),
        (
            "1000001\n1000002\n",
            "2 ids had fewer than ten digits and were read with leading zeros, 1000001 as 00010",
        ),
        ('name,"Article_ID",stock\n"dress, long",0001000001,0\nshoe,"0001000002",0\n', ""),
        ("article_id;stock\n0001000001;0\n0001000002;0\n", ""),
        ("0001000001\t0\n0001000002\t0\n", ""),
    ],
)
def test_files_as_systems_and_spreadsheets_write_them(client, publish_planted, file, capsys, content, told):
    publish_planted(client, 1)
    assert rules.main(["deny", "--file", file(content)]) == 0
    assert told in capsys.readouterr().out
    assert barred(client).keys() == {"0001000001", "0001000002"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x7fELF\x00\x01", "is binary; save it as text in UTF-8"),
        ("0001000001\n".encode("utf-16"), "is UTF-16; save it as text in UTF-8"),
        (b"PK\x03\x04rest", "is a zip archive or workbook; save it as text"),
        (b"0001000001\nGr\xf6\xdfe\n", "line 2 is not UTF-8"),
        ("", "names no article; to free all articles of a feed, end it: make allow FEED=name"),
        ("\n\r\n", "names no article"),
        ("article_id\n", "names no article"),
        (
            "0001000001\nSKU-15\n",
            "leading zeros included (line 2: 'SKU-15'); nothing was",
        ),
        ("0001000001\n1000002.0\n7.06016E+08", "2 lines are no article ids"),
        ("00010000011\n", "1 line is no article id;"),
        ("0001000001,0001000002\n", "line 1 has several numbers; write one article id a line, or name the column"),
        ("0001000001;\n0001000002;0001000001\n", "line 2 has several numbers"),
        ("0000000000\n", "1 line is no article id;"),
        ("9999999999\n", "1 line is no article id;"),
        ("stock,article_id\n0\n", "line 2: ''"),
        ("4000000000\n4000000001\n", "no article of the published version has one of these ids; 4000000000?"),
    ],
)
def test_a_file_that_is_none_of_article_ids_changes_nothing(client, publish_planted, file, capsys, content, message):
    publish_planted(client, 1)
    rules.main(["out-of-stock", "--feed", "stock", "--file", file(KNOWN)])
    capsys.readouterr()
    assert rules.main(["out-of-stock", "--feed", "stock", "--file", file(content)]) == 2
    printed = capsys.readouterr()
    assert message in printed.err.replace("'4000000000'", "4000000000") and printed.err.count("\n") == 1
    assert barred(client).keys() == set(KNOWN)


@pytest.mark.parametrize(
    "arguments",
    [
        ["deny"],
        ["deny", "0001000001", "--file", "/dev/null"],
        ["deny", "--file", "/no/such/file"],
        ["deny", "--file", "/tmp"],
        ["deny", "0001000001", "--feed", "stock"],
        ["allow"],
        ["allow", "0001000001", "--feed", "stock"],
        ["allow", "--feed", "a b"],
        ["allow", "--feed", "list-1"],
    ],
)
def test_arguments_that_do_not_go_together_are_one_line(client, capsys, arguments):
    assert rules.main(arguments) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_dataset_without_lists_and_rules_is_told_with_those_there_are(client, publish_planted, capsys):
    assert rules.main(["--dataset", "nonsense", "show"]) == 3
    assert (
        "it is none of demo, demo-medium, demo-full, online-retail, kaggle-hm (no dataset has lists yet)."
        in capsys.readouterr().err
    )
    publish_planted(client, 1)
    assert rules.main(["--dataset", "nonsense", "show"]) == 3
    assert capsys.readouterr().err.endswith("(there are lists of: demo).\n")


@pytest.mark.parametrize("arguments", [["deny", "706016001"], ["deny", ""], ["cap", "-1"]])
def test_a_rule_that_cannot_be_is_refused(client, capsys, arguments):
    assert rules.main(arguments) == 2
    assert capsys.readouterr().err
    assert not client.exists(KEY)


def test_without_redis_the_command_says_so(monkeypatch, capsys):
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    assert rules.main(["show"]) == 4
    assert "cannot be reached" in capsys.readouterr().err
