"""The clock of a step, held against work of a known kind."""

import subprocess
import sys
import time

import pytest

from recommender.report.step_cost import StepClock

HOLDS_AND_COUNTS = "held = bytearray(400 * 2**20)\nfor _ in range(5_000_000): pass"


def test_waiting_takes_wall_time_and_no_processor():
    clock = StepClock()
    time.sleep(0.5)
    cost = clock.cost()
    assert cost["seconds"] >= 0.5
    assert cost["cpu_seconds"] <= 0.2


def test_work_and_memory_of_children_count():
    clock = StepClock()
    subprocess.run([sys.executable, "-c", HOLDS_AND_COUNTS], check=True)
    cost = clock.cost()
    assert cost["cpu_seconds"] > 0
    assert cost["peak_mib"] >= 400


def test_what_goes_into_files_counts_although_the_files_are_gone(tmp_path):
    kind = subprocess.run(["stat", "-f", "-c", "%T", tmp_path], capture_output=True, text=True, check=True).stdout
    if kind.strip() == "tmpfs":
        pytest.skip("what is held in memory goes to no disk")
    clock, file = StepClock(), tmp_path / "large"
    file.write_bytes(b"x" * 40 * 2**20)
    file.unlink()
    assert 40 <= clock.cost()["written_mib"] <= 45
