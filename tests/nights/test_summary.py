"""What a night says of itself on one page: its own lines first, then the summary of its run's report."""

import json
import math
import re
import sys
from pathlib import Path

import pytest
from planted_results import result

import nightly
from recommender.alarms import Alarm, Kind, Level
from recommender.evaluation.promotion import Verdict
from recommender.nights.summary import summary_of
from recommender.project_paths import reports_dir
from recommender.report.run_report import build_report, write_report

ALARM = Alarm(Kind.DATA, Level.WARNING, "prices are 100 times the usual")


@pytest.fixture(autouse=True)
def data_dir(tmp_path, monkeypatch):
    monkeypatch.setenv("RECOMMENDER_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(Path(nightly.__file__).parent))
    return tmp_path


@pytest.fixture
def report(tmp_path) -> dict:
    """A report as it comes back from its file: nobody could be scored by the popular list, which JSON says by null."""
    good = {"map@12": 0.25, "coverage": 0.5, "customers": 40}
    served, popular = ({**own, **{f"{name}_all": value for name, value in own.items()}} for own in (good, {**good}))
    popular |= {"map@12": math.nan, "map@12_all": math.nan}
    made = build_report(
        run_id="17",
        dataset="demo",
        windows={"test": {"start": "2020-09-16", "end": "2020-09-22"}},
        n_candidates=100,
        metrics={"served": served, "popular": popular},
        behavioral_tests=[result("ratio", 2.5, True, low=2.25, high=2.75)],
        publication_tests=[],
        verdict=Verdict("passed", "1 of 1 tests passed", ()),
        published={"version": "v7", "customers": 2000, "bytes_per_customer": 61.7, "seconds": 1.25},
        steps={"train": {"seconds": 31.4, "peak_mib": 812.0}},
        alarms=[ALARM.as_dict()],
        quality={
            "map": {
                name: {"mean": 0.1, "served_minus_this": {"mean": 0.0, "low": 0.0, "high": math.nan}}
                for name in ("served", "popular")
            },
            "new_articles": {"served": None, "popular": None},
            "cold_customers": {"served": None, "popular": None},
        },
    )
    write_report(made, tmp_path / "made.json")
    return json.loads((tmp_path / "made.json").read_text())


def test_a_report_is_told_without_the_alarms_that_stand_above_it(report):
    told = summary_of(report)
    assert told.startswith("demo, run 17: passed: 1 of 1 tests passed")
    assert re.search(r"^served +0\.2500\*", told, re.MULTILINE) and re.search(r"^popular +nan", told, re.MULTILINE)
    assert "Published version v7" in told
    assert ALARM.text not in told


def test_without_a_report_there_is_no_summary_and_one_that_cannot_be_told_ends_nothing(report):
    assert summary_of({}) == ""
    assert summary_of({"run_id": "17", "verdict": "refused", "published": None}) == ""  # an early refusal
    del report["windows"]
    assert summary_of(report) == "the report of run 17 cannot be told: KeyError('windows')"


def test_a_night_ends_with_its_page_the_alarms_first(report, data_dir, capsys):
    leave = (
        "import nightly, shutil, sys; nightly.run_id_path('demo').write_text('17'); "
        f"folder = {str(reports_dir('demo'))!r}; import os; os.makedirs(folder); "
        f"shutil.copy({str(data_dir / 'made.json')!r}, folder + '/report.json')"
    )
    assert nightly.run_night("demo", [sys.executable, "-c", leave]) == nightly.ExitCode.PUBLISHED
    first, alarm, blank, run, *_ = capsys.readouterr().out.splitlines()
    assert first.startswith("demo: published: 1 of 1 tests passed; ")
    assert (alarm, blank) == (f"data warning: {ALARM.text}", "")
    assert run.startswith("demo, run 17: passed")
