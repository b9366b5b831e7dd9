"""The embedded Redis starts by itself, outlives its starter, keeps its data, and is never started twice."""

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import redis

from serving.connection import redis_connection
from serving.connection.embedded_redis import EmbeddedRedis
from serving.connection.redis_connection import RedisUnreachable, connect


def kill(server: EmbeddedRedis) -> None:
    """End the server as a power cut would, and wait until it is gone."""
    os.kill(server.process_id(), signal.SIGKILL)
    while server.is_running():
        time.sleep(0.01)


def test_data_survives_a_kill_and_clients_come_back(redis_server, client):
    client.set("kept", "yes")
    time.sleep(1.2)  # appendfsync everysec
    kill(redis_server)
    assert connect().get("kept") == b"yes"
    assert client.get("kept") == b"yes"  # the old client: port and password are the same


def test_the_server_outlives_the_process_that_started_it(tmp_path):
    environment = os.environ | {"EMBEDDED_REDIS_DIR": str(tmp_path / "redis")}
    environment.pop("REDIS_URL", None)
    program = "from serving.connection.redis_connection import connect; connect().set('from', 'child')"
    subprocess.run([sys.executable, "-c", program], env=environment, check=True)
    server = EmbeddedRedis(tmp_path / "redis")
    try:
        assert server.is_running()
        assert redis.Redis.from_url(server.url).get("from") == b"child"
    finally:
        server.stop()


def test_ten_starters_share_one_server(redis_server):
    redis_server.stop()
    with ThreadPoolExecutor(10) as pool:
        clients = list(pool.map(lambda _: connect(), range(10)))
    assert len({client.info("server")["process_id"] for client in clients}) == 1


def test_a_reboot_leaves_files_that_mislead_nobody(redis_server, client):
    """After a reboot the recorded process id and port may belong to somebody else."""
    client.set("kept", "yes")
    redis_server.stop()
    (redis_server.directory / "redis.pid").write_text(f"{os.getpid()}\n")
    with socket.socket() as somebody:
        somebody.bind(("127.0.0.1", 0))
        somebody.listen()
        taken = somebody.getsockname()[1]
        (redis_server.directory / "port").write_text(str(taken))
        with connect() as reconnected:
            assert reconnected.get("kept") == b"yes"
            assert reconnected.connection_pool.connection_kwargs["port"] != taken


def test_only_its_owner_reads_the_password_and_only_loopback_connects(redis_server):
    for name in ("password", "redis.conf"):
        assert stat.S_IMODE((redis_server.directory / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(redis_server.directory.stat().st_mode) == 0o700
    port = int((redis_server.directory / "port").read_text())
    with pytest.raises(redis.AuthenticationError):
        redis.Redis(port=port, retry=None).ping()
    command_line = Path(f"/proc/{redis_server.process_id()}/cmdline")
    password = (redis_server.directory / "password").read_text()
    assert password not in (command_line.read_text() if command_line.exists() else "")
    assert "bind 127.0.0.1\n" in (redis_server.directory / "redis.conf").read_text()


def test_all_files_are_in_the_directory(redis_server, client, tmp_path):
    client.set("a", "b")
    assert [path.name for path in tmp_path.iterdir()] == ["redis"]
    names = {path.name for path in redis_server.directory.iterdir()}
    assert {"redis.log", "redis.pid", "port", "password"} <= names
    assert any(name.startswith("appendonly") for name in names)  # a file, from Redis 7 on a folder


def test_a_full_redis_refuses_writes_instead_of_evicting(redis_server, client):
    assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


def test_a_server_that_cannot_start_says_what_its_log_says(tmp_path, monkeypatch):
    monkeypatch.delenv("REDIS_URL", raising=False)
    monkeypatch.setenv("EMBEDDED_REDIS_DIR", str(tmp_path))
    (tmp_path / "appendonly.aof").write_text("not an append only file")
    with pytest.raises(RedisUnreachable, match="Bad file format"):
        connect()


def test_an_unreachable_url_is_named_without_its_password(monkeypatch):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    monkeypatch.setenv("REDIS_URL", f"redis://user:secret@127.0.0.1:{port}/3")
    with pytest.raises(RedisUnreachable, match=f"redis://127.0.0.1:{port}/3 cannot be reached.*REDIS_URL") as raised:
        connect()
    assert "secret" not in str(raised.value)


def test_a_url_of_another_kind_is_refused(monkeypatch):
    monkeypatch.setenv("REDIS_URL", "http://:secret@example.com")
    with pytest.raises(RedisUnreachable, match="must start with redis://") as raised:
        connect()
    assert "secret" not in str(raised.value)


def test_redis_url_wins_over_the_embedded_server(redis_server, monkeypatch, tmp_path):
    monkeypatch.setenv("REDIS_URL", redis_server.url)
    monkeypatch.setenv("EMBEDDED_REDIS_DIR", str(tmp_path / "unused"))
    assert connect().ping()
    assert not (tmp_path / "unused").exists()


def test_start_status_and_stop_from_the_command_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("EMBEDDED_REDIS_DIR", str(tmp_path / "redis"))
    assert redis_connection.main(["status"]) == 3
    assert redis_connection.main(["start"]) == 0
    assert redis_connection.main(["status"]) == 0
    assert (tmp_path / "redis" / "password").read_text() not in capsys.readouterr().out
    assert redis_connection.main(["stop"]) == 0
    assert redis_connection.main(["stop"]) == 0
    assert "was not running" in capsys.readouterr().out
    assert redis_connection.main(["status"]) == 3


def test_a_hung_server_is_stopped_by_force(redis_server):
    os.kill(redis_server.process_id(), signal.SIGSTOP)
    assert redis_server.stop()
    assert not redis_server.is_running()


def test_another_server_binary_can_be_named(tmp_path, monkeypatch):
    monkeypatch.delenv("REDIS_URL", raising=False)
    monkeypatch.setenv("EMBEDDED_REDIS_DIR", str(tmp_path / "redis"))
    monkeypatch.setenv("EMBEDDED_REDIS_SERVER", "/nowhere/valkey-server")
    with pytest.raises(RedisUnreachable, match="'/nowhere/valkey-server', which is not a program"):
        connect()
    monkeypatch.setenv("EMBEDDED_REDIS_SERVER", "false")
    with pytest.raises(RedisUnreachable, match="/false cannot start"):
        connect()


def test_a_place_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.delenv("REDIS_URL", raising=False)
    monkeypatch.setenv("EMBEDDED_REDIS_DIR", str(tmp_path / "file" / "redis"))
    with pytest.raises(RedisUnreachable, match="no place for its files .* set REDIS_URL"):
        connect()
