"""Lambda's side of its Runtime API (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html), for one container.

The other side is AWS's own runtime client in a process of its own, with the API's handler in it.
"""

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PATIENCE_SECONDS = 15.0


class LambdaService(ThreadingHTTPServer):
    """Hands events to a container and takes what it makes of them."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _RuntimeApi)
        self.events: queue.Queue[dict] = queue.Queue()
        self.outcomes: queue.Queue[tuple[str, dict]] = queue.Queue()

    def handle_error(self, *_) -> None:
        """A container that is ended hangs up, which is no error."""

    def invoke(self, event: dict) -> dict:
        """Let the handler answer an event."""
        self.events.put(event)
        return self.outcome("response")

    def outcome(self, kind: str) -> dict:
        """Return what the container posts next, which must be a `response` or an `error`."""
        posted, body = self.outcomes.get(timeout=PATIENCE_SECONDS)
        assert posted == kind, body
        return body


class _RuntimeApi(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: LambdaService

    def do_GET(self) -> None:
        """The container asks for the next event, and is frozen, as it were, until there is one."""
        event = json.dumps(self.server.events.get()).encode()
        self.send_response(200)
        self.send_header("Lambda-Runtime-Aws-Request-Id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd")
        # The runtime client reads it without looking whether it is there.
        self.send_header("Lambda-Runtime-Trace-Id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0")
        self.send_header("Lambda-Runtime-Deadline-Ms", str(int(time.time() * 1000) + 30_000))
        self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-west-1:123456789012:function:shop")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(event)))
        self.end_headers()
        self.wfile.write(event)

    def do_POST(self) -> None:
        """The container posts an answer or an error."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.outcomes.put((self.path.rpartition("/")[2], json.loads(body)))
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_) -> None:
        """Requests are not told."""


@contextmanager
def lambda_container(log: Path | None = None, **environment: str) -> Iterator[tuple[LambdaService, subprocess.Popen]]:
    """A container with the API's handler, and the service that sends it events; `log` gets its standard error."""
    inherited = {name: value for name, value in os.environ.items() if name not in {"REDIS_URL", "API_KEYS", "DATASET"}}
    with LambdaService() as service:
        threading.Thread(target=service.serve_forever, daemon=True).start()
        address = {"AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{service.server_port}"}
        command = [sys.executable, "-m", "awslambdaric", "serving.lambda_handler.handler"]
        with log.open("ab") if log else nullcontext() as stderr:
            container = subprocess.Popen(command, env=inherited | address | environment, stderr=stderr)
        try:
            yield service, container
        finally:
            container.kill()
            container.wait()
            service.events.put({})  # lets the thread end that waits for an event
            service.shutdown()
