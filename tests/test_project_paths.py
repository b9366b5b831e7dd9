"""Where runs write, and that nothing is written anywhere else."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from recommender import project_paths


def test_folders_lie_under_data_of_the_project(monkeypatch):
    monkeypatch.delenv("RECOMMENDER_DATA_DIR", raising=False)
    root = Path(__file__).resolve().parents[1]

    assert root == project_paths.PROJECT_ROOT
    assert project_paths.raw_dir("demo") == root / "data/raw/demo"
    assert project_paths.warehouse_path("demo") == root / "data/warehouse/demo.duckdb"
    assert project_paths.run_dir("demo", "17") == root / "data/runs/demo/17"
    assert project_paths.reports_dir("demo") == root / "data/reports/demo"
    assert project_paths.registry_file("demo") == root / "data/registry/demo.jsonl"
    assert project_paths.comet_dir() == root / "data/comet"
    assert project_paths.logs_dir() == root / "data/logs"
    assert project_paths.metaflow_dir() == root / "data/metaflow"


def test_data_dir_moves_all_folders_together(monkeypatch, tmp_path):
    monkeypatch.setenv("RECOMMENDER_DATA_DIR", str(tmp_path))

    assert project_paths.run_dir("demo", "17") == tmp_path / "runs/demo/17"
    assert project_paths.comet_dir() == tmp_path / "comet"


def test_relative_data_dir_is_made_absolute_because_steps_may_change_directory(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RECOMMENDER_DATA_DIR", "here")

    assert project_paths.data_dir() == tmp_path / "here"


def test_a_path_below_the_data_folder_is_right_where_the_data_folder_is_another(monkeypatch, tmp_path):
    monkeypatch.setenv("RECOMMENDER_DATA_DIR", str(tmp_path / "here"))
    marts = project_paths.run_dir("demo", "17") / "marts" / "a.parquet"
    stored = pickle.dumps(marts.with_name("b.parquet"))

    monkeypatch.setenv("RECOMMENDER_DATA_DIR", str(tmp_path / "there"))

    assert str(tmp_path).encode() not in stored
    assert pickle.loads(stored) == tmp_path / "there/runs/demo/17/marts/b.parquet"
    assert pickle.loads(pickle.dumps(marts)) == marts  # below another data folder it stays what it is


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "recommender"),
        ({"USER": "root"}, "recommender"),  # Metaflow refuses to run for root
        ({"USER": ""}, "recommender"),
        ({"USER": "ada"}, None),  # Metaflow finds it by itself
        ({"METAFLOW_USER": "ada", "USER": "root"}, "ada"),
    ],
)
def test_metaflow_always_has_a_user(monkeypatch, environment, expected):
    monkeypatch.setattr(os, "environ", dict(environment))

    project_paths.set_environment_defaults()

    assert os.environ.get("METAFLOW_USER") == expected


def test_what_is_already_set_stays(monkeypatch):
    monkeypatch.setattr(os, "environ", {"METAFLOW_HOME": "/elsewhere", "COMET_TIMEOUT_HTTP": "3"})

    project_paths.set_environment_defaults()

    assert os.environ["METAFLOW_HOME"] == "/elsewhere"
    assert os.environ["COMET_TIMEOUT_HTTP"] == "3"


# Every way in which a step writes: artifacts, a card, and a compiled function that asks to be cached.
FLOW = """
from recommender import project_paths
project_paths.set_environment_defaults()
from metaflow import FlowSpec, card, current, step
from metaflow.cards import Markdown

class TinyFlow(FlowSpec):
    @card(type="blank")
    @step
    def start(self):
        import numba
        self.sum = numba.njit(cache=True)(lambda one: one + 1)(1)
        current.card.append(Markdown("# a card"))
        self.next(self.end)

    @step
    def end(self):
        print("sum", self.sum)

TinyFlow()
"""


def test_a_flow_run_writes_below_the_data_folder_only(tmp_path):
    folders = {name: tmp_path / name for name in ("home", "work", "temporary", "data", "flow")}
    for folder in folders.values():
        folder.mkdir()
    flow_file = folders["flow"] / "tiny_flow.py"
    flow_file.write_text(FLOW)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folders["home"]),
        "TMPDIR": str(folders["temporary"]),
        "RECOMMENDER_DATA_DIR": str(folders["data"]),
        "PYTHONDONTWRITEBYTECODE": "1",
    }

    subprocess.run([sys.executable, flow_file, "run"], cwd=folders["work"], env=environment, check=True)

    written = [path for path in tmp_path.rglob("*") if path.is_file() and path != flow_file]
    assert [path for path in written if folders["data"] not in path.parents] == []
    assert any(path.suffix == ".html" for path in written)  # the card
    assert any(path.suffix == ".nbc" for path in written)  # the compiled function
