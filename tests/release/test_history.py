"""`make history`: a line for each decision that fits a screen."""

import math
import subprocess
import sys

import pytest
from test_registry import WARNING, decision

from recommender import project_paths
from recommender.release.history import format_table, main, shorten_reason
from recommender.release.registry import append


@pytest.fixture
def path(monkeypatch, tmp_path):
    """The registry of the demo in a data folder of its own."""
    monkeypatch.setenv(project_paths.DATA_DIR_VARIABLE, str(tmp_path))
    return project_paths.registry_file("demo")


def test_history_is_a_table():
    decisions = [decision("1", "v1"), decision("2"), decision("3", "v3", forced_reason="a recall")]
    header, published, refused, forced = format_table(decisions).splitlines()
    assert header.split("  ")[0] == "when (UTC)"
    assert published.split()[2:] == (
        "1 2020-09-23 published 0.1643 -0.0007 [-0.0050, +0.0036] v1 1: novelty 8 of 9 passed".split()
    )
    assert " refused " in refused and " -  " in refused
    assert " published, forced " in forced


def test_the_cutoff_is_the_day_after_the_test_week():
    """Columns stand two blanks apart, as no cell has inside."""
    last_of_month = decision("1", "v1", windows={"test": {"start": "2020-09-24", "end": "2020-09-30"}})
    header, line = format_table([last_of_month]).splitlines()
    assert line[header.index("cutoff") :].split()[0] == "2020-10-01"


def test_history_without_numbers_shows_dashes():
    nothing = decision("1", "v1", warnings=())
    nothing.metrics["served"]["map@12"] = None
    nothing.challenge["difference"] = {"mean": math.nan, "low": None, "high": None}
    assert nothing.run_id in format_table([nothing])
    nothing.challenge["difference"] = None
    assert format_table([nothing]).splitlines()[1].split()[4:9] == ["published", "-", "-", "v1", "-"]


def test_warnings_are_counted_and_named_as_far_as_there_is_room():
    many = [WARNING, "unusual_prices is 0.5 (at most 0.3)", "department_balance is 0.5 (at most 0.4)"]
    line = format_table([decision("1", "v1", warnings=many)]).splitlines()[1]
    assert "  3: novelty, unusual_prices, department_…  " in line


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        ("9 of 9 tests passed", "9 of 9 passed"),
        (
            "26 of 41 tests passed; 2 warnings: novelty, prices; 13 tests without enough data; MAP 0.3",
            "26 of 41 passed; 13 without enough data; MAP 0.3",
        ),
        ("1 of 3 tests failed: spread is 0.25 (at least 1)", "1 of 3 failed: spread is 0.25 (at least 1)"),
        ("1 of 1 tests passed; 1 test without enough data", "1 of 1 passed; 1 without enough data"),
        (
            "37 of 39 tests passed; not enough data for cold, tail; no champion yet",  # an earlier release's
            "37 of 39 passed; 2 without enough data; no champion yet",
        ),
        (
            "1 of 1 tests passed; not enough data for the challenge: 9 of at least 100 customers",
            "1 of 1 passed; not enough data for the challenge: 9 of at least 100 customers",
        ),
    ],
)
def test_a_reason_leaves_out_what_has_a_column_and_counts_what_has_no_data(reason, shown):
    assert shorten_reason(reason) == shown


@pytest.mark.parametrize(
    ("accepted", "forced", "told", "shown"),
    [
        (True, "", "; MAP 0.1", ""),
        (False, "", "; lost to the champion: MAP 0.1", "; lost to the champion"),
        (None, "", "; MAP 0.1", "; MAP 0.1"),  # no number, but that there are too few customers
        (True, "a recall", "; forced: a recall (MAP 0.1)", "; forced: a recall"),
    ],
)
def test_the_numbers_of_the_challenge_stand_in_their_columns_alone(accepted, forced, told, shown):
    challenge = {
        **decision("1").challenge,
        "accepted": accepted,
        "reason": "forced: a recall (MAP 0.1)" if forced else "MAP 0.1",
    }
    told_at_night = decision("1", "v1", forced, reason=f"9 of 9 tests passed{told}", challenge=challenge)
    assert format_table([told_at_night]).endswith(f"  9 of 9 passed{shown}")


def test_a_long_reason_is_cut():
    cut = shorten_reason(f"2 of 9 tests failed: {'a' * 80}, b")
    assert cut == f"2 of 9 failed: {'a' * 80}, b"  # 98 characters
    cut = shorten_reason(f"2 of 9 tests failed: {'a' * 200}")
    assert (len(cut), cut[-2:]) == (100, "a…")


def test_command_prints_the_last_decisions(path):
    for run_id in ("run-1", "run-2", "run-3"):
        append(decision(run_id, "v"), path)
    command = [sys.executable, "-m", "recommender.release.history", "--dataset", "demo", "--last", "2"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert len(shown.splitlines()) == 1 + 2
    assert "run-1" not in shown
    assert shown.index("run-2") < shown.index("run-3")


def test_command_without_a_run_says_what_to_do(path, capsys):
    assert main(["--dataset", "demo"]) == 0
    assert "`make run DATASET=demo`" in capsys.readouterr().out


@pytest.mark.parametrize("last", ["0", "many"])
def test_command_refuses_a_senseless_number(path, capsys, last):
    with pytest.raises(SystemExit):
        main(["--last", last])
    assert "is not a number of decisions" in capsys.readouterr().err
