"""However many threads DuckDB has, the marts are the same to the last digit."""

from datetime import date

import pyarrow.parquet
import pytest

from data.synthetic_hm import generate
from recommender.every_core import cores
from recommender.features import warehouse
from recommender.features.marts import MART_KEYS


def build(raw_dir, folder, threads) -> warehouse.MartsSummary:
    return warehouse.build_marts(
        raw_dir,
        folder / "shop.duckdb",
        folder / "marts",
        cutoff=date(2020, 9, 23),
        training_weeks=2,
        history_length=100,
        segment_columns=["age_band", "channel"],
        threads=threads,
    )


@pytest.mark.long
def test_the_marts_do_not_depend_on_the_threads(tmp_path):
    """A shop of more purchases than DuckDB gives to one thread, which are some 120,000."""
    generate(tmp_path / "raw", customers=20_000, articles=1_500, days=734, seed=3)
    for threads in (1, 5):
        build(tmp_path / "raw", tmp_path / str(threads), threads)
    for mart in MART_KEYS:
        one, five = (pyarrow.parquet.read_table(tmp_path / n / "marts" / f"{mart}.parquet") for n in ("1", "5"))
        assert one.equals(five), mart


def test_by_default_they_are_as_many_as_the_cores(shop, monkeypatch, tmp_path):
    """Told by the environment of the dbt command, which is not run."""
    given = {}

    def stream(command, environment):
        given.update(environment)
        raise warehouse.WarehouseError("far enough")

    monkeypatch.setattr(warehouse, "_stream", stream)
    with pytest.raises(warehouse.WarehouseError, match="far enough"):
        build(shop.raw_dir, tmp_path, None)
    assert given["WAREHOUSE_THREADS"] == str(cores())
