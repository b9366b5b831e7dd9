"""A new run clears up before it begins, one that is resumed does not."""

import pytest

from recommender.config import DEFAULT_FILE, read_toml
from recommender.nights import clearing
from recommender.nights.clearing import cleared
from recommender.project_paths import comet_dir

KEPT = read_toml(DEFAULT_FILE.read_text())["runs"]


@pytest.fixture(autouse=True)
def recorded(monkeypatch, tmp_path):
    """More runs and archives than stay."""
    monkeypatch.setenv("RECOMMENDER_DATA_DIR", str(tmp_path))
    monkeypatch.setenv(clearing.METAFLOW_ROOT, str(tmp_path / "metaflow"))
    records = tmp_path / "metaflow" / ".metaflow" / "Flow"
    for run in range(KEPT["records"] + 3):
        (records / f"{run}").mkdir(parents=True)
    comet_dir().mkdir()
    for archive in range(KEPT["archives"] + 3):
        (comet_dir() / f"{archive}.zip").touch()
    return lambda: (
        len(list((tmp_path / "metaflow" / ".metaflow" / "Flow").iterdir())),
        len(list(comet_dir().iterdir())),
    )


def test_a_new_run_leaves_as_many_as_the_settings_say_itself_included(recorded):
    with cleared("Flow", is_new=True):
        assert recorded() == (KEPT["records"] - 1, KEPT["archives"])


def test_a_run_that_is_resumed_clears_nothing_up(recorded):
    before = recorded()
    with cleared("Flow", is_new=False):
        assert recorded() == before


def test_while_another_run_is_at_work_nothing_goes(recorded):
    before = recorded()
    with cleared("Flow", is_new=False), cleared("Flow", is_new=True):
        assert recorded() == before
