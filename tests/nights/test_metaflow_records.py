"""Metaflow's records: the newest runs stay readable, what only older ones had is gone."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from recommender.config import DEFAULT_FILE
from recommender.nights.metaflow_records import records_in_use, remove_older_records

# A flow whose runs share an artifact and have one each of their own.
FLOW = """
import sys, time
from metaflow import FlowSpec, step

class RecommendationFlow(FlowSpec):
    @step
    def start(self):
        self.shared, self.own = "shared" * 1000, time.time()
        self.next(self.end)

    @step
    def end(self):
        pass

RecommendationFlow()
"""
READ = """
import sys
from metaflow import Flow, namespace
namespace(None)
for run in Flow("RecommendationFlow").runs():
    print(run.id, run["start"].task["shared"].data == "shared" * 1000, run["end"].task["own"].data > 0)
"""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A folder in which three runs of the flow left their records, and the environment that says so."""
    folder = tmp_path_factory.mktemp("metaflow")
    environment = {
        "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(folder),
        "METAFLOW_HOME": str(folder),
        "METAFLOW_USER": "recommender",
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
    }
    (folder / "flow.py").write_text(FLOW)
    for _ in range(3):
        command = [sys.executable, str(folder / "flow.py"), "--no-pylint", "run"]
        subprocess.run(command, env=environment, cwd=folder, check=True, capture_output=True)
    return folder / ".metaflow" / "RecommendationFlow", environment


def test_the_newest_runs_can_be_read_and_the_oldest_is_gone(recorded):
    flow_dir, environment = recorded
    runs = sorted(each.name for each in flow_dir.glob("[0-9]*"))
    content = set((flow_dir / "data").glob("*/*"))
    assert remove_older_records(flow_dir, kept=2) == runs[:1]
    read = subprocess.run([sys.executable, "-c", READ], env=environment, capture_output=True, text=True, check=True)
    assert sorted(read.stdout.splitlines()) == [f"{run} True True" for run in runs[1:]]
    left = set((flow_dir / "data").glob("*/*"))
    assert sorted(len(each.name) for each in content - left) == [40, 45]  # the moment of the oldest, and its _meta
    assert remove_older_records(flow_dir, kept=2) == []
    assert set((flow_dir / "data").glob("*/*")) == left


def test_content_stays_while_a_record_cannot_be_read(tmp_path):
    for run in ("17", "18"):
        (tmp_path / run / "start" / "1").mkdir(parents=True)
        (tmp_path / run / "start" / "1" / "0.data.json").write_text(json.dumps({"objects": {"a": f"of{run}"}}))
        (tmp_path / "data" / "of").mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / "of" / f"of{run}").touch()
    (tmp_path / "18" / "start" / "1" / "0.data.json").write_text('{"objects": ')
    assert remove_older_records(tmp_path, kept=1) == ["17"]
    assert sorted(each.name for each in (tmp_path / "data" / "of").iterdir()) == ["of17", "of18"]


def test_without_records_there_is_nothing_to_do(tmp_path):
    assert remove_older_records(tmp_path / "none", kept=1) == []


def test_nothing_is_cleared_up_while_another_run_is_at_work(monkeypatch, tmp_path):
    monkeypatch.setenv("RECOMMENDER_DATA_DIR", str(tmp_path))
    cleared = []
    with records_in_use(lambda: cleared.append("first")):
        with records_in_use(lambda: cleared.append("while the first is at work")):
            pass
        code = "from recommender.nights.metaflow_records import records_in_use\n"
        code += "with records_in_use(lambda: print('cleared')): pass"
        other = subprocess.run(
            [sys.executable, "-c", code],
            env={"RECOMMENDER_DATA_DIR": str(tmp_path), "PYTHONPATH": str(Path(DEFAULT_FILE).parent)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert other.stdout == ""
    with records_in_use(lambda: cleared.append("afterwards")):
        pass
    assert cleared == ["first", "afterwards"]
