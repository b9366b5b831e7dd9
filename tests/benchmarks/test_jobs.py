"""Jobs are done once, in other processes."""

import os
from functools import partial
from pathlib import Path

import pytest

from benchmarks.jobs import Job, run_jobs


def write_process(folder: Path, word: str) -> None:
    """Note who did it, with how many threads."""
    (folder / "word").write_text(f"{word} {os.environ['OMP_NUM_THREADS']} {os.getpid()}")


def fail(folder: Path) -> None:
    """Leave half a result."""
    (folder / "word").write_text("half")
    raise OSError("disk full")


def test_finished_jobs_are_not_done_again_until_what_they_depend_on_changes(tmp_path):
    job, lines = Job("one", tmp_path / "one", "v1", partial(write_process, word="first")), []
    assert run_jobs([[job]], 2, lines.append) == 1
    word, threads, process = (tmp_path / "one" / "word").read_text().split()
    assert (word, threads) == ("first", "1") and int(process) != os.getpid()
    assert run_jobs([[job]], 2, lines.append) == 0
    changed = job._replace(fingerprint="v2", work=partial(write_process, word="second"))
    assert run_jobs([[changed]], 2, lines.append) == 1
    assert (tmp_path / "one" / "word").read_text().startswith("second")
    assert lines[0].startswith("one ") and "1 of 1, about 0 min left" in lines[0]
    assert lines[1] == "1 of 1 jobs were done before"


def test_failed_job_is_not_taken_for_done(tmp_path):
    job = Job("two", tmp_path / "two", "v1", fail)
    with pytest.raises(OSError, match="disk full"):
        run_jobs([[job]], 1)
    assert not job.is_done()


def test_later_stage_waits_for_the_one_before(tmp_path):
    """The second job reads what the first one wrote."""
    first = Job("first", tmp_path / "first", "v1", partial(write_process, word="first"))
    second = Job("second", tmp_path / "second", "v1", partial(copy_word, source=tmp_path / "first"))
    assert run_jobs([[first], [second]], 1) == 2
    assert (tmp_path / "second" / "word").read_text() == (tmp_path / "first" / "word").read_text()


def copy_word(folder: Path, source: Path) -> None:
    """Read another job's result."""
    (folder / "word").write_text((source / "word").read_text())
