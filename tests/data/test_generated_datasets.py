"""Each generated dataset has its own scale and folder, is made once, used again, and refused where it has no room."""

import subprocess
import sys

import pytest

from data.generated_datasets import GENERATED, bytes_needed
from data.prepare import Request, main, prepare
from data.raw_errors import RawSourceError
from data.raw_folder import ORIGIN_FILE
from data.synthetic_hm import Scale

TINY = "--customers 200 --articles 100 --days 35".split()


@pytest.fixture(autouse=True)
def raw_root(tmp_path, monkeypatch):
    monkeypatch.setenv("RECOMMENDER_DATA_DIR", str(tmp_path))
    return tmp_path / "raw"


def test_the_largest_is_as_large_as_hm_and_the_medium_one_a_tenth():
    full, medium = GENERATED["demo-full"], GENERATED["demo-medium"]
    assert (full.customers, full.articles, full.days) == (1_371_980, 105_542, 734)
    assert (medium.customers, medium.articles, medium.days) == (137_000, 10_500, 734)


@pytest.mark.parametrize("dataset", GENERATED)
def test_it_is_made_once_and_used_again(dataset, raw_root, capsys):
    assert main(["--dataset", dataset, *TINY]) == 0
    assert f"Generating 200 customers, 100 articles, 35 days: {dataset} takes about" in capsys.readouterr().out
    made = (raw_root / dataset / ORIGIN_FILE).stat().st_mtime_ns

    assert main(["--dataset", dataset]) == 0
    assert main(["--dataset", dataset, *TINY]) == 0

    printed = capsys.readouterr().out
    assert "Generating" not in printed
    assert printed.count(f"Raw data in {raw_root / dataset}\n  articles               100") == 2
    assert (raw_root / dataset / ORIGIN_FILE).stat().st_mtime_ns == made
    assert [path.name for path in raw_root.iterdir() if path.is_dir()] == [dataset]


def test_what_is_not_asked_for_is_as_the_dataset_has_it(capsys):
    assert main(["--dataset", "demo-medium", "--customers", "200", "--days", "28"]) == 0
    assert "Generating 200 customers, 10,500 articles, 28 days" in capsys.readouterr().out


def test_what_has_no_room_is_refused_before_anything_is_made(raw_root):
    scale = Scale(customers=10**12, articles=100, days=28)
    with pytest.raises(
        RawSourceError, match=r"^demo-full takes about 2\d\d,\d{3}\.\d GB, [\d,.]+ GB are free in .*/raw; make"
    ):
        prepare(Request("demo-full", scale=scale))
    assert [path.name for path in raw_root.iterdir()] == [".demo-full.lock"]


@pytest.mark.parametrize("scale", [Scale(2_000, 300, 734), Scale(1_000, 10_500, 365)])
def test_the_files_fit_into_the_room_that_is_reckoned(scale, raw_root):
    prepare(Request("demo", scale=scale))
    made = sum(path.stat().st_size for path in (raw_root / "demo").iterdir())
    assert made <= bytes_needed(scale) <= 2 * made


def test_what_a_killed_generation_left_is_removed_by_the_next(raw_root):
    command = [sys.executable, "-m", "data.prepare", "--dataset", "demo-medium", "--customers", "20000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        while not process.stdout.readline().startswith("week   1 of 105"):
            assert process.poll() is None
        process.kill()
    assert len(list(raw_root.rglob("transactions_train.csv"))) == 1

    assert main(["--dataset", "demo-medium", *TINY]) == 0
    assert sorted(path.name for path in raw_root.iterdir()) == [".demo-medium.lock", "demo-medium"]
