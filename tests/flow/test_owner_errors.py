"""What a step's error becomes: one message where the run's owner can act on it, itself elsewhere."""

import subprocess
import sys

import pytest

from recommender.config import DEFAULT_FILE

PROGRAM = """
import recommendation_flow
from data.raw_errors import RawDataError
from recommender.errors import NotEnoughData

recommendation_flow.current._origin_run_id = {origin!r}
shown = recommendation_flow._for_the_owner({error})
print(type(shown).__name__, shown, sep=": ")
"""


def shown_as(error: str, origin: str | None, tmp_path) -> str:
    """Return the class and the message that an error ends a run with; `origin` is the run that is resumed."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(error=error, origin=origin)],
        cwd=DEFAULT_FILE.parent,
        env={"RECOMMENDER_DATA_DIR": str(tmp_path), "PATH": "", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("error", "origin", "shown"),
    [
        ("RawDataError('articles.csv is empty')", None, "RunStopped: articles.csv is empty"),
        ("NotEnoughData('nothing was bought')", None, "RunStopped: nothing was bought"),
        ("ImportError('no module')", None, "ImportError: no module"),
        ("ImportError('no module')", "17", "RunStopped: run 17 was begun by another release (no module); begin a new"),
        ("AttributeError('no class')", "17", "RunStopped: run 17 was begun by another release (no class); begin a new"),
        ("ZeroDivisionError('a mistake of ours')", "17", "ZeroDivisionError: a mistake of ours"),
    ],
)
def test_an_error_is_shown_as_its_owner_needs_it(error, origin, shown, tmp_path):
    assert shown_as(error, origin, tmp_path).startswith(shown)
