"""Long work in parallel processes, each piece done once: a benchmark that was stopped goes on where it was.

In: jobs, each with a folder of its own. Out: filled folders. A folder counts as done when it holds a marker with the
job's fingerprint, written last; anything else is done afresh.
"""

from __future__ import annotations

import os
import shutil
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

MARKER = "done"
THREADS_VARIABLE = "OMP_NUM_THREADS"


class Job(NamedTuple):
    """A piece of work.

    `label` names it in the log, `fingerprint` is of everything the result depends on, and `work` fills the folder; it
    goes to another process, so it is a function of a module or a `functools.partial` of one.
    """

    label: str
    folder: Path
    fingerprint: str
    work: Callable[[Path], None]

    def is_done(self) -> bool:
        """Whether the folder holds this job's result."""
        marker = self.folder / MARKER
        return marker.exists() and marker.read_text() == self.fingerprint


def run_jobs(stages: Sequence[Sequence[Job]], processes: int, report: Callable[[str], None] = print) -> int:
    """Do the jobs that are not done yet; a line for each tells how long the rest of its stage will take.

    Args:
        stages: the jobs of a stage need all of the stages before it, and each other not.
        processes: jobs at a time, each in a process with one thread; 1 does them here.
        report: called with a line for each job.

    Returns the number of jobs that had to be done.

    Raises what a job raises; jobs that had not begun by then are left out.
    """
    n_done = 0
    with workers(processes) as pool:
        for jobs in stages:
            open_jobs = [job for job in jobs if not job.is_done()]
            if len(open_jobs) < len(jobs):
                report(f"{len(jobs) - len(open_jobs)} of {len(jobs)} jobs were done before")
            _run_stage(pool, open_jobs, report)
            n_done += len(open_jobs)
    return n_done


@contextmanager
def workers(processes: int) -> Iterator[Executor | None]:
    """Give a pool of processes with one thread each; None for one process, this one.

    They are spawned, not forked, so that none inherits threads. An exception of the block drops what had not begun.
    """
    if processes == 1:
        yield None
        return
    with _one_thread_each(), ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        try:
            yield pool
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _run_stage(pool: Executor | None, jobs: Sequence[Job], report: Callable[[str], None]) -> None:
    started = time.perf_counter()
    for n_done, (job, seconds) in enumerate(_finished(pool, jobs), 1):
        left = (time.perf_counter() - started) / n_done * (len(jobs) - n_done) / 60
        report(f"{job.label:<32} {seconds:6.1f} s   {n_done} of {len(jobs)}, about {left:.0f} min left")


def _finished(pool: Executor | None, jobs: Sequence[Job]) -> Iterator[tuple[Job, float]]:
    """Yield each job with its seconds when it is done."""
    if pool is None:
        yield from ((job, _run(job)) for job in jobs)
        return
    running = {pool.submit(_run, job): job for job in jobs}
    for future in as_completed(running):
        yield running[future], future.result()


def _run(job: Job) -> float:
    started = time.perf_counter()
    shutil.rmtree(job.folder, ignore_errors=True)
    job.folder.mkdir(parents=True)
    with warnings.catch_warnings():
        for kind in (UserWarning, FutureWarning):  # Merlin and Dask warn of running on a CPU, again and again
            warnings.simplefilter("ignore", kind)
        job.work(job.folder)
    (job.folder / MARKER).write_text(job.fingerprint)
    return time.perf_counter() - started


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Let the processes that start inside use one thread, no matter what is usual here."""
    usual = os.environ.get(THREADS_VARIABLE)
    os.environ[THREADS_VARIABLE] = "1"
    try:
        yield
    finally:
        if usual is None:
            del os.environ[THREADS_VARIABLE]
        else:
            os.environ[THREADS_VARIABLE] = usual
