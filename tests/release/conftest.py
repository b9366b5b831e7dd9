"""A Redis and a data folder of the test's own."""

import pytest

from recommender import project_paths
from serving.connection.embedded_redis import EmbeddedRedis
from serving.connection.redis_connection import connect


@pytest.fixture
def client(tmp_path, monkeypatch):
    """An empty Redis that every command finds, in a data folder without anything else."""
    monkeypatch.setenv(project_paths.DATA_DIR_VARIABLE, str(tmp_path))
    for variable in ("REDIS_URL", "EMBEDDED_REDIS_DIR"):
        monkeypatch.delenv(variable, raising=False)
    with connect() as connected:
        yield connected
    EmbeddedRedis(tmp_path / "redis").stop()
