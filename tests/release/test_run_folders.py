"""Old runs go, new ones stay, and so does the one whose lists shoppers see, however old it is."""

import os

import pytest
from test_publish import planted_lists

from recommender import project_paths
from recommender.release.kept_lists import keep_lists
from recommender.release.publish import PublishedRun, publish
from recommender.release.published_versions import rollback
from recommender.release.republish import kept_runs, lists_folder
from recommender.release.run_folders import (
    MARTS,
    WEEKLY_MODELS,
    make_room,
    remove_older_runs,
    remove_weekly_models,
    runs_in_use,
)


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


def test_a_run_that_broke_off_before_it_had_marts_goes_like_others(runs, tmp_path):
    broken = tmp_path / "1796129816423098"
    broken.mkdir()
    (broken / "arrivals.json").touch()
    os.utime(broken, (1, 1))
    assert remove_older_runs(tmp_path, current=runs[3], kept=4) == [broken]


def test_the_current_run_cannot_be_removed(runs, tmp_path):
    with pytest.raises(ValueError, match="kept_runs is 0"):
        remove_older_runs(tmp_path, current=runs[3], kept=0)


def test_weekly_models_go_and_what_was_published_stays(tmp_path):
    for name in (WEEKLY_MODELS, "published", "marts"):
        (tmp_path / name / "2020-09-16").mkdir(parents=True)
    for _ in range(2):
        remove_weekly_models(tmp_path)
        assert sorted(folder.name for folder in tmp_path.iterdir()) == ["marts", "published"]


def publish_run(client, run_id: str) -> None:
    run = PublishedRun("demo", run_id, "model", {})
    keep_lists(planted_lists(1), run, lists_folder("demo", run_id))
    publish(client, planted_lists(1), run, lambda *_: None)


def refuse_run(run_id: str) -> None:
    (project_paths.run_dir("demo", run_id) / MARTS).mkdir(parents=True)


def test_one_published_night_and_five_refused_ones_leave_what_is_served(client):
    publish_run(client, "1")
    refuse_run("1")  # its marts
    for run_id in "23456":
        refuse_run(run_id)
        folder = project_paths.run_dir("demo", run_id)
        remove_older_runs(folder.parent, folder, kept=1, in_use=runs_in_use("demo", pytest.fail))
    assert sorted(each.name for each in folder.parent.iterdir()) == ["1", "6"]


def test_of_runs_that_broke_off_the_newest_alone_keeps_its_weekly_models(client):
    for run_id in "1234":
        refuse_run(run_id)
        (project_paths.run_dir("demo", run_id) / WEEKLY_MODELS).mkdir()
    make_room(project_paths.run_dir("demo", "4"), kept=3)
    kept = {each.parent.name for each in project_paths.run_dir("demo", "4").parent.glob(f"*/{WEEKLY_MODELS}")}
    assert kept == {"3", "4"}
    assert sorted(each.name for each in project_paths.run_dir("demo", "4").parent.iterdir()) == ["2", "3", "4"]


def test_after_ninety_nights_that_published_nothing_the_disk_is_flat(client):
    publish_run(client, "1")
    refuse_run("1")  # its marts
    for night in range(2, 92):
        refuse_run(f"{night}")
        folder = project_paths.run_dir("demo", f"{night}")
        (folder / WEEKLY_MODELS).mkdir()
        make_room(folder, kept=5)
        if night == 10:
            settled = len(list(folder.parent.rglob("*")))
    assert len(list(folder.parent.rglob("*"))) == settled
    assert kept_runs("demo") == ["1"]


def test_runs_that_a_rollback_reaches_or_left_are_in_use(client):
    for run_id in "123":
        publish_run(client, run_id)
    assert runs_in_use("demo", pytest.fail) == {"2", "3"}
    rollback(client, "demo")
    assert runs_in_use("demo", pytest.fail) == {"2", "3"}


def test_after_redis_lost_everything_the_newest_that_published_is_in_use(client):
    for run_id in "123":
        publish_run(client, run_id)
    client.flushall()
    assert runs_in_use("demo", pytest.fail) == {"3"}


def test_where_redis_cannot_tell_every_run_that_published_is_in_use(client, monkeypatch):
    for run_id in "123":
        publish_run(client, run_id)
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    told = []
    assert runs_in_use("demo", told.append) == {"1", "2", "3"}
    assert told[0].startswith("no run that published is removed, because Redis cannot be asked which it serves (")
