"""The command brings each dataset to its place, makes nothing twice, and never replaces good files by bad ones."""

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
import tiny_online_retail
from s3_server import BUCKET, running_s3
from tiny_raw_files import replace_in_line, write_raw_files

from data import prepare as prepare_module
from data.prepare import Request, main, prepare, raw_data_folder
from data.raw_errors import RawPeriodError, RawSourceError, RawValueError
from data.raw_folder import ORIGIN_FILE
from data.raw_layout import RAW_COLUMNS
from data.synthetic_hm import Scale

TINY = Scale(customers=200, articles=100, days=35)


@pytest.fixture(autouse=True)
def raw_root(tmp_path, monkeypatch):
    monkeypatch.setenv("RECOMMENDER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("RAW_DIR", raising=False)
    monkeypatch.delenv("ONLINE_RETAIL_FILE", raising=False)
    monkeypatch.setenv("PATH", os.defpath)  # without a `kaggle` of whoever runs the tests
    return tmp_path / "data/raw"


@pytest.fixture
def own_files(tmp_path):
    return write_raw_files(tmp_path / "own")


def time_made(folder: Path) -> int:
    """When the files that are in a folder were put there, in nanoseconds."""
    return (folder / ORIGIN_FILE).stat().st_mtime_ns


def test_folder_of_a_dataset_lies_below_raw(raw_root):
    assert raw_data_folder("kaggle-hm") == raw_root / "kaggle-hm"


def test_unknown_dataset_is_refused_with_the_known_ones():
    with pytest.raises(
        RawSourceError, match="'hm' is not a dataset; choose demo, demo-medium, demo-full, online-retail, kaggle-hm"
    ):
        raw_data_folder("hm")


def test_demo_is_generated_at_the_scale_asked_for(raw_root):
    summary = prepare(Request("demo", scale=TINY))

    assert (summary.customers, summary.articles) == (200, 100)
    assert summary.raw_dir == raw_root / "demo"
    assert (raw_root / "demo/oracle.parquet").is_file()
    assert [path.name for path in raw_root.iterdir() if path.is_dir()] == ["demo"]


def test_demo_is_made_again_only_for_another_scale_or_by_force(raw_root):
    prepare(Request("demo", scale=TINY))
    made = time_made(raw_root / "demo")

    prepare(Request("demo", scale=TINY))
    assert time_made(raw_root / "demo") == made
    assert prepare(Request("demo")).customers == 200  # no scale asked for: what is there will do
    assert time_made(raw_root / "demo") == made

    assert prepare(Request("demo", scale=Scale(customers=201, articles=100, days=35))).customers == 201
    prepare(Request("demo", scale=TINY, is_forced=True))
    assert time_made(raw_root / "demo") != made


def test_demo_of_other_code_is_made_again(raw_root):
    prepare(Request("demo", scale=TINY))
    origin_file = raw_root / "demo" / ORIGIN_FILE
    origin = json.loads(origin_file.read_text())
    origin_file.write_text(json.dumps(origin | {"code": "of an earlier version"}))

    prepare(Request("demo", scale=TINY))

    assert json.loads(origin_file.read_text()) == origin


def test_users_files_are_used_in_place_and_left_as_they_are(raw_root, own_files):
    before = {path: path.read_bytes() for path in own_files.iterdir()}

    assert prepare(Request("kaggle-hm", str(own_files))).transactions == 28
    assert prepare(Request("kaggle-hm")).transactions == 28  # RAW_DIR is needed once

    assert {path: path.read_bytes() for path in own_files.iterdir()} == before
    assert (raw_root / "kaggle-hm/articles.csv").samefile(own_files / "articles.csv")


def test_other_files_take_the_place_of_the_earlier_ones(tmp_path, own_files):
    prepare(Request("kaggle-hm", str(own_files)))

    assert prepare(Request("kaggle-hm", str(write_raw_files(tmp_path / "more", days=30)))).transactions == 30
    assert sorted(path.name for path in own_files.iterdir()) == sorted(RAW_COLUMNS)


def test_bad_files_do_not_take_the_place_of_good_ones(tmp_path, own_files):
    prepare(Request("kaggle-hm", str(own_files)))
    bad = write_raw_files(tmp_path / "bad", days=30)
    replace_in_line(bad / "transactions_train.csv", 2, "0.0254", "free")

    with pytest.raises(RawValueError, match="'free' is not a price"):
        prepare(Request("kaggle-hm", str(bad)))

    assert prepare(Request("kaggle-hm")).transactions == 28


def test_files_put_in_place_by_hand_are_used_and_never_replaced(raw_root, own_files):
    write_raw_files(raw_root / "kaggle-hm", days=30)

    assert prepare(Request("kaggle-hm")).transactions == 30
    assert prepare(Request("kaggle-hm", str(raw_root / "kaggle-hm"))).transactions == 30
    with pytest.raises(RawSourceError, match="kaggle-hm holds files that this command did not put there"):
        prepare(Request("kaggle-hm", str(own_files)))
    with pytest.raises(RawSourceError, match="move them away first"):
        prepare(Request("kaggle-hm", is_forced=True))

    assert prepare(Request("kaggle-hm")).transactions == 30


def test_cutoff_outside_the_data_is_refused(own_files):
    with pytest.raises(RawPeriodError, match="cutoff 2021-01-01 is after the day following the last purchase"):
        prepare(Request("kaggle-hm", str(own_files), cutoff=date(2021, 1, 1)))

    assert prepare(Request("kaggle-hm", cutoff=date(2020, 9, 23))).cutoff == date(2020, 9, 23)


def test_files_in_s3_are_downloaded_and_fetched_again_only_when_changed(own_files, monkeypatch, capsys):
    with running_s3(monkeypatch) as s3:
        for name in RAW_COLUMNS:
            s3.upload_file(str(own_files / name), BUCKET, f"hm/{name}")
        request = Request("kaggle-hm", f"s3://{BUCKET}/hm")

        assert prepare(request).transactions == 28
        assert capsys.readouterr().out.count("Downloading") == 3
        assert prepare(request).transactions == 28
        assert capsys.readouterr().out.count("Downloading") == 0

        write_raw_files(own_files, days=30)
        s3.upload_file(str(own_files / "transactions_train.csv"), BUCKET, "hm/transactions_train.csv")
        assert prepare(request).transactions == 30
        assert capsys.readouterr().out.count("Downloading") == 1


def test_online_retail_comes_from_the_file_named_and_is_made_once(tmp_path, raw_root):
    source = write_daily_lines(tmp_path / "lines.csv")

    assert prepare(Request("online-retail", str(source))).transactions == 40
    made = time_made(raw_root / "online-retail")
    assert prepare(Request("online-retail")).transactions == 40
    assert prepare(Request("online-retail", str(source))).transactions == 40
    assert time_made(raw_root / "online-retail") == made

    write_daily_lines(source, days=45)
    assert prepare(Request("online-retail", str(source))).transactions == 45


def write_daily_lines(path: Path, days: int = 40) -> Path:
    """One line a day of one customer and article, under UCI's column names."""
    first_day = date(2011, 9, 1).toordinal()
    lines = [f"{n},20725,BAG,1,{date.fromordinal(first_day + n)} 09:00:00,1.65,13085,EIRE" for n in range(days)]
    path.write_text("\n".join([",".join(tiny_online_retail.HEADER), *lines]) + "\n")
    return path


def test_online_retail_without_file_or_network_names_the_way_out(monkeypatch):
    monkeypatch.setattr(prepare_module, "UCI_URL", "http://127.0.0.1:9/uci.zip")

    with pytest.raises(RawSourceError, match="cannot be downloaded .* ONLINE_RETAIL_FILE="):
        prepare(Request("online-retail"))


def test_command_prints_the_summary(own_files, capsys):
    assert main(["--dataset", "kaggle-hm", "--raw-dir", str(own_files)]) == 0

    assert "  transactions            28" in capsys.readouterr().out


@pytest.mark.parametrize("address", ["https://user:s3cr3t@shop/raw", "gs://bucket/raw"])
def test_an_address_of_another_kind_is_refused_and_not_repeated(address, capsys):
    assert main(["--dataset", "kaggle-hm", "--raw-dir", address]) == 2

    assert capsys.readouterr().err == (
        "error: RAW_DIR is an address, but not of S3; name a folder or s3://bucket/prefix.\n"
    )


def test_a_pipe_is_no_file_to_wait_for(own_files, capsys):
    (own_files / "articles.csv").unlink()
    os.mkfifo(own_files / "articles.csv")
    assert main(["--dataset", "kaggle-hm", "--raw-dir", str(own_files)]) == 2
    assert "is no regular file" in capsys.readouterr().err


def test_command_writes_for_nobody_else_on_the_machine(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("RECOMMENDER_DATA_DIR", str(tmp_path))
    old = os.umask(0o022)
    try:
        assert main(["--dataset", "demo", "--customers", "300", "--articles", "100", "--days", "60"]) == 0
    finally:
        os.umask(old)
    written = list((tmp_path / "raw" / "demo").rglob("*"))
    assert len(written) > 3
    assert [path for path in written if path.stat().st_mode & 0o077] == []


def test_command_reads_raw_dir_from_the_environment(own_files, monkeypatch):
    monkeypatch.setenv("RAW_DIR", str(own_files))

    assert main(["--dataset", "kaggle-hm"]) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--dataset", "kaggle-hm"], "RAW_DIR is not set; Kaggle offers"),
        (["--customers", "3"], "customers 3 is too few"),
    ],
)
def test_command_ends_with_code_2_and_one_line_on_stderr(arguments, message, capsys):
    assert main(arguments) == 2

    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {message}")


def test_command_runs_as_a_module_without_a_traceback(tmp_path):
    command = [sys.executable, "-m", "data.prepare", "--dataset", "kaggle-hm", "--raw-dir", str(tmp_path / "nowhere")]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)

    assert finished.returncode == 2
    (line,) = finished.stderr.splitlines()
    assert line.startswith("error: RAW_DIR=")
