"""Flows that are killed at once, with all their processes, while a step is at work."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence

from flow_runs import FLOW_FILE, Workplace

KILLED = -signal.SIGKILL
RESUME = (sys.executable, str(FLOW_FILE), "resume")


def kill_in(workplace: Workplace, command: Sequence[str], step: str, seconds: float) -> int | None:
    """Run a flow and kill it so many seconds after a task of a step has begun; returns its exit code.

    It is -9 where the kill came first, and that of the flow where it had ended by then; None where no such task began.
    """
    run = subprocess.Popen(
        command,
        cwd=workplace.root / "elsewhere",
        env=workplace.environment,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    has_begun = any(re.search(rf"\[\d+/{step}/\d+ .*Task is starting", line) for line in run.stdout)
    if has_begun:
        time.sleep(seconds)
    if run.poll() is None:
        os.killpg(run.pid, signal.SIGKILL)
    run.stdout.close()
    return run.wait() if has_begun else None
