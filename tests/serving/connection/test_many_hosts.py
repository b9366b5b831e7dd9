"""Addresses with several hosts: which ones are taken, and that what cannot be read is never repeated."""

import pytest

from serving.connection.many_hosts import ManyHosts, many_hosts
from serving.connection.redis_address import RedisUnreachable, checked_url
from serving.connection.redis_clients import address_of, async_client_of, client_of, passwords_of

PASSWORDS = ["F6tM/t41SZ/c57sr2KFt0=", "s3#cret", "s3?cret", "s3[cret", "s3]cret", "s3@cret", "s3%cret", "s3 cret"]
LONG = "redis+sentinel://shop:s3%2Fcret@a.example:26380,[::1],10.0.0.7/my.master/3?sentinel_password=x%26y&protocol=2"


def test_an_address_is_read():
    assert many_hosts(LONG) == ManyHosts(
        hosts=(("a.example", 26380), ("::1", 26379), ("10.0.0.7", 26379)),
        master="my.master",
        server_url="redis://shop:s3%2Fcret@a.example/3?protocol=2",
        sentinel_options={"password": "x&y"},
        is_encrypted=False,
    )
    assert many_hosts("rediss+sentinel://h/m").is_encrypted


def test_an_address_of_a_cluster_is_read():
    assert many_hosts("rediss+cluster://shop:s3%2Fcret@a.example:7000,[::1]/0?protocol=2") == ManyHosts(
        hosts=(("a.example", 7000), ("::1", 6379)),
        master="",
        server_url="rediss://shop:s3%2Fcret@a.example/0?protocol=2",
        sentinel_options={},
        is_encrypted=True,
    )
    client = async_client_of(checked_url("redis+cluster://:s3cret@b,a:7000"), socket_timeout=0.1)
    assert address_of(client) == "redis+cluster://a:7000,b:6379"
    assert passwords_of(client) == ["s3cret"]


@pytest.mark.parametrize("make", [client_of, async_client_of])
def test_clients_get_what_it_says(make):
    client = make(checked_url(LONG))
    assert address_of(client) == "redis+sentinel://10.0.0.7:26379,[::1]:26379,a.example:26380/my.master/3"
    assert passwords_of(client) == ["s3/cret", "x&y"]
    options = client.connection_pool.connection_kwargs
    assert (options["username"], options["password"], options["db"], options["protocol"]) == ("shop", "s3/cret", 3, 2)
    of_sentinel = client.connection_pool.sentinel_manager.sentinels[1].connection_pool.connection_kwargs
    assert (of_sentinel["host"], of_sentinel["username"], of_sentinel["password"]) == ("::1", None, "x&y")


@pytest.mark.parametrize("password", PASSWORDS)
@pytest.mark.parametrize("user", ["", "shop"])
@pytest.mark.parametrize("scheme", ["redis+sentinel", "rediss+sentinel", "redis+cluster"])
def test_a_password_is_to_be_percent_encoded_and_never_repeated(scheme, user, password):
    with pytest.raises(RedisUnreachable, match="^REDIS_URL cannot be read: percent-encode the password") as raised:
        checked_url(f"{scheme}://{user}:{password}@a:26379,b:26379/master/1")
    assert not any(part in str(raised.value) for part in ("s3", "cret", "F6tM", "c57sr2KFt0"))
    assert raised.value.__cause__ is None and "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (
            "redis+sentinel://a:26379,b:26379",
            "after the hosts come the name of the master and the number of a database",
        ),
        ("redis+sentinel://:s3cret@a/", "after the hosts come the name of the master"),
        (
            "redis+sentinel://a/master/s3cret",
            "after the hosts come the name of the master and the number of a database",
        ),
        ("redis+sentinel://a,/master", "it lacks a host; write it as redis"),
        ("redis+sentinel://shop:s3cret@/master/0", "it lacks a host; write it as redis"),
        ("redis+sentinel://a:1,b:s3cret/master", "a port is no number from 1 to 65535"),
        ("redis+sentinel://a:65536/master", "a port is no number from 1 to 65535"),
        ("redis+sentinel://[::1]:0/master", "a port is no number from 1 to 65535"),
        ("redis+sentinel://a b/master", "it has characters that no address has"),
        ("redis+sentinel://a/my master", "it has characters that no address has"),
        ("redis+sentinel://a/master?sentinel_passwort=s3cret", "does not know one of the options"),
        ("redis+sentinel://a/master?ssl_ca_certs=/s3cret", "its options ssl_... are for TLS"),
        ("rediss+sentinel://a/master?ssl_ca_certs=/s3cret", "the file of ssl_ca_certs cannot be read"),
        ("redis+cluster://a:1,:2", "it lacks a host; write it as redis.cluster://"),
        ("redis+cluster://:s3cret@a:0", "a port is no number from 1 to 65535"),
        ("redis+cluster://a/3", "a cluster has no database but 0; write the URL as redis.cluster://"),
        ("redis+cluster://a b", "it has characters that no address has"),
        ("redis+cluster://a?db=1&ssl_password=s3cret", "no cluster takes db, ssl_password; remove it"),
        ("redis+cluster://a?sentinel_password=s3cret", "does not know one of the options"),
        (
            "redis-sentinel://a/master",
            "must start with redis://, rediss://, unix://, redis.sentinel:// or redis.cluster://",
        ),
    ],
)
def test_what_is_wrong_is_said_without_a_word_of_it(url, message):
    with pytest.raises(RedisUnreachable, match=message) as raised:
        checked_url(url)
    assert "s3cret" not in str(raised.value)
