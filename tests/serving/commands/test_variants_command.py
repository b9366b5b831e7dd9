"""`python -m serving.commands.variants`: what it changes, what it prints, and its exit codes."""

from serving.commands.variants import main


def test_it_starts_shows_and_ends_a_variant(client, publish_planted, capsys):
    before = publish_planted(client, 1)
    publish_planted(client, 2)
    assert main(["start", "old", "--version", before, "--share", "0.25"]) == 0
    assert main(["show"]) == 0
    assert f"old            25.0%  {before}  since 20" in capsys.readouterr().out
    assert main(["end", "old"]) == 0
    assert "100.0% of the customers of demo are served the current version" in capsys.readouterr().out


def test_what_cannot_be_done_is_a_wrong_argument(client, publish_planted, capsys):
    version = publish_planted(client, 1)
    assert main(["start", "old", "--version", version]) == 0
    assert main(["start", "old", "--version", version]) == 2
    assert main(["end", "new"]) == 2
    assert "there are: old" in capsys.readouterr().err


def test_without_redis_the_command_says_so(monkeypatch, capsys):
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    assert main(["show"]) == 4
    assert "cannot be reached" in capsys.readouterr().err
