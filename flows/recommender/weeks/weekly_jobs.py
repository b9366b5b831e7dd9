"""Which two-towers are fitted before which days, and fitting one: the champion's beside tonight's where the two differ.

Stage: after the choice; every job runs by itself, in parallel. In: one or two configurations and the dates of the run.
Out: jobs, and a `WeeklyModel` of each.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from recommender.config import RankingSettings
from recommender.features.marts import Marts
from recommender.features.time_split import TimeWindows
from recommender.weeks.compared_customers import compared_customers
from recommender.weeks.configuration import Configuration

if TYPE_CHECKING:
    from recommender.weeks.weekly_models import WeeklyModel

CHAMPION_FOLDER = "champion"


@dataclass(frozen=True)
class WeeklyJob:
    """One configuration before one day.

    Attributes:
        configuration: whose two-tower and stages.
        as_of_day: first day that nothing may see.
        folder: where everything goes.
        scored_weeks: first days of the weeks whose candidates are collected.
        is_champion: whether the configuration is the champion's.
    """

    configuration: Configuration
    as_of_day: date
    folder: Path
    scored_weeks: tuple[date, ...] = ()
    is_champion: bool = False

    @property
    def label(self) -> str:
        """Name of the job in the log and among the costs."""
        return f"champion {self.as_of_day}" if self.is_champion else f"{self.as_of_day}"


def weekly_jobs(
    challenger: Configuration,
    champion: Configuration | None,
    windows: TimeWindows,
    weeks_dir: Path,
    tonight_dir: Path,
) -> list[WeeklyJob]:
    """Return the jobs of a night: both configurations for ranking weeks and test week, tonight's for tonight, too.

    Tonight's two-tower is not looked at before the verdict; fitted beside the others it makes the night no longer.

    Args:
        challenger: tonight's configuration.
        champion: the one to compare it with; None on most nights, which then cost nothing more.
        windows: the dates.
        weeks_dir: holds a folder a day, those of the champion in one of their own.
        tonight_dir: folder of what serves the customers.
    """
    test_day = windows.test_as_of_day
    scored = {**windows.ranking_models, test_day: (test_day,)}
    jobs = [WeeklyJob(challenger, day, weeks_dir / day.isoformat(), weeks) for day, weeks in scored.items()]
    jobs.append(WeeklyJob(challenger, windows.publishing_as_of_day, tonight_dir))
    if champion is not None:
        folder = weeks_dir / CHAMPION_FOLDER
        jobs += [WeeklyJob(champion, day, folder / day.isoformat(), weeks, True) for day, weeks in scored.items()]
    return jobs


def fit_week(
    job: WeeklyJob, marts: Marts, windows: TimeWindows, on_sale_days: int, ranking: RankingSettings
) -> WeeklyModel:
    """Fit a job's two-tower on what lies before its day, and collect the candidates of the weeks it scores.

    The encoded inputs of a ranking week go; the test week's stay, for its lists, and tonight's, which serve. The test
    week's model will score the compared customers tonight, too.
    """
    from recommender.weeks.weekly_models import collect_candidates, fit_two_tower  # PyTorch, which no job list needs

    day, configuration, tonight = job.as_of_day, job.configuration, windows.publishing_as_of_day
    is_compared = day == windows.test_as_of_day and not job.is_champion
    compared = {tonight: compared_customers(len(marts.customer_ids()))} if is_compared else {}
    weekly = fit_two_tower(
        configuration.candidate,
        configuration.best_epoch,
        marts,
        day,
        windows.known_before(day),
        on_sale_days,
        job.folder,
        scored_days=[*job.scored_weeks[1:], *compared],
        some_customers=compared,
        report=lambda epoch: print(f"week {job.label}  {epoch}", flush=True),
    )
    for week in job.scored_weeks:
        sample = ranking.customers_per_week, ranking.seed
        collected = collect_candidates(weekly, configuration.stages, *sample, day=week)
        print(f"week {job.label}  the week from {week}: {collected}")
    if day not in (windows.test_as_of_day, tonight):
        weekly.forget_inputs()
    return replace(weekly, scored_weeks=job.scored_weeks)
