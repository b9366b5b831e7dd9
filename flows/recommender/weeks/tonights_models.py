"""Everything that is fitted for tonight's lists: the two-towers of every week, and the rankers that learn from them.

Stage: after the weeks were fitted in parallel. In: a `FittedWeek` for each job. Out: `TonightsModels`, and for
publishing a ranker that learned from the newest weeks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import NamedTuple

from recommender.config import Settings
from recommender.features.time_split import TimeWindows
from recommender.stages.rank import RankerChoice, fit_on_weeks
from recommender.stages.ranking_week import RankingWeek
from recommender.weeks.configuration import Configuration
from recommender.weeks.weekly_jobs import WeeklyJob
from recommender.weeks.weekly_models import FittedModels, WeeklyModel, weeks_of

RANKER = "ranker"  # folder


class FittedWeek(NamedTuple):
    """A job and the model that it fitted."""

    job: WeeklyJob
    model: WeeklyModel


@dataclass(frozen=True)
class TonightsModels:
    """What a night fitted before its verdict.

    Attributes:
        ranking: the two-towers before the ranking weeks, oldest first.
        evaluated: what makes the test week's lists: blind for that week.
        champion: what makes the champion's lists for it; None where nothing had to be fitted.
        tonight: the two-tower that knows all purchases.
        ranker_choice: the ranker that learned from the ranking weeks, and how it was chosen.
    """

    ranking: tuple[WeeklyModel, ...]
    evaluated: FittedModels
    champion: FittedModels | None
    tonight: WeeklyModel
    ranker_choice: RankerChoice

    def newest_ranking_week(self) -> RankingWeek:
        """Read the candidates of the newest week that taught the ranker."""
        model = max(self.ranking, key=lambda each: each.scored_weeks[-1])
        return model.week(model.scored_weeks[-1])

    def refit(self, folder: Path, is_ranker_needed: bool = True) -> FittedModels:
        """Fit the ranker on as many weeks as before, the test week now among them; return what makes the lists.

        Args:
            folder: where the ranker goes.
            is_ranker_needed: False where a baseline makes the lists, which no ranker orders.
        """
        if is_ranker_needed:
            newest = weeks_of([*self.ranking, self.evaluated.two_tower])[1:]
            self.ranker_choice.refitted(newest).save(folder)
        return FittedModels(self.tonight, folder)


def fit_rankers(
    fitted: Iterable[FittedWeek],
    windows: TimeWindows,
    settings: Settings,
    champion: Configuration | None,
    run_dir: Path,
) -> TonightsModels:
    """Let the ranker learn from the ranking weeks, and the champion's from those of its own two-towers.

    Args:
        fitted: one for each of the run's jobs, in any order.
        windows: the dates of the run.
        settings: of the run.
        champion: the configuration that was fitted beside tonight's, if any.
        run_dir: tonight's ranker goes into a folder there, the champion's beside its two-tower.
    """
    own, champions = _by_day(fitted)
    seed, k, test_day = settings.ranking.seed, settings.lists.k, windows.test_as_of_day
    ranking = tuple(own[day] for day in windows.ranking_models)
    choice = fit_on_weeks(weeks_of(ranking), settings.stages.rankers, seed, k=k)
    choice.ranker.save(run_dir / RANKER)
    champion_models = None
    if champion is not None:
        champion_models = FittedModels(champions[test_day], champions[test_day].folder / RANKER)
        weeks = weeks_of(champions[day] for day in windows.ranking_models)
        fit_on_weeks(weeks, champion.stages.rankers, seed, k=k).ranker.save(champion_models.ranker_folder)
    return TonightsModels(
        ranking=ranking,
        evaluated=FittedModels(own[test_day], run_dir / RANKER),
        champion=champion_models,
        tonight=own[windows.publishing_as_of_day],
        ranker_choice=choice,
    )


def _by_day(fitted: Iterable[FittedWeek]) -> tuple[Mapping[date, WeeklyModel], Mapping[date, WeeklyModel]]:
    """Return tonight's models and the champion's by the first day that they may not see."""
    own, champions = {}, {}
    for job, model in fitted:
        (champions if job.is_champion else own)[job.as_of_day] = model
    return own, champions
