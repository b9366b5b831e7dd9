"""Rules outlive a Redis that loses its data: they lie on the disk, too, and come back before lists are published."""

import json
import stat

import numpy as np
import pytest
from test_publish import planted_lists

from recommender.project_paths import DATA_DIR_VARIABLE
from recommender.release.kept_lists import keep_lists
from recommender.release.publish import PublishedRun
from recommender.release.republish import lists_folder, main
from serving.cache.barred_sets import BarredSet, encode_barred_set
from serving.cache.contract import CacheKeys
from serving.cache.kept_rules import keep_rules, read_stored_rules, rescue_rules
from serving.cache.rule_changes import change_arguments
from serving.commands import rules
from serving.connection.embedded_redis import EmbeddedRedis
from serving.connection.redis_connection import connect

KEYS = CacheKeys("demo")
FEED = encode_barred_set(BarredSet("out_of_stock", "", "2020-09-23", np.array([2, 3])))


@pytest.fixture
def client(tmp_path, monkeypatch):
    """An empty Redis that commands find, with a data folder beside it."""
    monkeypatch.delenv("REDIS_URL", raising=False)
    monkeypatch.setenv("EMBEDDED_REDIS_DIR", str(tmp_path / "redis"))
    monkeypatch.setenv(DATA_DIR_VARIABLE, str(tmp_path))
    server = EmbeddedRedis(tmp_path / "redis")
    server.ensure_running()
    with connect() as connected:
        yield connected
    server.stop()


def barred(client) -> set[bytes]:
    stored = read_stored_rules(client, KEYS)
    return {*stored.rules, *stored.sets}


def test_after_a_flush_publishing_a_run_again_brings_the_rules_back(client, tmp_path, capsys):
    keep_lists(planted_lists(1), PublishedRun("demo", "41", "m", {}, "2020-09-23"), lists_folder("demo", "41"))
    assert main(["--run", "41"]) == 0
    rules.main(["deny", "0706016001", "--note", "recalled"])
    client.eval(*change_arguments(KEYS, [("set", "stock", FEED)]))  # over HTTP: this machine does not hear of it
    assert main(["--run", "41"]) == 0  # until it publishes
    client.flushall()
    capsys.readouterr()
    assert main(["--run", "41"]) == 0
    printed = capsys.readouterr().out
    assert "Redis had lost 2 of the 2 rules of demo, the newest of 20" in printed
    assert barred(client) == {b"0706016001", b"stock"}
    assert json.loads(client.hget(KEYS.rules, "0706016001"))["note"] == "recalled"
    assert client.hget(KEYS.barred_sets, "stock") == FEED
    assert main(["--run", "41"]) == 0
    assert "lost" not in capsys.readouterr().out


def test_a_command_brings_lost_rules_back_first(client, capsys):
    rules.main(["deny", "0706016001"])
    client.flushall()
    assert rules.main(["deny", "0000000002"]) == 0
    assert "Redis had lost 1 of the 1 rules of demo" in capsys.readouterr().out
    assert barred(client) == {b"0706016001", b"0000000002"}


def test_rules_that_were_set_after_the_loss_stay_and_the_lost_ones_join_them(client):
    rules.main(["deny", "0706016001", "--note", "recalled"])
    rules.main(["deny", "0000000002"])
    client.flushall()
    client.eval(*change_arguments(KEYS, [("bar", "0706016001", "{}")]))
    assert "Redis had lost 1 of the 2 rules" in rescue_rules(client, "demo")[0]
    assert client.hgetall(KEYS.rules).keys() == {b"0706016001", b"0000000002"}
    assert client.hget(KEYS.rules, "0706016001") == b"{}"


def test_what_was_allowed_on_purpose_does_not_come_back(client, capsys):
    rules.main(["deny", "0706016001"])
    client.eval(*change_arguments(KEYS, [("allow", "0706016001", "")]))  # over HTTP
    assert rescue_rules(client, "demo") == []
    assert barred(client) == set()


def test_rules_of_an_earlier_release_are_kept_from_the_first_publication_on(client):
    client.hset(KEYS.rules, "0706016001", '{"rule": "denied", "note": "", "since": "2020"}')
    assert rescue_rules(client, "demo") == []
    client.flushall()
    assert "Redis had lost 1 of the 1 rules" in rescue_rules(client, "demo")[0]
    assert barred(client) == {b"0706016001"}


def test_the_file_is_private_and_of_one_redis(client, tmp_path, monkeypatch):
    rules.main(["deny", "0706016001", "--note", "rückruf"])
    folder = tmp_path / "rules"
    assert [path.name for path in folder.iterdir()] == ["demo.json"]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "demo.json").stat().st_mode) == 0o600
    monkeypatch.setenv("REDIS_URL", f"{EmbeddedRedis(tmp_path / 'redis').url.partition('?')[0]}?db=1")
    with connect() as other:
        assert rescue_rules(other, "demo") == []  # another Redis has rules of its own
        assert barred(other) == set()


def test_a_damaged_file_is_told_and_written_anew(client, tmp_path):
    rules.main(["deny", "0706016001"])
    file = tmp_path / "rules" / "demo.json"
    whole = file.read_text()
    file.write_text(whole[:40])
    assert "cannot be read" in rescue_rules(client, "demo")[0]
    assert file.read_text() == whole


def test_a_machine_that_cannot_keep_rules_says_so_and_they_hold(client, tmp_path, capsys):
    (tmp_path / "rules").touch()
    assert rules.main(["deny", "0706016001"]) == 0
    assert "the rules hold, but this machine cannot keep them as well" in capsys.readouterr().out
    assert barred(client) == {b"0706016001"}


def test_rules_of_another_kind_of_key_do_not_end_a_publication(client):
    client.set(KEYS.rules, "not a hash")
    (told,) = rescue_rules(client, "demo")
    assert "wrong kind of value" in told and "The rules of demo may not be in force" in told


def test_any_bytes_survive_the_file(client):
    odd = {b"\xff": b"\x00\xfe", b"base64:x": b"base64:y", "é".encode(): b'"\n'}
    client.eval(*change_arguments(KEYS, [("bar", name, value) for name, value in odd.items()]))
    keep_rules(client, "demo")
    client.flushall()
    rescue_rules(client, "demo")
    assert client.hgetall(KEYS.rules) == odd
