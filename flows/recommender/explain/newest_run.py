"""The newest run of a dataset as it lies on the disk: its customers, and the settings it published with.

Stage: below `command`. In: the newest run's report, marts and published settings. Out: `NewestRun`, `Customer`, the
settings of the stages, or an error that says what is missing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path

import numpy as np

from recommender import config
from recommender.columns import Columns
from recommender.errors import RecommenderError
from recommender.features.marts import Marts
from recommender.model_names import FOUR_STAGES
from recommender.project_paths import reports_dir, run_dir
from recommender.state_files import here


class NothingPublished(RecommenderError):
    """There is no published run to explain."""


class UnknownCustomer(RecommenderError):
    """The published run has no such customer."""


@dataclass(frozen=True)
class NewestRun:
    """The newest run of a dataset, which published lists.

    Attributes:
        dataset: whose run it is.
        run_id: of the flow.
        as_of_day: first day the lists are for.
    """

    dataset: str
    run_id: str
    as_of_day: date

    @cached_property
    def marts(self) -> Marts:
        """The marts it was made from."""
        return Marts(run_dir(self.dataset, self.run_id) / "marts")

    @property
    def models_dir(self) -> Path:
        """Folder of the two-tower that was published, with `ranker` in it."""
        return run_dir(self.dataset, self.run_id) / "published"


@dataclass(frozen=True)
class Customer:
    """Whose list is explained; `row` is the one among everybody of the run."""

    customer_id: str
    segment: str
    row: int


def newest_run(dataset: str) -> NewestRun:
    """Return the run that the newest report is of.

    Raises:
        NothingPublished: when there is no report, its run was refused or served a baseline, or its folder is gone.
    """
    path, remedy = here(reports_dir(dataset) / "report.json"), f"`make run DATASET={dataset}`"
    if not path.exists():
        raise NothingPublished(f"nothing was published for {dataset} yet; {remedy} does it")
    report = json.loads(path.read_text(encoding="utf-8"))
    run_id, last_day = report["run_id"], date.fromisoformat(report["windows"]["test"]["end"])
    if report["published"] is None:
        raise NothingPublished(
            f"the newest run of {dataset}, {run_id}, published nothing ({report['verdict_reason']}); "
            f"only the newest run can be explained: {remedy}"
        )
    if (maker := report.get("contest", {}).get("winner", FOUR_STAGES)) != FOUR_STAGES:
        raise NothingPublished(
            f"the lists of run {run_id} were made by the baseline {maker}, which did better than the four stages; only "
            "theirs can be explained"
        )
    run = NewestRun(dataset, run_id, last_day + timedelta(days=1))
    if not here(run.models_dir).is_dir():
        raise NothingPublished(f"{run.models_dir}, the models of run {run_id}, is gone; {remedy} makes new ones")
    return run


def find_customer(run: NewestRun, customer_id: str | None) -> Customer:
    """Find a customer of the run; without an id the first who bought something.

    Raises:
        UnknownCustomer: when the run does not know the id.
    """
    features = run.marts.customer_features(run.as_of_day, [Columns.SEGMENT, Columns.PURCHASE_DAYS])
    ids = run.marts.customer_ids()
    is_found = ids == customer_id if customer_id else features[Columns.PURCHASE_DAYS].to_numpy() > 0
    if customer_id and not is_found.any():
        raise UnknownCustomer(f"customer {customer_id!r} is not among the {len(ids):,} customers of run {run.run_id}")
    row = int(np.argmax(is_found))  # the day has everybody, in the order of the ids
    return Customer(ids[row], features[Columns.SEGMENT][row].as_py(), row)


def stages_of(run: NewestRun) -> tuple[config.StageSettings, str]:
    """Return the settings of the stages that the run published with, and a note where they are not the run's own."""
    from recommender.weeks.stage_files import load_stages

    try:
        return load_stages(run.models_dir), ""
    except FileNotFoundError:
        toml = config.read_file(config.DEFAULT_FILE)
        note = f"the run kept no settings; those of {config.DEFAULT_FILE.name} are used, and the list may differ"
        return config.Settings.of(toml, run.dataset).stages, note
    except ValueError as error:
        raise NothingPublished(str(error)) from error
