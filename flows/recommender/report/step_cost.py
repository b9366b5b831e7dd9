"""What a step cost: a clock that is started with the step in, seconds and memory out."""

from __future__ import annotations

import resource
import time

KIB_PER_MIB = 1024
PROCESSES = resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN


class StepClock:
    """Runs from when it is made, for this process and the children that it waited for."""

    def __init__(self):
        self._started, self._cpu_started = time.perf_counter(), _cpu_seconds()

    def cost(self) -> dict[str, float]:
        """Return `seconds` of wall time, `cpu_seconds` of all cores, and `peak_mib`, the most that one process held."""
        peak_kib = max(resource.getrusage(who).ru_maxrss for who in PROCESSES)
        return {
            "seconds": round(time.perf_counter() - self._started, 1),
            "cpu_seconds": round(_cpu_seconds() - self._cpu_started, 1),
            "peak_mib": peak_kib // KIB_PER_MIB,
        }


def _cpu_seconds() -> float:
    usages = [resource.getrusage(who) for who in PROCESSES]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)
