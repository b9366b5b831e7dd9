"""What a run is about: the raw files it reads and the dates it follows.

Stage: the first of every run. In: a dataset, where its raw files come from, a cutoff. Out: `RunPlan`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from data.prepare import Request, prepare
from recommender.config import Settings
from recommender.features.time_split import ONE_DAY, TimeWindows, split_by_time

ORACLE_FILE = "oracle.parquet"


@dataclass(frozen=True)
class RunPlan:
    """What every later step goes by.

    Attributes:
        raw_dir: folder of the three checked CSV files.
        windows: every date of the run.
        oracle_file: the customers' true purchase probabilities in the test week; None where nobody knows them.
    """

    raw_dir: Path
    windows: TimeWindows
    oracle_file: Path | None


def plan_run(
    dataset: str,
    source: str,
    cutoff: date | None,
    settings: Settings,
    raw_root: Path,
    report: Callable[[object], None] = print,
) -> RunPlan:
    """Bring the raw files of a dataset, check them, lay out the weeks.

    Args:
        dataset: one of `data.prepare`'s.
        source: where its raw files come from; empty for the dataset's own default.
        cutoff: first day that nothing may see; None for the day after the last purchase.
        settings: of the run.
        raw_root: holds a folder for each dataset's raw files.
        report: told what the files hold.

    Raises:
        RawDataError: when a file is missing or broken.
        TimeSplitError: when the weeks do not fit the data.
    """
    raw = prepare(Request(dataset, source, cutoff=cutoff), raw_root)
    report(raw)
    ranking, training_weeks = settings.ranking, settings.features.training_weeks
    windows = split_by_time(raw.first_day, raw.last_day, training_weeks, cutoff, ranking.weeks, ranking.weeks_per_model)
    oracle_file = raw.raw_dir / ORACLE_FILE
    is_known = oracle_file.exists() and windows.cutoff == raw.last_day + ONE_DAY  # of the last week of the data only
    return RunPlan(raw.raw_dir, windows, oracle_file if is_known else None)
