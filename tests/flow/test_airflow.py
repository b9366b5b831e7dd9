"""Airflow 2.11 itself reads the file that `make deploy TARGET=airflow` writes.

It cannot live beside the project's packages, so it is installed into an environment of its own, in a minute. Metaflow's
file imports `airflow.kubernetes.secret`, which Airflow 3 no longer has, and asks Airflow's Kubernetes provider for its
version, which newer releases than 10.1 do not tell.
"""

import json
import subprocess
import sys

import pytest
from deployments import Deployments, running_account

from recommender.settings.cluster import STEP_NAMES

AIRFLOW = ["apache-airflow==2.11.*", "apache-airflow-providers-cncf-kubernetes==10.1.0"]
READ = """
import json, sys
from airflow.models import DagBag
bag = DagBag(sys.argv[1], include_examples=False)
tasks = {
    name: {
        task.task_id: {
            "mapped": type(task).__name__ == "MappedOperator",
            "retries": task.retries,
            "seconds": task.execution_timeout.total_seconds(),
        }
        for task in dag.tasks
    }
    for name, dag in bag.dags.items()
}
schedules = {name: dag.timetable.summary for name, dag in bag.dags.items()}
print("READ" + json.dumps([bag.import_errors, schedules, tasks]))
"""

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def airflow(tmp_path_factory):
    """Airflow's Python, in an environment of its own."""
    folder = tmp_path_factory.mktemp("airflow")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = str(folder / "bin/python")
    done = subprocess.run([python, "-m", "pip", "install", "--quiet", *AIRFLOW], capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"Airflow cannot be installed here: {done.stderr.strip()[-200:]}")
    return python


def test_airflow_reads_the_dag_and_every_step_is_a_task(airflow, tmp_path):
    with pytest.MonkeyPatch.context() as monkeypatch, running_account(monkeypatch) as (account, endpoint):
        (dag,) = Deployments(tmp_path, account, endpoint).written("--target", "airflow")
    environment = {
        "AIRFLOW_HOME": str(tmp_path / "home"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "PATH": "/usr/bin:/bin",
    }
    read = subprocess.run(
        [airflow, "-c", READ, str(dag)], env=environment, capture_output=True, text=True, cwd=tmp_path, check=True
    )
    errors, schedules, tasks = json.loads(read.stdout.rpartition("READ")[2])
    assert errors == {}
    assert schedules == {"recommendations.prod.RecommendationFlow": "0 2 * * *"}
    (found,) = tasks.values()
    assert set(found) == set(STEP_NAMES)
    assert {name for name, task in found.items() if task["mapped"]} == {"train", "fit_week"}
    assert {name for name, task in found.items() if task["retries"] != 1} == {"publish"}
    assert found["train"]["seconds"] == 43_200
    assert found["rank"]["seconds"] == 14_400
