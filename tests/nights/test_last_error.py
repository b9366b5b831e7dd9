"""A run's last words, from logs as Metaflow writes them."""

import pytest

from recommender.errors import NOTHING_PUBLISHED, NOTHING_STARTED
from recommender.nights.last_error import MOST_CHARACTERS, READ_BYTES, last_error

TASK = "2026-12-01 03:00:30.725 [1796130508733507/start/1 (pid 8702)] "


def log_of(*said: str) -> str:
    return (
        "\n".join(f"{TASK}{line}" for line in said) + "\n2026-12-01 03:00:30.982 Workflow failed.\n    Step failure:\n"
    )


MESSAGE = log_of(
    "Task is starting.", f"{NOTHING_PUBLISHED}:", "RAW_DIR=/none is not a folder;", "name one", "", "Task failed."
)
TRACEBACK = log_of(
    "Traceback (most recent call last):",
    '  File "encoding.py", line 3, in save',
    "OSError: [Errno 28] No space left on device",
    "",
    "Task failed.",
)
QUALIFIED = log_of("duckdb.duckdb.OutOfMemoryException: Out of Memory Error: failed to allocate", "", "Task failed.")


@pytest.mark.parametrize(
    ("log", "words"),
    [
        (MESSAGE, "RAW_DIR=/none is not a folder; name one"),
        (
            f"{NOTHING_STARTED}:\n    [lists] k is 0; it takes a whole number from 1 on\n",
            "[lists] k is 0; it takes a whole number from 1 on",
        ),
        (TRACEBACK, "OSError: [Errno 28] No space left on device"),
        (QUALIFIED, "duckdb.duckdb.OutOfMemoryException: Out of Memory Error: failed to allocate"),
        (
            log_of("Task is starting.", "epoch 1", "Task failed."),
            "step start died without a word: killed, for want of memory perhaps",
        ),
        (TRACEBACK + MESSAGE, "RAW_DIR=/none is not a folder; name one"),
        (MESSAGE.replace("/none", "/first") + MESSAGE, "RAW_DIR=/none is not a folder; name one"),
        ("all is well\n", None),
        ("", None),
    ],
    ids=["message", "settings", "traceback", "qualified", "killed", "both", "a retry", "well", "empty"],
)
def test_the_last_words_are_found(log, words, tmp_path):
    path = tmp_path / "night.log"
    path.write_text(log)
    assert last_error(path) == words


def test_without_a_log_there_are_none(tmp_path):
    assert last_error(tmp_path / "none.log") is None


def test_a_long_log_is_read_from_its_end_and_long_words_are_cut(tmp_path):
    path = tmp_path / "night.log"
    path.write_bytes(b"\xff" * READ_BYTES + b"\n" + log_of(f"{NOTHING_PUBLISHED}:", "x" * 9_999, "").encode())
    assert last_error(path) == "x" * (MOST_CHARACTERS - 3) + "..."
