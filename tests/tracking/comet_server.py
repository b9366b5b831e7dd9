"""A stand-in for Comet's service, as far as a client notices: it takes experiments, refuses keys, is slow or breaks."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

ACCEPTED = {
    "runId": "1",
    "project_id": "1",
    "version": "9.9.9",
    "is_alive_beat_duration_millis": 60_000,
    "gpu_monitor_interval_millis": 60_000,
}
"""Holds what the client looks for in any answer."""

OPENING = ("isAlive/ver", "logger/add/run", "asset/3d-limits")
"""Ends of the paths that a client asks for to open an experiment."""

Answer = Callable[[str], tuple[int, dict]]
"""Called with the path of a request; returns the status and what is sent as JSON."""


def takes_all(_: str) -> tuple[int, dict]:
    return 200, ACCEPTED


def refuses_the_key(_: str) -> tuple[int, dict]:
    return 401, {"msg": "API key is not valid"}


def never_answers_in_time(_: str) -> tuple[int, dict]:
    time.sleep(60)
    return 200, ACCEPTED


def breaks_after_the_handshake(path: str) -> tuple[int, dict]:
    return (200, ACCEPTED) if path.endswith(OPENING) else (503, {"msg": "out of order"})


class CometServer:
    """A running server: its address, and the paths it was asked for."""

    def __init__(self, answer: Answer) -> None:
        self.paths: list[str] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                server.paths.append(self.path)
                status, content = answer(self.path)
                body = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_PUT = do_POST

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}/clientlib/"
        Thread(target=self._http.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Go away: from now on nobody listens."""
        self._http.shutdown()
        self._http.server_close()


@contextmanager
def comet_server(answer: Answer) -> Iterator[CometServer]:
    """Run a server that answers as told while the block lasts."""
    server = CometServer(answer)
    try:
        yield server
    finally:
        server.stop()
