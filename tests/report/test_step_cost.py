"""The clock of a step, held against work of a known kind."""

import subprocess
import sys
import time

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
