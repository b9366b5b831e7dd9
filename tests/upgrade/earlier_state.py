"""A data folder that an earlier release left: how the commands of this one are run on it, and what they should say.

What they should say is read from the folder's own files without the code under test.
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path

import pyarrow.parquet as pq
from flow_runs import Workplace

from recommender.project_paths import PROJECT_ROOT

K, PERSONAL = 12, 1
CUSTOMERS = 10
"""So many with a personal list are asked for; about half of them are in the variant."""
EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class EarlierState:
    """An unpacked state of `make_state.py`: two published nights, an article denied and a variant started since.

    Attributes:
        workplace: holds the data folder.
    """

    workplace: Workplace

    def make(self, target: str, **variables: str) -> str:
        """Run a command of the Makefile with the Python of the tests, without its set-up; return what it prints."""
        settings = [f"{name}={value}" for name, value in {"BIN": Path(sys.executable).parent, **variables}.items()]
        done = subprocess.run(
            ["make", "--old-file=setup", target, *settings],
            cwd=PROJECT_ROOT,
            env=self.workplace.environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @cached_property
    def nights(self) -> tuple[dict, dict]:
        """The registry's two lines, the earlier night first."""
        lines = (self.workplace.data_dir / "registry" / "demo.jsonl").read_text().splitlines()
        first, second = map(json.loads, lines)
        return first, second

    def published(self, name: str, night: int = -1) -> list[dict]:
        """The rows of one of the tables that a night published."""
        run = self.workplace.data_dir / "runs" / "demo" / self.nights[night]["run_id"]
        return pq.read_table(run / "published" / "lists" / f"{name}.parquet").to_pylist()

    def customers(self, night: int = -1) -> dict[str, dict]:
        """The published rows of some customers with a personal list, by customer id."""
        rows = [row for row in self.published("customers", night) if row["sources"] == PERSONAL]
        return {row["name"]: row for row in rows[:CUSTOMERS]}

    @cached_property
    def denied(self) -> str:
        """The article that is denied: the second night's best seller."""
        return article_ids(self.published("popular")[0])[0]

    def shown(self, row: dict) -> list[str]:
        """The articles of a published list that shoppers see."""
        return [each for each in article_ids(row) if each != self.denied][:K]


def article_ids(row: dict) -> list[str]:
    """The ids of a published list; a number is an id without its leading zeros, 0 fills a short list up."""
    return [f"{number:010d}" for number in row["numbers"] if number]


def purchases(row: dict) -> list[tuple[str, str]]:
    """A customer's last purchases: article id and day."""
    bought = zip(row["purchase_numbers"], row["purchase_days"], strict=True)
    return [(f"{number:010d}", str(EPOCH + timedelta(days=day))) for number, day in bought if number]
