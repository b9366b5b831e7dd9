"""One experiment for real, with an archive, without network and with a Comet that does not answer."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from comet_server import (
    Answer,
    breaks_after_the_handshake,
    comet_server,
    never_answers_in_time,
    refuses_the_key,
    takes_all,
)
from comet_without_network import Archive, closed_port_url

from recommender.tracking.comet import TrackedRun
from recommender.tracking.comet_archives import UPLOAD_COMMAND
from recommender.tracking.experiment_log import open_experiment

KEY = TrackedRun("demo", "17", {}).experiment_key("base-seed7")


def test_numbers_that_are_not_finite_are_left_out(comet_dir):
    with open_experiment(KEY, "base-seed7") as log:
        log.log_metrics({"popular": {"map@12": float("nan"), "mrr@12": 0.5}})

    metrics = Archive(comet_dir / f"{KEY}.zip").metrics
    assert metrics["popular.mrr@12", None] == 0.5
    assert ("popular.map@12", None) not in metrics


# One experiment in a process of its own, which prints the connections it opened and the processes it started.
PROCESS = """
import sys
watched = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "subprocess.Popen")
events = []
sys.addaudithook(lambda name, arguments: events.append(name) if name in watched else None)
from recommender.tracking.comet import TrackedRun
assert "comet_ml" not in sys.modules
with TrackedRun("demo", "17", {}).open_experiment("base-seed7", "candidate") as log:
    log.log_metrics({"map@12": 0.5})
print(*sorted(set(events)))
"""


def run_process(tmp_path: Path, **environment: str) -> subprocess.CompletedProcess:
    """Run PROCESS with empty home, working and temporary folders."""
    folders = {name: tmp_path / name for name in ("home", "work", "tmp")}
    for folder in folders.values():
        folder.mkdir()
    return subprocess.run(
        [sys.executable, "-c", PROCESS],
        cwd=folders["work"],
        env={**os.environ, "HOME": str(folders["home"]), "TMPDIR": str(folders["tmp"]), **environment},
        capture_output=True,
        text=True,
        check=True,
    )


def test_offline_opens_no_connection_starts_no_process_and_writes_only_its_archive(tmp_path, comet_dir):
    done = run_process(tmp_path)

    assert (done.stdout, done.stderr) == ("\n", "")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [comet_dir / f"{KEY}.zip"]


def test_unreachable_comet_costs_one_warning_line_and_leaves_an_archive(tmp_path, comet_dir):
    done = run_process(tmp_path, COMET_API_KEY="a" * 40, COMET_URL_OVERRIDE=closed_port_url())

    assert done.stdout == "socket.connect socket.getaddrinfo\n"  # it tried
    [warning] = done.stderr.splitlines()
    assert warning.startswith(f"Comet: base-seed7 is kept in {comet_dir}, to be sent with `{UPLOAD_COMMAND}` (")
    assert Archive(comet_dir / f"{KEY}.zip").metrics["map@12", None] == 0.5


def test_an_experiment_goes_to_comet_and_leaves_no_archive(tmp_path, comet_dir):
    with comet_server(takes_all) as server:
        done = run_process(tmp_path, COMET_API_KEY="a" * 40, COMET_URL_OVERRIDE=server.url)
    assert done.stderr == ""
    assert any("metric" in path for path in server.paths)
    assert list(comet_dir.glob("*.zip")) == []


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (refuses_the_key, "401: API key is not valid"),
        pytest.param(never_answers_in_time, "timed out", marks=pytest.mark.long),
    ],
)
def test_a_comet_that_takes_nothing_costs_one_line_that_says_why_and_leaves_an_archive(
    tmp_path, comet_dir, answer: Answer, reason: str
):
    with comet_server(answer) as server:
        done = run_process(tmp_path, COMET_API_KEY="a" * 40, COMET_URL_OVERRIDE=server.url)
    [warning] = done.stderr.splitlines()
    assert warning.startswith("Comet: ")
    assert f"is kept in {comet_dir}, to be sent with `{UPLOAD_COMMAND}` (" in warning
    assert reason in warning
    [archive] = comet_dir.glob(f"{KEY}*.zip")
    assert Archive(archive).metrics["map@12", None] == 0.5


def test_a_comet_that_goes_away_meanwhile_costs_one_line_that_says_why(tmp_path, comet_dir):
    """Comet keeps an archive of its own if it notices in time, which no test can wait for."""
    with comet_server(breaks_after_the_handshake) as server:
        done = run_process(tmp_path, COMET_API_KEY="a" * 40, COMET_URL_OVERRIDE=server.url)
    [warning] = done.stderr.splitlines()
    assert warning.startswith("Comet: the record of base-seed7 ")
    assert "out of order" in warning
