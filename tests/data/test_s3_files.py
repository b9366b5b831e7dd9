"""Files come from a real S3 protocol server; a file that did not change is not fetched again."""

import pytest
from s3_server import BUCKET, running_s3

from data.fetching.s3_files import KeptFiles, fetch
from data.raw_errors import RawSourceError

NAMES = ["articles.csv", "customers.csv"]


@pytest.fixture
def s3(monkeypatch):
    with running_s3(monkeypatch) as client:
        yield client


@pytest.fixture
def folders(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    return first, second


def put(s3, **texts):
    for name, text in texts.items():
        s3.put_object(Bucket=BUCKET, Key=f"raw/hm/{name}.csv", Body=text.encode())


@pytest.mark.parametrize("uri", [f"s3://{BUCKET}/raw/hm", f"s3://{BUCKET}/raw/hm/"])
def test_files_below_a_prefix_are_downloaded(s3, folders, uri):
    put(s3, articles="shirt", customers="ann", others="not asked for")
    folder, _ = folders

    versions = fetch(uri, NAMES, folder, KeptFiles(folder, {}))

    assert {path.name: path.read_text() for path in folder.iterdir()} == {
        "articles.csv": "shirt",
        "customers.csv": "ann",
    }
    assert versions["articles.csv"].size_bytes == len("shirt")


def test_files_of_a_whole_bucket_are_downloaded(s3, folders):
    s3.put_object(Bucket=BUCKET, Key="articles.csv", Body=b"shirt")
    folder, _ = folders

    fetch(f"s3://{BUCKET}", ["articles.csv"], folder, KeptFiles(folder, {}))

    assert (folder / "articles.csv").read_text() == "shirt"


def test_only_a_changed_file_is_downloaded_again(s3, folders, capsys):
    put(s3, articles="shirt", customers="ann")
    first, second = folders
    uri = f"s3://{BUCKET}/raw/hm"
    versions = fetch(uri, NAMES, first, KeptFiles(first, {}))
    put(s3, articles="jeans")  # of the same size: only the etag tells
    capsys.readouterr()

    fetch(uri, NAMES, second, KeptFiles(first, versions))

    assert capsys.readouterr().out.splitlines() == [f"Downloading {uri}/articles.csv, 5 bytes"]
    assert [(second / name).read_text() for name in NAMES] == ["jeans", "ann"]
    assert (second / "customers.csv").samefile(first / "customers.csv")


def test_missing_objects_are_named(s3, folders):
    put(s3, articles="shirt")
    folder, _ = folders

    with pytest.raises(RawSourceError, match="s3://shop/raw/hm has no customers.csv; it needs articles.csv, customers"):
        fetch(f"s3://{BUCKET}/raw/hm", NAMES, folder, KeptFiles(folder, {}))

    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("uri", ["s3://", "s3:///raw", "https://shop/raw"])
def test_address_of_another_form_is_refused(s3, folders, uri):
    folder, _ = folders

    with pytest.raises(RawSourceError, match="is not an S3 folder; write s3://bucket/prefix"):
        fetch(uri, NAMES, folder, KeptFiles(folder, {}))


def test_unreachable_store_is_named_with_the_settings_to_check(s3, folders, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    folder, _ = folders

    with pytest.raises(RawSourceError, match="cannot be reached .* check the AWS credentials"):
        fetch(f"s3://{BUCKET}/raw/hm", NAMES, folder, KeptFiles(folder, {}))


def test_a_password_in_the_address_of_the_store_is_not_repeated(s3, folders, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://user:s3cr3t@127.0.0.1:9")
    folder, _ = folders

    with pytest.raises(RawSourceError, match="cannot be reached") as caught:
        fetch(f"s3://{BUCKET}/raw/hm", NAMES, folder, KeptFiles(folder, {}))
    assert "s3cr3t" not in str(caught.value)


def test_missing_credentials_are_named_as_such(s3, folders, monkeypatch, tmp_path):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("HOME", str(tmp_path))
    folder, _ = folders

    with pytest.raises(RawSourceError, match="Unable to locate credentials.*check the AWS credentials"):
        fetch(f"s3://{BUCKET}/raw/hm", NAMES, folder, KeptFiles(folder, {}))
