"""What a step cost: a clock that is started with the step in; seconds, memory and what went to the disk out."""

from __future__ import annotations

import resource
import time

from recommender.object_store import TRAFFIC

KIB_PER_MIB = 1024
BYTES_PER_MIB = 1024**2
BLOCKS_PER_MIB = 2048  # ru_oublock counts 512 bytes on Linux
PROCESSES = resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN


class StepClock:
    """Runs from when it is made, for this process and the children that it waited for."""

    def __init__(self):
        self._started, self._cpu_started, self._blocks_started = time.perf_counter(), _cpu_seconds(), _blocks()
        self._moved = TRAFFIC.uploaded, TRAFFIC.downloaded

    def cost(self) -> dict[str, float]:
        """Return what it took so far.

        `seconds` of wall time, `cpu_seconds` of all cores, `peak_mib`, the most that one process held, and
        `written_mib`, what went to files on a disk, those that are gone again among them. Where files are kept at
        STATE_URL, there are `uploaded_mib` and `downloaded_mib`, too.
        """
        peak_kib = max(resource.getrusage(who).ru_maxrss for who in PROCESSES)
        return {
            "seconds": round(time.perf_counter() - self._started, 1),
            "cpu_seconds": round(_cpu_seconds() - self._cpu_started, 1),
            "peak_mib": peak_kib // KIB_PER_MIB,
            "written_mib": (_blocks() - self._blocks_started) // BLOCKS_PER_MIB,
            **self._traffic(),
        }

    def _traffic(self) -> dict[str, float]:
        uploaded, downloaded = TRAFFIC.uploaded - self._moved[0], TRAFFIC.downloaded - self._moved[1]
        if not uploaded and not downloaded:
            return {}
        return {
            "uploaded_mib": round(uploaded / BYTES_PER_MIB, 1),
            "downloaded_mib": round(downloaded / BYTES_PER_MIB, 1),
        }


def _cpu_seconds() -> float:
    usages = [resource.getrusage(who) for who in PROCESSES]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _blocks() -> int:
    return sum(resource.getrusage(who).ru_oublock for who in PROCESSES)
