"""Which version of the code runs: the git commit, and nothing else of the machine.

In: the project's folder. Out: a commit id, marked where files differ from it.
"""

import subprocess
from pathlib import Path

from recommender.project_paths import PROJECT_ROOT

PATIENCE_SECONDS = 10


def code_version(project_root: Path = PROJECT_ROOT) -> str | None:
    """Return the 40 digits of the commit, followed by "-dirty" where tracked files differ; None outside a clone."""
    if not (project_root / ".git").exists():  # git would answer for a repository further up
        return None
    command = ["git", "-C", str(project_root), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None
