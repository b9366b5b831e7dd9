"""The quality benchmark, end to end on the small shop, held to what must be true of any shop."""

import csv
import json
import pickle
from datetime import date

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from benchmarks import quality
from benchmarks.plan import make_plan
from benchmarks.rescore_quality import find_differences, rescore
from benchmarks.weekly_ablations import ABLATIONS, RANDOM, SHUFFLED, rank_week
from benchmarks.weekly_lists import CANDIDATE_SET
from data.raw_schema import check_raw_files
from recommender.config import Settings, SettingsError, read_toml
from recommender.features.time_split import TimeSplitError
from recommender.stages.four_stages import recommend
from recommender.stages.rank import fit_on_weeks
from recommender.weeks.weekly_models import WeeklyModel

LAST_TEST_DAY = date(2020, 9, 16)
BASELINES = {
    "popular", "segment_popular", "repurchase", "repurchase_frequent", "item_knn", "ease", "als", "bpr"
}  # fmt: skip


@pytest.fixture(scope="module")
def settings(small_settings_file):
    return Settings.of(read_toml(small_settings_file.read_text()), "demo")


@pytest.fixture(scope="module")
def results(bench_run):
    return json.loads((bench_run.results_dir / "quality.json").read_text())


@pytest.fixture
def plan(bench_run, settings):
    raw = check_raw_files(bench_run.data_dir / "raw" / "demo")
    return make_plan("demo", raw, bench_run.folder, settings, weeks=2, seeds=(7, 8), candidate_name="base")


def test_every_window_ends_before_the_next_begins_and_learns_from_what_lies_before_it(plan):
    assert plan.test_days == (date(2020, 9, 9), date(2020, 9, 16))
    late_august, *september = date(2020, 8, 26), date(2020, 9, 2), date(2020, 9, 9), date(2020, 9, 16)
    assert plan.ranking_models(plan.test_days[0]) == {late_august: (late_august, september[0])}
    assert plan.ranking_models(plan.test_days[1]) == {september[0]: (september[0], september[1])}
    assert plan.fitted_days() == {
        late_august: (late_august, september[0]),
        september[0]: (september[0], september[1]),
        september[1]: (september[1],),
        september[2]: (september[2],),
    }
    for day in plan.fitted_days():
        assert len(plan.training_days(day)) == 4
        assert all((day - training_day).days >= 7 for training_day in plan.training_days(day))


def test_every_model_and_ablation_is_scored_in_both_weeks(results):
    demo = results["demo"]
    assert [window["start"] for window in demo["windows"]] == ["2020-09-09", "2020-09-16"]
    assert set(demo["models"]) == {"served", "two_tower", *BASELINES}
    assert set(demo["ablations"]) == set(ABLATIONS)
    assert sum(window["customers"] for window in demo["windows"]) == demo["customers"]
    assert all(set(demo["models"][name]["by_seed"]) == {"7", "8"} for name in ("served", "two_tower", "als", "bpr"))
    assert set(demo["models"]["popular"]["by_seed"]) == {"7"}


def test_means_and_spread_are_over_seeds(results):
    served = results["demo"]["models"]["served"]
    first, second = (served["by_seed"][seed]["map@12"] for seed in ("7", "8"))
    assert served["metrics"]["map@12"] == pytest.approx((first + second) / 2)
    assert served["intervals"]["map@12"]["mean"] == pytest.approx((first + second) / 2)
    assert served["std"]["map@12"] == pytest.approx(abs(first - second) / 2**0.5)
    popular = results["demo"]["models"]["popular"]
    difference = served["metrics"]["map@12"] - popular["metrics"]["map@12"]
    assert popular["served_minus"]["map@12"]["mean"] == pytest.approx(difference)
    assert popular["std"] == {}


def test_rescoring_by_sql_agrees(bench_run, results, monkeypatch, capsys):
    monkeypatch.setenv("RECOMMENDER_DATA_DIR", str(bench_run.data_dir))
    assert quality.main([*bench_run.arguments, "--rescore"]) == 0
    assert "says the same" in capsys.readouterr().out
    rescored = rescore(bench_run.folder / "lists.parquet", bench_run.data_dir / "raw" / "demo")
    rescored["popular", 7]["map@12"] += 0.001
    assert len(find_differences(results["demo"], rescored)) == 1


def test_second_run_does_nothing_twice(plan):
    assert quality.make_lists(plan, processes=1, report=lambda line: None) == 0


def test_jobs_can_be_sent_to_other_processes(plan):
    jobs = [*quality.fitting_jobs(plan), *quality.list_jobs(plan)]
    assert [job.label for job in pickle.loads(pickle.dumps(jobs))] == [job.label for job in jobs]


def test_learning_from_shuffled_purchases_falls_to_chance(results):
    ablations, served = results["demo"]["ablations"], results["demo"]["models"]["served"]["by_seed"]["7"]["map@12"]
    shuffled, chance = (ablations[name]["metrics"]["map@12"] for name in (SHUFFLED, RANDOM))
    assert shuffled < (served + chance) / 2  # of a few dozen customers: chance itself is not the same twice


def test_candidate_set_holds_what_any_generator_proposes(results):
    retrieval = results["demo"]["retrieval"]
    assert set(retrieval) == {
        CANDIDATE_SET,
        "two_tower",
        "own",
        "ease",
        "item_knn",
        "last_basket",
        "rising",
        "popular",
        "fresh",
    }
    assert 0 < max(retrieval.values()) == retrieval[CANDIDATE_SET] <= 1


def test_served_lists_are_those_that_the_saved_candidates_give(plan, settings):
    """Ablations rank saved candidates, served lists come from the day itself: with nothing off they are the same."""
    weekly = WeeklyModel(LAST_TEST_DAY, plan.folder / "fitted" / f"{LAST_TEST_DAY}-seed7", plan.marts)
    fitted, week = weekly.fit_for_buyers(settings.stages)[0], weekly.week()
    ranker = fit_on_weeks([week], settings.stages.rankers, seed=7).ranker
    served = recommend(fitted, ranker, settings.stages.order, 24)
    again = rank_week(week, ranker.score(week.features[:]), fitted.day.attribute_codes, settings.stages.order, 24)
    np.testing.assert_array_equal(served.positions, again.positions)


def test_planted_purchases_of_a_test_week_change_no_list_of_it(bench_run, settings, tmp_path):
    """Everybody who buys in the last test week also buys one more article on its first day."""
    raw_dir = tmp_path / "raw"
    planted_customers = plant_purchases(bench_run.data_dir / "raw" / "demo", raw_dir)
    raw = check_raw_files(raw_dir)
    plan = make_plan("demo", raw, tmp_path / "bench", settings, 1, (7,), "base", has_ablations=False)
    quality.make_lists(plan, processes=1, report=lambda line: None)
    before, after = (lists_of_last_week(folder / "lists.parquet") for folder in (bench_run.folder, plan.folder))
    is_made_by_both = pc.is_in(before["model"], value_set=pc.unique(after["model"]))
    assert before.filter(is_made_by_both).equals(after)
    assert set(after["customer_id"].to_pylist()) == planted_customers


def test_results_are_shown_as_tables_and_a_plot(bench_run, results):
    from benchmarks.report import ablation_table, quality_table, summary

    rows = quality_table(results, "demo").splitlines()[4:]
    maps = [float(row.split("|")[2].split()[0]) for row in rows]
    assert maps == sorted(maps, reverse=True) and len(rows) == 2 + len(BASELINES)
    assert len(ablation_table(results, "demo").splitlines()) == 4 + len(ABLATIONS)
    assert "| `served` |" in summary(results, "demo")
    assert (bench_run.results_dir / "quality.png").read_bytes().startswith(b"\x89PNG")


def test_other_datasets_results_are_kept(tmp_path):
    from benchmarks.results import read_results, write_results

    write_results(tmp_path / "quality.json", "demo", {"customers": 1})
    write_results(tmp_path / "quality.json", "online-retail", {"map": float("nan")})
    assert read_results(tmp_path / "quality.json") == {"demo": {"customers": 1}, "online-retail": {"map": None}}


def test_unknown_candidate_and_too_short_data_say_what_to_do(plan, settings, demo_raw_dir, tmp_path):
    raw = check_raw_files(demo_raw_dir)
    with pytest.raises(SettingsError, match="no candidate 'deep'; there are base"):
        make_plan("demo", raw, tmp_path, settings, 2, (7,), "deep")
    with pytest.raises(TimeSplitError, match="take fewer weeks"):
        make_plan("demo", raw, tmp_path, settings, 19, (7,), "base")


def test_a_large_shop_is_measured_with_a_large_shops_settings(bench_run, small_settings_file, tmp_path, monkeypatch):
    monkeypatch.setenv("RECOMMENDER_DATA_DIR", str(bench_run.data_dir))
    purchases = check_raw_files(bench_run.data_dir / "raw" / "demo").transactions
    for least, expected in ((purchases, 3), (purchases + 1, 2)):
        large = f"[large_shop]\nfrom_purchases = {least}\n[large_shop.training]\nepochs = 3\n"
        toml = read_toml(small_settings_file.read_text() + large)
        plan = quality.prepare_plan("demo", tmp_path, toml, weeks=2, seeds=(7,), candidate="base")
        assert plan.candidate.settings["epochs"] == expected


def plant_purchases(raw_dir, planted_dir):
    """Copy raw files with one more purchase for each buyer of the last week; returns those buyers."""
    planted_dir.mkdir()
    for name in ("articles.csv", "customers.csv"):
        (planted_dir / name).write_bytes((raw_dir / name).read_bytes())
    with (raw_dir / "transactions_train.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    day, customer, article = (header.index(name) for name in ("t_dat", "customer_id", "article_id"))
    last_week = [row for row in rows if row[day] >= LAST_TEST_DAY.isoformat()]
    seldom_sold = rows[0][article]
    for row in {row[customer]: row for row in last_week}.values():
        rows.append([*row])
        rows[-1][day], rows[-1][article] = LAST_TEST_DAY.isoformat(), seldom_sold
    with (planted_dir / "transactions_train.csv").open("w", newline="") as file:
        csv.writer(file).writerows([header, *sorted(rows, key=lambda row: row[day])])
    return {row[customer] for row in last_week}


def lists_of_last_week(lists_file):
    filters = [("as_of_day", "=", LAST_TEST_DAY), ("seed", "=", 7)]
    rows = pq.read_table(lists_file, filters=filters)
    return rows.sort_by([(name, "ascending") for name in ("model", "customer_id", "rank")]).combine_chunks()
