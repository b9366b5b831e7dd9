"""A run of long tests that is stopped goes on where it was; at another commit it starts anew."""

import json
import subprocess

import pytest

from benchmarks.long_tests import main

RAN = "import pathlib; pathlib.Path('ran.txt').open('a').write(__file__.rpartition('/')[2] + '\\n')\n"
LONG = "import pytest\n\n\n@pytest.mark.long\ndef test_long():\n    "


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A small project under git with two files of long tests, of which one fails, and one without any."""
    monkeypatch.setenv("RECOMMENDER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # they take a second of every start
    root = tmp_path / "project"
    (root / "tests").mkdir(parents=True)
    (root / "pytest.ini").write_text("[pytest]\nmarkers =\n    long: takes long\n    flow: runs a flow\n")
    (root / ".gitignore").write_text("ran.txt\n__pycache__\n.pytest_cache\n")
    write(root, "test_good.py", f"{LONG}{RAN}")
    write(root, "test_bad.py", f"{LONG}{RAN}    assert False\n")
    write(root, "test_short.py", f"def test_short():\n    {RAN}")
    git(root, "init", "-q")
    commit(root)
    return root


def write(root, name, text):
    (root / "tests" / name).write_text(text)


def git(root, *arguments):
    who = ["-c", "user.name=somebody", "-c", "user.email=somebody@example.com"]
    subprocess.run(["git", "-C", str(root), *who, *arguments], check=True, capture_output=True)


def commit(root):
    git(root, "add", "-A")
    git(root, "commit", "-qm", "a commit")


def run(root, part="tests") -> tuple[int, list[str]]:
    """Return the exit code and which files' tests ran."""
    ran = root / "ran.txt"
    ran.unlink(missing_ok=True)
    code = main(["--root", str(root), "--part", part])
    return code, sorted(ran.read_text().split()) if ran.exists() else []


def results(root) -> dict:
    return json.loads((root.parent / "data" / "long-tests.json").read_text())


def test_every_file_has_a_result_that_names_the_commit_and_is_run_until_it_passed(project, capsys):
    assert run(project) == (1, ["test_bad.py", "test_good.py"])
    found = results(project)
    head = subprocess.run(
        ["git", "-C", str(project), "rev-parse", "HEAD"], capture_output=True, text=True
    ).stdout.strip()
    assert found["commit"] == head
    counts = {each["file"]: (each["passed"], each["failed"], each["skipped"]) for each in found["files"]}
    assert counts == {"tests/test_bad.py": (0, 1, 0), "tests/test_good.py": (1, 0, 0)}
    told = capsys.readouterr().out
    assert "tests/test_good.py: 1 passed, 0 failed, 0 skipped in" in told
    assert "assert False" in told  # what failed is shown
    assert run(project) == (1, ["test_bad.py"])


def test_at_another_commit_everything_is_run_again(project):
    """Changed files are no commit. Whole flows are a part of their own."""
    write(project, "test_bad.py", LONG.replace("@", "@pytest.mark.flow\n@") + RAN)
    assert run(project) == (0, ["test_good.py"])
    assert json.loads((project.parent / "data" / "long-tests-uncommitted.json").read_text())["files"]
    commit(project)
    assert run(project) == (0, ["test_good.py"])
    assert run(project) == (0, [])
    assert run(project, "flows") == (0, ["test_bad.py"])


def test_a_file_that_was_stopped_or_skipped_has_not_passed(project):
    """What ran before it was stopped had passed."""
    before = "import os\nimport pytest\n\n\n@pytest.mark.long\ndef test_before():\n    pass\n\n\n"
    write(project, "test_bad.py", f"{before}{LONG}{RAN}    os._exit(9)\n")
    write(project, "test_stopped.py", f"{before}{LONG}{RAN}    pytest.exit('stopped', 3)\n")
    write(project, "test_skipped.py", f"{LONG}{RAN}    pytest.skip('not here')\n")
    commit(project)
    assert run(project) == (1, ["test_bad.py", "test_good.py", "test_skipped.py", "test_stopped.py"])
    assert run(project) == (1, ["test_bad.py", "test_skipped.py", "test_stopped.py"])


def test_tests_that_cannot_be_collected_are_told(project):
    write(project, "test_broken.py", "import nothing_of_that_name\n")
    with pytest.raises(RuntimeError, match="nothing_of_that_name"):
        run(project)
