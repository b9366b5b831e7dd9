"""The champion is the run whose lists are served: after a rollback or a republication an earlier one."""

from datetime import date, timedelta

import pytest
from test_publish import planted_lists
from test_registry import decision

from recommender import project_paths
from recommender.release.champion import OlderThanServed, ServedByOthers, champion, check_not_older, check_own
from recommender.release.publish import PublishedRun, publish
from recommender.release.published_versions import rollback
from recommender.release.registry import append


def decide(run_id: str, version: str | None = None) -> None:
    append(decision(run_id, version), project_paths.registry_file("demo"))


def publish_run(client, run_id: str) -> None:
    published = publish(client, planted_lists(1), PublishedRun("demo", run_id, "model", {}), lambda *_: None)
    decide(run_id, published.version)


def test_before_the_first_published_run_there_is_none(client, capsys):
    assert champion("demo") is None
    decide("1")
    assert champion("demo") is None
    assert capsys.readouterr().out == ""


def test_the_run_that_is_served_is_the_champion_whoever_was_refused_since(client):
    for run_id in ("1", "2"):
        publish_run(client, run_id)
    decide("3")
    assert champion("demo", pytest.fail).run_id == "2"
    assert champion("demo", pytest.fail).configuration["best_epoch"] == 9
    assert champion("online-retail", pytest.fail) is None


def test_after_a_rollback_it_is_the_run_that_is_served_again(client):
    for run_id in ("1", "2"):
        publish_run(client, run_id)
    rollback(client, "demo")
    assert champion("demo", pytest.fail).run_id == "1"


def test_after_a_republication_it_is_that_run(client):
    for run_id in ("1", "2", "3"):
        publish_run(client, run_id)
    publish(client, planted_lists(1), PublishedRun("demo", "1", "model", {}), lambda *_: None)
    assert champion("demo", pytest.fail).run_id == "1"


def test_a_branch_publishes_over_its_own_lists_and_over_nobody_elses(client):
    check_own("demo")  # nothing is served
    publish_run(client, "1")
    check_own("demo")
    publish(client, planted_lists(1), PublishedRun("demo", "production", "model", {}), lambda *_: None)
    with pytest.raises(ServedByOthers, match="demo is served by run production, which this branch does not know"):
        check_own("demo")


def test_lists_of_an_unknown_run_leave_the_newest_that_published(client, capsys):
    publish_run(client, "1")
    publish(client, planted_lists(2), PublishedRun("demo", "elsewhere", "model", {}), lambda *_: None)
    assert champion("demo").run_id == "1"
    assert "no run elsewhere" in capsys.readouterr().out


def test_an_empty_redis_leaves_the_newest_that_published(client, capsys):
    publish_run(client, "1")
    client.flushall()
    assert champion("demo").run_id == "1"
    assert "serves no readable version" in capsys.readouterr().out


def test_without_redis_the_newest_that_published_is_taken(client, capsys, monkeypatch):
    publish_run(client, "1")
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    assert champion("demo").run_id == "1"
    assert "Redis cannot be asked" in capsys.readouterr().out


SERVED_CUTOFF = date(2020, 9, 23)  # the day after the planted runs' test week


@pytest.mark.parametrize("later_days", [0, 1, 365])
def test_lists_of_the_same_cutoff_or_a_later_one_may_take_its_place(later_days):
    check_not_older(SERVED_CUTOFF + timedelta(days=later_days), decision("17", "1"))


def test_lists_that_know_less_are_refused_in_one_line_that_names_both_days():
    with pytest.raises(OlderThanServed) as refused:
        check_not_older(SERVED_CUTOFF - timedelta(days=1), decision("17", "1"))
    assert str(refused.value) == (
        "cutoff 2020-09-22 is before 2020-09-23, that of run 17, which is served: bring the purchases since, or say "
        'why older lists are wanted: FORCE_REASON="..." to make, --force-reason to the flow'
    )


def test_older_lists_are_made_where_nothing_is_served_or_the_owner_says_why():
    check_not_older(date(2019, 1, 1), None)
    check_not_older(date(2019, 1, 1), decision("17", "1"), "the newer files were wrong")
