"""Run the long tests a file at a time, and go on where a run was stopped; `python -m benchmarks.long_tests --help`.

In: a part of them. Out: one JSON file that names the commit and holds each file's outcome. At another commit everything
starts anew; at the same one a file that passed is not run again.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from recommender.project_paths import PROJECT_ROOT, data_dir
from recommender.tracking.code_version import code_version

PARTS = {"tests": "long and not flow", "flows": "long and flow"}
"""By name, which tests are meant: a marker expression of pytest's."""

NO_TESTS = 5  # pytest's exit code


@dataclass(frozen=True)
class FileResult:
    """Outcome of the long tests of one file; counts of its tests, and wall time in seconds.

    `exit_code` is pytest's: not 0 as well when the tests were stopped halfway, and nothing that ran had failed.
    """

    file: str
    passed: int
    failed: int
    skipped: int
    seconds: float
    exit_code: int

    @property
    def is_done(self) -> bool:
        """Whether it need not run again: it ran to its end, some of it was not skipped, and nothing failed."""
        return self.exit_code == 0 and self.passed > 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run every long test that has not passed yet at this commit; returns 1 when one fails."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.long_tests", description=main.__doc__)
    parser.add_argument("--part", default="tests", choices=PARTS, help="whole flows, or all others (default: tests)")
    parser.add_argument(
        "--root", type=Path, default=PROJECT_ROOT, help="folder that holds tests/ (default: the project)"
    )
    options = parser.parse_args(arguments)
    commit, only = code_version(options.root), PARTS[options.part]
    path = data_dir() / f"long-{options.part}{'' if _is_clean(commit) else '-uncommitted'}.json"
    done = _read(path, commit)
    for file in _files(options.root, only):
        if file in done and done[file].is_done:
            print(f"{file}: passed already", flush=True)
            continue
        done[file] = _run(options.root, file, only)
        print(_told(done[file]), flush=True)
        if code_version(options.root) != commit:
            raise RuntimeError(f"the files are no longer those of commit {commit}; run the tests again")
        _write(path, commit, done)
    print(f"{path} has the results of commit {commit}")
    return int(any(each.exit_code or each.failed for each in done.values()))


def _files(root: Path, only: str) -> list[str]:
    """List the files that hold a wanted test, as pytest names them.

    Raises:
        RuntimeError: when the tests cannot be collected.
    """
    collected = _pytest(root, "--collect-only", "-qq", "--no-header", "-m", only, "tests")
    if collected.returncode not in (0, NO_TESTS):
        raise RuntimeError(f"the tests cannot be collected:\n{collected.stdout}{collected.stderr}")
    return sorted({line.partition(":")[0] for line in collected.stdout.splitlines() if line.startswith("tests/")})


def _run(root: Path, file: str, only: str) -> FileResult:
    report = data_dir() / f"long-tests-{os.getpid()}.xml"
    started = time.perf_counter()
    ran = _pytest(root, "-q", "--no-header", "-m", only, f"--junitxml={report}", file)
    seconds = round(time.perf_counter() - started, 1)
    if ran.returncode:
        print(ran.stdout, ran.stderr, sep="\n")
    if not report.exists():  # pytest itself broke
        return FileResult(file, 0, 1, 0, seconds, ran.returncode)
    suite = ElementTree.parse(report).find("testsuite").attrib
    report.unlink()
    failed, skipped = int(suite["failures"]) + int(suite["errors"]), int(suite["skipped"])
    return FileResult(file, int(suite["tests"]) - failed - skipped, failed, skipped, seconds, ran.returncode)


def _pytest(root: Path, *arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "pytest", *arguments]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)


def _told(result: FileResult) -> str:
    counts = f"{result.passed} passed, {result.failed} failed, {result.skipped} skipped"
    return f"{result.file}: {counts} in {result.seconds:,.0f} s"


def _is_clean(commit: str | None) -> bool:
    return commit is not None and not commit.endswith("-dirty")


def _read(path: Path, commit: str | None) -> dict[str, FileResult]:
    """Return the results of this commit by file; none of a commit that is unknown or has changed files."""
    if not path.exists() or not _is_clean(commit):
        return {}
    kept = json.loads(path.read_text(encoding="utf-8"))
    return {each["file"]: FileResult(**each) for each in kept["files"]} if kept["commit"] == commit else {}


def _write(path: Path, commit: str | None, results: dict[str, FileResult]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.unfinished")
    beside.write_text(json.dumps({"commit": commit, "files": [asdict(each) for each in results.values()]}, indent=2))
    beside.replace(path)


if __name__ == "__main__":
    sys.exit(main())
