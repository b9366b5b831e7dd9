"""Servers that fail in different ways are told apart in one wording: the server, the reason, the remedy."""

import http.server
import shutil
import ssl
import subprocess
import threading
import time
from contextlib import contextmanager, suppress

import pytest
import redis
from redis_servers import free_port, server

from serving.connection.failure_kinds import still_reads
from serving.connection.redis_address import RedisUnreachable
from serving.connection.redis_clients import client_of
from serving.connection.redis_connection import connect
from serving.connection.redis_failures import failure

USERS = "--user default off --user shop on >s3cret allkeys +ping +get"


@contextmanager
def listening(handler, context: ssl.SSLContext | None = None):
    """Something that is no Redis, on a free port."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as listener:
        if context:
            listener.socket = context.wrap_socket(listener.socket, server_side=True)
        thread = threading.Thread(target=listener.serve_forever, daemon=True)
        thread.start()
        yield listener.server_port
        listener.shutdown()


def refusal(monkeypatch, url: str) -> str:
    """What `connect` says of an address."""
    monkeypatch.setenv("REDIS_URL", url)
    with pytest.raises(RedisUnreachable) as raised:
        connect(timeout_seconds=1.0)
    assert "s3cret" not in str(raised.value)
    return str(raised.value)


def said(client: redis.Redis, *command: str) -> tuple[str, bool]:
    """What is said of a client's failed command, and whether the server can be read."""
    with pytest.raises(redis.RedisError) as raised:
        client.execute_command(*command)
    return failure(client, raised.value), still_reads(raised.value)


def test_an_absent_server(monkeypatch):
    port = free_port()
    message = refusal(monkeypatch, f"redis://:s3cret@127.0.0.1:{port}/3")
    assert message.startswith(f"Redis at redis://127.0.0.1:{port}/3 cannot be reached (")
    assert message.endswith("): start it, correct REDIS_URL, or unset REDIS_URL to use the embedded one.")


def test_a_host_without_an_address(monkeypatch):
    message = refusal(monkeypatch, "redis://:s3cret@no-such-host.invalid:6379/0")
    assert message.startswith("Redis at redis://no-such-host.invalid:6379/0 cannot be found: its host has no address")


def test_passwords(monkeypatch, tmp_path):
    with server(tmp_path, "--requirepass", "s3cret") as port:
        where = f"Redis at redis://127.0.0.1:{port}/0"
        assert refusal(monkeypatch, f"redis://127.0.0.1:{port}").startswith(f"{where} asks for a password: write user")
        assert refusal(monkeypatch, f"redis://:s3cret0@127.0.0.1:{port}").startswith(f"{where} refuses the password: ")
    with server(tmp_path) as port:
        message, _ = said(client_of(f"redis://:s3cret@127.0.0.1:{port}", protocol=2), "PING")
        assert "s3cret" not in message
        assert "has no password, and REDIS_URL gives one: leave the password out" in message


def test_a_user_without_the_right(tmp_path):
    with server(tmp_path, *USERS.split(" ")) as port:
        client = client_of(f"redis://shop:s3cret@127.0.0.1:{port}/0")
        message, reads = said(client, "SET", "a", "b")
        where = f"Redis at redis://127.0.0.1:{port}/0"
        assert message.startswith(f"{where} does not allow its user the command set (NOPERM): ACL SETUSER NAME +set ")
        assert reads
        assert "s3cret" not in message


def test_a_replica_and_a_full_server_can_be_read(tmp_path):
    with server(tmp_path, "--replicaof", "127.0.0.1", "1") as port:
        message, reads = said(client_of(f"redis://127.0.0.1:{port}/0"), "SET", "a", "b")
        assert (message, reads) == (
            f"Redis at redis://127.0.0.1:{port}/0 is a read-only replica: name its primary in REDIS_URL.",
            True,
        )
        script = "EVAL", "return redis.call('set', KEYS[1], '1')", "1", "a"
        assert said(client_of(f"redis://127.0.0.1:{port}/0"), *script) == (message, reads)
    with server(tmp_path, "--maxmemory", "1") as port:
        message, reads = said(client_of(f"redis://127.0.0.1:{port}/0"), "SET", "a", "b")
        assert "is full: raise its maxmemory, or remove what else it holds." in message and reads
        assert said(client_of(f"redis://127.0.0.1:{port}/0"), *script) == (message, reads)


def test_a_replica_without_its_primary(tmp_path, monkeypatch):
    with server(tmp_path, "--replicaof", "127.0.0.1", "1", "--replica-serve-stale-data", "no") as port:
        message, reads = said(client_of(f"redis://127.0.0.1:{port}/0"), "GET", "a")
        assert "is a replica without its primary: name the primary" in message and not reads


def test_a_server_busy_with_a_script(tmp_path, monkeypatch):
    with server(tmp_path, "--lua-time-limit", "10") as port:
        script = threading.Thread(target=run_forever, args=(port,), daemon=True)
        script.start()
        time.sleep(0.3)
        message = refusal(monkeypatch, f"redis://127.0.0.1:{port}")
        assert "is busy with a script: wait for its end, or end it with SCRIPT KILL." in message
        redis.Redis(port=port).script_kill()
        script.join()


def run_forever(port: int) -> None:
    with suppress(redis.RedisError):
        redis.Redis(port=port, retry=None).eval("while true do end", 0)


def test_a_server_that_loads(tmp_path, monkeypatch):
    with server(tmp_path, "--rdbcompression", "no") as port:
        redis.Redis(port=port).mset({str(number): "x" * 20_000 for number in range(2_000)})
        redis.Redis(port=port).save()
    with server(tmp_path, "--key-load-delay", "1000") as port:
        assert "is still loading its data: wait until it is done." in refusal(monkeypatch, f"redis://127.0.0.1:{port}")


def test_a_web_server_on_that_port(monkeypatch):
    with listening(http.server.SimpleHTTPRequestHandler) as port:
        message = refusal(monkeypatch, f"redis://:s3cret@127.0.0.1:{port}/0")
        assert "does not speak Redis’s protocol: correct host, port and scheme" in message
        assert "does not speak Redis’s protocol" in refusal(monkeypatch, f"rediss://127.0.0.1:{port}/0")


def test_encryption_that_one_side_does_not_speak(tmp_path, monkeypatch):
    with server(tmp_path) as port:
        message = refusal(monkeypatch, f"rediss://127.0.0.1:{port}/0")
        assert message.startswith(f"Redis at rediss://127.0.0.1:{port}/0 does not speak TLS there: use redis://")


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl makes the certificate")
def test_a_server_that_speaks_tls_alone(tmp_path, monkeypatch):
    request = "req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 1 -subj /CN=localhost"
    subprocess.run(["openssl", *request.split()], cwd=tmp_path, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    with listening(http.server.SimpleHTTPRequestHandler, context) as port:
        assert "has a certificate that is not trusted: name its authority" in refusal(
            monkeypatch, f"rediss://localhost:{port}/0"
        )
        message = refusal(monkeypatch, f"redis://localhost:{port}/0")
        assert "/0 speaks TLS alone: use rediss:// instead of redis://." in message


def test_a_password_that_a_server_repeats_is_left_out(tmp_path):
    """A Redis without the command AUTH repeats what it was sent."""
    with server(tmp_path, "--rename-command", "AUTH", "") as port:
        client = client_of(f"redis://:s3cret@127.0.0.1:{port}/0", protocol=2)
        message, _ = said(client, "PING")
        assert message.startswith(f"Redis at redis://127.0.0.1:{port}/0 ") and "s3cret" not in message
