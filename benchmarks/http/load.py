"""Ask an HTTP server as fast as it answers, over a few connections that stay open, and note how long each answer took.

In: address, requests, seconds. Out: `Load`. Plain sockets: an HTTP client library would take longer than the server.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle

import numpy as np


class UnexpectedAnswer(RuntimeError):
    """The server answered something else than 200."""


@dataclass
class Load:
    """What a server answered within some seconds.

    Attributes:
        seconds: how long it was asked.
        latencies: seconds of each answer.
        body_bytes: bytes of all bodies together.
    """

    seconds: float
    latencies: list[float] = field(default_factory=list)
    body_bytes: int = 0

    @property
    def per_second(self) -> float:
        """Answers a second."""
        return len(self.latencies) / self.seconds

    def milliseconds(self, percentile: float) -> float:
        """Return a percentile of the latencies."""
        return float(np.percentile(self.latencies, percentile)) * 1000


def get_request(path: str) -> bytes:
    """Return a GET as it goes over the wire."""
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


def post_request(path: str, body: bytes) -> bytes:
    """Return a POST of JSON as it goes over the wire."""
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return f"{head}\r\n\r\n".encode() + body


def put_load(port: int, requests: Sequence[bytes], seconds: float, connections: int) -> Load:
    """Send requests in turn, over each connection the next one as soon as the last one is answered.

    Raises:
        UnexpectedAnswer: when an answer is not 200.
        OSError: when nobody listens on the port.
    """
    load = Load(seconds)
    asyncio.run(_put_load(load, port, cycle(requests), connections))
    return load


async def _put_load(load: Load, port: int, requests: Iterator[bytes], connections: int) -> None:
    loop, until = asyncio.get_running_loop(), time.perf_counter() + load.seconds
    opened = [
        await loop.create_connection(lambda: _Connection(load, requests, until), "127.0.0.1", port)
        for _ in range(connections)
    ]
    await asyncio.gather(*(connection.ended for _, connection in opened))


class _Connection(asyncio.Protocol):
    """One connection: the next request leaves when the answer before is complete."""

    def __init__(self, load: Load, requests: Iterator[bytes], until: float):
        self._load, self._requests, self._until = load, requests, until
        self._received, self._transport, self._sent_at = b"", None, 0.0
        self.ended = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Send the first request."""
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        """Wait for the end of the answer, note its time, send the next request."""
        self._received += data
        head, separator, body = self._received.partition(b"\r\n\r\n")
        if not separator or len(body) < _content_length(head):
            return
        if not head.startswith(b"HTTP/1.1 200 "):
            self.ended.set_exception(UnexpectedAnswer(self._received[:500].decode(errors="replace")))
            self._transport.close()
            return
        now = time.perf_counter()
        self._load.latencies.append(now - self._sent_at)
        self._load.body_bytes += len(body)
        self._received = b""
        if now < self._until:
            self._send()
        else:
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        """End, with the error if the server hung up."""
        if not self.ended.done():
            self.ended.set_exception(error) if error else self.ended.set_result(None)

    def _send(self) -> None:
        self._sent_at = time.perf_counter()
        self._transport.write(next(self._requests))


def _content_length(head: bytes) -> int:
    start = head.lower().index(b"content-length:") + len(b"content-length:")
    return int(head[start:].split(b"\r\n", 1)[0])
