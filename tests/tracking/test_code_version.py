"""The commit of a repository made for the test."""

import subprocess

from recommender.tracking.code_version import code_version


def git(folder, *arguments: str) -> str:
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_it_is_the_commit_marked_where_files_differ(tmp_path):
    git(tmp_path, "init", "--quiet")
    (tmp_path / "file").write_text("one")
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "--quiet", "-m", "first")
    commit = git(tmp_path, "rev-parse", "HEAD")

    assert code_version(tmp_path) == commit
    (tmp_path / "file").write_text("two")
    assert code_version(tmp_path) == f"{commit}-dirty"


def test_outside_a_clone_it_is_unknown(tmp_path):
    git(tmp_path, "init", "--quiet")  # a repository further up is not the project's
    (tmp_path / "project").mkdir()

    assert code_version(tmp_path / "project") is None


def test_without_git_it_is_unknown(tmp_path, monkeypatch):
    (tmp_path / ".git").mkdir()
    monkeypatch.setenv("PATH", "")

    assert code_version(tmp_path) is None
