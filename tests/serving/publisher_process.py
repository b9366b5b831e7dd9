"""Publishers in processes of their own, which begin when told and can be killed."""

import subprocess
import sys
from pathlib import Path

from recommender.release.publish import PublishedRun, publish
from recommender.release.publish_errors import AnotherPublisher
from serving.connection.redis_connection import connect

CUSTOMERS = 10_000
LOCK_SECONDS = 1.0


def publish_when_told(version: int) -> None:
    """Run by a process of its own: make the lists, publish them after a line of input, and say how it went."""
    from conftest import planted_lists  # that of this folder, where the process is

    lists, client = planted_lists(version, CUSTOMERS), connect()
    run = PublishedRun("demo", f"run-{version}", f"model-{version}", windows={})
    print("ready", flush=True)
    sys.stdin.readline()
    try:
        publish(client, lists, run, progress=lambda *_: None, lock_seconds=LOCK_SECONDS)
    except AnotherPublisher:
        print("another publisher", flush=True)
    else:
        print("published", flush=True)


def start_publishers(*versions: int) -> list[subprocess.Popen]:
    """Processes that wait for a line before they publish."""
    program = "from publisher_process import publish_when_told; publish_when_told({})"
    publishers = [
        subprocess.Popen(
            [sys.executable, "-c", program.format(version)],
            cwd=Path(__file__).parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for version in versions
    ]
    for publisher in publishers:
        assert publisher.stdout.readline() == "ready\n"
    return publishers


def begin(publisher: subprocess.Popen) -> None:
    """Let one publish."""
    publisher.stdin.write("\n")
    publisher.stdin.flush()
