"""A workplace's published lists over HTTP, from a process of their own."""

import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
from flow_runs import Workplace


class serving:
    """The API as `python -m serving` starts it, on a free port; its log goes to a file where one is given."""

    def __init__(self, workplace: Workplace, log: Path | None = None, **settings: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.environment = {**workplace.environment, "PORT": str(self.port), "DATASET": "demo", **settings}
        self.log = log

    def __enter__(self):
        output = None if self.log is None else self.log.open("w")
        command = [sys.executable, "-m", "serving"]
        self.process = subprocess.Popen(command, env=self.environment, stdout=output, stderr=output)
        client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}")
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                client.get("/health/live")
                return client
            except httpx.ConnectError:
                time.sleep(0.2)
        raise TimeoutError("the API did not start within a minute")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
