"""The embedded Redis starts by itself, outlives its starter, keeps its data, and is never started twice."""

import asyncio
import fcntl
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
import redis

from serving.connection import redis_connection
from serving.connection.embedded_redis import EmbeddedRedis, EmbeddedRedisError, redis_executable
from serving.connection.redis_address import RedisUnreachable
from serving.connection.redis_connection import connect, connect_async, redis_url


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
    assert client.get("kept") == b"yes"  # the old client: the address is the same


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
    """After a reboot the recorded process id may be somebody else's, and the socket leads nowhere."""
    client.set("kept", "yes")
    redis_server.stop()
    (redis_server.directory / "redis.pid").write_text(f"{os.getpid()}\n")
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(redis_server.directory / "redis.sock"))
    with connect() as reconnected:
        assert reconnected.get("kept") == b"yes"


def modes(directory: Path) -> set[int]:
    """The permissions of all that lies below a folder, sockets included."""
    return {stat.S_IMODE(path.lstat().st_mode) for path in directory.rglob("*")}


def test_only_its_owner_enters_its_folder_and_no_port_is_open(redis_server, client):
    client.set("a", "b")
    assert stat.S_IMODE(redis_server.directory.stat().st_mode) == 0o700
    names = ("redis.conf", "redis.log", "redis.sock", "appendonly.aof")
    assert {stat.S_IMODE((redis_server.directory / name).stat().st_mode) for name in names} == {0o600}
    assert client.config_get("port") == {"port": "0"}


def test_a_folder_that_others_can_read_is_narrowed_with_all_its_files(tmp_path):
    directory = tmp_path / "redis"
    (directory / "appendonlydir").mkdir(parents=True)
    for name in ("appendonly.aof", "redis.log", "appendonlydir/part"):
        (directory / name).touch(mode=0o644)
    directory.chmod(0o755)
    server = EmbeddedRedis(directory)
    server.ensure_running()
    try:
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
        assert modes(directory) <= {0o600, 0o700, 0o644}
        assert stat.S_IMODE((directory / "appendonly.aof").stat().st_mode) == 0o600
        assert stat.S_IMODE((directory / "appendonlydir").stat().st_mode) == 0o700
    finally:
        server.stop()


def test_a_folder_that_all_users_share_stays_as_it_is(tmp_path):
    tmp_path.chmod(0o1777)
    with pytest.raises(EmbeddedRedisError, match="is shared by all users; give Redis a folder of its own"):
        EmbeddedRedis(tmp_path)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o1777


def test_a_folder_may_have_a_path_that_is_too_long_for_a_socket(tmp_path, monkeypatch):
    directory = tmp_path / ("a folder with a long name, " * 4) / ("%40 ? # é" * 10) / "redis"
    assert len(str(directory).encode()) > 200
    monkeypatch.delenv("REDIS_URL", raising=False)
    monkeypatch.setenv("EMBEDDED_REDIS_DIR", str(directory))
    server = EmbeddedRedis(directory)
    try:
        with connect() as client:
            client.set("kept", "yes")
        assert asyncio.run(read_one("kept")) == b"yes"
        kill(server)
        with connect() as client:
            assert client.ping()
    finally:
        assert server.stop()


async def read_one(key: str) -> bytes:
    """What an asyncio client reads."""
    async with connect_async(redis_url(), 1.0) as client:
        return await client.get(key)


def test_a_server_of_an_earlier_release_is_used_until_it_is_stopped(tmp_path, monkeypatch, capsys):
    """It has a TCP port and a password; the API that it serves was started before the upgrade."""
    directory = tmp_path / "redis"
    directory.mkdir(mode=0o755)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (directory / "port").write_text(str(port))
    (directory / "password").write_text("old-secret")
    (directory / "redis.conf").write_text(
        f"bind 127.0.0.1\nport {port}\nrequirepass old-secret\nappendonly yes\ndaemonize yes\npidfile redis.pid\n"
    )
    with (directory / "server.lock").open("a") as ownership:
        fcntl.flock(ownership, fcntl.LOCK_EX)
        command = [redis_executable(), "redis.conf"]
        subprocess.run(command, cwd=directory, pass_fds=[ownership.fileno()], stdout=subprocess.DEVNULL, check=True)
    monkeypatch.delenv("REDIS_URL", raising=False)
    monkeypatch.setenv("EMBEDDED_REDIS_DIR", str(directory))
    with connect() as client:
        client.set("kept", "yes")
        assert client.connection_pool.connection_kwargs["port"] == port
    assert redis_connection.main(["status"]) == 0
    printed = capsys.readouterr().out
    assert f"running: redis://127.0.0.1:{port}/0" in printed and "an earlier release started it" in printed
    assert "old-secret" not in printed
    assert redis_connection.main(["stop"]) == 0
    with connect() as client:
        assert client.get("kept") == b"yes"
        assert client.connection_pool.connection_kwargs["path"] == str(directory / "redis.sock")
    assert not (directory / "port").exists() and not (directory / "password").exists()
    EmbeddedRedis(directory).stop()


def test_all_files_are_in_the_directory(redis_server, client, tmp_path):
    client.set("a", "b")
    assert [path.name for path in tmp_path.iterdir()] == ["redis"]
    names = {path.name for path in redis_server.directory.iterdir()}
    assert {"redis.log", "redis.pid", "redis.sock"} <= names
    assert any(name.startswith("appendonly") for name in names)  # a file, from Redis 7 on a folder


def test_a_full_disk_leaves_a_server_that_reads_and_says_so(tmp_path, monkeypatch, caplog):
    """As on a full disk, its files cannot grow; what it holds can be read, and nothing written."""
    program = tmp_path / "redis-server"
    program.write_text(f'#!/bin/sh\ntrap "" XFSZ\nulimit -f 1\nexec {redis_executable()} "$@"\n')
    program.chmod(0o700)
    monkeypatch.delenv("REDIS_URL", raising=False)
    monkeypatch.setenv("EMBEDDED_REDIS_DIR", str(tmp_path / "redis"))
    monkeypatch.setenv("EMBEDDED_REDIS_SERVER", str(program))
    server = EmbeddedRedis(tmp_path / "redis")
    try:
        with connect() as client:
            client.set("kept", "yes")
            with suppress(redis.RedisError):
                client.set("large", "x" * 100_000)
            time.sleep(0.2)
            with pytest.raises(redis.ResponseError, match="MISCONF"):
                client.ping()
        with connect() as client:
            assert client.get("kept") == b"yes"
        expected = "redis.sock is read-only, for it cannot save on its disk: make room on its disk."
        assert any(message.endswith(expected) for message in caplog.messages)
    finally:
        os.kill(server.process_id(), signal.SIGKILL)


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
    assert f"running: unix://{tmp_path / 'redis' / 'redis.sock'}" in capsys.readouterr().out
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
