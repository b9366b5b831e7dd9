"""Old runs go, new ones stay."""

import os

import pytest

from recommender.release.run_folders import MARTS, WEEKLY_MODELS, remove_older_runs, remove_weekly_models


@pytest.fixture
def runs(tmp_path):
    """Four runs, each a second younger than the one before."""
    folders = [tmp_path / name for name in ("run-1", "run-2", "run-3", "run-4")]
    for age, folder in enumerate(folders):
        (folder / MARTS).mkdir(parents=True)
        (folder / "weights.pt").write_bytes(b"0")
        os.utime(folder, (1_000 + age, 1_000 + age))
    return folders


def test_the_newest_runs_stay(runs, tmp_path):
    assert remove_older_runs(tmp_path, current=runs[3], kept=2) == runs[:2]
    assert sorted(tmp_path.iterdir()) == runs[2:]


def test_the_current_run_stays_even_when_it_is_the_oldest(runs, tmp_path):
    remove_older_runs(tmp_path, current=runs[0], kept=2)
    assert sorted(tmp_path.iterdir()) == [runs[0], runs[3]]


def test_fewer_runs_than_are_kept_all_stay(runs, tmp_path):
    assert remove_older_runs(tmp_path, current=runs[3], kept=9) == []


def test_a_folder_that_is_no_run_is_not_ours_to_remove(runs, tmp_path):
    (tmp_path / "mine").mkdir()
    os.utime(tmp_path / "mine", (1, 1))
    remove_older_runs(tmp_path, current=runs[3], kept=1)
    assert sorted(tmp_path.iterdir()) == [tmp_path / "mine", runs[3]]


def test_the_current_run_cannot_be_removed(runs, tmp_path):
    with pytest.raises(ValueError, match="kept_runs is 0"):
        remove_older_runs(tmp_path, current=runs[3], kept=0)


def test_weekly_models_go_and_what_was_published_stays(tmp_path):
    for name in (WEEKLY_MODELS, "published", "marts"):
        (tmp_path / name / "2020-09-16").mkdir(parents=True)
    for _ in range(2):
        remove_weekly_models(tmp_path)
        assert sorted(folder.name for folder in tmp_path.iterdir()) == ["marts", "published"]
