"""The registry only grows, and survives crashes and crowds."""

import json
import multiprocessing
import os
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from planted_results import result

from recommender import project_paths
from recommender.evaluation.promotion import Verdict
from recommender.release.registry import Decision, append, decision_of, read
from recommender.report.run_report import build_report

CONFIGURATION = {"candidate": {"name": "base", "seed": 7, "settings": {}}, "best_epoch": 9, "stages": {}}
DIFFERENCE = {"mean": -0.0007, "low": -0.005, "high": 0.0036}
WARNING = "novelty is 0.2 [0.15, 0.25] (at least 0.3)"


def metrics(value: float) -> dict[str, float]:
    return {"map@12": value, "recall@12": 2 * value, "hit_rate@12": 0.5, "map@6": 0.1, "customers": 40, "coverage": 0.5}


def report(run_id: str, version: str | None, forced_reason: str = "") -> dict:
    return build_report(
        run_id=run_id,
        dataset="demo",
        windows={"test": {"start": "2020-09-16", "end": "2020-09-22"}},
        n_candidates=100,
        metrics={
            "served": metrics(0.1643),
            "champion": metrics(0.165),
            "popular": metrics(np.nan),
            "als": metrics(0.1),
        },
        behavioral_tests=[
            result("novelty", 0.2, False, low=0.15, high=0.25, threshold=0.3, is_refusing=False),
            result("no_duplicates", 0, True, kind="rule"),
        ],
        publication_tests=[],
        verdict=Verdict("passed" if version else "refused", "8 of 9 tests passed; 1 warning: novelty", (WARNING,)),
        published={"version": version, "customers": 3} if version else None,
        steps={},
        ranker={"kind": "lambdarank", "settings": {"n_trees": 42}},
        challenge={
            "rule": "not_worse",
            "difference": DIFFERENCE,
            "accepted": True,
            "reason": "MAP 0.1643 against the champion's 0.1650",
            "forced_reason": forced_reason,
        },
    )


def decision(run_id: str, version: str | None = None, forced_reason: str = "", **changes: Any) -> Decision:
    """A decision; `changes` are other fields of it."""
    return replace(decision_of(report(run_id, version, forced_reason), CONFIGURATION), **changes)


@pytest.fixture
def path(monkeypatch, tmp_path):
    """The registry of the demo in a data folder of its own."""
    monkeypatch.setenv(project_paths.DATA_DIR_VARIABLE, str(tmp_path))
    return project_paths.registry_file("demo")


def ids(path) -> list[str]:
    return [each.run_id for each in read(path)]


def test_a_decision_holds_what_fits_the_models_again(path):
    append(decision("17", "v1", forced_reason="a recall"), path)
    (read_back,) = read(path)
    assert read_back.configuration == {**CONFIGURATION, "ranker": {"kind": "lambdarank", "settings": {"n_trees": 42}}}
    assert (read_back.version, read_back.forced_reason, read_back.verdict) == ("v1", "a recall", "passed")
    assert read_back.metrics == {
        "served": {"map@12": 0.1643, "recall@12": 0.3286},
        "champion": {"map@12": 0.165, "recall@12": 0.33},
        "popular": {"map@12": None, "recall@12": None},
    }
    assert read_back.time.endswith("+00:00")
    assert read_back.windows["test"]["start"] == "2020-09-16"
    assert read_back.challenge["difference"] == DIFFERENCE


def test_a_decision_holds_warnings_and_what_later_nights_are_compared_with(path):
    append(decision("17", "v1"), path)
    (read_back,) = read(path)
    assert read_back.warnings == [WARNING]
    assert read_back.values == {"map@12": 0.1643, "catalogue_coverage": 0.5, "novelty": 0.2}


def test_a_line_of_an_earlier_release_is_read_without_what_was_added_since(path, capsys):
    append(decision("1", "v1"), path)
    line = json.loads(path.read_text())
    for added in ("warnings", "values"):
        del line[added]
    path.write_text(json.dumps(line) + "\n")
    (read_back,) = read(path)
    assert (read_back.warnings, read_back.values, read_back.version) == ((), {}, "v1")
    del line["reason"]
    path.write_text(json.dumps(line) + "\n")
    assert read(path) == []
    assert "line 1 is not a whole decision" in capsys.readouterr().err


def test_a_line_of_a_later_release_is_read_without_what_is_unknown(path):
    append(decision("1", "v1"), path)
    path.write_text(json.dumps({**json.loads(path.read_text()), "mood": "good"}) + "\n")
    assert ids(path) == ["1"]


def test_what_is_there_is_never_changed(path):
    append(decision("1", "v1"), path)
    before = path.read_bytes()
    append(decision("2"), path)
    assert path.read_bytes().startswith(before)
    assert ids(path) == ["1", "2"]


def test_a_step_that_is_tried_again_adds_no_second_line(path):
    for _ in range(2):
        append(decision("1", "v1"), path)
    assert ids(path) == ["1"]


@pytest.mark.parametrize("lost", [1, 2, 40])
def test_the_next_line_does_not_continue_a_torn_one(path, capsys, lost):
    """A crash leaves a line without its last bytes; one that lacks the line break alone is whole."""
    append(decision("1", "v1"), path)
    append(decision("2", "v2"), path)
    path.write_bytes(path.read_bytes()[:-lost])
    whole = ["1", "2"] if lost == 1 else ["1"]
    assert ids(path) == whole
    told = capsys.readouterr().err
    assert (f"{path}, line 2 is not a whole decision" in told) == (lost > 1)
    append(decision("3", "v3"), path)
    assert ids(path) == [*whole, "3"]


def test_a_line_torn_within_a_letter_is_skipped(path, capsys):
    append(decision("1", "v1"), path)
    with path.open("ab") as file:
        file.write('{"reason": "à'.encode()[:-1])
    assert ids(path) == ["1"]
    assert "line 2" in capsys.readouterr().err


def test_reasons_keep_their_letters(path):
    append(decision("1", "v1", forced_reason="Rückruf\u2028 «Jade»"), path)
    assert read(path)[0].forced_reason == "Rückruf\u2028 «Jade»"


def test_a_full_disk_is_told(path, monkeypatch):
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, line: write(descriptor, line[:20]))
    with pytest.raises(OSError, match="only 20 of [0-9]+ bytes of a decision fitted into"):
        append(decision("1", "v1"), path)
    monkeypatch.undo()


def append_many(path, process: int) -> None:
    for number in range(20):
        append(decision(f"{process}-{number}", "v"), path)


def test_lines_of_several_processes_all_land_whole(path, capsys):
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=append_many, args=(path, number)) for number in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert sorted(ids(path)) == sorted(f"{process}-{number}" for process in range(4) for number in range(20))
    assert len(path.read_bytes().splitlines()) == 80
    assert capsys.readouterr().err == ""


def test_a_line_is_one_json_object(path):
    append(decision("1", "v1"), path)
    assert json.loads(path.read_text())["run_id"] == "1"
