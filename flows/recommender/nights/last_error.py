"""Why a run ended, in its own last words.

In: the log of a night. Out: one line of it that a person can act on, or None. The log is Metaflow's: each line of a
task begins with the time and, in brackets, the task.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from recommender.errors import HEADLINES

READ_BYTES = 200_000  # of the end of a log
MOST_CHARACTERS = 400

TASK_PREFIX = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ (\[[^\]]*\] )?")
RAISED = re.compile(
    r"^(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Exceeded|Interrupt|Exit|Expired|Failed|Refused)\b.*"
)
GIVEN_UP = re.compile(r"\[\d+/(?P<step>\w+)/\d+ .*Task failed\.")


def last_error(log_path: Path) -> str | None:
    """Return the message that the run ended with, else the last exception, else which step died without a word.

    None when the log holds none of them, or cannot be read.
    """
    try:
        with log_path.open("rb") as log:
            log.seek(max(log_path.stat().st_size - READ_BYTES, 0))
            lines = log.read().decode(errors="replace").splitlines()
    except OSError:
        return None
    said = [TASK_PREFIX.sub("", line).strip() for line in lines]
    found = _message(said) or _exception(said) or _silent_death(lines)
    return found and _cut(found)


def _message(said: Sequence[str]) -> str | None:
    """Return what follows the last headline, up to an empty line."""
    for row in range(len(said) - 1, -1, -1):
        if said[row].removesuffix(":") in HEADLINES:
            after = said[row + 1 :]
            return " ".join(after[: after.index("")] if "" in after else after[:3]) or None
    return None


def _exception(said: Sequence[str]) -> str | None:
    return next((line for line in reversed(said) if RAISED.match(line)), None)


def _silent_death(lines: Sequence[str]) -> str | None:
    """Name the step whose task failed without a word, as one does that is killed."""
    failed = next((found for line in reversed(lines) if (found := GIVEN_UP.search(line))), None)
    return failed and f"step {failed['step']} died without a word: killed, for want of memory perhaps"


def _cut(text: str) -> str:
    return text if len(text) <= MOST_CHARACTERS else f"{text[: MOST_CHARACTERS - 3]}..."
