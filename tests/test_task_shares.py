"""Work dealt to tasks: each piece once, evenly, and what stands on the command line decides how many."""

from typing import NamedTuple

import pytest

from recommender.task_shares import SHARED_BELOW, WORKERS, shares_of, workers_of


class Piece(NamedTuple):
    label: str


PIECES = [Piece(name) for name in "abcde"]


def labels(workers: str | None, purchases: int = 1_000) -> list[str]:
    environment = {} if workers is None else {WORKERS: workers}
    return [share.label for share in shares_of(PIECES, purchases, environment)]


@pytest.mark.parametrize(
    ("workers", "expected"),
    [
        ("1", ["a, b, c, d, e"]),
        ("2", ["a, c, e", "b, d"]),
        ("5", ["a", "b", "c", "d", "e"]),
        ("16", ["a", "b", "c", "d", "e"]),
        (None, ["a", "b", "c", "d", "e"]),
    ],
)
def test_as_many_shares_as_tasks_run_at_a_time(workers, expected):
    assert labels(workers) == expected


def test_in_a_large_shop_a_task_that_breaks_off_loses_one_model():
    assert labels("2", SHARED_BELOW - 1) == ["a, c, e", "b, d"]
    assert labels("2", SHARED_BELOW) == ["a", "b", "c", "d", "e"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("run --max-workers 3 --dataset demo", "3"),
        ("--no-pylint run --max-workers=4", "4"),
        ("run --dataset demo", None),
        ("run --max-workers", None),  # Metaflow tells what is wrong with it
    ],
)
def test_the_command_line_says_how_many_run_at_a_time(line, expected):
    assert workers_of(line.split()).get(WORKERS) == expected
