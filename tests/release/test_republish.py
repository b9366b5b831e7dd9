"""Lists kept on the disk: they come back as they were, and a run's are published again from them."""

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from test_publish import planted_lists

from recommender.project_paths import DATA_DIR_VARIABLE
from recommender.release.kept_lists import RUN_FILE, NotKept, keep_lists, kept_lists
from recommender.release.publish import PublishedRun, publish
from recommender.release.published_lists import PublishedLists
from recommender.release.published_versions import versions
from recommender.release.republish import kept_runs, lists_folder, main, republish
from serving.cache.article_facts import ArticleFacts

LAST_NIGHT = "2020-09-23T03:00:00+00:00"
RUN = PublishedRun("demo", "41", "wide-seed7", {"test": {"start": "2020-09-16", "end": "2020-09-22"}}, LAST_NIGHT)


@pytest.fixture(autouse=True)
def data_dir(tmp_path, monkeypatch):
    """A data folder of the test's own."""
    monkeypatch.setenv(DATA_DIR_VARIABLE, str(tmp_path))
    return tmp_path


def lists_of(version: int) -> PublishedLists:
    """Planted lists with articles and an odd customer id."""
    lists = planted_lists(version)
    ids = np.array(["", *lists.customer_ids[1:]], dtype=object)
    ids[0] = "Ünal\n/\x00?"
    return replace(
        lists, customer_ids=ids, articles={"0000000001": ArticleFacts("Sock", "0001", "Socks", colour="Red")}
    )


def is_same(one, other) -> bool:
    """Whether two parts of `PublishedLists` hold the same, in arrays of the same type."""
    if isinstance(one, np.ndarray) and one.dtype.kind not in "OU":
        return one.dtype == other.dtype and np.array_equal(one, other)
    if isinstance(one, tuple):
        return all(map(is_same, one, other))
    return list(one) == list(other) if isinstance(one, list) else np.array_equal(one, other)


def test_lists_come_back_as_they_were(tmp_path):
    lists = lists_of(1)
    keep_lists(lists, RUN, tmp_path / "lists")
    again, run = kept_lists(tmp_path / "lists")
    assert run == RUN
    for each in fields(PublishedLists):
        assert is_same(getattr(lists, each.name), getattr(again, each.name)), each.name


def test_lists_alone_come_back_alone(tmp_path):
    nothing_else = dict.fromkeys(("segments", "similar", "purchases", "shown"))
    keep_lists(replace(lists_of(1), articles={}, **nothing_else), RUN, tmp_path / "lists")
    again, _ = kept_lists(tmp_path / "lists")
    assert {name: getattr(again, name) for name in nothing_else} == nothing_else
    assert again.articles == {}


def test_lists_that_were_not_written_to_the_end_are_none(tmp_path, monkeypatch):
    def full_disk(*_, **__):
        raise OSError("No space left on device")

    monkeypatch.setattr(Path, "write_text", full_disk)
    with pytest.raises(OSError, match="No space"):
        keep_lists(lists_of(1), RUN, tmp_path / "lists")
    with pytest.raises(NotKept, match="has no published lists"):
        kept_lists(tmp_path / "lists")


def test_an_earlier_run_is_served_again_with_the_age_of_its_lists(client):
    keep_lists(lists_of(1), RUN, lists_folder("demo", "41"))
    for version in (1, 2, 3):
        publish(client, lists_of(version), replace(RUN, run_id=str(40 + version)), lambda *_: None)
    checksums = [each.manifest.checksum for each in versions(client, "demo")]
    republish(client, "demo", "41")
    served, before = versions(client, "demo")
    assert (served.manifest.run_id, served.manifest.created_at) == ("41", LAST_NIGHT)
    assert served.manifest.checksum not in checksums  # its version had been removed
    assert before.manifest.run_id == "43"


def test_the_command_publishes_and_names_what_there_is(client, capsys):
    for run_id in ("41", "42"):
        keep_lists(lists_of(1), replace(RUN, run_id=run_id), lists_folder("demo", run_id))
    assert main(["--run", " 41 "]) == 0  # pasted from a table
    assert "100 lists of run 41" in capsys.readouterr().out
    assert main([]) == 0
    assert capsys.readouterr().out.split() == ["42", "wide-seed7", "41", "wide-seed7"]
    assert main(["--run", "7"]) == 1
    assert "the runs that can: 42, 41." in capsys.readouterr().err


def test_a_run_whose_lists_were_never_kept_cannot_be_published(client):
    assert kept_runs("demo") == []
    with pytest.raises(NotKept, match="the runs that can: none"):
        republish(client, "demo", "../41")
    assert not (lists_folder("demo", "41").parent / RUN_FILE).exists()
