"""Redis servers of the tests' own: the embedded program, or the one that is installed, which speaks TLS.

Needs redis-server for what the embedded one has not, TLS and the rights of Redis 7 (`apt-get install redis-server`);
without it those tests are skipped.
"""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from serving.connection.embedded_redis import redis_executable

INSTALLED = shutil.which("redis-server")
needs_redis_server = pytest.mark.skipif(INSTALLED is None, reason="no redis-server: apt-get install redis-server")


def free_port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def is_open(port: int) -> bool:
    """Whether something listens on a port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def started(command: Sequence[Path | str], directory: Path, port: int) -> Iterator[int]:
    """A program that listens on a port; yields the port."""
    process = subprocess.Popen(command, cwd=directory, stdout=subprocess.DEVNULL)
    try:
        while not is_open(port):
            assert process.poll() is None, "the server has ended"
            time.sleep(0.01)
        yield port
    finally:
        process.kill()
        process.wait()


def server(directory: Path, *options: str, program: Path | str = "", port_option: str = "--port") -> contextmanager:
    """A Redis of some options on a free port; yields the port.

    Args:
        directory: of its files.
        options: of its command line.
        program: to run, by default the embedded one.
        port_option: what stands before the port.
    """
    port = free_port()
    command = [program or redis_executable(), *port_option.split(), str(port), "--save", "", *options]
    return started(command, directory, port)


def tls_options(certificates: Path, name: str = "server") -> dict[str, str]:
    """The files of a server with the certificate of a name, as its configuration has them; see `certificates`."""
    files = {"cert": f"{name}.pem", "key": f"{name}.key", "ca-cert": "authority.pem"}
    return {f"tls-{kind}-file": str(certificates / file) for kind, file in files.items()}


def tls_server(directory: Path, certificates: Path, *options: str, name: str = "server") -> contextmanager:
    """A Redis that speaks TLS alone."""
    named = [each for option, file in tls_options(certificates, name).items() for each in (f"--{option}", file)]
    return server(directory, *named, *options, program=INSTALLED, port_option="--port 0 --tls-port")
