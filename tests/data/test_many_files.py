"""Purchases that lie in several files, such as one a day, are read as if they were in one."""

import gzip
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest
from s3_server import BUCKET, Fault, s3_server
from tiny_raw_files import LAST_DAY, replace_in_line, write_raw_files

from data.prepare import Request, prepare
from data.raw_errors import RawColumnError, RawDataError, RawFileError, RawSourceError, RawValueError
from data.raw_layout import TRANSACTIONS_FILE

ONE_DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def raw_root(tmp_path, monkeypatch):
    monkeypatch.setenv("RECOMMENDER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("RAW_DIR", raising=False)
    return tmp_path / "data/raw"


@pytest.fixture
def daily(tmp_path) -> Path:
    """Good files whose 28 days are a file each."""
    return in_days(write_raw_files(tmp_path / "daily"))


def in_days(folder: Path) -> Path:
    """Take the purchases apart, a file for each day."""
    header, *lines = (folder / TRANSACTIONS_FILE).read_text().splitlines()
    for line in lines:
        file_of(folder, line[:10]).write_text(f"{header}\n{line}\n")
    (folder / TRANSACTIONS_FILE).unlink()
    return folder


def file_of(folder: Path, day: object) -> Path:
    return folder / f"transactions_{day}.csv"


def read(folder: Path):
    return prepare(Request("kaggle-hm", str(folder)))


def test_a_file_for_each_day_is_the_same_as_one_for_all(daily, raw_root, tmp_path):
    summary = read(daily)

    assert summary.notes == (
        "purchases of 28 files: read as one, from transactions_2020-08-26.csv to transactions_2020-09-22.csv",
    )
    whole = write_raw_files(tmp_path / "whole")
    assert (raw_root / "kaggle-hm" / TRANSACTIONS_FILE).read_bytes() == (whole / TRANSACTIONS_FILE).read_bytes()
    assert (summary.transactions, summary.rows_by_day) == (28, read(whole).rows_by_day)


def test_the_files_are_not_changed_and_a_new_one_is_read_on_the_next_night(daily):
    read(daily)
    before = {path: path.read_bytes() for path in daily.iterdir()}
    tomorrow = LAST_DAY + ONE_DAY
    file_of(daily, tomorrow).write_text(file_of(daily, LAST_DAY).read_text().replace(f"{LAST_DAY}", f"{tomorrow}"))
    assert read(daily).last_day == tomorrow
    assert {path: path.read_bytes() for path in before} == before


def test_each_file_may_be_written_in_its_own_way(daily, raw_root):
    days = [LAST_DAY - n * ONE_DAY for n in range(7)]
    packed, parquet, semicolons, unended, wide, windows, mixed = (file_of(daily, day) for day in days)
    packed.with_suffix(".csv.gz").write_bytes(gzip.compress(packed.read_bytes()))
    packed.unlink()
    rows = f"read_csv('{parquet}', all_varchar=true)"
    duckdb.execute(f"copy (select * from {rows}) to '{parquet.with_suffix('.parquet')}' (format parquet)")
    parquet.unlink()
    semicolons.write_text(semicolons.read_text().replace(",", ";"))
    unended.write_text(unended.read_text().rstrip("\n"))
    header, line = wide.read_text().splitlines()
    wide.write_text(f"basket,{header}\n17,{line}\n")
    windows.write_text(windows.read_text().replace("\n", "\r\n"), newline="")
    header, line = mixed.read_text().splitlines()
    mixed.write_text(f"{header}\n{line}\r\n", newline="")

    summary = read(daily)

    assert (summary.transactions, summary.last_day) == (28, LAST_DAY)
    assert b"\r" not in (raw_root / "kaggle-hm" / TRANSACTIONS_FILE).read_bytes()
    assert "purchases of 28 files: separated by ';' in transactions_2020-09-20.csv" in summary.notes
    assert "purchases of 28 files: column 'basket' is ignored in transactions_2020-09-18.csv" in summary.notes


@pytest.mark.parametrize(
    ("damage", "error", "words"),
    [
        (
            lambda path: replace_in_line(path, 2, "0.0254", "free"),
            RawValueError,
            "transactions_2020-09-10.csv, line 2, column price: 'free' is not a price",
        ),
        (
            lambda path: replace_in_line(path, 1, "price", "cost"),
            RawColumnError,
            "transactions_2020-09-10.csv, line 1: column price is missing",
        ),
        (
            lambda path: replace_in_line(path, 2, ",0.0254", ""),
            RawFileError,
            "transactions_2020-09-10.csv, line 2: .* has fewer fields",
        ),
        (lambda path: path.write_bytes(b""), RawFileError, "transactions_2020-09-10.csv is empty, 0 bytes"),
        (
            lambda path: path.write_bytes(gzip.compress(path.read_bytes())[:-12]),
            RawSourceError,
            "transactions_2020-09-10.csv cannot be read .*damaged or cut off",
        ),
    ],
)
def test_the_file_that_is_wrong_is_named(daily, damage, error, words):
    damage(file_of(daily, "2020-09-10"))
    with pytest.raises(error, match=words):
        read(daily)


def test_what_is_wrong_in_a_file_leaves_the_earlier_ones(daily, raw_root):
    read(daily)
    before = (raw_root / "kaggle-hm" / TRANSACTIONS_FILE).read_bytes()
    file_of(daily, "2020-09-10").write_bytes(b"")
    with pytest.raises(RawDataError):
        read(daily)
    assert (raw_root / "kaggle-hm" / TRANSACTIONS_FILE).read_bytes() == before


def test_a_day_in_two_files_is_told_with_both(daily):
    (daily / "transactions_again.csv").write_text(file_of(daily, LAST_DAY).read_text())
    assert read(daily).in_two_files == (
        "2020-09-22 is in several files, transactions_2020-09-22.csv (1), transactions_again.csv (1); if none came "
        "late, one of them is too many",
    )
    (daily / "transactions_again.csv").unlink()
    assert read(daily).in_two_files == ()


def test_beside_a_file_of_all_purchases_those_of_days_are_not_read_and_that_is_said(tmp_path, daily):
    whole = write_raw_files(tmp_path / "whole")
    tomorrow = file_of(whole, LAST_DAY + ONE_DAY)
    tomorrow.write_text(file_of(daily, LAST_DAY).read_text())

    summary = read(whole)

    assert summary.transactions == 28
    assert summary.notes == (f"transactions_train.csv: {tomorrow.name}, which lies beside it, is not read",)


def test_from_s3_only_new_files_are_fetched(daily, monkeypatch, capsys):
    with s3_server(monkeypatch) as server:
        for path in daily.iterdir():
            server.client.upload_file(str(path), BUCKET, f"hm/{path.name}")
        server.client.put_object(Bucket=BUCKET, Key="hm/older/transactions_2020-01-01.csv", Body=b"not of this folder")
        request = Request("kaggle-hm", f"s3://{BUCKET}/hm")

        assert prepare(request).transactions == 28
        assert capsys.readouterr().out.count("Downloading") == 30
        assert prepare(request).transactions == 28
        assert capsys.readouterr().out.count("Downloading") == 0

        tomorrow = LAST_DAY + ONE_DAY
        body = file_of(daily, LAST_DAY).read_text().replace(f"{LAST_DAY}", f"{tomorrow}")
        server.client.put_object(Bucket=BUCKET, Key=f"hm/transactions_{tomorrow}.csv", Body=body.encode())
        assert prepare(request).last_day == tomorrow
        assert (
            capsys.readouterr().out.splitlines()[0].startswith(f"Downloading s3://{BUCKET}/hm/transactions_2020-09-2")
        )
        server.client.delete_object(Bucket=BUCKET, Key=f"hm/transactions_{tomorrow}.csv")
        assert prepare(request).last_day == LAST_DAY


def test_who_may_not_list_a_bucket_gets_whole_files_as_ever(tmp_path, monkeypatch):
    with s3_server(monkeypatch) as server:
        for path in write_raw_files(tmp_path / "whole").iterdir():
            server.client.upload_file(str(path), BUCKET, f"hm/{path.name}")
        server.faults.append(Fault(rf"GET /{BUCKET}/?$", status=403))
        assert prepare(Request("kaggle-hm", f"s3://{BUCKET}/hm")).transactions == 28
