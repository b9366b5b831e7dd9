"""RelBench's task on generated files in H&M's format."""

import json
from datetime import date

import duckdb
import pytest

from benchmarks import relbench

K = 12


@pytest.fixture(scope="module")
def relbench_run(demo_raw_dir, small_settings_file, tmp_path_factory):
    """The command, run on the small shop; returns its data folder and results."""
    data_dir = tmp_path_factory.mktemp("relbench")
    arguments = [
        "--raw-dir",
        str(demo_raw_dir),
        "--settings",
        str(small_settings_file),
        "--results",
        str(data_dir),
        "--processes",
        "1",
    ]
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("RECOMMENDER_DATA_DIR", str(data_dir))
        assert relbench.main(arguments) == 0
    return data_dir, json.loads((data_dir / "relbench.json").read_text())["rel-hm"]


def test_weeks_begin_the_day_after_a_timestamp(relbench_run):
    """RelBench predicts t_dat in (T, T + 7 days]: for T = 2020-09-14 that is 15 to 21 September."""
    lists = relbench_run[0] / "bench" / "relbench" / "lists.parquet"
    days = duckdb.sql(f"select distinct as_of_day from '{lists}' order by 1").fetchall()
    assert days == [(date(2020, 9, 8),), (date(2020, 9, 15),)]
    assert date(2020, 9, 22) == relbench.CUTOFF


@pytest.mark.parametrize(("split", "timestamp"), [("validation", "2020-09-07"), ("test", "2020-09-14")])
def test_map_is_relbenchs_over_everybody_who_bought(relbench_run, demo_raw_dir, split, timestamp):
    data_dir, results = relbench_run
    lists, purchases = data_dir / "bench" / "relbench" / "lists.parquet", demo_raw_dir / "transactions_train.csv"
    bought = duckdb.sql(f"""
        select customer_id, list(distinct article_id) from read_csv('{purchases}', all_varchar = true)
        where t_dat::date > date '{timestamp}' and t_dat::date <= date '{timestamp}' + 7 group by 1
    """).fetchall()
    served = duckdb.sql(f"""
        select customer_id, list(article_id order by rank) from '{lists}'
        where model = 'served' and as_of_day = date '{timestamp}' + 1 group by 1
    """).fetchall()
    served = dict(served)
    expected = sum(average_precision(served[customer], set(articles)) for customer, articles in bought) / len(bought)
    assert results["map@12"][split]["served"]["7"] == pytest.approx(100 * expected)


def test_published_figures_stand_beside_ours(relbench_run):
    table = relbench.relbench_table(relbench_run[1])
    assert "| ContextGNN, published | | 2.93 |" in table
    assert all(f"| `{model}` |" in table for model in ("served", "two_tower", "popular", "repurchase"))


def average_precision(articles, bought):
    hits, total = 0, 0.0
    for rank, article in enumerate(articles[:K], 1):
        if article in bought:
            hits += 1
            total += hits / rank
    return total / min(len(bought), K)
