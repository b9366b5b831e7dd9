"""The container files and compose.yaml: what they copy exists and suffices, and they start the API."""

import json
import os
import re
import shlex
import shutil
import socket
import statistics
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import httpx
import pytest
import yaml
from docker.utils.build import exclude_paths
from dockerfile_parse import DockerfileParser

from recommender.project_paths import PROJECT_ROOT

API, TRAINING = "serving/Containerfile", "Containerfile"
KEYS = {"API_KEYS": "shop:of-the-shop"}
MOST_BYTES = 150e6
MOST_SECONDS = 2.0


def instructions(name: str) -> list[tuple[str, str]]:
    """Name and arguments of each instruction of a container file."""
    with (PROJECT_ROOT / name).open("rb") as file:
        parsed = DockerfileParser(fileobj=file, env_replace=False).structure
    return [(each["instruction"], each["value"]) for each in parsed if each["instruction"] != "COMMENT"]


def arguments(name: str, instruction: str) -> list[str]:
    """The arguments of every instruction of one kind."""
    return [value for each, value in instructions(name) if each == instruction]


def exec_form(text: str) -> list[str]:
    """A command in exec form; another form is no JSON."""
    return json.loads(text[text.index("[") :])


def environment(name: str) -> dict[str, str]:
    """What the image's processes find in their environment."""
    pairs = " ".join(arguments(name, "ENV")).split()
    return dict(pair.split("=", 1) for pair in pairs)


def build_context(root: Path) -> set[str]:
    """What a build gets to see of a folder."""
    patterns = [line for line in (PROJECT_ROOT / ".dockerignore").read_text().splitlines() if line[:1] not in ("", "#")]
    return exclude_paths(str(root), patterns)


def copy_into(image: Path, name: str) -> None:
    """Do what the COPY instructions of a container file do."""
    for sources in (shlex.split(each) for each in arguments(name, "COPY")):
        *given, target = sources
        for source in given:
            files = [path for path in build_context(PROJECT_ROOT) if Path(path).is_relative_to(source.rstrip("/"))]
            assert files, f"{source} does not exist"
            for path in (path for path in files if (PROJECT_ROOT / path).is_file()):
                copied = image / target / Path(path).relative_to(source) if source.endswith("/") else image / path
                copied.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(PROJECT_ROOT / path, copied)


@pytest.mark.parametrize("name", [API, TRAINING])
def test_images_are_pinned_run_unprivileged_and_take_signals(name):
    (base,) = arguments(name, "FROM")
    assert re.fullmatch(r"python:3\.11-slim-[a-z]+(@sha256:[0-9a-f]{64})?", base)
    assert arguments(name, "USER")[-1] not in ("0", "root")
    commands = [value for kind in ("ENTRYPOINT", "CMD", "HEALTHCHECK") for value in arguments(name, kind)]
    assert all(exec_form(command) for command in commands)


@pytest.mark.parametrize(("name", "lock"), [(API, "serving/requirements.txt"), (TRAINING, "requirements.txt")])
def test_packages_are_installed_before_the_code_is_copied(name, lock):
    kinds = [(kind, value) for kind, value in instructions(name) if kind in ("COPY", "RUN")]
    copied_lock = next(place for place, (kind, value) in enumerate(kinds) if kind == "COPY" and lock in value)
    assert "install" in kinds[copied_lock + 1][1] or "make packages" in kinds[copied_lock + 1][1]
    assert kinds[copied_lock + 2][0] == "COPY"


def test_a_build_sees_sources_only(tmp_path):
    sources = {
        *("serving/app.py", "data/prepare.py", "data/fetching/s3_files.py", "data/reading/dates.py"),
        *("data/hm_profile.json", "flows/nightly.py", "Makefile"),
    }
    others = {
        *(".env", ".git/config", ".venv/bin/python", "data/raw/demo/articles.csv", "data/redis/appendonly.aof"),
        *("serving/__pycache__/app.pyc", "tests/conftest.py", "a.egg-info/PKG-INFO"),
    }
    for path in sources | others:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    assert {path for path in build_context(tmp_path) if (tmp_path / path).is_file()} == sources


def test_what_the_api_image_copies_is_enough_to_start_it(tmp_path):
    copy_into(tmp_path, API)
    assert {path.name for path in tmp_path.iterdir()} == {"serving"}
    shown = subprocess.run([sys.executable, "-m", "serving", "--help"], cwd=tmp_path, capture_output=True, text=True)
    assert (shown.returncode, shown.stderr) == (0, "")


def test_the_image_of_a_cluster_takes_commands_and_has_python_on_its_path():
    name = "deployment/Containerfile"
    assert exec_form(arguments(name, "ENTRYPOINT")[0]) == []  # AWS Batch replaces no other
    assert environment(name)["PATH"].startswith("/app/.venv/bin:")  # that of `make setup`
    assert arguments(TRAINING, "WORKDIR") == ["/app"]
    assert arguments(name, "WORKDIR") == [environment(TRAINING)["RECOMMENDER_DATA_DIR"]]  # which the user may write
    assert arguments(name, "USER") == []  # the training image's, which is unprivileged


def test_what_the_training_image_runs_is_there():
    needed = {"Makefile", "requirements.txt", "pyproject.toml", "README.md", "dbt_project/dbt_project.yml"}
    files = build_context(PROJECT_ROOT)
    program, script = exec_form(arguments(TRAINING, "ENTRYPOINT")[0])
    assert program == ".venv/bin/python"  # made by `make setup`
    packages = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    folders = [re.sub("^recommender", "flows/recommender", package).replace(".", "/") for package in packages]
    assert {script, *needed} <= files
    assert [folder for folder in folders if f"{folder}/__init__.py" not in files] == []
    assert environment(TRAINING)["RECOMMENDER_DATA_DIR"] == arguments(TRAINING, "VOLUME")[0]


def test_compose_waits_for_redis_keeps_its_data_and_asks_for_keys():
    composed = yaml.safe_load((PROJECT_ROOT / "compose.yaml").read_text())
    redis, api, train = (composed["services"][name] for name in ("redis", "api", "train"))
    for service in (api, train):
        assert service["depends_on"]["redis"]["condition"] == "service_healthy"
        assert (PROJECT_ROOT / service["build"]["dockerfile"]).is_file()
        assert service["environment"]["REDIS_URL"] == "redis://redis:6379/0"
    assert api["environment"]["API_KEYS"].startswith("${API_KEYS:?")
    assert train["profiles"] == ["train"]
    assert redis["command"][-1] == "noeviction"
    assert (redis["command"][redis["command"].index("--maxmemory") + 1], redis["mem_limit"]) == ("1gb", "1536m")
    volumes = {volume.partition(":")[0] for service in (redis, train) for volume in service["volumes"]}
    assert volumes == set(composed["volumes"])


@pytest.fixture(scope="module")
def image(tmp_path_factory) -> Path:
    """A folder with what the API's image has: a fresh environment from its pip line, and its copied files."""
    folder = tmp_path_factory.mktemp("image")
    copy_into(folder, API)
    subprocess.run([sys.executable, "-m", "venv", "venv"], cwd=folder, check=True)
    (install,) = (line for line in arguments(API, "RUN") if line.startswith("pip "))
    for line in (install, *(line for line in arguments(API, "RUN") if line.startswith("python "))):
        subprocess.run([f"venv/bin/{line.split()[0]}", *shlex.split(line)[1:]], cwd=folder, check=True)
    return folder


def start_image(image: Path, port: int = 0, **given: str) -> subprocess.Popen:
    """The image's command with nothing in its environment but the image's and what is given."""
    program, *rest = exec_form(arguments(API, "CMD")[0])
    variables = {**environment(API), "PORT": str(port), "PATH": os.defpath, **given}
    return subprocess.Popen([image / "venv/bin" / program, *rest], cwd=image, env=variables, stderr=subprocess.PIPE)


@pytest.mark.long
def test_the_api_image_is_small(image):
    packages = image / "venv/lib/python3.11/site-packages"
    tools = {"pip", "setuptools", "_distutils_hack", "pkg_resources"}  # of the environment, not of the API
    ours = [path for path in packages.iterdir() if path.name.split("-")[0] not in tools]
    size = sum(file.stat().st_size for path in [*ours, image / "serving"] for file in [path, *path.rglob("*")])
    print(f"the API's install takes {size / 1e6:.0f} MB")
    assert size < MOST_BYTES


@pytest.mark.long
def test_the_api_image_starts_within_two_seconds_and_serves(image, redis_server, client, publish_planted):
    publish_planted(client, 1)
    seconds = []
    for _ in range(3):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        started = time.monotonic()
        process = start_image(image, port, REDIS_URL=redis_server.url, **KEYS)
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={"X-API-Key": "of-the-shop"}) as http:
                seconds.append(wait_until_live(http, started))
                assert http.get("/recommendations/customer-1").json()["source"] == "personal"
            program, *rest = exec_form(arguments(API, "HEALTHCHECK")[0])
            asked = [image / "venv/bin" / program, *rest]
            assert subprocess.run(asked, env={"PORT": str(port)}).returncode == 0
        finally:
            process.terminate()
            assert process.wait(timeout=10) in (0, -15)
        assert subprocess.run(asked, env={"PORT": str(port)}, stderr=subprocess.DEVNULL).returncode != 0
    print(f"started in {', '.join(f'{each:.2f}' for each in seconds)} s")
    assert statistics.median(seconds) < 2 * MOST_SECONDS  # twice, for a machine that does other things meanwhile


def wait_until_live(http: httpx.Client, started: float) -> float:
    """Seconds from the start to the first answer."""
    while time.monotonic() < started + 30:
        try:
            http.get("/health/live")
            return time.monotonic() - started
        except httpx.TransportError:
            time.sleep(0.01)
    raise AssertionError("the API does not start")


@pytest.mark.long
@pytest.mark.parametrize(
    ("given", "exit_code", "message"),
    [
        ({"REDIS_URL": "redis://127.0.0.1:1"}, 2, "API_KEYS=shop:a-secret"),
        (KEYS, 4, "set REDIS_URL"),
    ],
)
def test_the_api_image_says_what_it_was_not_given(image, given, exit_code, message):
    process = start_image(image, **given)
    _, told = process.communicate(timeout=30)
    assert (process.returncode, message in told.decode()) == (exit_code, True), told.decode()
