"""Redis Clusters of the tests' own: nodes of one machine, which find each other in a second or two.

They run the installed redis-server, or else the embedded one.
"""

import os
import random
import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import redis
from redis_servers import INSTALLED, started
from waiting import wait_until

from serving.connection.embedded_redis import redis_executable

SLOTS = 16_384
PASSWORD = "s3/cret"


@dataclass
class Cluster:
    """Ports of the primaries, each with a part of the slots, and of replicas of the first of them."""

    primaries: Sequence[int]
    replicas: Sequence[int]

    @property
    def ports(self) -> list[int]:
        """Ports of all nodes."""
        return [*self.primaries, *self.replicas]

    def client(self, port: int) -> redis.Redis:
        """A client of one node."""
        return redis.Redis(port=port, password=PASSWORD)

    def kill(self, port: int) -> None:
        """End a node as a power cut would."""
        os.kill(self.client(port).info("server")["process_id"], signal.SIGKILL)

    def url(self, *ports: int, password: str = "s3%2Fcret") -> str:
        """REDIS_URL that names some nodes, by default all."""
        hosts = ",".join(f"127.0.0.1:{port}" for port in ports or self.ports)
        return f"redis+cluster://:{password}@{hosts}"

    def is_ready(self) -> bool:
        """Whether every node knows all others, and all slots have a node."""
        infos = [self.client(port).cluster("info") for port in self.ports]
        are_linked = all(self.client(port).info("replication")["master_link_status"] == "up" for port in self.replicas)
        states = {(each["cluster_state"], each["cluster_known_nodes"]) for each in infos}
        return are_linked and states == {("ok", str(len(self.ports)))}


@contextmanager
def running_cluster(folder: Path, n_primaries: int = 3, n_replicas: int = 0) -> Iterator[Cluster]:
    """A cluster whose nodes take another for dead after half a second."""
    ports = [_free_port() for _ in range(n_primaries + n_replicas)]
    cluster = Cluster(ports[:n_primaries], ports[n_primaries:])
    options = "--cluster-enabled yes --cluster-node-timeout 500 --repl-diskless-sync-delay 0".split()
    options += ["--requirepass", PASSWORD, "--masterauth", PASSWORD, "--save", ""]
    with ExitStack() as nodes:
        for port in ports:
            (folder / str(port)).mkdir(parents=True)
            command = [INSTALLED or redis_executable(), "--port", str(port), *options]
            nodes.enter_context(started(command, folder / str(port), port))
        _join(cluster)
        wait_until(cluster.is_ready, 20)
        yield cluster


def _join(cluster: Cluster) -> None:
    """Share out the slots and make the nodes known to each other."""
    n = len(cluster.primaries)
    for place, port in enumerate(cluster.primaries):
        client = cluster.client(port)
        client.execute_command("CLUSTER ADDSLOTS", *range(place * SLOTS // n, (place + 1) * SLOTS // n))
        client.execute_command("CLUSTER SET-CONFIG-EPOCH", place + 1)
    first, *others = cluster.ports
    for port in others:
        cluster.client(first).execute_command("CLUSTER MEET", "127.0.0.1", port)
    primary_id = cluster.client(first).execute_command("CLUSTER MYID")
    for port in cluster.replicas:
        wait_until(partial(_has_joined, cluster.client(port), primary_id), 20)


def _has_joined(client: redis.Redis, primary_id: bytes) -> bool:
    with suppress(redis.ResponseError):  # it does not know its primary yet
        return bool(client.execute_command("CLUSTER REPLICATE", primary_id))
    return False


def _free_port() -> int:
    """A port that is free together with the one 10,000 above it, on which nodes talk to each other."""
    while True:
        port = random.randrange(20_000, 50_000)
        with socket.socket() as one, socket.socket() as other, suppress(OSError):
            one.bind(("127.0.0.1", port))
            other.bind(("127.0.0.1", port + 10_000))
            return port
