"""How much memory DuckDB may take while the marts are built: the variable WAREHOUSE_MEMORY, or a part of the machine's.

DuckDB alone would take four fifths of the machine, and other steps, or another dataset's run, may work beside it.
"""

import os
from pathlib import Path

GIB = 2**30
MOST_GIB = 6  # with it the marts of all of H&M's purchases are built in 7 GiB
SHARE = 0.5  # of the machine, where that is less
CONTAINER_LIMIT = Path("/sys/fs/cgroup/memory.max")  # "max" where there is none


def memory_limit() -> str:
    """Return the limit in DuckDB's words, such as `6.0GiB`."""
    return os.environ.get("WAREHOUSE_MEMORY") or f"{min(MOST_GIB, SHARE * machine_memory() / GIB):.1f}GiB"


def machine_memory(container_limit: Path = CONTAINER_LIMIT) -> int:
    """Return the bytes of memory of this machine, or of this container where it may take less."""
    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    try:
        return min(physical, int(container_limit.read_text()))
    except (OSError, ValueError):
        return physical
