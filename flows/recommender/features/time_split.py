"""Which week is for what: every date of a run follows from the cutoff.

Stage: first decision of the flow. In: the cutoff, the first and last purchase day, how many weeks to learn
from. Out: `TimeWindows`, the as-of days of training, validation, test and publishing.

An as-of day A stands for one moment: features use purchases before A, the target is what was bought in the
seven days from A.

        history ...  | week | week | validation | test  |
                     ^      ^      ^            ^       ^
        as-of days   -28    -21    -14          -7      cutoff
        grid:        train  train  select
        ranker:             rank   rank         measure
        published:   train  train  train        train   publish

The grid's candidates learn from the training weeks and are chosen in the validation week. The chosen one is then fitted
afresh before the ranking weeks and before the test week, on the weeks that had ended: the ranker learns from scores of
models that had not seen the week they score, and the test week is measured with models as young as the published ones.
One model may score several ranking weeks in a row, its own and those after it, which saves fitting one for each.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta

from recommender.errors import RecommenderError, RunRefused

WEEK = timedelta(days=7)
ONE_DAY = timedelta(days=1)


class TimeSplitError(RecommenderError, ValueError):
    """The weeks that a run needs do not fit the data."""


class NothingSold(RunRefused):
    """A week that a run cannot do without has no purchase."""


@dataclass(frozen=True)
class TimeWindows:
    """All dates of one run. Make it with `split_by_time`, which checks that they fit the data.

    `first_purchase_day` is the first day of the data; `training_as_of_days` are those of the grid's candidates, oldest
    first: the last target among them ends the day before the validation week. `ranking_weeks` is how many weeks before
    the test week teach the ranker, and `weeks_per_model` how many of them one two-tower scores. `closed_as_of_days`,
    oldest first, were among them until it was seen that nobody bought anything in their weeks.
    """

    cutoff: date
    first_purchase_day: date
    training_as_of_days: tuple[date, ...]
    ranking_weeks: int = 0
    weeks_per_model: int = 1
    closed_as_of_days: tuple[date, ...] = ()

    @property
    def validation_as_of_day(self) -> date:
        """First day of the week that chooses between candidates."""
        return self.cutoff - 2 * WEEK

    @property
    def test_as_of_day(self) -> date:
        """First day of the week that is measured once, after the choice."""
        return self.cutoff - WEEK

    @property
    def publishing_as_of_day(self) -> date:
        """The day that published lists are made for: everything before it is known."""
        return self.cutoff

    @property
    def ranking_as_of_days(self) -> tuple[date, ...]:
        """First days of the weeks that teach the ranker that is measured in the test week, oldest first."""
        return tuple(day for weeks in self.ranking_models.values() for day in weeks)

    @property
    def ranking_models(self) -> dict[date, tuple[date, ...]]:
        """Which two-tower scores which weeks for the ranker, oldest first; see the function of this name.

        Closed weeks are left out, and weeks before which no open one is left to train a two-tower on. The validation
        week always stays.
        """
        planned = ranking_models(self.test_as_of_day, self.ranking_weeks, self.weeks_per_model)
        groups = (tuple(day for day in group if self._is_open(day)) for group in planned.values())
        return {group[0]: group for group in groups if group}

    @property
    def as_of_days(self) -> tuple[date, ...]:
        """Every as-of day of the run, oldest first."""
        named = self.validation_as_of_day, self.test_as_of_day, self.publishing_as_of_day
        return (*self.training_as_of_days, *named)

    def known_before(self, day: date) -> tuple[date, ...]:
        """Return the as-of days, oldest first, that a model of a day is fitted on: their weeks end before it."""
        return tuple(each for each in self.as_of_days if each + WEEK <= day)

    def without_closed(self, days: Iterable[date]) -> TimeWindows:
        """Return the windows without those of its weeks in which nobody bought anything, given by their first days.

        Raises:
            NothingSold: when one is the test or the validation week, or no training week is left.
        """
        days = set(days)
        for name, day in (("test", self.test_as_of_day), ("validation", self.validation_as_of_day)):
            if day in days:
                raise NothingSold(
                    f"nobody bought anything in the {name} week, {day} to {day + WEEK - ONE_DAY}: "
                    "bring its purchases or choose another cutoff"
                )
        open_days = tuple(day for day in self.training_as_of_days if day not in days)
        if not open_days:
            raise NothingSold(
                f"nobody bought anything in any training week, {self.training_as_of_days[0]} to "
                f"{self.validation_as_of_day - ONE_DAY}: bring purchases of these weeks or choose another cutoff"
            )
        closed = tuple(sorted(days.intersection(self.as_of_days)))
        return replace(self, training_as_of_days=open_days, closed_as_of_days=closed)

    def report(self) -> dict[str, dict[str, str]]:
        """Windows of the evaluated models as ISO dates, `end` inclusive.

        Training starts with the data: histories and article features reach back to its first day.
        """
        return {
            "train": _window(self.first_purchase_day, self.validation_as_of_day),
            "validation": _window(self.validation_as_of_day, self.test_as_of_day),
            "test": _window(self.test_as_of_day, self.cutoff),
        }

    def _is_open(self, day: date) -> bool:
        """Whether a ranking week has purchases, and a two-tower a week to train on before it."""
        return day not in self.closed_as_of_days and bool(self.known_before(day))


def ranking_models(test_day: date, weeks: int, weeks_per_model: int) -> dict[date, tuple[date, ...]]:
    """Return which two-tower scores which weeks for the ranker of a test week, oldest first.

    Args:
        test_day: first day of the test week.
        weeks: how many weeks before it teach the ranker.
        weeks_per_model: how many of them one two-tower scores; the newest may have fewer.

    Returns:
        First day that a two-tower may not see, to the first days of the weeks it scores: that one and those after it.
    """
    days = [test_day - week * WEEK for week in range(weeks, 0, -1)]
    groups = (tuple(days[start : start + weeks_per_model]) for start in range(0, weeks, weeks_per_model))
    return {group[0]: group for group in groups}


def split_by_time(
    first_purchase_day: date,
    last_purchase_day: date,
    training_weeks: int,
    cutoff: date | None = None,
    ranking_weeks: int = 0,
    weeks_per_model: int = 1,
) -> TimeWindows:
    """Lay out the weeks of a run backwards from the cutoff.

    `cutoff` is the first day that nothing may see; by default the day after the last purchase.
    At most `training_weeks` training as-of days, fewer when the data starts too late: each needs at least one
    week of purchases before it. At most `ranking_weeks` weeks for the ranker, the validation week the last of them,
    fewer where a week would leave its two-tower no training week.

    Raises TimeSplitError when the cutoff lies outside the data, `training_weeks` is not positive, or no week is
    left to train on.
    """
    cutoff = cutoff or last_purchase_day + ONE_DAY
    _check_cutoff(cutoff, first_purchase_day, last_purchase_day)
    if training_weeks < 1:
        raise TimeSplitError(f"training_weeks must be at least 1, got {training_weeks}")
    newest = cutoff - 3 * WEEK
    wanted = (newest - week * WEEK for week in reversed(range(training_weeks)))
    training_as_of_days = _with_a_week_of_history(wanted, first_purchase_day)
    if not training_as_of_days:
        raise TimeSplitError(
            f"cutoff {cutoff} leaves {(cutoff - first_purchase_day).days} days of purchases from "
            f"{first_purchase_day}; four weeks are needed (history, training, validation, test): "
            "bring earlier purchases or choose a later cutoff"
        )
    ranking_weeks = min(ranking_weeks, len(training_as_of_days))
    return TimeWindows(cutoff, first_purchase_day, training_as_of_days, ranking_weeks, weeks_per_model)


def _check_cutoff(cutoff: date, first_purchase_day: date, last_purchase_day: date) -> None:
    if cutoff > last_purchase_day + ONE_DAY:
        raise TimeSplitError(
            f"cutoff {cutoff} is after the last purchase, {last_purchase_day}; "
            f"choose {last_purchase_day + ONE_DAY} or an earlier date"
        )
    if cutoff <= first_purchase_day:
        raise TimeSplitError(
            f"cutoff {cutoff} is not after the first purchase, {first_purchase_day}; "
            f"choose a date from {first_purchase_day + 4 * WEEK} to {last_purchase_day + ONE_DAY}"
        )


def _with_a_week_of_history(as_of_days: Iterable[date], first_purchase_day: date) -> tuple[date, ...]:
    return tuple(day for day in as_of_days if day - WEEK >= first_purchase_day)


def _window(start: date, as_of_end: date) -> dict[str, str]:
    return {"start": start.isoformat(), "end": (as_of_end - ONE_DAY).isoformat()}
