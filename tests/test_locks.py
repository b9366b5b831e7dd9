"""The locks name what may be installed by its content: a package that somebody replaced is refused."""

import importlib.util
import re
from pathlib import Path

import metaflow
import pytest

from recommender.project_paths import PROJECT_ROOT

LOCKS = ["requirements.txt", "serving/requirements.txt"]
PINNED = re.compile(r"[a-z0-9-]+(\[[a-z,]+\])?==\S+( --hash=sha256:[0-9a-f]{64})+")


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_has_a_version_and_hashes(lock):
    lines = (PROJECT_ROOT / lock).read_text().replace(" \\\n    ", " ").splitlines()
    packages = [line for line in lines if not line.lstrip().startswith("#")]
    assert len(packages) > 20
    assert [line for line in packages if not PINNED.fullmatch(line)] == []


def test_whatever_make_installs_from_a_lock_is_held_to_its_hashes():
    recipes = (PROJECT_ROOT / "Makefile").read_text().replace("\\\n", " ").splitlines()
    from_a_lock = [line for line in recipes if "pip install" in line and "requirements.txt" in line]
    assert len(from_a_lock) == 2
    assert all("--require-hashes" in line for line in from_a_lock)


def test_what_make_installs_is_compiled_before_it_is_used():
    """Where Python may not keep bytecode, each task would compile all that it imports again."""
    root = Path(metaflow.__file__).parent
    compiled = [Path(importlib.util.cache_from_source(str(module))).exists() for module in root.rglob("*.py")]
    assert len(compiled) > 100
    assert all(compiled)
