"""report.json, test_week_lists.parquet and the summary, as a reader finds them."""

import json
import math

import numpy as np
import pyarrow.parquet as pq
import pytest
from planted_results import result

from benchmarks.planted_week import planted_week
from recommender import config
from recommender.evaluation.behavioral_check import run_tests
from recommender.evaluation.promotion import Verdict
from recommender.report.run_report import build_report, summarize, write_report, write_test_week_lists


def metrics(value: float) -> dict[str, float]:
    own = {"map@12": value, "recall@12": value, "coverage": 0.5, "customers": 40}
    return own | {f"{name}_all": number for name, number in own.items()}


WARNING = "novelty is 0.2 [0.15, 0.25] (at least 1)"


@pytest.fixture
def report() -> dict:
    return build_report(
        run_id="1700000000",
        dataset="demo",
        windows={
            "train": {"start": "2020-01-01", "end": "2020-09-08"},
            "validation": {"start": "2020-09-09", "end": "2020-09-15"},
            "test": {"start": "2020-09-16", "end": "2020-09-22"},
        },
        n_candidates=100,
        metrics={"served": metrics(0.25), "two_tower": metrics(0.2), "popular": metrics(np.float64("nan"))},
        behavioral_tests=[
            result("ratio", 2.5, True, low=2.25, high=2.75),
            result("no_duplicates", 0, True, kind="rule", threshold=0, comparison="<="),
            result("known_articles", 1.0, True, kind="rule"),
            result("novelty", 0.2, False, low=0.15, high=0.25, is_refusing=False),
        ],
        publication_tests=[
            result(
                *("overlap", None, None),
                threshold=[0.2, 0.9],
                comparison="within",
                needs={"customers": 100},
                details={"customers": 6},
            ),
            result("finite_scores", 3, False, kind="rule", threshold=0, comparison="<="),
        ],
        verdict=Verdict("passed", "3 of 6 tests passed; 1 warning: novelty", (WARNING,)),
        published={"version": "v7", "customers": 2000, "bytes_per_customer": 61.7, "seconds": 1.25},
        steps={"train": {"seconds": 31.4, "cpu_seconds": 1040.04, "peak_mib": 812.0, "written_mib": 1204}},
        chosen="base-seed7",
        quality={
            "map": {
                "served": {"mean": np.float64(0.25), "served_minus_this": {"mean": 0.0, "low": 0.0, "high": math.nan}},
                "popular": {"mean": 0.15, "served_minus_this": {"mean": 0.1, "low": 0.05, "high": 0.15}},
            },
            "slices": {"activity": [{"slice": "cold", "customers": np.int64(0), "map@12": math.nan}]},
            "new_articles": {"served": 0.37, "popular": 0.17},
            "cold_customers": {"served": None, "popular": None},
        },
    )


def test_report_reads_back_as_plain_json(report, tmp_path):
    path = tmp_path / "reports" / "demo" / "report.json"
    write_report(report, path)
    read = json.loads(path.read_text())
    assert read["windows"]["test"] == {"start": "2020-09-16", "end": "2020-09-22"}
    assert (read["verdict"], read["chosen"]) == ("passed", "base-seed7")
    assert read["warnings"] == [WARNING]
    assert read["behavioral_tests"][0]["threshold"] == 1.0
    assert read["publication_tests"][0]["passed"] is None
    assert read["steps"] == {"train": {"seconds": 31.4, "cpu_seconds": 1040.04, "peak_mib": 812.0, "written_mib": 1204}}
    assert list(path.parent.iterdir()) == [path]


def test_numpy_numbers_become_json_and_nan_becomes_null(report, tmp_path):
    report["metrics"]["two_tower"]["map@12"] = np.float32(0.5)
    report["metrics"]["two_tower"]["customers"] = np.int64(40)
    report["metrics"]["two_tower"]["recall@12"] = -math.inf
    write_report(report, tmp_path / "report.json")
    read = json.loads((tmp_path / "report.json").read_text())["metrics"]
    assert read["two_tower"]["map@12"] == 0.5
    assert read["two_tower"]["customers"] == 40
    assert read["two_tower"]["recall@12"] is None
    assert read["popular"]["map@12"] is None


def test_quality_reads_back_with_its_nesting(report, tmp_path):
    write_report(report, tmp_path / "report.json")
    quality = json.loads((tmp_path / "report.json").read_text())["quality"]
    assert quality["map"]["served"] == {"mean": 0.25, "served_minus_this": {"mean": 0.0, "low": 0.0, "high": None}}
    assert quality["slices"] == {"activity": [{"slice": "cold", "customers": 0, "map@12": None}]}
    assert quality["cold_customers"] == {"served": None, "popular": None}


def test_a_failed_write_leaves_the_last_report_alone(report, tmp_path):
    path = tmp_path / "report.json"
    write_report(report, path)
    before = path.read_bytes()
    with pytest.raises(TypeError):
        write_report(report | {"broken": object()}, path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_lists_that_break_off_leave_no_half_file(tmp_path):
    def breaks_off():
        yield "popular", np.array([[0]]), np.array([[1.0]])
        raise RuntimeError("scoring died")

    with pytest.raises(RuntimeError, match="scoring died"):
        write_test_week_lists(tmp_path / "lists.parquet", breaks_off(), ["ann"], ["0000000001"])
    assert list(tmp_path.iterdir()) == []


def test_lists_become_rows_with_ids_and_ranks_from_one(tmp_path):
    path = tmp_path / "test_week_lists.parquet"
    lists = np.array([[1, 0], [1, -1]], dtype=np.int32)
    scores = np.array([[0.5, 0.25], [2.0, np.nan]], dtype=np.float32)
    write_test_week_lists(path, [("two_tower", lists, scores)], ["ann", "bob"], ["0108775015", "0108775044"])
    assert pq.read_table(path).to_pylist() == [
        {"model": "two_tower", "customer_id": "ann", "article_id": "0108775044", "rank": 1, "score": 0.5},
        {"model": "two_tower", "customer_id": "ann", "article_id": "0108775015", "rank": 2, "score": 0.25},
        {"model": "two_tower", "customer_id": "bob", "article_id": "0108775044", "rank": 1, "score": 2.0},
    ]


def test_summary_begins_with_verdict_warnings_and_where_to_look(report, tmp_path):
    assert summarize(report, tmp_path / "card.html").split("\n\n")[:4] == [
        "demo, run 1700000000: passed: 3 of 6 tests passed; 1 warning: novelty",
        f"1 WARNING\n  {WARNING}",
        f"Report to look at: {tmp_path / 'card.html'}",
        "Test week 2020-09-16 to 2020-09-22, customers with earlier history",
    ]
    quiet = summarize(report | {"warnings": []}).split("\n\n")  # and no page could be drawn
    assert quiet[1].startswith("Test week ")


def test_summary_tells_alarms_before_the_warnings_of_tests(report):
    alarm = {"kind": "data", "level": "warning", "text": "2020-09-22 has 3 purchases"}
    assert summarize(report | {"alarms": [alarm]}).split("\n\n")[1:3] == [
        "1 ALARM\n  2020-09-22 has 3 purchases",
        f"1 WARNING\n  {WARNING}",
    ]


def test_summary_tells_metrics_and_cost(report):
    summary = summarize(report)
    assert "served     0.2500*" in summary
    assert "two_tower  0.2000 " in summary
    assert "Published version v7: 2,000 customers, 62 bytes each, in 1.2 s" in summary
    assert [line.split() for line in summary.splitlines()[-2:]] == [
        ["Steps", "wall", "CPU", "peak", "written"],
        ["train", "31.4", "s", "1,040.0", "s", "812", "MiB", "1,204", "MiB"],
    ]


def test_summary_tells_what_a_night_costs_and_where_most_of_it_goes(report):
    steps = {"start": 0.0001, "train a-seed7": 0.002, "fit_week 2020-09-16": 0.003, "publish": 0.001}
    report["cost"] = {"currency": "USD", "night": sum(steps.values()), "steps": steps}
    assert summarize(report).splitlines()[-1] == (
        "On a cluster, at the prices of the settings: about 0.0061 USD, "
        "of it fit_week 2020-09-16 0.0030, train a-seed7 0.0020, publish 0.0010"
    )


def test_a_step_of_a_release_that_counted_less_is_told_without_the_rest(report):
    del report["steps"]["train"]["cpu_seconds"], report["steps"]["train"]["written_mib"]
    assert summarize(report).splitlines()[-1].split() == ["train", "31.4", "s", "812", "MiB"]


def test_summary_tells_tests_by_kind_and_only_counts_the_rules_that_are_kept(report):
    parts = summarize(report).split("\n\n")
    assert [part for part in parts if part.startswith(("Behavioral", "Publication"))] == [
        "Behavioral tests on the test week: rules, 2 kept",
        "Behavioral tests on the test week: comparisons\n"
        "  pass     ratio    2.5 [2.25, 2.75]  at least 1\n"
        "  warning  novelty  0.2 [0.15, 0.25]  at least 1",
        "Publication gate on tonight's lists: rules\n"  #
        "  fail  finite_scores  3  at most 0",
        "Publication gate on tonight's lists: comparisons\n"
        "  not enough data  overlap  6 of at least 100 customers  from 0.2 to 0.9",
    ]


def test_summary_of_the_shipped_suite_says_what_a_small_shop_has_too_little_of(report):
    settings = config.Settings.of(config.read_file(config.DEFAULT_FILE), "demo")
    results = run_tests(planted_week(n_customers=90, n_articles=400), settings.behavioral_tests)
    told = summarize({**report, "behavioral_tests": [each.as_dict() for each in results]})
    assert "0 of at least 1 large slices" in told
    assert "of at least 30 cold customers" in told


def test_summary_tells_the_gain_with_its_interval_new_articles_and_newcomers(report):
    rows = [line.split() for line in summarize(report).splitlines() if line.startswith(("served", "popular"))]
    assert rows[-2:] == [["served", "0.3700", "-"], ["popular", "+0.1000", "[+0.0500,", "+0.1500]", "0.1700", "-"]]


def test_summary_tells_who_made_the_lists(report):
    won = {"winner": "ease", "reason": "ease did better than the four stages"}
    assert "Lists by ease: ease did better than the four stages" in summarize(report | {"contest": won})
    stages = {"winner": "four_stages", "reason": ""}
    assert "\nLists by four_stages\n" in summarize(report | {"contest": stages}) + "\n"


def test_summary_tells_how_the_challenge_ended(report):
    challenge = {"rule": "not_worse", "accepted": False, "reason": "MAP 0.2 against the champion's 0.3"}
    summary = summarize(report | {"challenge": challenge})
    assert "Challenge (not_worse), refused: MAP 0.2 against the champion's 0.3" in summary
    assert "Challenge" not in summarize(report)


def test_summary_of_a_refused_run_says_that_nothing_changed(report):
    summary = summarize(report | {"published": None, "publication_tests": []})
    assert "Nothing published: the lists of the last good run stay up." in summary
    assert "Publication gate" not in summary
