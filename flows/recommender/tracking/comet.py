"""Comet: what a run tried, and what came of it.

Stage: beside training, and once more at the end of a run. In: a trained candidate, a run's report and drawings. Out:
one Comet experiment for each candidate and one for the run, with the commit of the code.

Tracking never fails a run: every error in `experiment_log` is one warning line.
"""

import csv
import io
import json
import resource
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from recommender.json_values import without_nan
from recommender.report.chart_svg import file_name
from recommender.report.suite_results import SUITES, kinds_of_tests
from recommender.tracking.code_version import code_version
from recommender.tracking.experiment_log import ExperimentLog, add_tags_later, open_experiment

if TYPE_CHECKING:
    from recommender.models.trained_candidate import TrainedCandidate
    from recommender.report.card_style import Table

CANDIDATE, RUN, WINNER = "candidate", "run", "winner"  # tags
BEHAVIOR_FILE, PREDICTIONS_FILE = "behavioral_report.json", "predictions.csv"
KIB_PER_MIB = 1024  # ru_maxrss counts KiB


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

    @contextmanager
    def open_experiment(self, name: str, kind: str) -> Iterator[ExperimentLog]:
        """Open one of the run's experiments, tagged with dataset, run id and kind; close it when the block ends."""
        with open_experiment(self.experiment_key(name), name) as log:
            log.add_tags(self.dataset, self.run_id, kind)
            log.log_notes({"dataset": self.dataset, "run_id": self.run_id, "window": self.windows})
            yield log


def log_candidate(
    trained: "TrainedCandidate", dataset: str, run_id: str, windows: Mapping[str, Mapping[str, str]]
) -> None:
    """Record a trained candidate: its settings, its learning curve and what training cost."""
    run = TrackedRun(dataset, run_id, windows)
    with run.open_experiment(trained.candidate.label, CANDIDATE) as log:
        log.log_parameters(
            {"name": trained.candidate.name, "seed": trained.candidate.seed, **trained.candidate.settings}
        )
        for epoch in trained.curve:
            log.log_epoch(epoch, trained.k)
        log.log_metrics(
            {
                "best_epoch": trained.best_epoch,
                f"best_validation_map@{trained.k}": trained.validation_map,
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
    experiments, `tests.KIND` how often tests of a kind passed, warned or failed. All tests go along as JSON.

    Args:
        report: as report.json holds it.
        charts: SVG text by name; each becomes an image.
        predictions: (rows, header) of sample customers' purchases and recommendations; a CSV table.
    """
    run = TrackedRun(report["dataset"], report["run_id"], report["windows"])
    labels = [f"{candidate['name']}-seed{candidate['seed']}" for candidate in report["candidates"]]
    tests = {test.name: test.value for kind in kinds_of_tests(report) for test in kind.results}
    with run.open_experiment(f"run {run.run_id}", RUN) as log:
        log.log_metrics({**report["metrics"], "test": tests})
        log.log_notes({name: report[name] for name in ("verdict", "verdict_reason", "chosen")})
        log.log_notes({"warnings": "; ".join(report["warnings"]) or "none", "tests": _outcomes(report)})
        log.log_notes({"candidate": {label: run.experiment_key(label) for label in labels}})
        log.log_notes({"code_version": code_version() or "unknown"})
        log.log_file(BEHAVIOR_FILE, _behavior(report))
        if predictions[0]:
            log.log_file(PREDICTIONS_FILE, _as_csv(predictions))
        for name, svg in (charts or {}).items():
            log.log_image(file_name(name), svg)
        log.add_tags(report["verdict"])
    add_tags_later(run.experiment_key(report["chosen"]), report["chosen"], WINNER)


def _outcomes(report: Mapping[str, Any]) -> dict[str, str]:
    """Return how often each outcome came up, by kind of test: {"rules": "17 pass, 1 fail"}."""
    counts: dict[str, Counter[str]] = {}
    for each in kinds_of_tests(report):
        counts.setdefault(each.kind, Counter()).update(result.outcome for result in each.results)
    return {kind: ", ".join(f"{n} {outcome}" for outcome, n in of_kind.items()) for kind, of_kind in counts.items()}


def _behavior(report: Mapping[str, Any]) -> str:
    names = ("run_id", "dataset", "windows", "verdict", "verdict_reason", "warnings", *SUITES)
    told = {name: report[name] for name in names if name in report}
    return json.dumps(without_nan(told), indent=2, ensure_ascii=False, default=str)


def _as_csv(table: "Table") -> str:
    rows, header = table
    text = io.StringIO()
    csv.writer(text).writerows([header, *rows])
    return text.getvalue()
