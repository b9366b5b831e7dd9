"""Files of lines: a new one begins when the last is large or old, and the oldest are removed.

In: whole lines. Out: `<name>-<when it was begun, UTC>-<random>.jsonl` in one folder. A file that has a successor is
never touched again, so it can be shipped, and several processes can share a folder, since each writes files of its own.
The standard library's handlers rotate by size or by age, rename what they wrote, and do not share.
"""

import secrets
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryFile


class RotatingFiles:
    """The files of one process in a folder.

    Args:
        folder: made if it is missing.
        name: what the files' names begin with.
        max_bytes: of one file; a single write may have more.
        max_seconds: age at which a file gets no more lines.
        max_files: with that name in the folder, those of other processes included.
    """

    def __init__(self, folder: Path, name: str, max_bytes: int, max_seconds: float, max_files: int) -> None:
        self._folder, self._name = folder, name
        self._max_bytes, self._max_seconds, self._max_files = max_bytes, max_seconds, max_files
        self._file, self._n_bytes, self._begun_at = None, 0, 0.0

    def check(self) -> None:
        """Make the folder and try to write into it.

        Raises:
            OSError: the folder cannot be made or written.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=self._folder) as probe:
            probe.write(bytes(4096))

    def write(self, lines: bytes) -> None:
        """Append lines, all or none.

        Raises:
            OSError: the disk is full, or the folder cannot be written.
        """
        if self._file is None or self._is_over(len(lines)):
            self._begin()
        try:
            rest = lines
            while rest:  # one write may take a part only
                rest = rest[self._file.write(rest) :]
        except OSError:
            with suppress(OSError):
                self._file.seek(self._n_bytes)
                self._file.truncate()  # no half line
            raise
        self._n_bytes += len(lines)

    def _is_over(self, more_bytes: int) -> bool:
        is_full = self._n_bytes > 0 and self._n_bytes + more_bytes > self._max_bytes
        return is_full or time.monotonic() - self._begun_at > self._max_seconds

    def _begin(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
        begun = datetime.now(UTC)
        path = self._folder / f"{self._name}-{begun:%Y%m%dT%H%M%S.%fZ}-{secrets.token_hex(2)}.jsonl"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._file = path.open("xb", buffering=0)
        self._n_bytes, self._begun_at = 0, time.monotonic()
        for old in sorted(self._folder.glob(f"{self._name}-*.jsonl"))[: -self._max_files]:
            old.unlink(missing_ok=True)
