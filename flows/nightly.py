"""Run the flow unattended on one box: one run at a time, all output in a log file, an exit code that says how it went.

    python flows/nightly.py --dataset demo [--max-workers N] [--timeout-minutes M] [--environment FILE]

Exit codes:
      0   published, even if the run failed afterwards; the line tells
      1   refused: the run judged its own result, or the data it was given, and published nothing
      2   failed for another reason; the log says why
     75   another run of the dataset is at work, nightly or not (EX_TEMPFAIL: try again later)
    124   timed out; the run and all its processes were killed

The run inherits the dataset's lock, so a run that outlives this process still keeps others out.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from recommender import dataset_lock
from recommender.errors import SettingsError
from recommender.nights.disk import set_aside
from recommender.nights.environment_file import read_environment
from recommender.nights.lasting_output import lasting_output
from recommender.nights.night_log import Night, add_night, read_nights
from recommender.nights.outcome import ExitCode, Outcome, cut_short, judge, run_id_path
from recommender.nights.summary import broken_off, lines_of, night_of, not_begun, summary_of
from recommender.nights.tonight import handed_on
from recommender.nights.webhook import tell
from recommender.project_paths import keep_private, logs_dir, set_environment_defaults

FLOW_FILE = Path(__file__).absolute().with_name("recommendation_flow.py")
KEPT_LOGS = 30
LOG_TIMESTAMP = "%Y%m%dT%H%M%SZ"
LOG_TIMESTAMP_GLOB = "[0-9]" * 8 + "T" + "[0-9]" * 6 + "Z"
GRACE_SECONDS = 20.0  # between asking the run to end and killing it
POLL_SECONDS = 0.1


def flow_command(dataset: str, max_workers: int) -> list[str]:
    """Return the command that runs the flow once and leaves its run id in `run_id_path`."""
    command = [sys.executable, str(FLOW_FILE), "run", "--run-id-file", str(run_id_path(dataset))]
    return [*command, "--dataset", dataset, "--max-workers", str(max_workers)]


def run_night(dataset: str, command: Sequence[str], timeout_seconds: float = float("inf")) -> ExitCode:
    """Run a command under the dataset's lock, log it, judge it by its report, tell of it, and print a line about it.

    Args:
        dataset: names the lock, the logs and the report.
        command: that of `flow_command`, or another one that writes its run id to `run_id_path(dataset)` and a
            report.json with this `run_id`, `verdict`, `verdict_reason` and `published`.
        timeout_seconds: when to kill it.
    """
    began = datetime.now(UTC)
    log_path = logs_dir() / f"nightly-{dataset}-{began:{LOG_TIMESTAMP}}.log"
    try:
        with (
            dataset_lock.dataset_lock(dataset) as lock,
            log_path.open("a", encoding="utf-8") as log,
            set_aside(log_path.parent, f"nightly-{dataset}") as give_room_back,
        ):
            _prune_logs(dataset)
            run_id_path(dataset).unlink(missing_ok=True)
            outcome = _run(dataset, command, log, lock, handed_on(began), timeout_seconds)
            night = night_of(dataset, began, datetime.now(UTC), outcome)
            give_room_back()
            summary = "\n".join(lines_of(night, log_path))
            _add_to_log(summary, log)
            _keep(night)
    except dataset_lock.AlreadyRunning as error:
        print(error, file=sys.stderr)
        tell(not_begun(dataset, began, f"{error}"))
        return ExitCode.ALREADY_RUNNING
    print("\n\n".join(filter(None, (summary, summary_of(outcome.report)))))
    tell(night)
    return outcome.code


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out the command line; returns the exit code, whatever becomes of the output."""
    with lasting_output():
        return _main(_options(arguments))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python flows/nightly.py", description="Run the flow once, unattended.")
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--max-workers", type=int, default=2, help="how many candidates train at a time")
    parser.add_argument("--timeout-minutes", type=float, default=float("inf"), help="kill the run after this long")
    parser.add_argument(
        "--environment", type=Path, help="file of variables, NAME=value a line, as make schedule writes"
    )
    return parser.parse_args(arguments)


def _main(options: argparse.Namespace) -> int:
    try:
        os.environ.update(read_environment(options.environment) if options.environment else {})
    except SettingsError as error:
        print(error, file=sys.stderr)
        return ExitCode.FAILED
    set_environment_defaults()
    keep_private()
    command = flow_command(options.dataset, options.max_workers)
    try:
        code = run_night(options.dataset, command, options.timeout_minutes * 60)
    except Exception as error:  # Python would end with 1, which means refused here
        traceback.print_exc()
        night = broken_off(options.dataset, datetime.now(UTC), error)
        _keep(night)
        tell(night)
        return ExitCode.FAILED
    if code != ExitCode.ALREADY_RUNNING:
        _draw(options.dataset)
    return code


def _run(
    dataset: str,
    command: Sequence[str],
    log: IO[str],
    lock: IO[str],
    variables: Mapping[str, str],
    timeout_seconds: float,
) -> Outcome:
    """Run the command in a process group of its own until it ends, is too late, or this process is told to end."""
    deadline = time.monotonic() + timeout_seconds
    with _signals_to_end() as signals:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=[lock.fileno()],
            env={**dataset_lock.handed_on(lock), **variables},
        )
        while process.poll() is None:
            if signals:
                _end_group(process)
                return cut_short(dataset, ExitCode.FAILED, f"failed: ended by {signals[0].name}")
            if time.monotonic() > deadline:
                _end_group(process)
                return cut_short(dataset, ExitCode.TIMED_OUT, f"timed out after {timeout_seconds / 60:g} minutes")
            time.sleep(POLL_SECONDS)
    return judge(dataset, process.returncode, Path(log.name))


@contextmanager
def _signals_to_end() -> Iterator[list[signal.Signals]]:
    """Collect SIGTERM and SIGINT instead of ending at once, so that the run can be ended in good order."""
    received: list[signal.Signals] = []
    watched = (signal.SIGTERM, signal.SIGINT)
    previous = [signal.signal(number, lambda number, _: received.append(signal.Signals(number))) for number in watched]
    try:
        yield received
    finally:
        for number, handler in zip(watched, previous, strict=True):
            signal.signal(number, handler)


def _end_group(process: subprocess.Popen) -> None:
    """Ask every process of the group to end, and kill what is left when the first has ended or time is up."""
    os.killpg(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(GRACE_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _add_to_log(summary: str, log: IO[str]) -> None:
    """Add the summary to the log; a full disk must not change how the night ends."""
    try:
        os.write(log.fileno(), f"{summary}\n".encode())
    except OSError as error:
        print(f"{log.name} cannot be written: {error}", file=sys.stderr)


def _draw(dataset: str) -> None:
    """Draw the page of operations; a page that cannot be drawn does not change how the night ended."""
    from recommender.nights.operations_page import leave_card, write_operations

    try:
        leave_card(read_nights(dataset)[-1])
        print(f"all nights: {write_operations(dataset, datetime.now(UTC))}")
    except Exception as error:
        print(f"the page of operations could not be drawn: {error}", file=sys.stderr)


def _keep(night: Night) -> None:
    """Add the night to the log of nights; a full disk must not change how it ends."""
    try:
        add_night(night)
    except OSError as error:
        print(f"the log of nights cannot be written: {error}", file=sys.stderr)


def _prune_logs(dataset: str) -> None:
    """Remove all but the latest logs of the dataset, tonight's included."""
    logs = sorted(logs_dir().glob(f"nightly-{dataset}-{LOG_TIMESTAMP_GLOB}.log"))
    for path in logs[:-KEPT_LOGS]:
        path.unlink()


if __name__ == "__main__":
    sys.exit(main())
