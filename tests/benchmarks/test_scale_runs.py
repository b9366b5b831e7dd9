"""A shop through the whole flow as the scale benchmark measures it, killed once."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from benchmarks.scale import __main__ as scale
from benchmarks.scale import report, whole_runs
from data.synthetic_hm import Scale
from serving.connection.embedded_redis import EmbeddedRedis

pytestmark = [pytest.mark.long, pytest.mark.flow]
SHOPS = {"small": Scale(customers=4_000, articles=800, days=730)}
IN_A_PROCESS = """
import sys
from pathlib import Path
sys.path.insert(0, str(Path(sys.argv[1]).parent))
import test_scale_runs
test_scale_runs.whole_runs.SHOPS = test_scale_runs.SHOPS
test_scale_runs.whole_runs.run_shop("small", Path(sys.argv[2]), max_workers=2)
"""
PATIENCE_SECONDS = 300


@pytest.fixture
def small_shop(tmp_path, monkeypatch):
    monkeypatch.setattr(whole_runs, "SHOPS", SHOPS)
    monkeypatch.setattr(report, "SHOPS", SHOPS)
    monkeypatch.setattr(scale, "SCALES", {"small": ("small",)})
    folder = tmp_path / "small"
    folder.mkdir()
    yield folder
    EmbeddedRedis(folder / "redis").stop()


def run_until_weeks_are_fitted(folder) -> None:
    """Begin the run in a process of its own, and kill it with all of its tasks."""
    command = [sys.executable, "-c", IN_A_PROCESS, __file__, str(folder)]
    process, deadline = subprocess.Popen(command, start_new_session=True), time.monotonic() + PATIENCE_SECONDS
    while not list(folder.glob("runs/*/*/weeks/*")):
        assert process.poll() is None, "it ended by itself"
        assert time.monotonic() < deadline, "no week is fitted"
        time.sleep(0.2)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def test_a_killed_run_goes_on_and_what_was_measured_is_not_measured_again(small_shop, capfd):
    run_until_weeks_are_fitted(small_shop)
    folder = str(small_shop.parent)
    arguments = ["--scale", "small", "--folder", folder, "--results", folder]
    assert scale.main(arguments) == 0
    assert "small: the run goes on" in capfd.readouterr().out
    measured = json.loads((small_shop.parent / "scale.json").read_text())["small"]
    assert measured["seconds"] is None
    assert measured["stages"]["train"]["tasks"] == 2
    assert measured["stages"]["build_marts"]["written_mib"] > 0
    assert measured["lists_per_second"] > 0
    assert measured["floors"]["search"]["same_articles"] > 0.99
    assert (small_shop.parent / "scale.png").exists()
    shutil.rmtree(small_shop / "reports")
    assert scale.main(arguments) == 0
    assert "small: measured before" in capfd.readouterr().out
