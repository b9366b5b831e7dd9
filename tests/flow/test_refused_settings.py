"""Settings that cannot be used end a run before its first step: one line for each thing that is wrong, no traceback."""

import subprocess
import sys
from pathlib import Path

import pytest
from flow_runs import FLOW_FILE, Workplace, make_workplace

from recommender.config import DEFAULT_FILE


@pytest.fixture
def empty_workplace(tmp_path):
    """A workplace in which nothing ran yet."""
    return make_workplace(tmp_path / "workplace")


def run_with(workplace: Workplace, settings_file: Path) -> subprocess.CompletedProcess:
    """Start a run with a settings file, and check that nothing was started or left behind but the two locks."""
    command = [sys.executable, str(FLOW_FILE), "--config", "settings", str(settings_file), "run"]
    run = subprocess.run(
        command, cwd=workplace.root / "elsewhere", env=workplace.environment, capture_output=True, text=True
    )
    assert "Traceback" not in run.stdout + run.stderr
    assert "Workflow starting" not in run.stdout + run.stderr
    left = sorted(path.name for path in workplace.data_dir.rglob("*") if path.is_file())
    assert left == ["demo.lock", "metaflow.records"]
    return run


def test_every_wrong_setting_is_told_before_anything_is_started(empty_workplace, tmp_path):
    text = DEFAULT_FILE.read_text()
    for old, new in (
        ("training_weeks = 13", 'training_weeks = "13"'),
        ("published_k = 24", "published_k = 6"),
        ("learning_rate = 0.016", 'learning_rate = "fast"'),
        ("prices_near_usual =", "price_near_usual ="),
    ):
        assert old in text, f"the default settings no longer say {old!r}"
        text = text.replace(old, new)
    (tmp_path / "wrong.toml").write_text(text)
    run = run_with(empty_workplace, tmp_path / "wrong.toml")
    assert run.returncode == 1
    told = [line.strip() for line in run.stderr.splitlines() if line.startswith("    ")]
    assert told[:4] == [
        "Nothing was started, the settings cannot be used:",
        "[features] training_weeks is '13'; it takes a whole number of 1 or more",
        "[training] learning_rate is 'fast'; it takes a number above 0",
        "[lists] published_k is 6; it takes k, 12, or more",
    ]
    assert told[-1] == "[behavioral_tests] lacks prices_near_usual; this test takes a minimum, a maximum or both"


def test_a_file_that_is_no_toml_says_where(empty_workplace, tmp_path):
    (tmp_path / "broken.toml").write_text("[features]\ntraining_weeks 13\n")
    run = run_with(empty_workplace, tmp_path / "broken.toml")
    assert run.returncode == 1
    assert "    the settings file is not valid TOML: Expected '='" in run.stderr
    assert "line 2" in run.stderr


def test_a_file_that_does_not_exist_is_named(empty_workplace, tmp_path):
    run = run_with(empty_workplace, tmp_path / "nowhere.toml")
    assert run.returncode == 2
    assert f"configuration file '{tmp_path / 'nowhere.toml'}' could not be read" in run.stderr
