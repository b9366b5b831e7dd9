"""The demo with the shipped settings, every step on a machine of its own: the lists are those of one disk."""

import pytest
from flow_runs import make_workplace
from machines import SECONDS, Apart

from recommender.config import DEFAULT_FILE

pytestmark = [pytest.mark.long, pytest.mark.flow]

OPTIONS = ("--dataset", "demo", "--max-workers", "2")


@pytest.fixture(scope="module")
def checksum(tmp_path_factory):
    """The checksum of the lists that one disk publishes."""
    workplace = make_workplace(tmp_path_factory.mktemp("one") / "workplace")
    try:
        run = workplace.run(*OPTIONS, settings=DEFAULT_FILE.read_text(), timeout=SECONDS)
        assert run.returncode == 0, run.stdout[-3000:]
        yield workplace.published()[0].manifest.checksum
    finally:
        workplace.redis_server.stop()


def test_a_task_that_is_killed_is_tried_again_and_the_lists_are_the_same(checksum, tmp_path):
    (tmp_path / "steps").mkdir()
    with Apart.made(tmp_path / "launcher", tmp_path / "steps") as apart:
        run = apart.run("run", *OPTIONS, killed="fit_week", settings=DEFAULT_FILE.read_text())
        assert run.returncode == 0, run.stdout[-3000:]
        assert (tmp_path / "steps" / "killed").read_text() == "killed"
        assert [each.manifest.checksum for each in apart.workplace.published()] == [checksum]


def test_a_run_that_is_killed_publishes_nothing_and_once_resumed_the_same_lists(checksum, tmp_path):
    (tmp_path / "steps").mkdir()
    with Apart.made(tmp_path / "launcher", tmp_path / "steps") as apart:
        run = apart.run("run", *OPTIONS, killed="publish", settings=DEFAULT_FILE.read_text())
        assert run.returncode != 0
        assert (tmp_path / "steps" / "killed").read_text() == "killed"
        assert apart.workplace.published() == []
        resumed = apart.run("resume")
        assert resumed.returncode == 0, resumed.stdout[-3000:]
        assert [each.manifest.checksum for each in apart.workplace.published()] == [checksum]
