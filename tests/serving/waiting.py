"""Wait for what a server does in its own time."""

import time
from collections.abc import Callable


def wait_until(holds: Callable[[], bool], seconds: float = 5.0) -> None:
    """Return once something holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"{seconds:g} seconds later it does not hold"
        time.sleep(0.05)
