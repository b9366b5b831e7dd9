"""An environment of Comet's own, for tests that let it write archives."""

import os

import pytest


@pytest.fixture(scope="module")
def no_comet_settings():
    """Neither a key nor another setting of the developer's shell, nor one of a module's tests left to others."""
    with pytest.MonkeyPatch.context() as patch:
        settings = {name: value for name, value in os.environ.items() if not name.startswith("COMET_")}
        patch.setattr(os, "environ", settings)
        yield


@pytest.fixture
def comet_dir(no_comet_settings, tmp_path, monkeypatch):
    """An empty folder of archives; it is made when the first one is."""
    monkeypatch.setenv("RECOMMENDER_DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "data" / "comet"
