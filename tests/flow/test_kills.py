"""SIGKILL once in every step: nothing is published by halves, and once resumed the lists are those of one in peace."""

import ast
import shutil
import subprocess

import pytest
from flow_runs import FLOW_FILE, Workplace, make_workplace
from kills import KILLED, RESUME, kill_in

pytestmark = [pytest.mark.long, pytest.mark.flow]

SECONDS = 1_200
SHARE = 0.4  # of what a step takes in peace


def steps() -> list[str]:
    """The steps of the flow, in their order."""
    (flow,) = (
        each for each in ast.parse(FLOW_FILE.read_text()).body if getattr(each, "name", "") == "RecommendationFlow"
    )
    functions = [each for each in flow.body if isinstance(each, ast.FunctionDef)]
    return [each.name for each in functions if any(ast.unparse(one) == "step" for one in each.decorator_list)]


@pytest.fixture(params=steps())
def killed(request, published_run, workplace, tmp_path):
    """A workplace whose run was killed in a step, and the step."""
    step, made = request.param, make_workplace(tmp_path / "killed")
    shutil.copytree(workplace.data_dir / "raw", made.data_dir / "raw")
    taken = [cost["seconds"] for name, cost in workplace.report["steps"].items() if name.split()[0] == step]
    try:
        code = kill_in(made, made.command("--max-workers", "2"), step, SHARE * min(taken, default=0))
        assert code == KILLED, f"{step} was over before it was killed"
        yield made, step
    finally:
        made.redis_server.stop()


def resume(workplace: Workplace) -> subprocess.CompletedProcess:
    return subprocess.run(
        RESUME,
        cwd=workplace.root / "elsewhere",
        env=workplace.environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )


def test_a_run_that_was_killed_publishes_the_same_lists_once_resumed(killed, workplace):
    made, step = killed
    (in_peace,) = workplace.published()
    assert len(made.published()) == (step == "end")
    resumed = resume(made)
    assert resumed.returncode == 0, resumed.stdout[-3000:] + resumed.stderr[-1000:]
    assert [each.manifest.checksum for each in made.published()] == [in_peace.manifest.checksum]
    assert len(made.decisions) == 1
    assert made.report["published"]["version"] == made.decisions[0].version == made.published()[0].version
