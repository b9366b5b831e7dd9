"""dbt's own pages are built from the warehouse of a run, and dbt says whether its purchases are fresh."""

import json
from datetime import UTC, datetime, timedelta

import duckdb
import pytest
from tiny_raw_files import write_raw_files

from recommender.features import dbt_commands
from recommender.features.dbt_commands import build_pages, main
from recommender.project_paths import raw_dir, warehouse_path


@pytest.fixture(autouse=True)
def own_data(monkeypatch, tmp_path):
    monkeypatch.setenv("RECOMMENDER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr(dbt_commands, "PAGES_DIR", tmp_path / "pages")


def test_pages_know_the_marts_of_a_warehouse_and_their_columns(tmp_path):
    warehouse_path("demo").parent.mkdir(parents=True)
    with duckdb.connect(warehouse_path("demo")) as warehouse:
        warehouse.execute("create table customer_features (as_of_day date, customer_code integer)")

    folder = build_pages("demo", tmp_path / "pages")

    assert (folder / "index.html").stat().st_size > 100_000
    described = json.loads((folder / "catalog.json").read_text())["nodes"]
    assert list(described["model.recommender.customer_features"]["columns"]) == ["as_of_day", "customer_code"]


@pytest.mark.parametrize(("age_days", "code", "status"), [(4, 0, "warn"), (8, 1, "error")])
def test_purchases_are_stale_after_three_days_and_too_old_after_seven(age_days, code, status, tmp_path):
    newest = datetime.now(UTC).date() - timedelta(days=age_days)
    write_raw_files(raw_dir("kaggle-hm"), last_day=newest)
    assert main(["freshness", "--dataset", "kaggle-hm"]) == code
    (source,) = json.loads((dbt_commands.PAGES_DIR / "sources.json").read_text())["results"]
    assert (source["unique_id"], source["status"]) == ("source.recommender.raw.transactions_train", status)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("docs", "warehouse/demo.duckdb is not there; `make run DATASET=demo` builds it"),
        ("freshness", "raw/demo is not there; `make run DATASET=demo` brings it"),
    ],
)
def test_without_a_run_there_is_nothing_to_tell(command, words, capsys):
    assert main([command]) == 1
    assert words in capsys.readouterr().err
    assert not warehouse_path("demo").exists()
