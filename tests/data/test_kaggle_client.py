"""Where the user has Kaggle's client and a token, it brings the three files; each of its failures is one clear line.

The service cannot be reached from here. A small program takes the place of its client: it wants the client's arguments,
leaves a file as the client does, zipped where Kaggle zips it, and fails in the client's own words.
"""

import stat
import sys
import zipfile

import pytest
from tiny_raw_files import write_raw_files

from data.fetching.kaggle_client import COMPETITION
from data.prepare import Request, main, prepare
from data.raw_layout import RAW_COLUMNS

CLIENT = """#!{python}
import argparse, os, pathlib, shutil, sys

parser = argparse.ArgumentParser()
parser.add_argument("-c", required=True)
parser.add_argument("-f", required=True)
parser.add_argument("-p", type=pathlib.Path, required=True)
parser.add_argument("-q", action="store_true")
assert sys.argv[1:3] == ["competitions", "download"]
options = parser.parse_args(sys.argv[3:])
assert options.c == {competition!r}
with open({log!r}, "a") as log:
    print(options.f, file=log)
failure = pathlib.Path({shop!r}, "failure")
if failure.exists():
    sys.stderr.write(failure.read_text())
    sys.exit(1)
for arrives in pathlib.Path({shop!r}).glob(options.f + "*"):
    shutil.copy(arrives, options.p)
"""


@pytest.fixture
def kaggle(tmp_path):
    """Kaggle's side: files that it gives out, the large ones zipped, in a folder."""
    files = write_raw_files(tmp_path / "kaggle")
    for name in ("customers.csv", "transactions_train.csv"):
        with zipfile.ZipFile(files / f"{name}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(files / name, name)
        (files / name).unlink()
    return files


@pytest.fixture(autouse=True)
def raw_root(tmp_path, monkeypatch):
    monkeypatch.setenv("RECOMMENDER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("RAW_DIR", "KAGGLE_USERNAME", "KAGGLE_KEY", "KAGGLE_API_TOKEN", "KAGGLE_CONFIG_DIR"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "data/raw"


@pytest.fixture
def client(tmp_path, kaggle, monkeypatch):
    """A command `kaggle` on the PATH; returns the file in which it notes what it was asked for."""
    log = tmp_path / "asked_for"
    command = tmp_path / "bin" / "kaggle"
    command.parent.mkdir()
    command.write_text(CLIENT.format(python=sys.executable, competition=COMPETITION, log=str(log), shop=str(kaggle)))
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(command.parent))
    return log


@pytest.fixture
def token(monkeypatch):
    monkeypatch.setenv("KAGGLE_USERNAME", "ann")
    monkeypatch.setenv("KAGGLE_KEY", "0a1b2c")


def test_three_files_are_downloaded_unpacked_and_checked(client, token, raw_root):
    assert prepare(Request("kaggle-hm")).transactions == 28

    assert client.read_text().split() == list(RAW_COLUMNS)
    downloads = raw_root / "downloads/kaggle-hm"
    assert sorted(path.name for path in downloads.iterdir()) == sorted(RAW_COLUMNS)
    assert all((raw_root / "kaggle-hm" / name).samefile(downloads / name) for name in RAW_COLUMNS)
    assert [path.name for path in downloads.parent.iterdir()] == ["kaggle-hm"]


def test_what_was_downloaded_is_not_downloaded_again(client, token):
    prepare(Request("kaggle-hm"))
    client.write_text("")

    assert prepare(Request("kaggle-hm")).transactions == 28
    assert client.read_text() == ""


def test_a_download_goes_on_with_the_file_that_broke_off(client, token, kaggle, raw_root, capsys):
    last = kaggle / "transactions_train.csv.zip"
    whole = last.read_bytes()
    last.write_bytes(whole[:-100])
    assert main(["--dataset", "kaggle-hm"]) == 2
    assert "transactions_train.csv.zip cannot be read" in capsys.readouterr().err
    assert not (raw_root / "kaggle-hm").exists()
    client.write_text("")

    last.write_bytes(whole)
    assert main(["--dataset", "kaggle-hm"]) == 0
    assert client.read_text().split() == ["transactions_train.csv"]


def test_files_of_the_user_go_before_a_download(client, token, raw_root, tmp_path):
    assert prepare(Request("kaggle-hm", str(write_raw_files(tmp_path / "mine", days=30)))).transactions == 30
    assert prepare(Request("kaggle-hm")).transactions == 30
    assert not client.exists()


@pytest.mark.parametrize(
    ("variable", "place"),
    [
        (None, "home/.kaggle/kaggle.json"),
        (None, "home/.config/kaggle/kaggle.json"),
        (None, "home/.kaggle/access_token"),
        ("KAGGLE_CONFIG_DIR", "elsewhere/kaggle.json"),
    ],
)
def test_a_token_is_found_where_the_client_looks_for_it(variable, place, client, tmp_path, monkeypatch):
    file = tmp_path / place
    file.parent.mkdir(parents=True)
    file.write_text("{}")
    if variable:
        monkeypatch.setenv(variable, str(file.parent))

    assert prepare(Request("kaggle-hm")).transactions == 28


def test_without_a_token_the_client_is_not_asked(client, capsys):
    assert main(["--dataset", "kaggle-hm"]) == 2

    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(
        "error: RAW_DIR is not set; Kaggle offers articles.csv, customers.csv, transactions_train.csv at"
    )
    assert line.endswith("as ~/.kaggle/kaggle.json; now there is no token.")
    assert not client.exists()


def test_without_the_client_both_ways_are_named(token, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["--dataset", "kaggle-hm"]) == 2

    (line,) = capsys.readouterr().err.splitlines()
    assert (
        "set RAW_DIR to their folder. Or let Kaggle's client download them: install it (`pipx install kaggle`)" in line
    )
    assert line.endswith("now the command kaggle is not there.")


URL = f"https://www.kaggle.com/api/v1/competitions/data/download/{COMPETITION}/articles.csv"
RPC = "https://api.kaggle.com/v1/competitions.CompetitionApiService/DownloadDataFile"
TOKEN_REFUSED = "Kaggle does not accept the token (401); create a new one at https://www.kaggle.com/settings/api"
RULES_NOT_ACCEPTED = f"Kaggle refuses (403); join the competition and accept its rules at https://www.kaggle.com/competitions/{COMPETITION}/rules"
UNREACHABLE = (
    "Kaggle cannot be reached; check the network and the proxy, or download the files yourself and set RAW_DIR"
)


@pytest.mark.parametrize(
    ("printed", "line"),
    [
        ("401 - Unauthorized - Unauthenticated\n", TOKEN_REFUSED),
        (f"401 Client Error: Unauthorized for url: {URL}\n", TOKEN_REFUSED),
        ("Authentication required to call the Kaggle API.\n\nFirst, you will need a Kaggle account.\n", TOKEN_REFUSED),
        (
            "403 - Forbidden - You must accept this competition's rules before you'll be able to download files.\n",
            RULES_NOT_ACCEPTED,
        ),
        (f"403 Client Error: Forbidden for url: {RPC}\n", RULES_NOT_ACCEPTED),
        (
            "You must accept this competition's rules before you'll be able to download files.\n\n"
            "You don't have access to this resource.\nIf this is a competition, you may need to accept its rules first",
            RULES_NOT_ACCEPTED,
        ),
        (
            f"404 Client Error: Not Found for url: {URL}\n",
            "Kaggle has no such file (404); see https://www.kaggle.com/competitions/",
        ),
        (
            "429 Client Error: Too Many Requests for url: https://api.kaggle.com\n",
            "Kaggle limits how often you may ask (429); wait an hour",
        ),
        ("Not found\n\nThe resource was not found. Check the spelling.\n", "Kaggle has no such file (404); see"),
        (f"500 Server Error: Internal Server Error for url: {RPC}\n", "Kaggle has trouble of its own; run again later"),
        (
            "HTTPSConnectionPool(host='api.kaggle.com', port=443): Max retries exceeded with url: /v1/x (Caused by "
            "NameResolutionError('Failed to resolve api.kaggle.com (Temporary failure in name resolution)'))\n",
            UNREACHABLE,
        ),
        (
            "Traceback (most recent call last):\n  File \"cli.py\"\nKeyError: 'files at https://x.org/?signature=1'\n",
            "Kaggle's client says \"KeyError: 'files at ...\".",
        ),
        ("", "Kaggle's client says nothing."),
    ],
)
def test_a_failure_of_the_client_is_one_line_that_says_what_to_do(
    printed, line, client, token, kaggle, raw_root, capsys
):
    (kaggle / "failure").write_text(printed)

    assert main(["--dataset", "kaggle-hm"]) == 2

    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith(f"error: articles.csv was not downloaded: {line}")
    assert client.read_text().split() == ["articles.csv"]
    assert list((raw_root / "downloads/kaggle-hm").iterdir()) == []


def test_a_client_that_leaves_no_file_has_failed(client, token, kaggle, capsys):
    (kaggle / "articles.csv").unlink()
    assert main(["--dataset", "kaggle-hm"]) == 2
    assert "articles.csv was not downloaded: Kaggle's client says nothing." in capsys.readouterr().err


def test_a_client_whose_python_is_gone_is_told_as_such(client, token, tmp_path, capsys):
    """As after an upgrade of the Python that pipx made its environment with."""
    (tmp_path / "bin" / "kaggle").write_text("#!/nowhere/python\n")
    assert main(["--dataset", "kaggle-hm"]) == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith("error: ")
    assert "bin/kaggle does not start (No such file or directory); install it anew, or download the files" in said
