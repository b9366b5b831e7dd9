"""One run of a dataset at a time, whichever command starts it."""

import os
import subprocess
import sys

import pytest

from recommender.config import DEFAULT_FILE
from recommender.dataset_lock import EXIT_CODE, AlreadyRunning, command_of, dataset_lock, dataset_to_run

FLOW_FILE = DEFAULT_FILE.with_name("recommendation_flow.py")


@pytest.fixture(autouse=True)
def data_dir(tmp_path, monkeypatch):
    monkeypatch.setenv("RECOMMENDER_DATA_DIR", str(tmp_path))
    return tmp_path


def test_the_second_run_is_told_who_holds_the_lock():
    with dataset_lock("demo"), pytest.raises(AlreadyRunning) as caught, dataset_lock("demo"):
        pass
    assert str(caught.value).startswith(f"demo is already being run by process {os.getpid()}, started 20")


def test_datasets_have_locks_of_their_own_and_a_lock_ends_with_its_holder():
    with dataset_lock("demo"), dataset_lock("online-retail"):
        pass
    with dataset_lock("demo"):
        pass


def test_a_descriptor_of_another_file_is_no_lock_that_was_handed_on(tmp_path):
    with (tmp_path / "another").open("w") as other, dataset_lock("demo"):
        environment = {"RECOMMENDER_LOCK_DESCRIPTOR": str(other.fileno())}
        with pytest.raises(AlreadyRunning), dataset_lock("demo", environment):
            pass


@pytest.mark.parametrize(
    ("arguments", "dataset"),
    [
        ("run", "demo"),
        ("--no-pylint run --dataset online-retail --max-workers 2", "online-retail"),
        ("--config settings my.toml run --dataset=kaggle-hm", "kaggle-hm"),
        ("resume --origin-run-id 17", "that of 17"),
        ("resume", "that of None"),
        ("run --help", None),
        ("step start --run-id 17 --task-id 1 --input-paths run", None),
        ("show", None),
        ("", None),
    ],
)
def test_what_a_command_line_would_run(arguments, dataset, monkeypatch):
    monkeypatch.delenv("DATASET", raising=False)
    assert dataset_to_run(arguments.split(), "that of {}".format) == dataset


@pytest.mark.parametrize(
    ("arguments", "command"),
    [("--no-pylint resume rank --tag run", "resume"), ("resume --help", ""), ("--dataset demo", ""), ("", "")],
)
def test_the_command_of_a_command_line(arguments, command):
    assert command_of(arguments.split()) == command


def test_the_dataset_may_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("DATASET", "online-retail")
    assert dataset_to_run(["run"], str) == "online-retail"
    assert dataset_to_run(["run", "--dataset", "demo"], str) == "demo"


def test_the_flow_starts_nothing_while_another_run_is_at_work(tmp_path):
    environment = {**os.environ, "DATASET": "", "HOME": str(tmp_path)}
    with dataset_lock("demo"):
        done = subprocess.run([sys.executable, FLOW_FILE, "run"], capture_output=True, text=True, env=environment)
    assert done.returncode == EXIT_CODE
    assert f"demo is already being run by process {os.getpid()}" in done.stderr
    assert "Workflow starting" not in done.stdout
