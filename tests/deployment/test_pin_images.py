"""`make pin-images` against a registry on this machine: what it writes, and that it writes all or nothing."""

import resource
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker.auth import resolve_repository_name
from registry_server import Registry, digest, serving

from deployment.image_digest import parse_image
from deployment.pin_images import FILES, main
from recommender.project_paths import PROJECT_ROOT

PYTHON, REDIS = "library/python:3.11-slim-bookworm", "library/redis:8.0-bookworm"
OLD, NEW = b'{"manifests": []}', b'{"manifests": [{"platform": {"architecture": "arm64"}}]}'
PYTHON_PATH, REDIS_PATH = (f"/v2/{image.replace(':', '/manifests/')}" for image in (PYTHON, REDIS))


@pytest.fixture
def registry(monkeypatch) -> Iterator[Registry]:
    """A registry with the images that the project starts from."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serving(Registry(images={PYTHON: OLD, REDIS: OLD})) as served:
        yield served


@pytest.fixture
def folder(tmp_path, registry) -> Path:
    """A copy of the project's files that takes its images, without digests, from the registry."""
    (tmp_path / "serving").mkdir()
    for name in FILES:
        shutil.copy(PROJECT_ROOT / name, tmp_path / name)
        text = (tmp_path / name).read_text()
        for word, image in (("FROM", PYTHON), ("image:", REDIS)):
            line = next((line for line in text.splitlines() if line.strip().startswith(word)), "")
            text = text.replace(line, f"{line.partition(word)[0]}{word} {registry.host}/{image}") if line else text
        (tmp_path / name).write_text(text)
    return tmp_path


def contents(folder: Path) -> dict[str, str]:
    """Every file below a folder, by its path there."""
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def pin(folder: Path) -> int:
    return main(["--folder", str(folder)])


def refusal(folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """The one line about images that could not be pinned, and proof that no file was changed or left behind."""
    before = contents(folder)
    assert pin(folder) == 1
    assert contents(folder) == before
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("; nothing was changed")
    return line.removesuffix("; nothing was changed")


def test_digests_are_written_beside_the_tags_and_nothing_else_is_changed(folder, registry, capsys):
    before = contents(folder)
    assert pin(folder) == 0
    pinned = {f"{registry.host}/{image}": f"{registry.host}/{image}@{digest(OLD)}" for image in (PYTHON, REDIS)}
    expected = dict(before)
    for name in FILES:
        for tag, with_digest in pinned.items():
            expected[name] = expected[name].replace(tag, with_digest)
    assert contents(folder) == expected
    assert [name for name in FILES if expected[name] == before[name]] == []
    assert capsys.readouterr().out.splitlines() == list(pinned.values())


def test_pinning_again_changes_nothing(folder):
    assert pin(folder) == 0
    once = contents(folder)
    assert pin(folder) == 0
    assert contents(folder) == once


def test_pinning_again_renews_the_digest_of_a_tag_that_moved(folder, registry):
    assert pin(folder) == 0
    once = contents(folder)
    registry.images[PYTHON] = NEW
    assert pin(folder) == 0
    renewed = {name: text.replace(f"{PYTHON}@{digest(OLD)}", f"{PYTHON}@{digest(NEW)}") for name, text in once.items()}
    assert contents(folder) == renewed
    assert renewed["Containerfile"] != once["Containerfile"]


def test_an_image_that_two_files_name_is_asked_for_once(folder, registry):
    registry.challenge = ""
    assert pin(folder) == 0
    assert registry.paths == [PYTHON_PATH, REDIS_PATH]


def test_files_keep_their_modes(folder):
    (folder / "Containerfile").chmod(0o640)
    assert pin(folder) == 0
    assert (folder / "Containerfile").stat().st_mode & 0o777 == 0o640


def test_a_token_is_fetched_as_the_registry_says(folder, registry):
    assert pin(folder) == 0
    assert registry.paths == [PYTHON_PATH, "/token", PYTHON_PATH, REDIS_PATH, "/token", REDIS_PATH]
    scope = "repository:library/python:pull,metadata"
    assert registry.asked[1][1] == {"service": ["images"], "scope": [scope]}


def test_a_token_may_have_its_other_name(folder, registry):
    registry.token = {"access_token": "for anybody"}
    assert pin(folder) == 0


def test_a_challenge_may_do_without_quotes(folder, registry):
    registry.challenge = "Bearer realm=http://{host}/token,service=images"
    assert pin(folder) == 0
    assert registry.asked[1][1] == {"service": ["images"]}


def test_a_registry_may_leave_the_digest_to_the_reader(folder, registry):
    registry.says = None
    assert pin(folder) == 0
    assert f"{PYTHON}@{digest(OLD)}" in contents(folder)["Containerfile"]


def test_a_token_does_not_follow_a_redirect(folder, registry):
    with serving(Registry(images={PYTHON: OLD, REDIS: OLD}, challenge="")) as other:
        registry.elsewhere = other.host
        assert pin(folder) == 0
    assert other.paths == [PYTHON_PATH, REDIS_PATH]
    assert [headers["Authorization"] for _, _, headers in other.asked] == [None, None]


def test_an_unknown_tag_of_the_last_image_changes_no_file(folder, registry, capsys):
    del registry.images[REDIS]
    expected = f"{registry.host} has no image of all platforms named {registry.host}/{REDIS}: correct its name or tag"
    assert refusal(folder, capsys) == expected


def test_a_registry_that_cannot_be_reached_is_named(folder, registry, capsys):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and does not listen
        host = f"127.0.0.1:{nobody.getsockname()[1]}"
        compose = folder / "compose.yaml"
        compose.write_text(compose.read_text().replace(registry.host, host))
        assert refusal(folder, capsys).startswith(f"{host} cannot be reached ([Errno 111] Connection refused): run")


def test_a_server_that_hangs_up_is_named(folder, registry, capsys):
    registry.instead["/token"] = (200, {"Content-Length": "100"})
    assert refusal(folder, capsys).startswith(f"{registry.host} cannot be reached (IncompleteRead(6 bytes read")


@pytest.mark.parametrize(
    ("path", "status", "headers", "message"),
    [
        (REDIS_PATH, 429, {}, "{host} was asked too often (429): try again later"),
        (REDIS_PATH, 429, {"Retry-After": "60"}, "{host} was asked too often (429): try again in 60 s"),
        ("/token", 429, {"Retry-After": "60"}, "{host} was asked too often (429): try again in 60 s"),
        (REDIS_PATH, 503, {}, "{host} answers 503 for {host}/library/redis:8.0-bookworm: try again later"),
        (
            REDIS_PATH,
            200,
            {"Content-Type": "text/html"},
            "{host} has {host}/library/redis:8.0-bookworm as text/html, which is no index of all platforms: take one",
        ),
        (
            "/token",
            401,
            {},
            "{host} shows no {host}/library/python:3.11-slim-bookworm without an account: "
            "correct its name, or take another",
        ),
        (
            "/token",
            200,
            {},
            "{host} answers without a token for {host}/library/python:3.11-slim-bookworm: try again later",
        ),
    ],
)
def test_another_answer_changes_no_file(folder, registry, capsys, path, status, headers, message):
    registry.instead[path] = (status, headers)
    assert refusal(folder, capsys) == message.format(host=registry.host)


def test_a_registry_that_asks_for_a_password_is_named(folder, registry, capsys):
    registry.challenge = "Basic realm=images"
    assert refusal(folder, capsys).startswith(f"{registry.host} shows no {registry.host}/{PYTHON} without an account")


def test_a_token_that_opens_nothing_is_tried_once(folder, registry, capsys):
    registry.token = {"token": "for another image"}
    assert refusal(folder, capsys).startswith(f"{registry.host} shows no {registry.host}/{PYTHON} without an account")
    assert registry.paths == [PYTHON_PATH, "/token", PYTHON_PATH]


def test_a_token_without_an_address_is_not_fetched(folder, registry, capsys):
    registry.challenge = f'Bearer realm="file://{PROJECT_ROOT}/LICENSE"'
    expected = (
        f"{registry.host} asks for a token from 'file://{PROJECT_ROOT}/LICENSE': only https:// and http:// can be asked"
    )
    assert refusal(folder, capsys) == expected


def test_a_digest_that_is_not_of_what_was_sent_is_refused(folder, registry, capsys):
    registry.says = digest(NEW)
    told = f"is {digest(NEW)}, but sent {digest(OLD)}: do not trust it; try again"
    assert refusal(folder, capsys) == f"{registry.host} says {registry.host}/{PYTHON} {told}"


def test_an_image_of_one_platform_is_refused(folder, registry, capsys):
    registry.kind = "application/vnd.oci.image.manifest.v1+json"
    assert refusal(folder, capsys).endswith(
        f"{PYTHON} as {registry.kind}, which is no index of all platforms: take one"
    )


@pytest.mark.parametrize("name", ["python", "--platform=linux/amd64", "${IMAGE}", "python@sha256:" + "0" * 64])
def test_an_image_without_a_tag_is_refused(folder, registry, capsys, name):
    (folder / "Containerfile").write_text(f"FROM {name}\n")
    expected = f"{name} is no image with a tag: write it like python:3.11-slim-bookworm"
    assert refusal(folder, capsys) == expected
    assert registry.asked == []


def test_a_file_that_is_missing_is_named(folder, capsys):
    (folder / "compose.yaml").unlink()
    assert refusal(folder, capsys) == f"[Errno 2] No such file or directory: '{folder}/compose.yaml'"


def test_a_disk_that_is_full_at_the_last_file_changes_none(folder):
    before = contents(folder)
    room = len(before["serving/Containerfile"]) + 200
    assert room < len(before["compose.yaml"])
    done = subprocess.run(
        [sys.executable, "-m", "deployment.pin_images", "--folder", folder],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)),
    )
    assert (done.returncode, done.stderr) == (1, "[Errno 27] File too large; nothing was changed\n")
    assert contents(folder) == before


@pytest.mark.parametrize(
    ("name", "host", "repository", "tag"),
    [
        ("python:3.11-slim-bookworm", "registry-1.docker.io", "library/python", "3.11-slim-bookworm"),
        ("docker.io/redis:8.0", "registry-1.docker.io", "library/redis", "8.0"),
        ("valkey/valkey:9.1", "registry-1.docker.io", "valkey/valkey", "9.1"),
        ("ghcr.io/x/y:tag", "ghcr.io", "x/y", "tag"),
        ("localhost:5000/x:tag", "localhost:5000", "x", "tag"),
        ("localhost/x:tag", "localhost", "x", "tag"),
        ("registry.example.com:8443/a/b/c:1_2", "registry.example.com:8443", "a/b/c", "1_2"),
    ],
)
def test_a_name_means_the_registry_that_container_engines_take(name, host, repository, tag):
    image = parse_image(f"{name}@{digest(OLD)}")
    assert (image.name, image.host, image.repository, image.tag) == (name, host, repository, tag)
    engines_host, engines_name = resolve_repository_name(name)
    assert engines_host.replace("docker.io", "registry-1.docker.io") == host
    assert f"{repository}:{tag}".endswith(engines_name)


def test_the_projects_own_images_can_be_pinned():
    named = [line.split()[-1] for name in FILES for line in image_lines(PROJECT_ROOT / name)]
    assert [parse_image(name).repository for name in named] == ["library/python", "library/python", "library/redis"]


def image_lines(path: Path) -> list[str]:
    return [line for line in path.read_text().splitlines() if line.strip().lower().startswith(("from ", "image:"))]
