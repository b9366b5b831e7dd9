"""uvicorn's HTTP protocol, with limits on how long and how large a request may be while it arrives.

In: bytes of a connection. Out: requests for the application; 408, 431 or 400 as a problem for a client that is too
slow, sends too long a head, or sends no HTTP. uvicorn itself waits forever for the rest of a request.
"""

import asyncio
import re
from typing import Any

import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from serving.server.open_connections import OpenConnections, Stage

MAX_HEAD_BYTES = 2**16  # as of uvicorn's other parser; four times that of nginx
MAX_WIRE_BYTES = 2**23  # of one request with its frame: a body of 1 MiB in chunks of one byte has less
UPGRADE, IGNORED = re.compile(rb"\r\nupgrade:", re.IGNORECASE), b"\r\nignored:"
"""What `curl --http2` offers with each request. HTTP allows to ignore it; the parser would drop the request's body."""


def _answer(status: int, phrase: str, kind: str, detail: str) -> bytes:
    """The bytes of a problem after which the connection is closed."""
    body = orjson.dumps({"type": f"urn:recommendations:{kind}", "title": phrase, "status": status, "detail": detail})
    head = f"HTTP/1.1 {status} {phrase}\r\ncontent-type: application/problem+json\r\ncontent-length: {len(body)}"
    return f"{head}\r\nconnection: close\r\n\r\n".encode() + body


TOO_SLOW = _answer(408, "Request Timeout", "too-slow", "Send the whole request at once.")
TOO_LONG = _answer(431, "Request Header Fields Too Large", "head-too-large", "Send a shorter path or fewer headers.")
TOO_LARGE = _answer(413, "Content Too Large", "body-too-large", "Send fewer, larger chunks.")
TOO_MANY = _answer(503, "Service Unavailable", "too-many-connections", "Ask again later, over fewer connections.")
NO_HTTP = _answer(400, "Bad Request", "no-http", "Send a request in HTTP/1.1.")


class TimedProtocol(HttpToolsProtocol):
    """One connection; the attributes are those of `Connection`."""

    def __init__(self, *args: Any, connections: OpenConnections, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._open_connections = connections
        self.stage, self.since, self.is_stuck_since = Stage.HEAD, self.loop.time(), None
        self._has_begun, self._n_bytes = False, 0
        self._answering: RequestResponseCycle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._open_connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection and the requests that it still had."""
        self._open_connections.discard(self)
        self._abandon()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse some bytes; the head may have so many, the whole request so many."""
        before = self.stage
        if before in (Stage.HEAD, Stage.IDLE):
            data = UPGRADE.sub(IGNORED, data)
        super().data_received(data)
        if self.stage is before and before < Stage.IDLE:
            self._n_bytes += len(data)
            if self._n_bytes > (MAX_HEAD_BYTES if before is Stage.HEAD else MAX_WIRE_BYTES):
                self._end(TOO_LONG if before is Stage.HEAD else TOO_LARGE)

    def on_message_begin(self) -> None:
        """Begin to wait for the rest of a head."""
        super().on_message_begin()
        self._enter(Stage.HEAD)
        self._has_begun = True

    def on_headers_complete(self) -> None:
        """Begin to wait for a body."""
        super().on_headers_complete()
        self._enter(Stage.BODY)

    def on_message_complete(self) -> None:
        """Wait for the answer."""
        super().on_message_complete()
        self._enter(Stage.IDLE if self.cycle.response_complete else Stage.ANSWER)

    def on_response_complete(self) -> None:
        """Wait for the next request, unless it or the rest of this one is here or on its way."""
        if self.stage is Stage.ANSWER and not self.pipeline:
            self._enter(Stage.IDLE)
        super().on_response_complete()

    def end_overdue(self) -> None:
        """Answer 408 to a client that began a request, and hang up."""
        self._end(TOO_SLOW if self._has_begun else b"")

    def end_full(self) -> None:
        """Answer 503 and hang up."""
        self._end(TOO_MANY)

    def send_400_response(self, msg: str) -> None:
        """Answer bytes that are no HTTP, and hang up."""
        self._end(NO_HTTP)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._answering = cycle  # which is not `self.cycle` where a client sends the next request before the answer
        super()._start_asgi_task(cycle, app)

    def _abandon(self) -> None:
        """Let what the application still sends go nowhere; uvloop raises for each write to a lost connection."""
        self.pipeline.clear()
        for cycle in filter(None, (self._answering, self.cycle)):
            cycle.disconnected = True
            cycle.message_event.set()

    def _enter(self, stage: Stage) -> None:
        self.stage, self.since, self._n_bytes = stage, self.loop.time(), 0

    def _end(self, answer: bytes) -> None:
        """Send an answer where the client expects one, and hang up."""
        cycle = self.cycle
        if cycle is None or not cycle.response_started or (cycle.response_complete and self.stage is Stage.HEAD):
            self.transport.write(answer)
        self._abandon()
        self._enter(Stage.ANSWER)
        self.transport.close()
