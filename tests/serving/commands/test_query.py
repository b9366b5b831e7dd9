"""`python -m serving.commands.query`: a readable list and exit codes that a script can use."""

from datetime import UTC, datetime

import pytest

from serving.cache.list_buckets import Source
from serving.commands import query
from serving.lookup.answers import Item, Reason, Recommendations


def test_the_list_shows_names_source_version_and_age(client, publish_planted, capsys):
    version = publish_planted(client, 1)
    assert query.main(["--customer", "customer-0", "--k", "2"]) == 0
    printed = capsys.readouterr().out
    assert "source    personal\n" in printed
    assert f"version   {version}, model model-1" in printed
    assert "   1  0001000001     12.0000  repurchase       Product 1000001\n" in printed
    assert "   2  0001000002     11.0000  two_tower        Product 1000002" in printed


def test_without_a_customer_it_shows_a_published_personal_one(client, publish_planted, capsys):
    publish_planted(client, 1)
    assert query.main([]) == 0
    assert "customer  customer-0\nsource    personal\n" in capsys.readouterr().out


def test_an_unknown_customer_is_told_why_the_list_is_popular(client, publish_planted, capsys):
    publish_planted(client, 1)
    assert query.main(["--customer", "nobody"]) == 0
    assert "source    popular (unknown_customer)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "exit_code", "message"),
    [
        (["--dataset", "demo:current"], 2, "Redis key"),
        (["--dataset", "online-retail"], 3, "no lists are published for online-retail"),
    ],
)
def test_exit_codes_say_what_is_wrong(client, publish_planted, capsys, arguments, exit_code, message):
    publish_planted(client, 1)
    assert query.main(arguments) == exit_code
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("k", ["0", "-1", "ten"])
def test_a_depth_below_one_is_a_wrong_argument(capsys, k):
    with pytest.raises(SystemExit) as ended:
        query.main([f"--k={k}"])
    assert ended.value.code == 2
    assert "is not a whole number from 1 on" in capsys.readouterr().err


def test_redis_away_has_an_exit_code_of_its_own(monkeypatch, capsys):
    monkeypatch.setenv("REDIS_URL", "redis://:secret@127.0.0.1:1/0")
    assert query.main([]) == 4
    error = capsys.readouterr().err
    assert "cannot be reached" in error and "secret" not in error


def test_an_article_without_a_name_is_still_listed():
    found = Recommendations(
        customer_id="a",
        items=(Item("0706016001", 1.5, Reason.RISING),),
        source=Source.PERSONAL,
        fallback_reason=None,
        version="v1",
        model="two_tower",
        generated_at="2020-09-23T02:15:00+00:00",
    )
    printed = query.format_list(found, {}, now=datetime(2020, 9, 25, 2, 15, tzinfo=UTC))
    assert "age       2 days" in printed
    assert printed.endswith("   1  0706016001      1.5000  rising           (name unknown)")
