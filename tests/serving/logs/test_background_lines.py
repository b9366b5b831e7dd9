"""Lines through a pipe that is full."""

import os
import time
from contextlib import contextmanager, suppress

from serving.logs.background_lines import SECONDS_TO_END, BackgroundLines


@contextmanager
def full_pipe():
    """Both ends of a pipe that takes no more."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    for size in (1_000, 1):
        with suppress(BlockingIOError):
            while True:
                os.write(writer, b"x" * size)
    os.set_blocking(writer, True)
    try:
        yield reader, writer
    finally:
        os.close(reader)  # whoever still writes is told so


def lines_into(writer: int, line_of=str) -> BackgroundLines:
    return BackgroundLines("log", line_of, lambda lines: os.write(writer, lines), lambda count: None)


def test_what_is_logged_before_or_after_requests_waits_two_seconds_for_a_full_pipe_and_then_no_more():
    with full_pipe() as (reader, writer):
        lines = lines_into(writer)
        started = time.monotonic()
        lines.put("first")
        waited = time.monotonic() - started
        for _ in range(100):
            lines.put("next")
        assert SECONDS_TO_END <= waited < SECONDS_TO_END + 1
        assert time.monotonic() - started - waited < 1
        os.read(reader, 2**20)
        time.sleep(0.2)
        assert os.read(reader, 2**20) == b"first" + b"next" * 100


def test_what_a_full_pipe_held_up_and_what_is_logged_while_requests_are_served_come_whole_and_in_order():
    def slowly(line):
        time.sleep(0.0001)  # long enough for another thread to come in between
        return line

    with full_pipe() as (reader, writer):
        lines, numbers = lines_into(writer, slowly), list(range(1_000))
        lines.put("0;")
        with lines.running():
            for number in numbers[1:]:
                lines.put(f"{number};")
            time.sleep(0.3)
            os.read(reader, 2**20)
        assert os.read(reader, 2**20).decode() == "".join(f"{number};" for number in numbers)


def test_what_is_logged_before_or_after_requests_is_written_at_once():
    reader, writer = os.pipe()
    lines = lines_into(writer)
    lines.put("before;")
    assert os.read(reader, 100) == b"before;"
    with lines.running():
        lines.put("while;")
    lines.put("after;")
    assert os.read(reader, 100) == b"while;after;"
