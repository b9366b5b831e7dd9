"""A settings file is checked as a whole, the names of its thresholds included."""

import subprocess
import sys

import pytest

from recommender.config import DEFAULT_FILE, read_file
from recommender.errors import SettingsError
from recommender.evaluation.checked_settings import check_settings
from recommender.project_paths import PROJECT_ROOT


@pytest.fixture
def toml():
    return read_file(DEFAULT_FILE)


def problems(toml: dict) -> list[str]:
    """What is wrong with settings, a line each."""
    with pytest.raises(SettingsError) as refused:
        check_settings(toml)
    return str(refused.value).splitlines()


def test_the_shipped_settings_pass(toml):
    check_settings(toml)


def test_a_test_without_a_threshold_and_a_threshold_without_a_test_are_told(toml):
    toml["behavioral_tests"]["unusual_price"] = toml["behavioral_tests"].pop("unusual_prices")
    del toml["publication_gate"]["score_spread"]
    unknown, lacking, of_gate = problems(toml)
    assert unknown.startswith("[behavioral_tests] has unusual_price, a threshold without a test; tests are no_duplic")
    assert lacking == "[behavioral_tests] lacks unusual_prices; this test takes a minimum, a maximum or both"
    assert of_gate == "[publication_gate] lacks score_spread; this test takes a minimum, a maximum or both"


def test_only_the_behavioral_tests_have_a_minimum_of_customers(toml):
    toml["publication_gate"]["minimum_customers"] = {"minimum": 1}
    (problem,) = problems(toml)
    assert problem.startswith("[publication_gate] has minimum_customers, a threshold without a test; tests are ")


def test_a_rule_that_needs_no_threshold_may_be_given_one(toml):
    toml["behavioral_tests"]["no_duplicates"] = {"maximum": 3}
    check_settings(toml)


def test_thresholds_and_all_other_settings_are_told_together(toml):
    toml["runs"]["kept"] = "five"
    toml["publication_gate"] = {}
    assert problems(toml)[0] == "[runs] kept is 'five'; it takes a whole number of 1 or more"
    assert "[publication_gate] lacks overlap_between_customers; " in problems(toml)[2]


def test_a_section_that_is_no_table_is_told_once(toml):
    toml["publication_gate"] = 3
    assert problems(toml) == ["[publication_gate] is 3; it takes a table of tests and their thresholds"]


def test_the_check_imports_nothing_that_takes_seconds():
    """It is made whenever the flow is asked for anything, and stays in the memory of what starts the steps."""
    program = "import sys, recommender.evaluation.checked_settings; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    assert {"torch", "merlin", "lightgbm", "pandas", "scipy", "pyarrow", "duckdb"}.isdisjoint(
        name.partition(".")[0] for name in done.stdout.split()
    )
