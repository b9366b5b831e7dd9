"""The user's own H&M files are linked where they lie; what is missing is named with the place to get it."""

import pytest
from tiny_raw_files import write_raw_files

from data.fetching.kaggle_client import KAGGLE_URL
from data.kaggle_hm import bring_files
from data.raw_errors import RawSourceError
from data.raw_layout import RAW_COLUMNS


@pytest.fixture
def linked_folder(tmp_path):
    folder = tmp_path / "linked"
    folder.mkdir()
    return folder


def test_files_are_linked_not_copied(tmp_path, linked_folder):
    source = write_raw_files(tmp_path / "mine")

    bring_files(source, linked_folder, tmp_path)

    assert {path.name: path.readlink() for path in linked_folder.iterdir()} == {
        name: source / name for name in RAW_COLUMNS
    }


def test_links_of_a_relative_folder_hold_from_anywhere(tmp_path, linked_folder, monkeypatch):
    source = write_raw_files(tmp_path / "mine")
    monkeypatch.chdir(tmp_path)
    bring_files(source.relative_to(tmp_path), linked_folder, tmp_path)
    monkeypatch.chdir("/")

    assert (linked_folder / "customers.csv").read_text() == (source / "customers.csv").read_text()


def test_missing_files_are_named_with_where_kaggle_offers_them(tmp_path, linked_folder):
    source = write_raw_files(tmp_path / "mine")
    (source / "customers.csv").unlink()
    (source / "transactions_train.csv").unlink()

    with pytest.raises(RawSourceError) as raised:
        bring_files(source, linked_folder, tmp_path)

    assert f"RAW_DIR={source} has no customers.csv, transactions_train.csv; Kaggle offers" in str(raised.value)
    assert KAGGLE_URL in str(raised.value)
    assert list(linked_folder.iterdir()) == []


def test_packed_file_beside_the_one_that_is_read_is_said(tmp_path, linked_folder):
    source = write_raw_files(tmp_path / "mine")
    for beside in ("transactions_train.csv.gz", ".transactions_train.csv.gz", "transactions_train_2.csv"):
        (source / beside).write_bytes(b"whatever")

    summary = bring_files(source, linked_folder, tmp_path)

    assert summary.notes == ("transactions_train.csv: transactions_train.csv.gz, which lies beside it, is not read",)


def test_two_files_neither_of_which_has_the_very_name_are_refused(tmp_path, linked_folder):
    source = write_raw_files(tmp_path / "mine")
    (source / "articles.csv").rename(source / "Articles.csv")
    (source / "articles.parquet").write_bytes(b"whatever")

    with pytest.raises(RawSourceError, match="has Articles.csv, articles.parquet for articles.csv; keep one of them"):
        bring_files(source, linked_folder, tmp_path)


def test_missing_folder_is_named(tmp_path, linked_folder):
    with pytest.raises(RawSourceError, match="RAW_DIR=.*nowhere is not a folder; Kaggle offers"):
        bring_files(tmp_path / "nowhere", linked_folder, tmp_path)
