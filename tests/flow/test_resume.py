"""Which run `resume` goes on with, where the command line does not say."""

import subprocess
import sys

import pytest

from recommender.config import DEFAULT_FILE

# A run that began, and one that resumed it, broke off or not; both as Metaflow leaves them.
FLOW = """
import sys
from metaflow import FlowSpec, step

class RecommendationFlow(FlowSpec):
    @step
    def start(self):
        self.dataset = "demo"
        self.next(self.end)

    @step
    def end(self):
        assert {ends_well}

RecommendationFlow()
"""
ARGUMENTS = """
import recommendation_flow
print(*recommendation_flow._with_origin({arguments!r}.split()))
"""


def flow(tmp_path, program: str, *arguments: str) -> subprocess.CompletedProcess:
    """Run a program beside the flow, with a datastore of its own."""
    (tmp_path / "program.py").write_text(program)
    environment = {
        "RECOMMENDER_DATA_DIR": str(tmp_path),
        "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(tmp_path / "metaflow"),
        "METAFLOW_USER": "recommender",
        "PYTHONPATH": str(DEFAULT_FILE.parent),
        "PATH": "",
        "HOME": str(tmp_path),
    }
    command = [sys.executable, str(tmp_path / "program.py"), *arguments]
    return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)


def newest(tmp_path, *runs: tuple[str, bool]) -> None:
    for command, ends_well in runs:
        flow(tmp_path, FLOW.format(ends_well=ends_well), "--no-pylint", *command.split())


def run_ids(tmp_path) -> list[str]:
    """Return the ids of all runs, oldest first."""
    folders = (tmp_path / "metaflow" / ".metaflow" / "RecommendationFlow").iterdir()
    return sorted(folder.name for folder in folders if folder.name.isdigit())


def test_it_is_the_newest_also_where_that_resumed_an_earlier_one(tmp_path):
    newest(tmp_path, ("run", False), ("resume", False))
    told = flow(tmp_path, ARGUMENTS.format(arguments="--no-pylint resume --max-workers 2"))
    assert told.stdout.split() == [
        "--no-pylint",
        "resume",
        "--max-workers",
        "2",
        "--origin-run-id",
        run_ids(tmp_path)[1],
    ]


def test_a_run_that_ended_well_leaves_nothing_to_resume(tmp_path):
    newest(tmp_path, ("run", False), ("resume", True))
    told = flow(tmp_path, ARGUMENTS.format(arguments="resume"))
    assert told.returncode == 1
    assert told.stderr == f"run {run_ids(tmp_path)[1]}, the newest, has come to its end; there is nothing to resume\n"


@pytest.mark.parametrize("arguments", ["run", "resume --origin-run-id 7", "resume --origin-run-id=7", "resume --help"])
def test_other_command_lines_stay(arguments, tmp_path):
    assert flow(tmp_path, ARGUMENTS.format(arguments=arguments)).stdout.split() == arguments.split()


def test_without_a_run_it_says_how_to_begin_one(tmp_path):
    told = flow(tmp_path, ARGUMENTS.format(arguments="resume"))
    assert told.stderr == "there is no run to resume; `make run` begins one\n"
