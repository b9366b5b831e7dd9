"""Each package has one class for what its owner can act on, and draws the tree of it where it stands."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from recommender.project_paths import PROJECT_ROOT
from recommender.release.publish_errors import PublishError, RedisFailed
from recommender.release.redis_client import redis_client
from serving.connection.redis_connection import RedisUnreachable
from serving.lookup.rule_book import RuleError
from serving.lookup.store_errors import RedisAway, VersionUnreadable

TREES = {"data": "data/raw_errors.py", "flows": "flows/recommender/errors.py", "serving": "serving/errors.py"}
NOT_FOR_THE_OWNER = {
    "flows": {"RunStopped", "SettingsRefused", "CatalogueTooLarge"},  # Metaflow's own two; a model is left out
    "serving": {"NotAllowed", "NotFound", "NoSuchVersion", "UnknownArticle"},  # answers over HTTP
}


@pytest.mark.parametrize("package", TREES)
def test_the_tree_is_drawn_as_the_classes_are(package):
    text = (PROJECT_ROOT / TREES[package]).read_text()
    root = next(name for name, _ in classes(PROJECT_ROOT / TREES[package]))
    assert drawn(text) == derived(root, dict(classes_of(package)))


@pytest.mark.parametrize("package", TREES)
def test_every_exception_of_a_package_is_in_its_tree(package):
    parents = dict(classes_of(package))
    exceptions = {name for name, bases in parents.items() if any(is_exception(base) for base in bases)}
    (root, *_), *_ = classes(PROJECT_ROOT / TREES[package])
    outside = exceptions - {root} - set(derived(root, parents)) - NOT_FOR_THE_OWNER.get(package, set())
    assert outside == set()


def classes_of(package: str) -> Iterator[tuple[str, list[str]]]:
    """Every class of a package's files, with the names of its bases."""
    for path in sorted((PROJECT_ROOT / package).rglob("*.py")):
        yield from classes(path)


def classes(path: Path) -> Iterator[tuple[str, list[str]]]:
    """The classes of a file."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ClassDef):
            yield node.name, [ast.unparse(base).rpartition(".")[2] for base in node.bases]


def is_exception(name: str) -> bool:
    return name.endswith(("Error", "Exception"))


def derived(root: str, bases: dict[str, list[str]]) -> dict[str, str]:
    """Every class below the root, to the one it comes from."""
    found, new = {}, [root]
    while new:
        children = {name: new[0] for name, parents in bases.items() if new[0] in parents}
        found, new = found | children, [*new[1:], *children]
    return found


def drawn(text: str) -> dict[str, str]:
    """The same, read off a drawing such as

    Root
    ├── Child
    │   └── Grandchild
    """
    path, found = [re.search(r"^(\w+).*\n├── ", text, re.MULTILINE)[1]], {}
    for indent, name in re.findall(r"^((?:│   )*)[├└]── (\w+)", text, re.MULTILINE):
        depth = len(indent) // 4 + 1
        path[depth:] = [name]
        found[name] = path[depth - 1]
    return found


def test_a_redis_that_cannot_be_reached_is_an_error_of_publishing(monkeypatch):
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    with pytest.raises(RedisFailed, match="cannot be reached.*correct REDIS_URL"), redis_client():
        raise AssertionError("there is no Redis")


def test_so_is_one_that_fails_meanwhile(tmp_path, monkeypatch):
    monkeypatch.delenv("REDIS_URL", raising=False)
    monkeypatch.setenv("EMBEDDED_REDIS_DIR", str(tmp_path / "redis"))
    failed = pytest.raises(PublishError, match="unix:///.*redis.sock (cannot be reached|closes the connection)")
    with failed, redis_client() as client:
        client.shutdown(nosave=True)
        client.get("anything")


def test_mistakes_are_no_errors_of_publishing(tmp_path, monkeypatch):
    monkeypatch.delenv("REDIS_URL", raising=False)
    monkeypatch.setenv("EMBEDDED_REDIS_DIR", str(tmp_path / "redis"))
    with pytest.raises(ZeroDivisionError), redis_client() as client:
        client.shutdown(nosave=True)
        raise ZeroDivisionError


@pytest.mark.parametrize(
    ("error", "exit_code"), [(RedisUnreachable, 4), (RedisAway, 4), (VersionUnreadable, 3), (RuleError, 2)]
)
def test_an_error_of_serving_says_with_what_a_command_ends(error, exit_code):
    assert error.exit_code == exit_code
