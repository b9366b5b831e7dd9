"""The plain tools that stages are held against, on files and sizes of their own."""

import duckdb
import pytest

from benchmarks.scale import floors


def test_the_scan_reads_every_purchase(tmp_path):
    file = tmp_path / "transactions_train.csv"
    row = "2020-09-22,{:064x},0108775015,0.05,2\n"
    file.write_text("t_dat,customer_id,article_id,price,sales_channel_id\n" + "".join(map(row.format, range(500))))
    assert floors.scan_seconds(file) > 0
    file.write_text("t_dat,customer_id,article_id,sales_channel_id\n")
    with pytest.raises(duckdb.Error, match="price"):
        floors.scan_seconds(file)


def test_plain_writes_reach_a_redis_that_is_gone_afterwards():
    assert floors.plain_writes({"customers": 25_000, "bytes_per_customer": 178.2}) > 1_000


def test_a_matrix_product_has_a_rate():
    assert floors.matrix_rate() > 0.1
