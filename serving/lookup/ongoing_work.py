"""Work that goes on when whoever waits for it has no time left.

AWS Lambda gives a refresh as long as a lookup may take. To decode the facts of 100,000 articles takes a small container
longer, so a decoding that ended with the wait would begin anew with every event, and never come to its end.
"""

import asyncio
from collections.abc import Awaitable, Callable


class OngoingWork:
    """One piece of work at a time, on one event loop."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None

    async def run(self, work: Callable[[], Awaitable[None]]) -> None:
        """Wait for what is still going on, then do the work; it goes on even if the caller is cancelled.

        Raises:
            Exception: what `work` raises; what an earlier caller's work raised is not told.
        """
        while self._task is not None and not self._task.done():
            await asyncio.wait({self._task})
        self._task = asyncio.ensure_future(work())
        self._task.add_done_callback(_take_error)
        await asyncio.shield(self._task)

    async def close(self) -> None:
        """Stop what is still going on."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})


def _take_error(task: asyncio.Task[None]) -> None:
    """Look at an error, or asyncio would log it as one that nobody waited for."""
    if not task.cancelled():
        task.exception()
