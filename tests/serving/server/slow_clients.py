"""Clients that hold connections open, on purpose or not."""

import contextlib
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import httpx

HALF_HEAD = b"GET /recommendations/customer-0 HTTP/1.1\r\nHost: localh"
POST = (
    b"POST /recommendations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Length: 1048000\r\n\r\n"
)
HALF_BODY = POST + b'{"customer_ids": ["'


def connect(http: httpx.Client) -> socket.socket:
    """A connection of one's own to the server of a client."""
    return socket.create_connection((http.base_url.host, http.base_url.port), timeout=20)


@contextmanager
def held(http: httpx.Client, n_connections: int, *sent: bytes) -> Iterator[list[socket.socket]]:
    """Connections that have sent this much each, in turn, and go on with nothing."""
    with ExitStack() as stack:
        connections = [stack.enter_context(connect(http)) for _ in range(n_connections)]
        for place, connection in enumerate(connections):
            with contextlib.suppress(ConnectionError):  # the server may have made room already
                connection.sendall(sent[place % len(sent)])
        yield connections


def answer_of(connection: socket.socket) -> bytes:
    """All that a server sends until it hangs up."""
    try:
        return b"".join(iter(lambda: connection.recv(65536), b""))
    except ConnectionResetError:
        return b""


def ask(connection: socket.socket, request: bytes) -> bytes:
    """Send a request and return the whole answer, whose length is told."""
    connection.sendall(request)
    received = b""
    while b"\r\n\r\n" not in received or len(received.partition(b"\r\n\r\n")[2]) < length_in(received):
        some = connection.recv(65536)
        if not some:
            break
        received += some
    return received


def length_in(received: bytes) -> int:
    """The length of a body, as its head tells."""
    return int(received.partition(b"content-length: ")[2].partition(b"\r\n")[0])


def trickle(connection: socket.socket, piece: bytes, seconds: float) -> bytes:
    """Send a piece ten times a second until the server hangs up; return what it sent and no reset overtook."""
    connection.settimeout(0.1)
    received, until = b"", time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            connection.sendall(piece)
            some = connection.recv(65536)
        except TimeoutError:
            continue
        except ConnectionError:
            return received
        if not some:
            return received
        received += some
    raise AssertionError(f"after {seconds:g} seconds the server still listens")
