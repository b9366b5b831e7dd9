"""Comet for real, without network: archives are written by comet_ml, opened and read."""

import csv
import json
from pathlib import Path
from tempfile import gettempdir
from types import SimpleNamespace

import pytest
from comet_without_network import Archive
from planted_results import result

from recommender.models.trained_candidate import Epoch
from recommender.project_paths import PROJECT_ROOT
from recommender.tracking import comet
from recommender.tracking.code_version import code_version
from recommender.tracking.comet import TrackedRun
from recommender.tracking.experiment_log import DEFAULT_PROJECT

WINDOWS = {
    "train": {"start": "2020-03-01", "end": "2020-09-08"},
    "validation": {"start": "2020-09-09", "end": "2020-09-15"},
    "test": {"start": "2020-09-16", "end": "2020-09-22"},
}
BASE_KEY = TrackedRun("demo", "17", WINDOWS).experiment_key("base-seed7")
RUN_KEY = TrackedRun("demo", "17", WINDOWS).experiment_key("run 17")
REPORT = {
    "dataset": "demo",
    "run_id": "17",
    "windows": WINDOWS,
    "metrics": {
        "served": {"map@12": 0.04, "map@6": 0.035, "customers": 900},
        "two_tower": {"map@12": 0.03, "customers": 900},
        "popular": {"map@12": 0.01, "customers": 900},
    },
    "behavioral_tests": [
        result("no_duplicates", 0.0, True, kind="rule").as_dict(),
        result("tail", None, None).as_dict(),
        result("novelty", 0.2, False, is_refusing=False).as_dict(),
    ],
    "publication_tests": [result("full_lists", 1.0, True, kind="rule").as_dict()],
    "verdict": "passed",
    "verdict_reason": "2 of 4 tests passed; 1 warning: novelty; 1 test without enough data",
    "warnings": ["novelty is 0.2 (at least 1)"],
    "chosen": "base-seed7",
    "candidates": [{"name": "base", "seed": 7}, {"name": "wide", "seed": 7}],
    "ranker": {"kind": "lambdarank", "settings": {"n_trees": 40}, "seed": 7, "validation_map@12": {"lambdarank": 0.2}},
    "quality": {"cold_customers": {"served": None}},
}
CHARTS = {"models": "<svg><title>The test week</title></svg>", "slices MAP@12 by activity": "<svg></svg>"}
PREDICTIONS = ([["anna", "recommended", "Hat, red"], ["anna", "recommended", 'The "belt"']], ["who", "what", "product"])


def trained(name: str = "base"):
    """A candidate after two epochs; the first was not validated."""
    curve = (
        Epoch(1, 5.5, None, rows_per_second=1000.0, cpu_cores=0.9, peak_memory_mib=700.0, peak_gpu_memory_mib=None),
        Epoch(2, 4.5, 0.02, rows_per_second=1200.0, cpu_cores=1.5, peak_memory_mib=710.0, peak_gpu_memory_mib=None),
    )
    candidate = SimpleNamespace(name=name, seed=7, label=f"{name}-seed7", settings={"embedding_dim": 64})
    return SimpleNamespace(
        candidate=candidate, curve=curve, best_epoch=2, validation_map=0.02, parameters=12_345, seconds=6.5, k=12
    )


@pytest.fixture(scope="module")
def night(no_comet_settings, tmp_path_factory):
    """The folder of archives after a run of two candidates, the first trained twice as after a retry."""
    data_dir = tmp_path_factory.mktemp("night")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RECOMMENDER_DATA_DIR", str(data_dir))
        for name in ("base", "base", "wide"):
            comet.log_candidate(trained(name), "demo", "17", WINDOWS)
        comet.log_run(REPORT, CHARTS, PREDICTIONS)
    return data_dir / "comet"


def test_archive_of_a_candidate_holds_settings_curve_tags_and_windows(night):
    archive = Archive(night / f"{BASE_KEY}.zip")

    assert set(archive.experiment["tags"]) == {"demo", "17", "candidate"}
    assert archive.experiment["project_name"] == DEFAULT_PROJECT
    assert archive.parameters == {"name": "base", "seed": 7, "embedding_dim": 64}
    assert archive.metrics["loss", 1] == 5.5
    assert archive.metrics["loss", 2] == 4.5
    assert ("validation_map@12", 1) not in archive.metrics
    assert archive.metrics["validation_map@12", 2] == 0.02
    assert archive.metrics["rows_per_second", 2] == 1200.0
    assert (archive.metrics["system.cpu_cores", 1], archive.metrics["system.peak_memory_mib", 2]) == (0.9, 710.0)
    assert ("system.peak_gpu_memory_mib", 1) not in archive.metrics  # there was no GPU
    assert archive.metrics["training_seconds", 2] == 6.5  # Comet stamps it with the latest epoch
    assert archive.metrics["process_peak_mib", 2] > 1
    assert archive.notes["Name"] == "base-seed7"
    assert archive.notes["window.test.end"] == "2020-09-22"


def test_archive_holds_nothing_of_the_machine_the_code_or_the_output(night):
    assert Archive(night / f"{BASE_KEY}.zip").types == {"log_other", "parameter_msg", "metric_msg"}


def test_archive_of_the_run_holds_final_metrics_and_verdict_and_links_its_candidates(night):
    archive = Archive(night / f"{RUN_KEY}.zip")

    assert set(archive.experiment["tags"]) == {"demo", "17", "run", "passed"}
    assert archive.metrics["served.map@12", None] == 0.04
    assert archive.metrics["served.map@6", None] == 0.035
    assert archive.metrics["two_tower.map@12", None] == 0.03
    assert archive.metrics["popular.map@12", None] == 0.01
    assert archive.metrics["test.no_duplicates", None] == 0.0
    assert ("test.tail", None) not in archive.metrics  # not enough data
    assert archive.notes["verdict_reason"] == REPORT["verdict_reason"]
    assert archive.notes["warnings"] == "novelty is 0.2 (at least 1)"
    assert archive.notes["tests.rules"] == "2 pass"
    assert archive.notes["tests.comparisons"] == "1 not enough data, 1 warning"
    assert archive.notes["candidate.base-seed7"] == BASE_KEY


def test_archive_of_the_run_holds_windows_and_commit_and_no_path_of_the_machine(night):
    archive = Archive(night / f"{RUN_KEY}.zip")

    assert archive.notes["window.train.start"] == "2020-03-01"
    assert archive.notes["window.test.end"] == "2020-09-22"
    assert archive.notes["code_version"] == (code_version() or "unknown")
    for path in (str(PROJECT_ROOT), str(night), str(Path.home()), gettempdir()):
        assert f"{path}/".encode() not in archive.everything


def test_archive_of_the_run_holds_behavior_pictures_and_predictions(night):
    archive = Archive(night / f"{RUN_KEY}.zip")

    behavior = json.loads(archive.files["behavioral_report.json"])
    assert behavior["verdict"] == "passed"
    assert behavior["behavioral_tests"] == REPORT["behavioral_tests"]
    assert behavior["behavioral_tests"][0]["kind"] == "rule"
    assert (behavior["warnings"], "week_tests" in behavior) == (REPORT["warnings"], False)
    assert archive.files["models.svg"] == CHARTS["models"]
    assert archive.kinds["models.svg"] == archive.kinds["slices_map_12_by_activity.svg"] == "visualization"
    header, *rows = csv.reader(archive.files["predictions.csv"].splitlines())
    assert (rows, header) == PREDICTIONS


def test_a_run_without_pictures_is_tracked_all_the_same(comet_dir):
    comet.log_run(REPORT | {"behavioral_tests": [result("tail", float("nan"), False).as_dict()]})

    archive = Archive(comet_dir / f"{RUN_KEY}.zip")
    assert archive.files.keys() == {"behavioral_report.json"}
    assert json.loads(archive.files["behavioral_report.json"])["behavioral_tests"][0]["value"] is None


def test_pictures_that_cannot_be_kept_cost_one_warning_and_nothing_else(comet_dir, caplog):
    comet.log_candidate(trained(), "demo", "17", WINDOWS)
    comet.log_run(REPORT, {"models": None, "scores": None, "popularity": "<svg></svg>"})

    [warning] = [said for said in caplog.messages if said.startswith("Comet: ")]
    assert warning.startswith("Comet: the record of run 17 may have gaps (")
    archive = Archive(comet_dir / f"{RUN_KEY}.zip")
    assert archive.files.keys() == {"behavioral_report.json", "popularity.svg"}
    assert "passed" in archive.experiment["tags"]


def test_chosen_candidate_is_tagged_winner_by_a_second_archive(night):
    [second] = night.glob(f"{BASE_KEY}-*.zip")

    assert Archive(second).experiment["tags"] == ["winner"]
    assert Archive(second).experiment["offline_id"] == BASE_KEY


def test_a_retried_candidate_replaces_its_archive(night):
    assert len(list(night.iterdir())) == 4  # two candidates, the run, the winner's tag


def test_a_failure_inside_is_tagged_and_passed_on(comet_dir):
    run = TrackedRun("demo", "17", {})
    with pytest.raises(MemoryError), run.open_experiment("base-seed7", "candidate"):
        raise MemoryError

    assert "failed" in Archive(comet_dir / f"{BASE_KEY}.zip").experiment["tags"]


def test_an_unwritable_folder_costs_one_warning(comet_dir, caplog):
    comet_dir.parent.mkdir()
    comet_dir.write_text("a file where the folder should be")

    comet.log_candidate(trained(), "demo", "17", WINDOWS)

    [warning] = caplog.messages
    assert warning.startswith("Comet: base-seed7 could not be opened and is not tracked (")
