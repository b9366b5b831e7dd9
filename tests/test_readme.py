"""What the README tells people to type exists, and what exists for them to type is told."""

import re
import subprocess
import sys

import pytest

from recommender.project_paths import PROJECT_ROOT

README = (PROJECT_ROOT / "README.md").read_text()
MAKEFILE = (PROJECT_ROOT / "Makefile").read_text()
TARGETS = set(re.findall(r"^([a-z-]+):.*##", MAKEFILE, flags=re.M))
NOT_FOR_THE_README = {"help", "setup", "format", "readme", "versions", "query"}  # `make` alone lists them


def test_every_make_command_of_the_readme_exists():
    assert set(re.findall(r"(?:`|\$ |&& )make ([a-z-]+)", README)) <= TARGETS


def test_every_other_target_is_told():
    assert {target for target in TARGETS - NOT_FOR_THE_README if f"make {target}" not in README} == set()


def test_make_alone_lists_every_target():
    listed = subprocess.run(["make"], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True).stdout
    assert {target for target in TARGETS if f"make {target}" not in listed} == set()


@pytest.mark.parametrize("path", sorted(set(re.findall(r"\]\(((?!http)[^)#]+)\)", README))))
def test_every_linked_file_exists(path):
    assert (PROJECT_ROOT / path).exists()


@pytest.mark.parametrize("module", sorted(set(re.findall(r"python -m ([a-z_.]+)", README))))
def test_every_module_of_the_readme_has_a_help(module):
    shown = subprocess.run([sys.executable, "-m", module, "--help"], cwd=PROJECT_ROOT, capture_output=True, text=True)
    assert shown.returncode == 0 and "usage" in shown.stdout.lower()
