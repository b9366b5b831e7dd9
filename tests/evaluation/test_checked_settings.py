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
    comparisons = toml["behavioral_tests"]["comparisons"]
    comparisons["price_near_usual"] = comparisons.pop("prices_near_usual")
    del toml["publication_gate"]["comparisons"]["score_spread"]
    unknown, lacking, of_gate = problems(toml)
    assert unknown.startswith(
        "[behavioral_tests] has price_near_usual, a threshold without a test; tests are no_duplicates, "
    )
    assert lacking == "[behavioral_tests] lacks prices_near_usual; this test takes a minimum, a maximum or both"
    assert of_gate == "[publication_gate] lacks score_spread; this test takes a minimum, a maximum or both"


def test_a_threshold_in_the_table_of_another_kind_is_told_with_the_one_it_goes_to(toml):
    tests, gate = toml["behavioral_tests"], toml["publication_gate"]
    tests["changes"] = {"prices_near_usual": tests["comparisons"].pop("prices_near_usual")}
    gate["comparisons"]["no_duplicates"] = {"maximum": 3}
    assert problems(toml) == [
        "[behavioral_tests.changes] has prices_near_usual, which goes to comparisons",
        "[publication_gate.comparisons] has no_duplicates, which goes to rules",
    ]


def test_a_rule_that_needs_no_threshold_may_be_given_one(toml):
    toml["behavioral_tests"]["rules"] = {"no_duplicates": {"maximum": 3}}
    check_settings(toml)


def test_thresholds_and_all_other_settings_are_told_together(toml):
    toml["runs"]["kept"] = "five"
    toml["publication_gate"] = {}
    assert problems(toml)[:2] == [
        "[runs] kept is 'five'; it takes a whole number of 1 or more",
        "[publication_gate] lacks catalogue_coverage; this test takes a minimum, a maximum or both",
    ]


@pytest.mark.parametrize("where", [["publication_gate"], ["publication_gate", "comparisons"]], ids=".".join)
def test_what_is_no_table_is_told_once(toml, where):
    *sections, name = where
    table = toml
    for section in sections:
        table = table[section]
    table[name] = 3
    (problem,) = problems(toml)
    assert problem.startswith(f"[{'.'.join(where)}] is 3; it takes ")


def test_settings_of_a_release_without_kinds_are_told_what_they_lack(toml):
    """There every threshold stood right in the section; none of its bounds is taken for a test."""
    toml["publication_gate"] = {"score_spread": {"minimum": 0.1, "maximum": 10.0}}
    first, *lacking = problems(toml)
    assert first == "[publication_gate] has score_spread; it takes tables of thresholds, rules, comparisons or changes"
    assert {line.partition(" lacks ")[0] for line in lacking} == {"[publication_gate]"}


def test_the_check_imports_nothing_that_takes_seconds():
    """It is made whenever the flow is asked for anything, and stays in the memory of what starts the steps."""
    program = "import sys, recommender.evaluation.checked_settings; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    assert {"torch", "merlin", "lightgbm", "pandas", "scipy", "pyarrow", "duckdb"}.isdisjoint(
        name.partition(".")[0] for name in done.stdout.split()
    )
