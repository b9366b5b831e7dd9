"""What a run is about: the raw files it reads and the dates it follows.

Stage: the first of every run. In: a dataset, where its raw files come from, a cutoff, a settings file. Out: `RunPlan`
and the settings that a shop of this size takes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from data.prepare import Request, prepare
from data.raw_schema import RawSummary
from recommender.config import Settings
from recommender.features.time_split import ONE_DAY, TimeWindows, split_by_time
from recommender.settings.large_shop import is_large

ORACLE_FILE = "oracle.parquet"


@dataclass(frozen=True)
class RunPlan:
    """What every later step goes by.

    Attributes:
        raw_dir: folder of the three checked CSV files.
        purchases: rows of the transactions.
        windows: every date of the run.
        oracle_file: the customers' true purchase probabilities in the test week; None where nobody knows them.
        raw: what the check of the files found.
    """

    raw_dir: Path
    purchases: int
    windows: TimeWindows
    oracle_file: Path | None
    raw: RawSummary


def plan_run(
    dataset: str,
    source: str,
    cutoff: date | None,
    toml: Mapping[str, Any],
    raw_root: Path,
    report: Callable[[object], None] = print,
) -> tuple[RunPlan, Settings]:
    """Bring the raw files of a dataset, check them, choose the settings for their size, lay out the weeks.

    Args:
        dataset: one of `data.prepare`'s.
        source: where its raw files come from; empty for the dataset's own default.
        cutoff: first day that nothing may see; None for the day after the last purchase.
        toml: the settings file of the run.
        raw_root: holds a folder for each dataset's raw files.
        report: told what the files hold.

    Raises:
        SettingsError: when the settings have no such dataset.
        RawDataError: when a file is missing or broken.
        TimeSplitError: when the weeks do not fit the data.
    """
    Settings.of(toml, dataset)  # an unknown dataset is told before its files are looked for
    raw = prepare(Request(dataset, source, cutoff=cutoff), raw_root)
    report(raw)
    settings = Settings.of(toml, dataset, raw.transactions)
    if is_large(toml, raw.transactions):
        report(f"a large shop, of {raw.transactions:,} purchases: it takes the values of [large_shop] in the settings")
    ranking, training_weeks = settings.ranking, settings.features.training_weeks
    windows = split_by_time(raw.first_day, raw.last_day, training_weeks, cutoff, ranking.weeks, ranking.weeks_per_model)
    oracle_file = raw.raw_dir / ORACLE_FILE
    is_known = oracle_file.exists() and windows.cutoff == raw.last_day + ONE_DAY  # of the last week of the data only
    return RunPlan(raw.raw_dir, raw.transactions, windows, oracle_file if is_known else None, raw), settings
