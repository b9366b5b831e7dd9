"""The registry: what every run decided and why, and how to fit again what it published. Lines are added, never changed.

Stage: last of every run, published or refused. In: the run's report and its configuration. Out: one line of JSON in the
dataset's registry. `champion` reads it, tonight's behavior is compared with it, and `history` shows it to people.

A line is written at once and reaches the disk before `append` returns, so a crash can tear the last line only. Readers
report it and skip it, and the next line does not continue it. A line of an earlier release lacks what was added since,
which then has its default. A version that `make rollback` withdrew stays published here.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from recommender.evaluation.behavior_changes import behavior_values
from recommender.evaluation.behavioral_check import CheckResult
from recommender.json_values import without_nan
from recommender.state_changes import change
from recommender.state_files import here

MODELS = ("served", "four_stages", "champion", "popular", "two_tower")
METRICS = ("map@", "recall@")


@dataclass(frozen=True)
class Decision:
    """What one run decided.

    Attributes:
        run_id: of the flow.
        dataset: whose run it is.
        time: of the decision, UTC, ISO 8601.
        windows: as in the report.
        metrics: {model: {metric: value}}, MAP and recall at the served depth of the models that matter here.
        verdict: "passed" or "refused".
        reason: of the verdict.
        challenge: as from `Challenge.as_dict`.
        version: that was published, or None.
        forced_reason: why the run was forced, or None.
        configuration: as from `Configuration.as_dict`, and under "ranker" how the ranker was chosen.
        warnings: of the verdict.
        values: what the nights to come are compared with, see `behavior_values`.
    """

    run_id: str
    dataset: str
    time: str
    windows: Mapping[str, Any]
    metrics: Mapping[str, Mapping[str, float | None]]
    verdict: str
    reason: str
    challenge: Mapping[str, Any]
    version: str | None
    forced_reason: str | None
    configuration: Mapping[str, Any]
    warnings: Sequence[str] = ()
    values: Mapping[str, float | None] = field(default_factory=dict)


def decision_of(report: Mapping[str, Any], configuration: Mapping[str, Any]) -> Decision:
    """Take a run's decision, made now, from its report."""
    published, challenge = report["published"], report["challenge"]
    results = [CheckResult.from_dict(each) for each in report["behavioral_tests"]]
    values = behavior_values(results, report["metrics"], report.get("quality", {}))
    return Decision(
        run_id=report["run_id"],
        dataset=report["dataset"],
        time=datetime.now(UTC).isoformat(timespec="seconds"),
        windows=report["windows"],
        metrics={name: _main_metrics(report["metrics"][name]) for name in MODELS if name in report["metrics"]},
        verdict=report["verdict"],
        reason=report["verdict_reason"],
        challenge=challenge,
        version=published["version"] if published else None,
        forced_reason=challenge["forced_reason"] or None,
        configuration={**configuration, "ranker": report["ranker"]},
        warnings=report["warnings"],
        values={name: value.mean for name, value in values.items()},
    )


def append(decision: Decision, path: Path) -> None:
    """Add a decision as the last line; a run that has one already, such as a step that is tried again, gets no second.

    Any number of processes may do this at once.

    Raises:
        OSError: when the line could not be written whole, for example on a full disk, or not be kept at STATE_URL.
    """
    line = json.dumps(without_nan(asdict(decision)), ensure_ascii=False, allow_nan=False).encode()
    with _own_lines_kept(path):
        change(path, partial(_append_here, line, decision.run_id))


def _append_here(line: bytes, run_id: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path) as descriptor:
        before = path.read_bytes()
        if any(each.run_id == run_id for each in _parsed(before, path, lambda _: None)):
            return
        end_of_torn = b"\n" if before and not before.endswith(b"\n") else b""
        whole = end_of_torn + line + b"\n"
        if (written := os.write(descriptor, whole)) != len(whole):
            raise OSError(f"only {written} of {len(whole)} bytes of a decision fitted into {path}; make room")
        os.fsync(descriptor)


def read(path: Path, warn: Callable[[str], None] | None = None) -> list[Decision]:
    """Return all decisions, oldest first; empty without a file.

    Args:
        path: the registry.
        warn: called for every line that is not a decision; by default it goes to standard error.
    """
    with _own_lines_kept(path):
        here(path)
    return list(_parsed(path.read_bytes(), path, warn or _complain)) if path.exists() else []


@contextmanager
def _own_lines_kept(path: Path) -> Iterator[None]:
    """Set aside a registry of this machine in whose place that of STATE_URL comes, if it has lines the other lacks."""
    before = path.read_bytes() if path.exists() else b""
    yield
    if before and not set(before.split(b"\n")) <= set(path.read_bytes().split(b"\n")):
        aside = path.with_name(f"{path.name}.{hashlib.sha256(before).hexdigest()[:8]}")
        aside.write_bytes(before)
        _complain(f"{path} was replaced by that of STATE_URL, which lacks lines of it; as it was it is in {aside}")


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    """Yield the descriptor of the file, made when missing, while nobody else appends; the kernel ends a dead lock."""
    is_new = not path.exists()
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if is_new:
            _sync_folder(path.parent)
        yield descriptor
    finally:
        os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    """Make the name of a new file as durable as its content."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _parsed(content: bytes, path: Path, warn: Callable[[str], None]) -> Iterator[Decision]:
    names = {each.name for each in fields(Decision)}
    for number, line in enumerate(content.split(b"\n"), 1):
        if not line:
            continue
        try:
            values = json.loads(line)
            yield Decision(**{name: value for name, value in values.items() if name in names})
        except (ValueError, AttributeError, TypeError):
            warn(f"{path}, line {number} is not a whole decision, as a crash while writing leaves it; it is ignored")


def _main_metrics(metrics: Mapping[str, float]) -> dict[str, float]:
    """Return MAP and recall at the depth that stands first, the served one."""
    depth = next(iter(metrics)).partition("@")[2]
    return {f"{name}{depth}": metrics[f"{name}{depth}"] for name in METRICS}


def _complain(message: str) -> None:
    print(message, file=sys.stderr)
