"""Output that cannot be written, to a full disk or to a reader who left, changes nothing about how a night ends.

In: standard output and standard error. Out: the same, which from the first failure on say nothing any more.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import TextIO


class _Lasting:
    """A stream that is written through at once, and given up when that fails."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write; returns how many characters were taken, which is all of them."""
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError:
            self._give_up()
        return len(text)

    def flush(self) -> None:
        """Do nothing: all is written through."""

    def _give_up(self) -> None:
        """Point the stream at nothing: what it still holds would fail again when Python ends, with exit code 120."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)


@contextmanager
def lasting_output() -> Iterator[None]:
    """Let nothing that is printed meanwhile raise an error."""
    with redirect_stdout(_Lasting(sys.stdout)), redirect_stderr(_Lasting(sys.stderr)):
        yield
