"""The marts of generated shops of every kind: dbt's own tests hold from a few articles to many, cheap to dear."""

import pytest
from small_shop import RANKING_WEEKS, SEGMENT_COLUMNS, TRAINING_WEEKS

from data.raw_schema import check_raw_files
from data.synthetic_hm import generate
from recommender.features.time_split import split_by_time
from recommender.features.warehouse import build_marts


@pytest.mark.parametrize(
    "kind",
    [
        {"articles": 8, "price_level": 10_000.0},
        {"articles": 60, "repeat_share": 0.6, "concentration": 2.0, "price_level": 0.01},
    ],
    ids=str,
)
def test_marts_of_every_kind_of_shop_pass_their_tests(kind, tmp_path):
    raw_dir = generate(tmp_path / "raw", customers=400, days=140, **kind).raw_dir
    raw = check_raw_files(raw_dir)
    windows = split_by_time(raw.first_day, raw.last_day, TRAINING_WEEKS, ranking_weeks=RANKING_WEEKS)
    marts = build_marts(
        raw_dir,
        tmp_path / "warehouse.duckdb",
        tmp_path / "marts",
        cutoff=windows.cutoff,
        training_weeks=len(windows.training_as_of_days),
        history_length=20,
        segment_columns=SEGMENT_COLUMNS,
        ranking_weeks=windows.ranking_weeks,
    ).marts
    newest = marts.table("article_features", ["article_id", "price"], [windows.cutoff]).to_pandas()
    assert len(newest) <= kind["articles"]
    assert (newest["price"] > 0).all()
