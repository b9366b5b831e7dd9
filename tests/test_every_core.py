"""Work on many parts: their order stays, an error ends it, and no library spreads a part over all cores."""

import os
import time

import pytest
import torch  # noqa: F401  brings the libraries that are held to one thread
from threadpoolctl import threadpool_info, threadpool_limits

from recommender import every_core
from recommender.every_core import cores, on_every_core


def test_results_come_in_the_order_of_the_parts():
    def late_first(part):
        time.sleep(0.05 * (part == 0))
        return part * part

    assert list(on_every_core(late_first, range(7))) == [0, 1, 4, 9, 16, 25, 36]


def test_several_parts_are_worked_on_at_a_time(monkeypatch):
    """Each of the first two waits for the other; alone, one of them would wait for ever."""
    from threading import Barrier

    monkeypatch.setattr(every_core, "cores", lambda: 2)
    both = Barrier(2, timeout=10)
    assert len(list(on_every_core(lambda part: both.wait(), range(2)))) == 2


def test_the_first_error_ends_it_and_later_parts_are_dropped(monkeypatch):
    monkeypatch.setattr(every_core, "cores", lambda: 1)
    begun = []

    def work(part):
        begun.append(part)
        time.sleep(0.001)
        if part == 1:
            raise ValueError("part 1")

    with pytest.raises(ValueError, match="part 1"):
        list(on_every_core(work, range(1_000)))
    assert len(begun) < 1_000


def numbers_of_threads() -> set[int]:
    return {library["num_threads"] for library in threadpool_info()}


def test_libraries_are_held_to_one_thread_meanwhile_and_not_afterwards(monkeypatch):
    """In the worker and beside it; they are given two first, as by themselves they have one in these tests."""
    monkeypatch.setattr(every_core, "cores", lambda: 1)
    with threadpool_limits(2):
        results = on_every_core(lambda _: numbers_of_threads(), range(2))
        assert (next(results), numbers_of_threads()) == ({1}, {1})
        assert list(results) == [{1}]
        assert numbers_of_threads() == {2}
    assert cores() >= 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [("200000 100000\n", 2), ("150000 100000", 2), ("1000 100000", 1), ("max 100000\n", 64), ("", 64)],
)
def test_a_container_works_on_no_more_parts_than_it_has_cores(tmp_path, monkeypatch, text, expected):
    """Of a machine of 64 cores."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(64))
    (tmp_path / "cpu.max").write_text(text)
    assert cores(tmp_path / "cpu.max") == expected
    assert cores(tmp_path / "missing") == 64
