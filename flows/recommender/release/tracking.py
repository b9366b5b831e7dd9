"""Comet: what a run tried, and what came of it.

Stage: beside training, and once more at the end of a run. In: plain parameters, epochs and metrics. Out: one Comet
experiment for each candidate and one for the run; archives in data/comet without COMET_API_KEY, online with it.

Tracking never decides over a run: whatever goes wrong in it is one warning line, and online experiments that cannot
be opened are kept as archives. Comet records what it is given here, the commit of the code among it, and by itself
nothing of the machine, the code or the output. comet_ml takes about two seconds to import, so that happens where an
experiment is opened.

    python -m recommender.release.tracking upload     send the archives (needs COMET_API_KEY)
"""

import argparse
import csv
import io
import json
import logging
import math
import os
import resource
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recommender.evaluation.run_report import without_nan
from recommender.project_paths import comet_dir, set_environment_defaults
from recommender.release.chart_svg import file_name
from recommender.release.code_version import code_version

if TYPE_CHECKING:
    from recommender.models.grid import TrainedCandidate
    from recommender.models.training import Epoch
    from recommender.release.card_style import Table

DEFAULT_PROJECT = "recommendations-at-reasonable-scale"
UPLOAD_COMMAND = "python -m recommender.release.tracking upload"
UPLOADED_FOLDER = "uploaded"
CANDIDATE, RUN, WINNER = "candidate", "run", "winner"  # tags
BEHAVIOUR_FILE, PREDICTIONS_FILE = "behavioural_report.json", "predictions.csv"
KIB_PER_MIB = 1024  # ru_maxrss counts KiB

# Comet would collect all of this by itself: source code, git, host name and address, packages, output.
NOTHING_BY_ITSELF = dict.fromkeys(
    (
        "log_code",
        "log_graph",
        "log_git_metadata",
        "log_git_patch",
        "log_env_details",
        "auto_param_logging",
        "auto_metric_logging",
        "auto_output_logging",
        "parse_args",
    ),
    False,
) | {"display_summary_level": 0}

EPOCH_METRICS = {
    "loss": "loss",
    "validation_map": "validation_map@12",
    "rows_per_second": "rows_per_second",
    "cpu_cores": "system.cpu_cores",
    "peak_memory_mib": "system.peak_memory_mib",
    "peak_gpu_memory_mib": "system.peak_gpu_memory_mib",
}
"""Field of an epoch to the name of its curve; a field that is unknown makes none."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrackedRun:
    """What all experiments of a run have in common.

    Attributes:
        dataset: a tag.
        run_id: the flow's run id; a tag.
        windows: {window: {"start": day, "end": day}}, ISO days, as report.json holds them.
    """

    dataset: str
    run_id: str
    windows: Mapping[str, Mapping[str, str]]

    def experiment_key(self, name: str) -> str:
        """Return Comet's key of one of the run's experiments: it follows from the names, so any step can link it."""
        return blake2b(f"{self.dataset}/{self.run_id}/{name}".encode(), digest_size=16).hexdigest()


def log_candidate(
    trained: "TrainedCandidate", dataset: str, run_id: str, windows: Mapping[str, Mapping[str, str]]
) -> None:
    """Record a trained candidate: its settings, its learning curve and what training cost."""
    with open_experiment(TrackedRun(dataset, run_id, windows), trained.candidate.label, CANDIDATE) as log:
        log.log_parameters(
            {"name": trained.candidate.name, "seed": trained.candidate.seed, **trained.candidate.settings}
        )
        for epoch in trained.curve:
            log.log_epoch(epoch)
        log.log_metrics(
            {
                "best_epoch": trained.best_epoch,
                "best_validation_map@12": trained.validation_map,
                "trained_weights": trained.parameters,
                "training_seconds": trained.seconds,
                "process_peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KIB_PER_MIB,
            }
        )


def log_run(
    report: Mapping[str, Any],
    charts: Mapping[str, str] | None = None,
    predictions: "Table" = ([], []),
) -> None:
    """Record a run, passed or refused, from its report: metrics, tests, verdict, candidates; tag the chosen one.

    Metrics are named `model.metric` and `test.name`. The notes `candidate.LABEL` hold the keys of the candidates'
    experiments. The behavioural tests and the publication gate go along as JSON.

    Args:
        report: as report.json holds it.
        charts: SVG text by name; each becomes an image.
        predictions: (rows, header) of sample customers' purchases and recommendations; a CSV table.
    """
    run = TrackedRun(report["dataset"], report["run_id"], report["windows"])
    labels = [f"{candidate['name']}-seed{candidate['seed']}" for candidate in report["candidates"]]
    tests = {test["name"]: test["value"] for test in [*report["behavioral_tests"], *report["publication_tests"]]}
    with open_experiment(run, f"run {run.run_id}", kind=RUN) as log:
        log.log_metrics({**report["metrics"], "test": tests})
        log.log_notes({name: report[name] for name in ("verdict", "verdict_reason", "chosen")})
        log.log_notes({"candidate": {label: run.experiment_key(label) for label in labels}})
        log.log_notes({"code_version": code_version() or "unknown"})
        log.log_file(BEHAVIOUR_FILE, _behaviour(report))
        if predictions[0]:
            log.log_file(PREDICTIONS_FILE, _as_csv(predictions))
        for name, svg in (charts or {}).items():
            log.log_image(file_name(name), svg)
        log.add_tags(report["verdict"])
    _tag_winner(run, report["chosen"])


class ExperimentLog:
    """An open experiment that cannot fail: it warns of its first error, and goes on or ignores the rest."""

    def __init__(self, name: str, create: Callable[[], Any]) -> None:
        self.name = name
        self._experiment: Any = None
        self._first_complaint = _FirstComplaint()
        try:
            self._experiment = create()
        except Exception as error:  # whatever Comet raises, the run goes on
            _warn(f"{name} could not be opened and is not tracked", error)
        self._attempt(lambda experiment: experiment.set_name(name))

    def log_parameters(self, parameters: Mapping[str, Any]) -> None:
        """Record settings; nested mappings become `outer.inner`."""
        self._attempt(lambda experiment: experiment.log_parameters(_flattened(parameters)))

    def log_epoch(self, epoch: "Epoch") -> None:
        """Record one point of the learning curve."""
        values = _finite({metric: getattr(epoch, field) for field, metric in EPOCH_METRICS.items()})
        self._attempt(lambda experiment: experiment.log_metrics(values, step=epoch.epoch, epoch=epoch.epoch))

    def log_metrics(self, metrics: Mapping[str, Any]) -> None:
        """Record numbers; nested mappings become `outer.inner`, what is not a finite number is left out."""
        self._attempt(lambda experiment: experiment.log_metrics(_finite(_flattened(metrics))))

    def log_notes(self, notes: Mapping[str, Any]) -> None:
        """Record facts that are neither settings nor metrics; nested mappings become `outer.inner`."""
        self._attempt(lambda experiment: experiment.log_others(_flattened(notes)))

    def log_file(self, name: str, text: str) -> None:
        """Keep a text as a file; one that cannot be kept costs no more than itself."""
        self._keep(lambda experiment: experiment.log_asset_data(text, name=name))

    def log_image(self, name: str, svg: str) -> None:
        """Keep an SVG picture; one that cannot be kept costs no more than itself."""
        self._keep(lambda experiment: experiment.log_image(io.BytesIO(svg.encode()), name=name, image_format="svg"))

    def add_tags(self, *tags: str) -> None:
        """Add tags to search by."""
        self._attempt(lambda experiment: experiment.add_tags(list(tags)))

    def close(self) -> None:
        """Write the archive, or wait until Comet has everything."""
        self._attempt(lambda experiment: experiment.end())
        if self._first_complaint.message:
            _warn(f"the record of {self.name} may have gaps", self._first_complaint.message)

    def _keep(self, action: Callable[[Any], Any]) -> None:
        """Do what the experiment can do without; `close` tells of the first error."""

        def act(experiment: Any) -> None:
            try:
                action(experiment)
            except Exception as error:  # whatever Comet raises, the experiment goes on
                self._first_complaint.message = self._first_complaint.message or str(error)

        self._attempt(act)

    def _attempt(self, action: Callable[[Any], Any]) -> None:
        if self._experiment is None:
            return
        try:
            with self._first_complaint.watching():
                action(self._experiment)
        except Exception as error:  # whatever Comet raises, the run goes on
            self._experiment = None
            _warn(f"{self.name} is no longer tracked", error)


@contextmanager
def open_experiment(run: TrackedRun, name: str, kind: str) -> Iterator[ExperimentLog]:
    """Open an experiment, tagged with dataset, run id and kind; close it when the block ends.

    An exception of the block passes through and leaves the tag `failed`.
    """
    log = ExperimentLog(name, lambda: _create(run.experiment_key(name), name))
    log.add_tags(run.dataset, run.run_id, kind)
    log.log_notes({"dataset": run.dataset, "run_id": run.run_id, "window": run.windows})
    try:
        yield log
    except BaseException:
        log.add_tags("failed")
        raise
    finally:
        log.close()


def upload_archives(archive_dir: Path) -> int:
    """Send every finished archive of a folder with Comet's own command and move what arrived to `uploaded/`.

    Returns the number of archives that did not arrive; they stay, and upload.log holds all that Comet said.
    """
    archives = sorted(archive_dir.glob("*.zip"), key=lambda path: (path.stat().st_mtime_ns, path.name))
    finished = [archive for archive in archives if _is_finished(archive)]
    print(f"{len(finished)} archives to send, {len(archives) - len(finished)} unfinished ones left out", flush=True)
    (archive_dir / UPLOADED_FOLDER).mkdir(parents=True, exist_ok=True)
    failures = 0
    for number, archive in enumerate(finished, start=1):
        is_sent = _upload(archive, archive_dir / "upload.log")
        failures += not is_sent
        print(f"{number}/{len(finished)} {archive.name}: {'sent' if is_sent else 'not sent'}", flush=True)
        if is_sent:
            archive.replace(archive_dir / UPLOADED_FOLDER / archive.name)
    if failures:
        print(f"{failures} archives were not sent; {archive_dir / 'upload.log'} says why.", file=sys.stderr)
    return failures


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out the command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m recommender.release.tracking", description="Comet's archives.")
    parser.add_argument("action", choices=["upload"])
    parser.parse_args(arguments)
    if not os.environ.get("COMET_API_KEY"):
        print(f"COMET_API_KEY is not set; set it to your Comet key to send {comet_dir()}.", file=sys.stderr)
        return 1
    set_environment_defaults()
    return 1 if upload_archives(comet_dir()) else 0


def _tag_winner(run: TrackedRun, label: str) -> None:
    """Tag a candidate's experiment; an archive is closed by now, so a second, small one beside it carries the tag."""
    key = run.experiment_key(label)
    log = ExperimentLog(label, lambda: _reopen(key))
    log.add_tags(WINNER)
    log.close()


def _create(key: str, name: str) -> Any:
    """Open an experiment online when there is a key to Comet and it answers, else as an archive."""
    comet_ml = _import_comet()
    settings = _settings() | {
        "project_name": os.environ.get("COMET_PROJECT_NAME") or DEFAULT_PROJECT,
        "experiment_key": key,
    }
    if os.environ.get("COMET_API_KEY"):
        try:
            return _alive(lambda: comet_ml.Experiment(**settings))
        except Exception as error:  # whatever Comet raises, the archive still works
            _warn(f"{name} is kept in {comet_dir()}, to be sent with `{UPLOAD_COMMAND}`", error)
    return _alive(lambda: comet_ml.OfflineExperiment(**settings))


def _reopen(key: str) -> Any:
    comet_ml = _import_comet()
    is_archive = any(comet_dir().glob(f"{key}*.zip"))
    kind = comet_ml.ExistingOfflineExperiment if is_archive else comet_ml.ExistingExperiment
    return _alive(lambda: kind(previous_experiment=key, **_settings()))


def _settings() -> dict[str, Any]:
    comet_dir().mkdir(parents=True, exist_ok=True)
    return NOTHING_BY_ITSELF | {"offline_directory": str(comet_dir())}


def _import_comet() -> Any:
    """Import comet_ml with its telemetry off and its console output replaced by our one line."""
    set_environment_defaults()
    import comet_ml

    logging.getLogger("comet_ml").setLevel(logging.WARNING)  # its console drops them, we do not
    return comet_ml


class _FirstComplaint(logging.Handler):
    """Keeps the first warning or error that Comet logs while watched: it swallows most of its errors."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.message = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.message = self.message or record.getMessage().splitlines()[0]

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch while the block runs."""
        comet_logger = logging.getLogger("comet_ml")
        comet_logger.addHandler(self)
        try:
            yield
        finally:
            comet_logger.removeHandler(self)


def _alive(create: Callable[[], Any]) -> Any:
    """Return the experiment; one that Comet could not open comes back dead, here that is an error."""
    first_complaint = _FirstComplaint()
    with first_complaint.watching():
        experiment = create()
    if not experiment.alive:
        raise ConnectionError(first_complaint.message or "Comet gave no reason")
    return experiment


def _is_finished(archive: Path) -> bool:
    """Whether an archive was written to its end; Comet makes it empty and fills it when the experiment ends."""
    try:
        with zipfile.ZipFile(archive) as content:
            return "experiment.json" in content.namelist()
    except zipfile.BadZipFile:
        return False


def _upload(archive: Path, log_path: Path) -> bool:
    """Send one archive, appending Comet's output to the log; returns whether it arrived."""
    command = [sys.executable, "-m", "comet_ml.scripts.comet_upload", str(archive)]
    environment = {**os.environ, "COMET_LOGGING_CONSOLE": "INFO"}
    with log_path.open("a") as log:
        done = subprocess.run(command, env=environment, stdout=log, stderr=subprocess.STDOUT, check=False)
    return done.returncode == 0


def _warn(what: str, error: Exception | str) -> None:
    reason = " ".join(str(error).split()) or type(error).__name__
    logger.warning("Comet: %s (%s)", what, reason)


def _behaviour(report: Mapping[str, Any]) -> str:
    names = ("run_id", "dataset", "windows", "verdict", "verdict_reason", "behavioral_tests", "publication_tests")
    return json.dumps(without_nan({name: report[name] for name in names}), indent=2, ensure_ascii=False, default=str)


def _as_csv(table: "Table") -> str:
    rows, header = table
    text = io.StringIO()
    csv.writer(text).writerows([header, *rows])
    return text.getvalue()


def _flattened(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat |= _flattened(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def _finite(values: Mapping[str, Any]) -> dict[str, float]:
    """Keep finite numbers: Comet has no place for a metric that is missing."""
    return {name: value for name, value in values.items() if isinstance(value, Real) and math.isfinite(value)}


if __name__ == "__main__":
    sys.exit(main())
