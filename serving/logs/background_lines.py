"""Write lines in a thread of their own, so that no request waits for a pipe or a disk.

Stage: below the request log and the sample. In: what a line is made of. Out: lines, some at a time. What waits is
bounded: when a pipe is full or a disk is slow, lines are dropped and counted, and requests are answered as ever.

The standard library's QueueHandler and QueueListener take 16 microseconds of the event loop for a line and wake their
thread for each; here it is less than one, and the thread looks ten times a second.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Generic, TypeVar

MOST_WAITING = 10_000
LINES_AT_ONCE = 100  # few milliseconds of the thread, in which the event loop stands still
SECONDS_BETWEEN_WRITES = 0.1
SECONDS_TO_END = 2.0  # for a pipe that nobody reads

logger = logging.getLogger(__name__)

Item = TypeVar("Item")


class BackgroundLines(Generic[Item]):
    """Lines on their way to one place.

    Args:
        name: of the place, for the log.
        line_of: makes the line of an item, line break included; called in the thread.
        write: writes whole lines, or raises OSError.
        count_dropped: called with how many lines were lost.
    """

    def __init__(
        self,
        name: str,
        line_of: Callable[[Item], str],
        write: Callable[[bytes], None],
        count_dropped: Callable[[int], None],
    ) -> None:
        self._name, self._line_of, self._write, self._count_dropped = name, line_of, write, count_dropped
        self._waiting: deque[Item] = deque()
        self._thread: threading.Thread | None = None
        self._writing = threading.Lock()  # a thread that a full pipe held up may be there beside the next one
        self._is_failing = False

    def put(self, item: Item) -> None:
        """Have a line written soon; at once while no thread runs, which is before and after requests are served."""
        if len(self._waiting) >= MOST_WAITING:
            self._count_dropped(1)
            return
        self._waiting.append(item)
        if self._thread is None:
            self._wait_for(self._started(self._write_waiting))

    @contextmanager
    def running(self) -> Iterator[None]:
        """Write in a thread until the block ends; what waits then is still written, unless that takes too long."""
        is_over = threading.Event()
        thread = self._started(partial(self._keep_writing, is_over))
        try:
            yield
        finally:
            is_over.set()
            self._wait_for(thread)

    def _started(self, work: Callable[[], None]) -> threading.Thread:
        self._thread = threading.Thread(target=work, name=self._name, daemon=True)
        self._thread.start()
        return self._thread

    def _wait_for(self, thread: threading.Thread) -> None:
        """Wait until all is written; not long, and never again, where a pipe is full and nobody reads it."""
        thread.join(SECONDS_TO_END)
        if not thread.is_alive():
            self._thread = None

    def _keep_writing(self, is_over: threading.Event) -> None:
        while not is_over.wait(SECONDS_BETWEEN_WRITES):
            self._write_waiting()
        self._write_waiting()

    def _write_waiting(self) -> None:
        with self._writing:
            while n_lines := min(len(self._waiting), LINES_AT_ONCE):
                lines = "".join([self._line_of(self._waiting.popleft()) for _ in range(n_lines)])
                try:
                    self._write(lines.encode())
                except OSError as error:
                    self._count_dropped(n_lines)
                    self._tell(error)
                else:
                    self._is_failing = False

    def _tell(self, error: OSError) -> None:
        """Log the first of several failures in a row."""
        if not self._is_failing:
            self._is_failing = True
            logger.error("the %s cannot be written (%s); its lines are dropped and counted.", self._name, error)
