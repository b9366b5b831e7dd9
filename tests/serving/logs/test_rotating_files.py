"""Files of lines on a real file system."""

import resource
import time
from contextlib import contextmanager

import pytest

from serving.logs.rotating_files import RotatingFiles

LINE = b"x" * 59 + b"\n"


def contents(folder) -> list[bytes]:
    return [path.read_bytes() for path in sorted(folder.iterdir())]


@contextmanager
def largest_file(n_bytes: int):
    """Let no file grow beyond a size, as on a disk that is full there."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_file_that_would_be_too_large_is_followed_by_another(tmp_path):
    files = RotatingFiles(tmp_path, "served", max_bytes=130, max_seconds=3600, max_files=9)
    for _ in range(5):
        files.write(LINE)
    files.write(LINE * 4)
    assert contents(tmp_path) == [LINE * 2, LINE * 2, LINE, LINE * 4]


def test_a_file_that_is_too_old_is_followed_by_another(tmp_path):
    files = RotatingFiles(tmp_path, "served", max_bytes=10_000, max_seconds=0.2, max_files=9)
    files.write(LINE)
    files.write(LINE)
    time.sleep(0.3)
    files.write(LINE)
    assert contents(tmp_path) == [LINE * 2, LINE]


def test_only_the_newest_are_kept_and_nothing_else_is_touched(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(b"another's")
    files = RotatingFiles(tmp_path, "served", max_bytes=1, max_seconds=3600, max_files=2)
    for each in range(5):
        files.write(b"%d\n" % each)
    assert contents(tmp_path) == [b"another's", b"3\n", b"4\n"]


def test_two_processes_share_a_folder(tmp_path):
    both = [RotatingFiles(tmp_path, "served", 10_000, 3600, 9) for _ in range(2)]
    for files in both * 2:
        files.write(LINE)
    assert contents(tmp_path) == [LINE * 2, LINE * 2]


def test_a_full_disk_leaves_no_half_line(tmp_path):
    files = RotatingFiles(tmp_path, "served", max_bytes=10_000, max_seconds=3600, max_files=9)
    files.write(LINE)
    with largest_file(100), pytest.raises(OSError):
        files.write(LINE)
    files.write(LINE)
    assert contents(tmp_path) == [LINE * 2]


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError):
        RotatingFiles(tmp_path / "file" / "folder", "served", 1, 1, 1).check()
    RotatingFiles(tmp_path / "new" / "folder", "served", 1, 1, 1).check()
    assert contents(tmp_path / "new" / "folder") == []
