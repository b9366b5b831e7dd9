"""One published run that the tests of this folder look at."""

import pytest
from flow_runs import CUSTOMERS, make_workplace

from data.synthetic_hm import generate


@pytest.fixture(scope="session")
def workplace(tmp_path_factory):
    """A workplace with the small shop's raw files; its Redis is stopped at the end."""
    made = make_workplace(tmp_path_factory.mktemp("workplace"))
    generate(made.data_dir / "raw" / "demo", customers=CUSTOMERS, articles=400, days=300, seed=11)
    yield made
    made.redis_server.stop()


@pytest.fixture(scope="session")
def published_run(workplace):
    """The output of a run that was published, two candidates at a time."""
    finished = workplace.run("--max-workers", "2")
    assert finished.returncode == 0, finished.stdout[-6000:] + finished.stderr[-3000:]
    return finished.stdout
