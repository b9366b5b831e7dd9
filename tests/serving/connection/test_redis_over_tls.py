"""Redis over TLS: a private authority, certificates of clients, and what is said when the two sides do not agree."""

import asyncio
from pathlib import Path

import pytest
import redis
from certificates import KEY_PASSWORD, make_certificates
from redis_servers import needs_redis_server, tls_server

from serving.connection.redis_address import RedisUnreachable, checked_url
from serving.connection.redis_clients import client_of
from serving.connection.redis_connection import connect, connect_async
from serving.connection.redis_failures import failure

pytestmark = needs_redis_server


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Path:
    """Certificates and keys."""
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def open_port(files, tmp_path_factory):
    """Port of a server that asks clients for no certificate."""
    with tls_server(tmp_path_factory.mktemp("open"), files, "--tls-auth-clients", "no") as port:
        yield port


@pytest.fixture(scope="module")
def strict_port(files, tmp_path_factory):
    """Port of a server that asks clients for a certificate of the authority, and for a password."""
    with tls_server(tmp_path_factory.mktemp("strict"), files, "--requirepass", "s3/cret") as port:
        yield port


def test_everything_works_over_tls_with_a_private_authority_and_client_certificates(whole_flow, files, strict_port):
    named = f"ssl_ca_certs={files}/authority.pem&ssl_certfile={files}/client.pem&ssl_keyfile={files}/client.key"
    whole_flow(f"rediss://:s3%2Fcret@localhost:{strict_port}/0?{named}").run_in_short()


def said(monkeypatch, url: str) -> tuple[str, str]:
    """What `connect` says of an address, and what the API does, which asks nobody what listens there."""
    monkeypatch.setenv("REDIS_URL", url)
    with pytest.raises(RedisUnreachable) as raised:
        connect(timeout_seconds=0.5)
    return str(raised.value), asyncio.run(_said_by_asyncio(url))


async def _said_by_asyncio(url: str) -> str:
    async with connect_async(url, 0.5) as client:
        with pytest.raises(redis.RedisError) as raised:
            await client.ping()
        return failure(client, raised.value)


@pytest.mark.parametrize(
    ("host", "options", "message"),
    [
        ("localhost", "", "has a certificate that is not trusted: name its authority: ?ssl_ca_certs=/path/to/ca.pem."),
        (
            "localhost",
            "ssl_ca_certs={files}/other-authority.pem",
            "has a certificate that is not trusted: name its authority: ?ssl_ca_certs=/path/to/ca.pem.",
        ),
        (
            "127.0.0.1",
            "ssl_ca_certs={files}/authority.pem",
            "has a certificate for another name: write its host in REDIS_URL as its certificate does, or renew the "
            "certificate.",
        ),
    ],
)
def test_a_server_that_cannot_be_trusted(monkeypatch, files, open_port, host, options, message):
    messages = said(monkeypatch, f"rediss://:s3cret@{host}:{open_port}/0?{options.format(files=files)}")
    assert messages == (f"Redis at rediss://{host}:{open_port}/0 {message}",) * 2


def test_a_certificate_that_has_expired(monkeypatch, files, tmp_path):
    with tls_server(tmp_path, files, name="expired") as port:
        messages = said(monkeypatch, f"rediss://localhost:{port}/0?ssl_ca_certs={files}/authority.pem")
    expected = "has a certificate that is not valid today: renew it, or look at this machine's clock."
    assert messages == (f"Redis at rediss://localhost:{port}/0 {expected}",) * 2


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "asks for a certificate: name yours and its key: ?ssl_certfile=/path/to/client.pem&ssl_keyfile=/path/to/"),
        ("stranger", "does not take the certificate of ssl_certfile: use one of the authority that it trusts"),
        ("expired", "does not take the certificate of ssl_certfile: use one of the authority that it trusts"),
    ],
)
def test_a_client_that_the_server_does_not_trust(monkeypatch, files, strict_port, name, message):
    own = f"&ssl_certfile={files}/{name}.pem&ssl_keyfile={files}/{name}.key" if name else ""
    url = f"rediss://:s3%2Fcret@localhost:{strict_port}/0?ssl_ca_certs={files}/authority.pem{own}"
    asked, not_asked = said(monkeypatch, url)
    where = f"Redis at rediss://localhost:{strict_port}/0"
    assert asked.startswith(f"{where} {message}")
    assert not_asked.startswith((f"{where} {message}", f"{where} ends TLS with an error ("))  # the reason may be lost
    assert "cret" not in asked + not_asked


def test_an_older_tls_does_not_say_which_certificate_it_wants(monkeypatch, files, tmp_path):
    with tls_server(tmp_path, files, "--tls-protocols", "TLSv1.2") as port:
        messages = said(monkeypatch, f"rediss://localhost:{port}/0?ssl_ca_certs={files}/authority.pem")
    for each in messages:
        assert "ends TLS with an error (" in each
        assert each.endswith("it may want a certificate, by ssl_certfile and ssl_keyfile.")


def test_plain_text_to_a_port_that_speaks_tls(monkeypatch, open_port):
    asked, not_asked = said(monkeypatch, f"redis://:s3cret@localhost:{open_port}/0")
    where = f"Redis at redis://localhost:{open_port}/0"
    assert asked == f"{where} speaks TLS alone: use rediss:// instead of redis://."
    assert not_asked == f"{where} closes the connection: if it speaks TLS, use rediss://; otherwise read its log."


FILES_TROUBLES = [
    ("ssl_ca_certs={files}/nowhere.pem", "the file of ssl_ca_certs cannot be read (No such file or directory)"),
    ("ssl_ca_certs={files}/client.key", "the file of ssl_ca_certs is not what it must be"),
    ("ssl_ca_path={files}/nowhere", "ssl_ca_path names no folder"),
    ("ssl_certfile={files}/nowhere.pem&ssl_keyfile={files}/client.key", "cannot be read (No such file or directory)"),
    ("ssl_keyfile={files}/client.key", "a file of ssl_certfile and ssl_keyfile cannot be read"),
    ("ssl_certfile={files}/client.pem&ssl_keyfile={files}/server.key", "belongs to another certificate"),
    ("ssl_certfile={files}/locked.pem&ssl_keyfile={files}/locked.key", "the key's password, if it has one"),
    ("ssl_certfile={files}/locked.pem&ssl_keyfile={files}/locked.key&ssl_password=s3cret", "is not what it must be"),
    ("ssl_validate_ocsp=true", "knows it for some clients alone; correct or remove it"),
    ("ssl_cert_reqs=s3cret", "or not with such a value"),
]


@pytest.mark.parametrize(("options", "message"), FILES_TROUBLES)
def test_options_and_files_are_looked_at_before_anything_connects(files, options, message):
    with pytest.raises(RedisUnreachable, match="^REDIS_URL cannot be used: ") as raised:
        checked_url(f"rediss://shop:s3cret@localhost/0?{options.format(files=files)}")
    assert message in str(raised.value)
    assert "s3cret" not in str(raised.value) and "\n" not in str(raised.value)


def test_options_of_tls_without_tls(files):
    with pytest.raises(RedisUnreachable, match="its options ssl_... are for TLS; write rediss:// for redis://"):
        checked_url(f"redis://localhost/0?ssl_ca_certs={files}/authority.pem")


def test_a_key_with_a_password(files, strict_port):
    locked = f"ssl_certfile={files}/locked.pem&ssl_keyfile={files}/locked.key&ssl_password={KEY_PASSWORD}"
    url = (
        f"rediss://:s3%2Fcret@localhost:{strict_port}/0?ssl_ca_certs={files}/authority.pem&{locked.replace(' ', '%20')}"
    )
    assert client_of(checked_url(url)).ping()
