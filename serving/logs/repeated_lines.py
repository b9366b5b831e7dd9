"""Keep what clients or the network cause again and again from filling the log.

In: log records. Out: of those with one template, the first ten of a minute; the next one after that minute says how
many were left out. This program's own errors stay unless they repeat each other to the letter: a damaged key in Redis
is found by every customer of it.
"""

import logging
import time
from collections.abc import Callable

MOST_A_MINUTE = 10
MAX_TEMPLATES = 1_000


class RepeatedLines(logging.Filter):
    """Filter of a handler; `clock` tells seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._counts: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Let a record pass unless too many like it came within a minute."""
        is_own_error = record.levelno >= logging.ERROR and record.name.startswith("serving.")
        now, template = self._clock(), (record.name, record.getMessage() if is_own_error else str(record.msg))
        begun_at, count = self._counts.get(template, (now, 0))
        if now - begun_at >= 60:
            record.n_left_out = max(0, count - MOST_A_MINUTE)
            begun_at, count = now, 0
        if len(self._counts) >= MAX_TEMPLATES:
            self._counts.clear()
        self._counts[template] = begun_at, count + 1
        return count < MOST_A_MINUTE
