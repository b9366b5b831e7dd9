"""The whole job on a small shop: CSVs, dbt, NVTabular, two-towers, a ranker, Redis, HTTP; and every way it must not
publish.

The tests stand in the order of a night: a good run first, then runs that must leave its lists up.
"""

import gzip
import re
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from flow_runs import CUSTOMERS, FLOW_FILE, Workplace, lenient, make_workplace, small_settings
from kills import KILLED, RESUME, kill_in
from machines import Apart
from named_customers import files_naming
from s3_server import BUCKET, Fault
from served_lists import serving

from data.raw_layout import RAW_COLUMNS
from recommender.config import DEFAULT_FILE
from recommender.models.baselines import BASELINES
from recommender.models.collaborative_baselines import COLLABORATIVE_BASELINES
from recommender.release.registry import append
from recommender.stages.retrieve import GENERATORS
from recommender.weeks.configuration import Configuration
from recommender.weeks.stage_files import load_stages

pytestmark = pytest.mark.flow

NEVER_KEPT = "[behavioral_tests.rules]\nshuffled_basket = { minimum = 2.0 }  # of an overlap\n\n"
ANOTHER_DROPOUT = {"dropout = 0.0 ": "dropout = 0.2 "}
ALL_BUT_BASE = ("wide", "loyal", "sampled")
KNOWS_NOTHING = {
    "seeds = [7] ": "seeds = [10]",  # whose untrained two-tower proposes the wrong articles
    "learning_rate = 0.016": "learning_rate = 1e-12",
    "epochs = 8": "epochs = 1",
    "n_trees = 300": "n_trees = 1",
}
PROPOSES_LITTLE = {
    "published_k = 24 ": "published_k = 12 ",
    "product_code = 3": "product_code = 12",  # of twelve candidates the cap could spare none
    "two_tower = 150": "two_tower = 12",
    **{f"{name} = {size}": f"{name} = 0" for name, size in (("own", 150), ("ease", 100), ("item_knn", 40))},
    **{f"{name} = {size}": f"{name} = 0" for name, size in (("last_basket", 20), ("rising", 30), ("popular", 30))},
    "fresh = 10": "fresh = 0",
}


def test_a_good_run_is_published_and_says_so(published_run, workplace):
    report = workplace.report
    assert report["verdict"] == "passed"
    assert report["published"]["customers"] == CUSTOMERS
    assert "Published version" in published_run
    assert [version.state for version in workplace.published()] == ["current"]


def test_the_first_published_run_becomes_the_champion(published_run, workplace):
    report, (decision,) = workplace.report, workplace.decisions
    assert report["challenge"]["reason"] == "no champion yet"
    assert report["challenge"]["accepted"]
    assert (decision.run_id, decision.version) == (report["run_id"], report["published"]["version"])
    assert decision.metrics["served"]["map@12"] == report["metrics"]["served"]["map@12"]
    champion = Configuration.from_dict(decision.configuration)
    assert champion.candidate.label == report["chosen"]
    assert champion.stages == load_stages(workplace.data_dir / "runs" / "demo" / report["run_id"] / "published")


def test_the_report_holds_every_model_and_step(published_run, workplace):
    report = workplace.report
    baselines = BASELINES.keys() | COLLABORATIVE_BASELINES.keys()
    assert report["metrics"].keys() == {"served", "two_tower", "oracle"} | baselines
    assert report["windows"]["test"] == {"start": "2020-09-16", "end": "2020-09-22"}
    assert report["windows"]["validation"] == {"start": "2020-09-09", "end": "2020-09-15"}
    assert [candidate["name"] for candidate in report["candidates"]] == ["base", "sampled"]
    steps = {"start", "build_marts", "fit_features", "choose", "rank", "evaluate", "refit", "publish"}
    assert steps <= report["steps"].keys()
    assert {"train base-seed7", "train sampled-seed7"} <= report["steps"].keys()
    assert {"fit_week 2020-09-02, 2020-09-16", "fit_week 2020-09-09, 2020-09-23"} <= report["steps"].keys()
    assert all(cost["peak_mib"] > 0 and cost["cpu_seconds"] > 0 for cost in report["steps"].values())


def test_the_report_says_how_the_ranker_was_chosen(published_run, workplace):
    ranker = workplace.report["ranker"]
    assert ranker["kind"] == "lambdarank"
    assert 1 <= ranker["settings"]["n_trees"] <= 60  # as many as the newest ranking week found best
    assert 0 < ranker["validation_map@12"]["lambdarank"] <= 1


def test_the_report_measures_quality_in_more_ways_than_one(published_run, workplace):
    report = workplace.report
    quality, metrics = report["quality"], report["metrics"]
    for name in metrics:
        interval = quality["map"][name]
        assert interval["mean"] == pytest.approx(metrics[name]["map@12"])
        assert interval["low"] < interval["mean"] < interval["high"]
        assert interval["served_minus_this"]["mean"] == pytest.approx(
            metrics["served"]["map@12"] - metrics[name]["map@12"]
        )
        assert quality["beyond_accuracy"][name]["novelty@12"] > 0
    assert sum(row["customers"] for row in quality["slices"]["activity"]) == metrics["served"]["customers_all"]
    candidates = quality["candidates"]
    assert candidates.keys() == GENERATORS.keys() | {"all"}
    assert max(candidates.values()) == candidates["all"] <= 1


def test_what_is_served_beats_popularity_and_no_model_beats_the_oracle(published_run, workplace):
    metrics = workplace.report["metrics"]
    assert metrics["served"]["map@12"] > metrics["popular"]["map@12"]
    assert metrics["two_tower"]["map@12"] > metrics["popular"]["map@12"]
    assert metrics["oracle"]["map@12"] > max(metrics[name]["map@12"] for name in metrics if name != "oracle")


def test_scoring_the_lists_again_from_the_raw_files_gives_the_same_numbers(published_run, workplace):
    again = subprocess.run(
        [sys.executable, "-m", "recommender.evaluation.rescore", "--dataset", "demo"],
        env=workplace.environment,
        capture_output=True,
        text=True,
    )
    assert again.returncode == 0, again.stdout + again.stderr


def test_nothing_is_written_outside_the_data_folder(published_run, workplace):
    assert list((workplace.root / "home").rglob("*")) == []
    assert list((workplace.root / "elsewhere").rglob("*")) == []


def test_only_the_files_that_need_customers_name_them(published_run, workplace):
    customers = pyarrow.csv.read_csv(workplace.data_dir / "raw" / "demo" / "customers.csv")
    naming = files_naming(set(customers["customer_id"].to_pylist()), workplace.data_dir)
    folders = {re.match(r"runs/demo/\d+/[^/]+|[^/]+/[^/]+", path)[0] for path in naming}
    run = f"runs/demo/{workplace.report['run_id']}"
    assert folders == {
        "raw/demo",
        "warehouse/demo.duckdb",
        *(f"{run}/{name}" for name in ("marts", "published", "test_week_lists.parquet")),
        "reports/demo",
        "redis/appendonly.aof",
    }
    assert [path for path in naming if path.startswith("reports")] == ["reports/demo/test_week_lists.parquet"]


def test_what_a_step_hands_on_names_no_folder_of_this_machine(published_run, workplace):
    blobs = list((workplace.data_dir / "metaflow/.metaflow/RecommendationFlow/data").glob("??/*"))
    contents = [blob.read_bytes() for blob in blobs]
    unpacked = [gzip.decompress(each) if each.startswith(b"\x1f\x8b") else each for each in contents]
    handed_on = [each for each in unpacked if b"source_file" not in each]  # Metaflow's own picture of the flow
    assert any(b"below_data_dir" in each for each in handed_on)  # paths are among them
    roots = [f"{folder}/".encode() for folder in (workplace.root, Path.home(), DEFAULT_FILE.parents[1])]
    assert [each[:300] for each in handed_on if any(root in each for root in roots)] == []


def test_nobody_else_on_the_machine_can_read_what_a_run_wrote(published_run, workplace):
    given = workplace.data_dir / "raw" / "demo"  # a copy of these tests' own
    written = [path for path in workplace.data_dir.rglob("*") if path != given and path.parent != given]
    assert len(written) > 100
    assert [path for path in written if path.lstat().st_mode & 0o077 and not path.is_symlink()] == []


def test_a_page_to_look_at_was_drawn(published_run, workplace):
    assert "could not" not in published_run
    page = (workplace.data_dir / "reports" / "demo" / "card.html").read_text()
    assert all(part in page for part in ("The furthest misses", "For whom", "Customer 1"))


def test_every_candidate_left_an_offline_experiment(published_run, workplace):
    archives = list((workplace.data_dir / "comet").glob("*.zip"))
    assert len(archives) > len(workplace.report["candidates"])


def test_customers_are_answered_over_http(published_run, workplace):
    transactions = pyarrow.csv.read_csv(workplace.data_dir / "raw" / "demo" / "transactions_train.csv")
    customers = pyarrow.csv.read_csv(workplace.data_dir / "raw" / "demo" / "customers.csv")
    buyers = set(transactions["customer_id"].to_pylist())
    known = min(buyers)
    cold = min(set(customers["customer_id"].to_pylist()) - buyers)
    articles = pyarrow.csv.read_csv(
        workplace.data_dir / "raw" / "demo" / "articles.csv",
        convert_options=pyarrow.csv.ConvertOptions(column_types={"article_id": "string"}),
    )
    with serving(workplace) as client:
        get = client.get
        for customer, source in ((known, "personal"), (cold, "segment"), ("nobody", "popular")):
            answer = get(f"/recommendations/{customer}?k=5").raise_for_status().json()
            assert answer["source"] == source
            ids = [item["article_id"] for item in answer["items"]]
            assert len(set(ids)) == 5
            assert set(ids) <= set(articles["article_id"].to_pylist())
        assert_everything_else_is_served(get, known)
        assert get("/health/live").status_code == 200
        assert get("/health/ready").status_code == 200


def test_log_and_sample_of_a_served_day_name_no_customer(published_run, workplace, tmp_path):
    """Asked for in every way there is, also in ways that fail."""
    log, samples = tmp_path / "api.log", tmp_path / "samples"
    ids = pyarrow.csv.read_csv(workplace.data_dir / "raw" / "demo" / "customers.csv")["customer_id"].to_pylist()
    by_id = "/recommendations/{}", "/explain/{}", "/page/customer?id={}", "/recommendations/{}?k=0", "/nothing/{}"
    with serving(workplace, log, SAMPLE_DIR=str(samples), SAMPLE_SHARE="1") as client:
        statuses = {path: {client.get(path.format(each)).status_code for each in ids[:50]} for path in by_id}
        batch = client.post("/recommendations", json={"customer_ids": ids[:100]})
        refused = client.post("/recommendations", json={"customer_ids": ids[:100], "k": 0})
        metrics = client.get("/metrics").text
    assert [*statuses.values()] == [{200}, {200}, {200}, {422}, {404}]
    assert (batch.status_code, refused.status_code) == (200, 422)
    assert len(log.read_text().splitlines()) > 250
    assert sum(len(each.read_text().splitlines()) for each in samples.iterdir()) > 100
    (tmp_path / "metrics.txt").write_text(metrics)
    assert files_naming(ids, tmp_path) == []


def assert_everything_else_is_served(get, customer: str) -> None:
    """What goes with the lists: why they are as they are, similar articles, what a segment buys."""
    told = get(f"/explain/{customer}").raise_for_status().json()
    assert told["items"][0]["name"]
    assert told["items"][0]["proposers"]
    assert told["purchases"][0]["name"]
    days = [each["day"] for each in told["purchases"]]
    assert days == sorted(days, reverse=True)
    assert days[0] < "2020-09-23"  # the cutoff
    bought = told["purchases"][0]["article_id"]
    similar = get(f"/similar/{bought}").raise_for_status().json()["items"]
    assert len(similar) == 12
    assert bought not in {item["article_id"] for item in similar}
    segment = get("/popular").raise_for_status().json()["segments"][0]
    of_segment = get(f"/popular?segment={segment}").raise_for_status().json()
    assert (of_segment["source"], len(of_segment["items"])) == ("segment", 12)


@pytest.fixture(scope="module")
def apart(workplace, tmp_path_factory):
    """Machines that share little, with the small shop's files in their bucket."""
    with Apart.made(tmp_path_factory.mktemp("apart") / "launcher", tmp_path_factory.mktemp("steps")) as made:
        for name in RAW_COLUMNS:
            made.bucket.client.upload_file(str(workplace.data_dir / "raw" / "demo" / name), BUCKET, f"raw/{name}")
        yield made


@pytest.fixture(scope="module")
def run_apart(published_run, apart):
    """The output of a run with every step on a machine of its own, one task killed half-way."""
    options = ["--dataset", "kaggle-hm", "--source", f"s3://{BUCKET}/raw", "--max-workers", "2"]
    finished = apart.run("run", *options, killed="fit_week")
    assert finished.returncode == 0, finished.stdout[-6000:] + finished.stderr[-3000:]
    return finished.stdout


def test_steps_on_machines_of_their_own_publish_the_same_lists(run_apart, apart, workplace):
    assert (apart.folder / "killed").read_text() == "killed"
    assert [each.name for each in apart.folder.iterdir() if each.is_dir()] == []
    assert "wrote into its" not in run_apart
    (published,) = apart.workplace.published("kaggle-hm")
    assert published.manifest.checksum == workplace.published()[0].manifest.checksum


def test_no_task_fetched_an_object_twice_and_none_was_kept_twice(run_apart, apart):
    files = [each for each in apart.bucket.read if each[1].startswith("metaflow/recommender/")]
    files = [each for each in files if "manifest" not in each[1]]
    assert len({task for task, *_ in files}) > 8
    assert [each for each, times in Counter(files).items() if times > 1] == []
    puts = [each for each in apart.bucket.requests if each.startswith(f"PUT /{BUCKET}/metaflow/recommender/runs/")]
    assert len(puts) > 50
    assert [each for each, times in Counter(puts).items() if times > 1 and "manifest" not in each] == []


def test_of_a_run_apart_the_state_alone_is_left(run_apart, apart):
    """What served the ranking weeks is gone, and no machine that started a flow has a file of it."""
    kept = {key.split("/")[5] for key in apart.bucket.stored_keys("metaflow/recommender/runs/kaggle-hm/")}
    assert kept == {"arrivals.json", "marts", "evaluated", "ranker", "published", "test_week_lists.parquet"}
    assert {each.name for each in apart.workplace.data_dir.iterdir()} <= {"logs", "metaflow", "redis", "cache"}


def test_another_machine_shows_explains_and_publishes_what_ran(run_apart, apart):
    (published,) = apart.workplace.published("kaggle-hm")
    of_dataset, run_id = ("--dataset", "kaggle-hm"), published.manifest.run_id
    history = apart.call("-m", "recommender.release.history", *of_dataset)
    assert (history.returncode, run_id in history.stdout) == (0, True), history.stderr
    explained = apart.call("-m", "recommender.explain.command", *of_dataset)
    assert (explained.returncode, "two_tower" in explained.stdout) == (0, True), explained.stderr
    page = apart.call("-m", "recommender.report.report_page", *of_dataset)
    assert (page.returncode, page.stderr) == (0, "")
    assert apart.call("-m", "recommender.release.republish", *of_dataset).stdout.startswith(run_id)
    again = apart.call("-m", "recommender.release.republish", *of_dataset, "--run", run_id)
    assert again.returncode == 0, again.stderr
    assert [each.manifest.checksum for each in apart.workplace.published("kaggle-hm")] == [
        published.manifest.checksum
    ] * 2


ARTICLES = "recommender/runs/.*/marts/articles"
ARTIFACTS = "RecommendationFlow/data/"  # Metaflow's own


@pytest.mark.parametrize(("status", "where"), [(403, ARTICLES), (500, ARTICLES), (403, ARTIFACTS)])
def test_a_bucket_that_refuses_in_the_middle_of_a_run_ends_it_clearly(status, where, run_apart, apart):
    before = apart.workplace.published("kaggle-hm")
    apart.bucket.faults.append(Fault(f"(GET|HEAD) .*{where}", status=status))
    failed = apart.run("resume", "fit_features", "--origin-run-id", before[0].manifest.run_id)
    apart.bucket.faults.clear()
    assert failed.returncode != 0
    assert re.search(rf"s3://{BUCKET}/metaflow/{where}\S+\s", failed.stdout + failed.stderr)
    assert apart.workplace.published("kaggle-hm") == before


def test_an_object_that_is_lost_in_the_middle_of_a_run_ends_it_clearly(run_apart, apart):
    before = apart.workplace.published("kaggle-hm")
    run = f"metaflow/recommender/runs/kaggle-hm/{before[0].manifest.run_id}"
    (lost,) = apart.bucket.stored_keys(f"{run}/marts/articles.parquet/")
    apart.bucket.client.delete_object(Bucket=BUCKET, Key=lost)
    failed = apart.run("resume", "fit_features", "--origin-run-id", before[0].manifest.run_id)
    assert failed.returncode != 0
    assert f"s3://{BUCKET}/{lost} is gone" in failed.stdout + failed.stderr
    assert apart.workplace.published("kaggle-hm") == before


@pytest.mark.long
def test_one_worker_gives_the_same_winner_and_the_same_lists(published_run, workplace):
    before, checksum_before = workplace.report, workplace.published()[0].manifest.checksum
    lists_before = pq.read_table(workplace.data_dir / "reports" / "demo" / "test_week_lists.parquet")
    alone = workplace.run("--max-workers", "1")
    assert alone.returncode == 0, alone.stdout[-3000:]
    for what in ("chosen", "ranker", "metrics", "quality"):
        assert workplace.report[what] == before[what]
    assert workplace.published()[0].manifest.checksum == checksum_before
    assert pq.read_table(workplace.data_dir / "reports" / "demo" / "test_week_lists.parquet").equals(lists_before)
    assert workplace.report["challenge"]["reason"] == "the champion has the same configuration"
    assert not any("champion" in step for step in workplace.report["steps"])  # it cost nothing more


def test_a_bad_verdict_publishes_nothing_and_leaves_the_old_lists_up(published_run, workplace):
    before = workplace.published()
    append_withdrawn_run(workplace)
    thresholds = "[behavioral_tests.comparisons]"
    changes = {thresholds: NEVER_KEPT + thresholds, "\nweeks = 8": "\nweeks = 1", **ANOTHER_DROPOUT}
    settings = small_settings(changes, left_out=ALL_BUT_BASE)
    refused = workplace.run(settings=settings)
    assert refused.returncode != 0
    assert refused_because(refused) == ["shuffled_basket"]
    assert "Traceback" not in refused.stdout + refused.stderr
    assert workplace.report["verdict"] == "refused"
    assert workplace.report["published"] is None
    assert workplace.report["metrics"]["served"]["map@12"] > 0
    assert workplace.report["ranker"]["validation_map@12"] == {}  # its one ranking week taught it all
    assert workplace.published() == before


def append_withdrawn_run(workplace: Workplace) -> None:
    """Leave what a newer run that was rolled back leaves; nobody can fit its settings: it must not be the champion."""
    decision = replace(workplace.decisions[-1], run_id="withdrawn", version="withdrawn", configuration={})
    append(decision, workplace.registry_file)


def test_another_configuration_was_compared_with_the_champion_even_though_it_was_refused(published_run, workplace):
    report, decision = workplace.report, workplace.decisions[-1]
    assert (decision.run_id, decision.verdict, decision.version) == (report["run_id"], "refused", None)
    assert {f"fit_week champion 2020-09-{day}" for day in ("09", "16")} <= report["steps"].keys()
    challenge, metrics = report["challenge"], report["metrics"]
    assert challenge["customers"] == metrics["champion"]["customers"] == metrics["served"]["customers"]
    assert challenge["challenger_map"] == pytest.approx(metrics["served"]["map@12"])
    assert challenge["champion_map"] == pytest.approx(metrics["champion"]["map@12"])
    assert challenge["difference"]["low"] < challenge["difference"]["mean"] < challenge["difference"]["high"]
    assert metrics["champion"]["map@12"] > metrics["popular"]["map@12"]
    runs = [each.run_id for each in workplace.decisions]
    assert len(runs) == len(set(runs))  # each decided once


@pytest.mark.long
def test_a_baseline_that_did_better_than_the_stages_makes_the_lists(published_run, workplace):
    """Forced, for the champion's two-tower, which learned something, did better still."""
    changes = {"\nweeks = 8": "\nweeks = 1", **KNOWS_NOTHING, **PROPOSES_LITTLE}
    settings = lenient(small_settings(changes, left_out=ALL_BUT_BASE))
    run = workplace.run("--force-reason", "a drill", settings=settings)
    assert run.returncode == 0, run.stdout[-3000:]
    report, decision = workplace.report, workplace.decisions[-1]
    winner, metrics = report["contest"]["winner"], report["metrics"]
    assert winner in BASELINES.keys() | COLLABORATIVE_BASELINES.keys()
    assert f"{winner} did better than the four stages" in report["verdict_reason"]
    assert metrics["served"] == metrics[winner]
    assert metrics["four_stages"]["map@12"] < metrics[winner]["map@12"] < metrics["champion"]["map@12"]
    assert (report["challenge"]["rule"], report["challenge"]["forced_reason"]) == ("forced", "a drill")
    assert (decision.configuration["recommender"], decision.forced_reason) == (winner, "a drill")
    served = workplace.published()[0].manifest
    assert (served.model, served.customers, served.run_id) == (winner, CUSTOMERS, report["run_id"])
    explained = subprocess.run(
        [sys.executable, "-m", "recommender.explain.command"],
        env=workplace.environment,
        capture_output=True,
        text=True,
    )
    assert explained.returncode == 3
    assert f"made by the baseline {winner}" in explained.stderr


@pytest.mark.parametrize(
    ("told_to", "reason"),
    [
        ({}, "branch test.new_ranker has no folder of its own"),
        ({"RECOMMENDER_BRANCH": "new_ranker"}, "branch test.new_ranker is not production, so nothing was published"),
        (
            {"RECOMMENDER_BRANCH": "new_ranker", "RECOMMENDER_BRANCH_PUBLISHES": "1"},
            "which this branch does not know",
        ),
    ],
)
def test_a_branch_goes_as_far_as_publishing_and_publishes_nothing(told_to, reason, published_run, workplace):
    before, known = workplace.published(), workplace.registry_file
    command = [sys.executable, str(FLOW_FILE), "--branch=new_ranker", "resume", "publish"]
    origin = ["--origin-run-id", next(decision.run_id for decision in workplace.decisions if decision.version)]
    elsewhere = known.rename(known.with_suffix(".production"))  # a branch has a state of its own
    branch = subprocess.run(
        [*command, *origin],
        cwd=workplace.root / "elsewhere",
        env={**workplace.environment, **told_to},
        capture_output=True,
        text=True,
    )
    elsewhere.rename(known)
    said = branch.stdout + branch.stderr
    assert branch.returncode != 0
    assert reason in said
    assert "Traceback" not in said
    assert workplace.published() == before


def test_a_run_that_is_killed_twice_leaves_the_published_lists_and_then_publishes_the_same(published_run, workplace):
    before = workplace.published()
    assert kill_in(workplace, workplace.command(), "train", 1) == KILLED
    assert kill_in(workplace, RESUME, "publish", 1) == KILLED
    assert workplace.published() == before
    resumed = subprocess.run(
        RESUME, cwd=workplace.root / "elsewhere", env=workplace.environment, capture_output=True, text=True
    )
    assert resumed.returncode == 0, resumed.stdout[-3000:]
    new, old = workplace.published()
    assert (old.version, new.manifest.checksum) == (before[0].version, before[0].manifest.checksum)


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda text: text.replace("t_dat", "day", 1), "t_dat"),
        (lambda text: text + "2020-09-22,nobody,0000000001,0.1,2\n", "transactions_train.csv"),
    ],
    ids=["a missing column", "a purchase of an unknown article"],
)
def test_broken_raw_files_end_in_one_clear_error(published_run, workplace, tmp_path, damage, complaint):
    broken = make_workplace(tmp_path / "broken")
    folder = broken.data_dir / "raw" / "demo"
    shutil.copytree(workplace.data_dir / "raw" / "demo", folder)
    transactions = folder / "transactions_train.csv"
    transactions.write_text(damage(transactions.read_text()))
    failed = broken.run()
    assert failed.returncode != 0
    assert complaint in failed.stdout + failed.stderr
    assert "Traceback" not in failed.stdout + failed.stderr
    assert not (broken.data_dir / "reports").exists()


def test_a_cutoff_outside_the_data_names_the_days_to_choose_from(workplace):
    failed = workplace.run("--cutoff", "2021-01-01")
    assert failed.returncode != 0
    assert "choose a cutoff from" in failed.stdout + failed.stderr
    assert "Traceback" not in failed.stdout + failed.stderr


def refused_because(run: subprocess.CompletedProcess) -> list[str]:
    """The failed tests that the run's last words name."""
    message = next(line for line in run.stdout.splitlines() if "tests failed:" in line)
    return re.findall(r"(\w+) is ", message)
