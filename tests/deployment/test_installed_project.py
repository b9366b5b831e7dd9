"""A task on a cluster has Metaflow's code package, the flow's folder, and beside it the project as installed."""

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from recommender.config import DEFAULT_FILE
from recommender.project_paths import PROJECT_ROOT

FIND = """
import importlib, json, pathlib, sys
names = sys.argv[1].split(",")
found = {name: importlib.import_module(name).__file__ for name in names}
from recommender.features.warehouse import DBT_PROJECT_DIR
files = [path for kind in ("*.sql", "*.yml") for path in DBT_PROJECT_DIR.rglob(kind)]
dbt = sorted(str(path.relative_to(DBT_PROJECT_DIR)) for path in files)
print(json.dumps([found, str(DBT_PROJECT_DIR), dbt]))
"""


@pytest.fixture(scope="module")
def sources(tmp_path_factory) -> Path:
    """The files of the project that git knows or would add, apart, so that nothing is built in the project's folder."""
    folder = tmp_path_factory.mktemp("sources")
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=PROJECT_ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    for name in (each for each in names if (PROJECT_ROOT / each).is_file() and not each.startswith("tests/")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes((PROJECT_ROOT / name).read_bytes())
    return folder


@pytest.fixture(scope="module")
def installed(sources, tmp_path_factory) -> Path:
    """A folder with nothing but the project, installed from its wheel."""
    folder = tmp_path_factory.mktemp("installed")
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "--quiet"]
    subprocess.run([*build, "--wheel-dir", str(folder / "wheels"), str(sources)], check=True, capture_output=True)
    (wheel,) = (folder / "wheels").glob("*.whl")
    install = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--quiet", "--target"]
    subprocess.run([*install, str(folder / "packages"), str(wheel)], check=True, capture_output=True)
    return folder / "packages"


@pytest.fixture(scope="module")
def task(installed, tmp_path_factory) -> tuple[Path, dict[str, str]]:
    """The folder of a task with the code package unpacked in it, and the task's environment."""
    folder = tmp_path_factory.mktemp("task")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("METAFLOW", "RECOMMENDER"))}
    own = {"HOME": str(folder / "home"), "RECOMMENDER_DATA_DIR": str(folder / "data"), "PYTHONPATH": str(installed)}
    save = [sys.executable, str(DEFAULT_FILE.with_name("recommendation_flow.py")), "--no-pylint", "package", "save"]
    subprocess.run([*save, str(folder / "job.tar")], env=kept | own, check=True, capture_output=True, cwd=folder)
    with tarfile.open(folder / "job.tar") as package:
        package.extractall(folder / "metaflow", filter="data")
    code = folder / "metaflow"
    return code, kept | own | {
        "PYTHONPATH": f"{code}/.mf_code:{code}:{installed}",
        "METAFLOW_EXTRACTED_ROOT": str(code),
    }


def modules(folder: Path, *rooms: str) -> list[str]:
    """The dotted names of all modules below rooms of a folder."""
    paths = (path.relative_to(folder) for room in rooms for path in (folder / room).rglob("*.py"))
    return sorted({".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in paths})


def test_every_module_of_a_task_is_that_of_its_package_or_of_the_installed_project(task, installed):
    code, environment = task
    shipped = next(path for path in (code, code / ".mf_code") if (path / "recommender").is_dir())
    names = modules(shipped, "recommender")
    beside = ["data.prepare", "data.synthetic_hm", "serving.cache.contract", "serving.connection.redis_connection"]
    run = subprocess.run(
        [sys.executable, "-c", FIND, ",".join([*names, *beside])],
        cwd=code.parent,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    found, dbt_project, dbt_files = json.loads(run.stdout.splitlines()[-1])
    assert [name for name in names if not Path(found[name]).is_relative_to(code)] == []
    assert [name for name in beside if not Path(found[name]).is_relative_to(installed)] == []
    assert dbt_project == str(installed / "dbt_project")
    of_git = ["git", "ls-files", "*.sql", "*.yml"]
    tracked = subprocess.run(of_git, cwd=PROJECT_ROOT / "dbt_project", capture_output=True, text=True).stdout.split()
    assert dbt_files == sorted(tracked)


@pytest.mark.parametrize("target", ["argo", "airflow"])
def test_a_task_finds_the_settings_in_its_package(task, target):
    code, environment = task
    variables = {"METAFLOW_FLOW_CONFIG_VALUE": '{"settings": "kv.settings"}', "RECOMMENDER_TARGET": target}
    variables |= {"METAFLOW_DEFAULT_DATASTORE": "s3", "METAFLOW_DATASTORE_SYSROOT_S3": "s3://nowhere/metaflow"}
    assert not (code / "recommendation_flow.toml").exists()  # only Python travels
    show = [sys.executable, "recommendation_flow.py", "--production", "--quiet", "--no-pylint", "show"]
    shown = subprocess.run(show, cwd=code, env=environment | variables, capture_output=True, text=True)
    assert shown.returncode == 0, shown.stderr[-2000:]
    assert "Step publish" in shown.stdout + shown.stderr


@pytest.mark.parametrize("path", ["data/hm_profile.json", "serving/page/templates", "dbt_project/dbt_project.yml"])
def test_what_is_no_python_is_installed_too(installed, path):
    assert (installed / path).exists()
