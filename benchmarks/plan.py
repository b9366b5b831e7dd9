"""What a benchmark measures: which weeks are test weeks, what each of them may learn from, and with which seeds.

Stage: first of a benchmark. In: raw files that passed their check, the settings. Out: `Plan`, from which every job and
every file name follows.

    as-of days   ...  -28    -21    -14    -7     cutoff
    window 1     train  rank   rank   TEST
    window 2            train  rank   rank   TEST

A window sees nothing of its first day or later. One dbt build serves all of them, because every row of a mart is as of
a day.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

from data.raw_layout import RAW_COLUMNS
from data.raw_schema import RawSummary
from recommender.config import Candidate, Settings, SettingsError
from recommender.features.marts import Marts
from recommender.features.time_split import WEEK, TimeSplitError, TimeWindows, ranking_models, split_by_time
from recommender.features.warehouse import DBT_PROJECT_DIR
from recommender.project_paths import PROJECT_ROOT

K = 12
DEPTH = 24
SOURCES_OF_LISTS = ("features/*.py", "models/**/*.py", "stages/*.py", "weeks/*.py", "settings/rankers.py")
"""The code of `recommender` that decides what the lists hold; the SQL of the marts does, too."""


@dataclass(frozen=True)
class Plan:
    """One benchmark.

    Attributes:
        dataset: name of the settings and of the results.
        raw_dir: the three CSV files.
        folder: where everything but the results goes.
        windows: all weeks of the marts; the test weeks are the last ones before the cutoff.
        weeks: how many test weeks.
        seeds: of two-towers, rankers and baselines; ablations use the first.
        candidate: entry of the grid; each job puts its own seed into it.
        settings: all others.
        has_ablations: whether stages are switched off in turn, and all baselines run.
    """

    dataset: str
    raw_dir: Path
    folder: Path
    windows: TimeWindows
    weeks: int
    seeds: tuple[int, ...]
    candidate: Candidate
    settings: Settings
    has_ablations: bool = True

    @cached_property
    def marts(self) -> Marts:
        """The marts, to be asked for once they are built."""
        return Marts(self.marts_dir)

    @property
    def marts_dir(self) -> Path:
        """Where the marts are built."""
        return self.folder / "marts"

    @property
    def lists_file(self) -> Path:
        """Every list of every model, window and seed."""
        return self.folder / "lists.parquet"

    @property
    def test_days(self) -> tuple[date, ...]:
        """First days of the test weeks, oldest first."""
        return tuple(self.windows.cutoff - week * WEEK for week in range(self.weeks, 0, -1))

    def ranking_models(self, test_day: date) -> dict[date, tuple[date, ...]]:
        """Days that need a two-tower for the ranker of a test week, with the weeks it scores; see `time_split`."""
        return ranking_models(test_day, self.settings.ranking.weeks, self.settings.ranking.weeks_per_model)

    def training_days(self, day: date) -> tuple[date, ...]:
        """As-of days that the two-tower of a day learns from, oldest first."""
        return self.windows.known_before(day)[-self.settings.features.training_weeks :]

    def fitted_days(self) -> dict[date, tuple[date, ...]]:
        """Every day that needs a two-tower of its own, oldest first, with the weeks it scores for any window."""
        scored = {day: {day} for day in self.test_days}
        for test_day in self.test_days:
            for day, weeks in self.ranking_models(test_day).items():
                scored.setdefault(day, set()).update(weeks)
        return {day: tuple(sorted(scored[day])) for day in sorted(scored)}

    def most_customers(self, day: date, week: date) -> int | None:
        """How many customers of a week a day's two-tower scores; ablations need all of a test week by its own model."""
        is_ablated = self.has_ablations and day == week and day in self.test_days
        return None if is_ablated else self.settings.ranking.customers_per_week

    def settings_fingerprint(self) -> str:
        """Return a mark of the settings that the numbers depend on; the same on every machine."""
        settings = self.settings
        decisive = [asdict(each) for each in (settings.features, settings.ranking, settings.stages)]
        return _fingerprint([*decisive, {"candidate": self.candidate.name, **self.candidate.settings}])

    def fingerprint(self) -> str:
        """Return a mark of everything that a finished job depends on: settings, raw files, cutoff and code."""
        files = [(name, _version(self.raw_dir / name)) for name in RAW_COLUMNS]
        return _fingerprint([self.settings_fingerprint(), files, str(self.windows.cutoff), _code()])


def make_plan(
    dataset: str,
    raw: RawSummary,
    folder: Path,
    settings: Settings,
    weeks: int,
    seeds: Sequence[int],
    candidate_name: str,
    cutoff: date | None = None,
    has_ablations: bool = True,
) -> Plan:
    """Lay out a benchmark backwards from the cutoff, by default the day after the last purchase.

    Raises:
        SettingsError: when the grid has no such candidate, or there is no week or no seed.
        TimeSplitError: when the data is too short for the weeks.
    """
    if weeks < 1 or not seeds:
        raise SettingsError(f"a benchmark needs at least one week and one seed, got {weeks} and {len(seeds)}")
    candidate = next((each for each in settings.candidates if each.name == candidate_name), None)
    if candidate is None:
        known = ", ".join(dict.fromkeys(each.name for each in settings.candidates))
        raise SettingsError(f"the grid has no candidate {candidate_name!r}; there are {known}")
    ranking_weeks = weeks - 1 + settings.ranking.weeks
    training_weeks = settings.features.training_weeks + ranking_weeks - 1
    windows = split_by_time(raw.first_day, raw.last_day, training_weeks, cutoff, ranking_weeks)
    if windows.ranking_weeks < ranking_weeks:
        raise TimeSplitError(
            f"{weeks} test weeks with {settings.ranking.weeks} ranking weeks each need {ranking_weeks} weeks with "
            f"training weeks before them, the data from {raw.first_day} has {windows.ranking_weeks}; take fewer weeks"
        )
    return Plan(dataset, raw.raw_dir, folder, windows, weeks, tuple(seeds), candidate, settings, has_ablations)


def with_seed(candidate: Candidate, seed: int) -> Candidate:
    """Return the same entry of the grid with another seed."""
    return replace(candidate, seed=seed)


def _version(path: Path) -> tuple[int, int]:
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns


def _code() -> str:
    files = [path for pattern in SOURCES_OF_LISTS for path in (PROJECT_ROOT / "flows" / "recommender").glob(pattern)]
    files += [path for room in ("models", "macros") for path in (DBT_PROJECT_DIR / room).rglob("*.sql")]
    files += Path(__file__).parent.glob("weekly_*.py")
    return hashlib.sha256(b"".join(path.read_bytes() for path in sorted(files))).hexdigest()


def _fingerprint(values: Any) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True, default=str).encode()).hexdigest()[:16]
