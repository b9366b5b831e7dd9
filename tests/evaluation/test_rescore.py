"""Scoring the Parquet again from the raw CSV: by hand, and against `evaluate` on random weeks."""

import csv
import doctest
import sys

import numpy as np
import pytest

from recommender.evaluation import rescore as rescore_module
from recommender.evaluation.offline_metrics import evaluate
from recommender.evaluation.promotion import Verdict
from recommender.evaluation.rescore import find_differences, main, reported_cutoffs, rescore
from recommender.ranking_metrics import group_truth
from recommender.report.run_report import build_report, write_report, write_test_week_lists

START, END = "2020-09-16", "2020-09-22"
ARTICLES = [f"0{number:09d}" for number in range(40)]
HEADER = ["t_dat", "customer_id", "article_id", "price", "sales_channel_id"]


def write_transactions(raw_dir, rows):
    raw_dir.mkdir(parents=True, exist_ok=True)
    with (raw_dir / "transactions_train.csv").open("w", newline="") as file:
        csv.writer(file).writerows([HEADER, *((day, who, article, 0.02, 2) for day, who, article in rows)])


def test_hand_made_week(tmp_path):
    """Ann has history and buys articles 1 and 2, one of them twice; cold Bob buys 5; Eve is not there."""
    write_transactions(
        tmp_path,
        [
            ("2020-09-15", "ann", ARTICLES[9]),
            ("2020-09-15", "eve", ARTICLES[9]),
            (START, "ann", ARTICLES[1]),
            (START, "ann", ARTICLES[1]),
            (END, "ann", ARTICLES[2]),
            (END, "bob", ARTICLES[5]),
            ("2020-09-23", "ann", ARTICLES[3]),
        ],
    )
    lists = np.array([[1, 3, 2], [4, 5, 0]], dtype=np.int32)
    path = tmp_path / "lists.parquet"
    write_test_week_lists(path, [("two_tower", lists, np.ones((2, 3)))], ["ann", "bob"], ARTICLES)
    metrics = rescore(path, tmp_path, START, END, n_candidates=20, k=3)["two_tower"]
    assert (metrics["customers"], metrics["customers_all"]) == (1, 2)
    assert metrics["map@3"] == pytest.approx((1 / 1 + 2 / 3) / 2)
    assert metrics["map@3_all"] == pytest.approx(((1 / 1 + 2 / 3) / 2 + 1 / 2) / 2)
    assert metrics["coverage_all"] == 6 / 20


def test_customer_without_list_scores_zero(tmp_path):
    write_transactions(tmp_path, [(START, "ann", ARTICLES[1]), (START, "bob", ARTICLES[1])])
    path = tmp_path / "lists.parquet"
    write_test_week_lists(path, [("popular", np.array([[1]]), np.ones((1, 1)))], ["ann"], ARTICLES)
    metrics = rescore(path, tmp_path, START, END, n_candidates=20, k=1)["popular"]
    assert metrics["hit_rate@1_all"] == 1 / 2


def random_week(rng, raw_dir, share_with_history):
    """Write 60 customers' purchases; return the week's customers, truth and who has history."""
    customers = [f"customer {row}" for row in range(60)]
    n_earlier = int(60 * share_with_history)
    earlier = [("2020-08-01", customers[row], ARTICLES[rng.integers(40)]) for row in range(n_earlier)]
    buyers, bought = rng.integers(60, size=300), rng.integers(40, size=300)
    days = rng.choice([START, "2020-09-19", END], size=300)
    week = [(day, customers[row], ARTICLES[article]) for day, row, article in zip(days, buyers, bought, strict=True)]
    write_transactions(raw_dir, earlier + week)
    rows, row_of_buyer = np.unique(buyers, return_inverse=True)
    values, offsets = group_truth(row_of_buyer, bought, len(rows))
    return [customers[row] for row in rows], values, offsets, rows < n_earlier


@pytest.mark.parametrize(("share_with_history", "width"), [(0.0, 12), (0.7, 12), (1.0, 12), (0.7, 30)])
def test_sql_and_numpy_agree_on_random_weeks(tmp_path, share_with_history, width):
    rng = np.random.default_rng(11)
    customers, values, offsets, has_history = random_week(rng, tmp_path, share_with_history)
    lists = np.stack([rng.permutation(40)[:width] for _ in customers]).astype(np.int32)
    lists[0, 7:] = -1
    path = tmp_path / "lists.parquet"
    write_test_week_lists(path, [("two_tower", lists, np.ones(lists.shape))], customers, ARTICLES)
    reported = {"two_tower": evaluate(lists, values, offsets, has_history, n_candidates=40)}
    cutoffs = reported_cutoffs(reported)
    assert cutoffs == [depth for depth in (6, 12, 24) if depth <= width]
    assert find_differences(reported, rescore(path, tmp_path, START, END, n_candidates=40, cutoffs=cutoffs)) == []


def test_depths_that_short_lists_do_not_reach_are_scored_all_the_same(tmp_path):
    write_transactions(tmp_path, [(START, "ann", article) for article in ARTICLES[:4]])
    path, lists = tmp_path / "lists.parquet", np.array([[1, -1, -1]], dtype=np.int32)
    write_test_week_lists(path, [("popular", lists, np.ones((1, 3)))], ["ann"], ARTICLES)
    metrics = rescore(path, tmp_path, START, END, n_candidates=20, k=1, cutoffs=[3])["popular"]
    assert metrics["recall@1_all"] == 1 / 1  # min(1, 4 bought)
    assert metrics["recall@3_all"] == 1 / 3
    assert metrics["coverage_all"] == 1 / 20


def test_a_wrong_number_a_lost_model_and_a_lost_metric_are_named():
    reported = {"two_tower": {"map@12": 0.2, "mrr@12": 0.3}, "popular": {"map@12": None}}
    rescored = {"two_tower": {"map@12": 0.25}, "popular": {"map@12": float("nan")}, "oracle": {"map@12": 0.5}}
    assert find_differences(reported, rescored) == [
        "oracle map@12: report None, again 0.5",
        "two_tower map@12: report 0.2, again 0.25",
        "two_tower mrr@12: report 0.3, again None",
    ]


@pytest.fixture
def finished_run(tmp_path, monkeypatch):
    """A project folder with raw files, lists and report of one dataset; returns the report and its path."""
    customers, values, offsets, has_history = random_week(
        np.random.default_rng(5), tmp_path / "data" / "raw" / "demo", share_with_history=0.5
    )
    lists = np.tile(np.arange(12, dtype=np.int32), (len(customers), 1))
    folder = tmp_path / "data" / "reports" / "demo"
    write_test_week_lists(
        folder / "test_week_lists.parquet", [("popular", lists, np.ones(lists.shape))], customers, ARTICLES
    )
    report = build_report(
        run_id="1",
        dataset="demo",
        windows={"test": {"start": START, "end": END}},
        n_candidates=40,
        metrics={"popular": evaluate(lists, values, offsets, has_history, n_candidates=40)},
        behavioral_tests=[],
        publication_tests=[],
        verdict=Verdict("passed", "nothing to say"),
        published=None,
        steps={},
    )
    write_report(report, folder / "report.json")
    monkeypatch.setenv("RECOMMENDER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr(sys, "argv", ["rescore", "--dataset", "demo"])
    return report, folder / "report.json"


def test_command_agrees_with_an_honest_report(finished_run, capsys):
    assert main() == 0
    assert "1 models: report.json says the same." in capsys.readouterr().out


@pytest.mark.parametrize("metric", ["map@12", "recall@6_all"])
def test_command_fails_on_an_embellished_report(finished_run, capsys, metric):
    report, path = finished_run
    report["metrics"]["popular"][metric] += 0.001
    write_report(report, path)
    assert main() == 1
    assert f"popular {metric}: report" in capsys.readouterr().out


def test_command_agrees_with_a_report_of_the_served_depth_alone(finished_run):
    report, path = finished_run
    of_all = report["metrics"]["popular"]
    report["metrics"]["popular"] = {name: of_all[name] for name in of_all if "@6" not in name}
    write_report(report, path)
    assert main() == 0


def test_command_scores_at_the_depth_that_the_report_was_made_for(finished_run, capsys):
    report, path = finished_run
    of_all = report["metrics"]["popular"]
    at_6 = {name: of_all[name] for name in of_all if "@6" in name}
    others = {name: of_all[name] for name in of_all if "@" not in name}
    coverage = 6 / 40  # everybody's list is the same
    report["metrics"]["popular"] = {**at_6, **others, "coverage": coverage, "coverage_all": coverage}
    write_report(report, path)
    assert main() == 0
    assert "popular                       MAP@6 0." in capsys.readouterr().out


def test_without_a_report_it_says_what_to_run(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("RECOMMENDER_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["rescore", "--dataset", "online-retail"])
    assert main() == 2
    assert capsys.readouterr().err == (
        "there is no report of online-retail yet; `make run DATASET=online-retail` leaves one\n"
    )


def test_docstring_examples_are_true():
    assert doctest.testmod(rescore_module).failed == 0
