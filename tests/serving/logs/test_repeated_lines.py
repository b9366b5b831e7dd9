"""Lines that clients cause again and again are written ten times a minute."""

import logging

from serving.logs.repeated_lines import RepeatedLines


def record(name: str, message: str, *values: object, level: int = logging.WARNING) -> logging.LogRecord:
    return logging.LogRecord(name, level, "file", 1, message, values, None)


def test_ten_of_one_kind_pass_in_a_minute_and_the_next_minute_tells_how_many_did_not():
    now = 0.0
    lines = RepeatedLines(clock=lambda: now)
    passed = [lines.filter(record("uvicorn.error", "Invalid HTTP request received.")) for _ in range(1_000)]
    assert passed == [True] * 10 + [False] * 990
    assert lines.filter(record("uvicorn.error", "Shutting down"))
    now = 60.0
    later = record("uvicorn.error", "Invalid HTTP request received.")
    assert lines.filter(later)
    assert later.n_left_out == 990


def test_lines_with_other_values_are_of_one_kind():
    lines = RepeatedLines()
    passed = [lines.filter(record("asyncio", "socket %d failed", each, level=logging.ERROR)) for each in range(20)]
    assert sum(passed) == 10


def test_the_programs_own_errors_pass_unless_they_repeat_each_other_to_the_letter():
    """A damaged bucket is found by each of its customers, a thousand of a batch within a second."""
    lines = RepeatedLines()
    for each in range(100):
        assert lines.filter(record("serving.lookup.served_version", "bucket %d", each, level=logging.ERROR))
    again = [record("serving.lookup.served_version", "bucket %d", 7, level=logging.ERROR) for _ in range(100)]
    assert sum(map(lines.filter, again)) == 9
