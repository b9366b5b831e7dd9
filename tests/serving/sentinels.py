"""A master, a replica and a Sentinel that watches them, in plain text or over TLS alone."""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis
from redis_servers import INSTALLED, free_port, server, started, tls_options
from waiting import wait_until

from serving.connection.embedded_redis import redis_executable

PASSWORD, SENTINEL_PASSWORD = "s3/cret", "of the sentinel"
CONFIGURATION = """
{options}
sentinel resolve-hostnames yes
sentinel announce-hostnames yes
sentinel monitor shop-master localhost {master} 1
sentinel auth-pass shop-master {password}
sentinel down-after-milliseconds shop-master 1000
sentinel failover-timeout shop-master 3000
requirepass "{sentinel_password}"
user shop on ">of the shop" +sentinel|masters
"""


@dataclass
class Watched:
    """Ports of servers; either Redis may be the master.

    Attributes:
        tls: options of clients, of TLS.
    """

    master: int
    replica: int
    sentinel: int
    tls: dict[str, str | bool]

    def client(self, port: int) -> redis.Redis:
        """A client of one of the two."""
        return redis.Redis("localhost", port, password=PASSWORD, **self.tls)

    def of_sentinel(self) -> redis.Redis:
        """A client of the Sentinel."""
        return redis.Redis("localhost", self.sentinel, password=SENTINEL_PASSWORD, **self.tls)

    def master_now(self) -> int:
        """The port of the master, as the Sentinel knows it."""
        return self.of_sentinel().sentinel_master("shop-master")["port"]

    def is_replica_known(self) -> bool:
        """Whether the Sentinel could promote the replica."""
        return [each["master-link-status"] for each in self.of_sentinel().sentinel_slaves("shop-master")] == ["ok"]

    def kill(self, port: int) -> None:
        """End one of the two as a power cut would."""
        with self.client(port) as client:
            os.kill(client.info("server")["process_id"], signal.SIGKILL)

    def url(self, hosts: str = "", master: str = "shop-master", password: str = "of%20the%20shop") -> str:
        """REDIS_URL of a user of the Sentinel who may ask for masters alone."""
        scheme, hosts = "rediss" if self.tls else "redis", hosts or f"localhost:{self.sentinel}"
        options = "".join(f"&{name}={value}" for name, value in self.tls.items() if name != "ssl")
        of_sentinels = f"sentinel_username=shop&sentinel_password={password}"
        return f"{scheme}+sentinel://:s3%2Fcret@{hosts}/{master}/0?{of_sentinels}{options}"


@contextmanager
def watched(folder: Path, certificates: Path | None = None) -> Iterator[Watched]:
    """A master, a replica that has its data, and a Sentinel that knows both; over TLS if there are certificates."""
    common = ["--requirepass", PASSWORD, "--masterauth", PASSWORD, "--repl-diskless-sync-delay", "0"]
    of_sentinel, tls, started_as = {"port": free_port()}, {}, {}
    if certificates:
        options = {**tls_options(certificates), "tls-replication": "yes", "tls-auth-clients": "no"}
        of_sentinel = {**options, "port": 0, "tls-port": of_sentinel["port"]}
        common += [each for name, value in options.items() for each in (f"--{name}", value)]
        tls = {"ssl": True, "ssl_ca_certs": str(certificates / "authority.pem")}
        started_as = {"program": INSTALLED, "port_option": "--port 0 --tls-port"}
    for name in ("master", "replica", "sentinel"):
        (folder / name).mkdir(parents=True)
    with ExitStack() as servers:
        master = servers.enter_context(server(folder / "master", *common, **started_as))
        of_replica = [*common, "--replicaof", "localhost", str(master)]
        replica = servers.enter_context(server(folder / "replica", *of_replica, **started_as))
        ports = Watched(master, replica, of_sentinel.get("tls-port") or of_sentinel["port"], tls)
        wait_until(lambda: ports.client(replica).info("replication")["master_link_status"] == "up", 10)
        configuration = folder / "sentinel" / "sentinel.conf"
        configuration.write_text(
            CONFIGURATION.format(
                options="\n".join(f"{name} {value}" for name, value in of_sentinel.items()),
                master=master,
                password=PASSWORD,
                sentinel_password=SENTINEL_PASSWORD,
            )
        )
        program = [started_as.get("program", redis_executable()), configuration, "--sentinel"]
        servers.enter_context(started(program, folder / "sentinel", ports.sentinel))
        wait_until(ports.is_replica_known, 10)
        yield ports
