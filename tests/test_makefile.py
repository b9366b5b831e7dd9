"""What a person gives make reaches the programs untouched, whatever characters are in it."""

import json
import subprocess
import sys

import pytest

from recommender.project_paths import PROJECT_ROOT

VALUES = {
    "quote": '5" heel',
    "apostrophe": "it's",
    "backticks": "`touch ran`",
    "command": "$(touch ran)",
    "make": "$(shell touch ran)${NAME}$$NAME",
    "dollar": "$HOME and $$ and $(HOME)",
    "line break": "first\nsecond",
    "backslash": r"a\b\\c \n",
    "operators": "a; touch ran & b | c > ran # d",
    "option": "--help",
    "spaces": "two  spaces  ",
    "glob": "* ? [a-z] {a,b} ~",
    "letters": "Größe 5 – 鞋",
}
TARGETS = {
    "query": ["DATASET", "K", "CUSTOMER"],
    "explain": ["DATASET", "K", "CUSTOMER"],
    "deny": ["DATASET", "ARTICLE", "NOTE"],
    "allow": ["DATASET", "ARTICLE"],
    "rules": ["DATASET"],
    "variant": ["DATASET", "NAME", "VERSION", "SHARE"],
    "end-variant": ["DATASET", "NAME"],
    "variants": ["DATASET"],
    "rollback": ["DATASET"],
    "publish": ["DATASET", "RUN"],
    "versions": ["DATASET"],
    "history": ["DATASET"],
    "nightly": ["DATASET", "MAX_WORKERS", "TIMEOUT_MINUTES"],
    "schedule": ["DATASET", "AT", "MAX_WORKERS", "SCHEDULER", "TIMEOUT_MINUTES"],
    "schedule-status": ["DATASET"],
    "unschedule": ["DATASET"],
    "deploy": ["TARGET", "BRANCH"],
    "card": ["DATASET"],
    "operations": ["DATASET"],
    "dbt-docs": ["DATASET"],
    "dbt-freshness": ["DATASET"],
    "rescore": ["DATASET"],
    "bench-quality": ["DATASET", "WEEKS"],
    "bench-scale": ["SCALE", "MAX_WORKERS"],
    "calibrate": ["ONLY", "ONLINE_RETAIL_FILE"],
    "run": ["DATASET", "MAX_WORKERS", "CUTOFF", "FORCE_REASON", "CUSTOMER", "K"],
}
PYTHON = f"""#!{sys.executable}
import json, sys
open("calls", "a").write(json.dumps(sys.argv[1:]) + "\\n")
"""


@pytest.fixture
def make(tmp_path):
    """`make(target, ...)`: run a target with programs that only note their arguments; returns these, call by call."""
    (tmp_path / ".venv").mkdir()
    for name in ("requirements.txt", "pyproject.toml", ".venv/.packages", ".venv/.installed"):  # set up, in this order
        (tmp_path / name).touch()
    (tmp_path / "Makefile").symlink_to(PROJECT_ROOT / "Makefile")
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "python").write_text(PYTHON)
    (programs / "python").chmod(0o700)

    def run(target: str, *settings: str) -> list[list[str]]:
        command = ["make", target, f"BIN={programs}", *settings]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert not (tmp_path / "ran").exists()
        return [json.loads(line) for line in (tmp_path / "calls").read_text().splitlines()]

    return run


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
@pytest.mark.parametrize("target", TARGETS)
def test_values_reach_programs_untouched(make, target, value):
    calls = make(target, *(f"{name}={value}" for name in TARGETS[target]))
    given = [argument.partition("=")[2] or argument for call in calls for argument in call]
    variables_of_flow = 1 if target == "run" else 0  # `make run` passes four of its six to the flow, and shows a list
    assert given.count(value) == len(TARGETS[target]) + variables_of_flow


def test_values_of_the_environment_are_untouched_too(make, monkeypatch):
    monkeypatch.setenv("NOTE", "`touch ran` $(touch ran) $$")
    (call,) = make("deny", "ARTICLE=0706016001")
    assert "--note=`touch ran` $(touch ran) $$" in call


def test_what_is_not_given_is_no_argument(make):
    (call,) = make("deny", "FILE=out of stock.txt", "FEED=stock")
    assert call[-3:] == ["--note=", "--file=out of stock.txt", "--feed=stock"]


def test_a_deployment_is_made_and_a_branch_publishes_only_when_told_to(make):
    (call,) = make("deploy", "TARGET=argo", "BRANCH=new", "CREATE=0")
    assert call[1:] == ["--target=argo", "--branch=new"]
    assert make("deploy", "TARGET=argo", "BRANCH=new", "CREATE=1", "PUBLISH=1")[-1][3:] == ["--publish", "--create"]


def test_shops_are_words(make):
    (call,) = make("calibrate", "SHOPS=first $(touch) *")
    assert call[-3:] == ["--shop=first", "--shop=$(touch)", "--shop=*"]


def test_every_recipe_names_values_as_variables_of_the_shell():
    text = (PROJECT_ROOT / "Makefile").read_text()
    recipes = [line for line in text.splitlines() if line.startswith("\t")]
    names = text.partition("GIVEN := ")[2].partition("\n$(")[0].replace("\\", "").split()
    expanded = [(name, line) for line in recipes for name in names if f"$({name})" in line]
    assert [name for name, line in expanded if "$(error" not in line and "$(filter" not in line] == []
    assert set(names) == {line.split()[0] for line in text.splitlines() if " ?=" in line}
