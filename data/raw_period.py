"""Whether purchases cover the weeks that a run needs before its cutoff, and whether a day is far from the others.

Stage: raw data. In: the number of purchases of each day, and the cutoff, the first day that nothing may see.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from data.raw_errors import RawPeriodError

# A test week, a validation week, a week whose purchases are learned, and a week of history before that one.
MINIMUM_DAYS = 28
# Longer than any shop rests that opens once a year, for Christmas or for the summer.
MOST_DAYS_WITHOUT_PURCHASE = 400


@dataclass(frozen=True)
class StrayDays:
    """Days whose purchases are surely wrong, from `first` to `last`."""

    first: date
    last: date
    problem: str
    remedy: str = "Correct the date, or leave out the row"


def find_stray_days(rows_by_day: Mapping[date, int], today: date) -> StrayDays | None:
    """Days after tomorrow (today's date differs from place to place), or a few far from all others.

    Few are less than `MINIMUM_DAYS` before, or after, a gap of more than `MOST_DAYS_WITHOUT_PURCHASE` days, with fewer
    purchases than beyond the gap.
    """
    days = sorted(rows_by_day)
    future = [day for day in days if day.toordinal() > today.toordinal() + 1]
    if future:
        return StrayDays(future[0], future[-1], f"lies after today, {today}")
    parts = _parts(days)
    rows = [sum(rows_by_day[day] for day in part) for part in parts]
    for at, beside in ((0, 1), (-1, -2)) if len(parts) > 1 else ():
        part, neighbour = parts[at], parts[beside]
        if (part[-1] - part[0]).days < MINIMUM_DAYS and rows[at] < sum(rows) - rows[at]:
            nearest = neighbour[0] if at == 0 else neighbour[-1]
            return StrayDays(part[0], part[-1], f"lies far from all other purchases; the nearest are of {nearest}")
    return None


def _parts(days: list[date]) -> list[list[date]]:
    """Days in their order, cut where the shop rested for too long."""
    parts = [days[:1]]
    for earlier, later in zip(days, days[1:], strict=False):
        if (later - earlier).days > MOST_DAYS_WITHOUT_PURCHASE:
            parts.append([])
        parts[-1].append(later)
    return parts


def check_period(purchase_days: Collection[date], cutoff: date | None = None) -> date:
    """Return the cutoff, by default the day after the last purchase.

    Raises `RawPeriodError` when the cutoff lies outside the purchases, fewer than `MINIMUM_DAYS` lie before it, or
    nothing was bought in the test or the validation week.
    """
    first_day, day_after_last = min(purchase_days), max(purchase_days) + timedelta(days=1)
    cutoff = cutoff or day_after_last
    remedy = _remedy(first_day + timedelta(days=MINIMUM_DAYS), day_after_last)
    if cutoff > day_after_last:
        raise RawPeriodError(
            f"cutoff {cutoff} is after the day following the last purchase, {day_after_last}; {remedy}."
        )
    if cutoff <= first_day:
        raise RawPeriodError(f"cutoff {cutoff} is not after the first purchase, {first_day}; {remedy}.")
    days = (cutoff - first_day).days
    if days < MINIMUM_DAYS:
        shortage = "fewer than two weeks of data" if days < 14 else "too few"
        raise RawPeriodError(
            f"there are {days} days from the first purchase, {first_day}, to the cutoff, {cutoff}: {shortage}. A run "
            f"needs {MINIMUM_DAYS}: a test week, a validation week, a week to learn from and its history; {remedy}."
        )
    _check_evaluation_weeks(purchase_days, cutoff)
    return cutoff


def _remedy(earliest_cutoff: date, latest_cutoff: date) -> str:
    if earliest_cutoff > latest_cutoff:
        return f"bring purchases of at least {MINIMUM_DAYS} days"
    return f"choose a cutoff from {earliest_cutoff} to {latest_cutoff}"


def _check_evaluation_weeks(purchase_days: Collection[date], cutoff: date) -> None:
    for week, weeks_before_cutoff in (("test", 1), ("validation", 2)):
        start = cutoff - timedelta(weeks=weeks_before_cutoff)
        if not any(start <= day < start + timedelta(weeks=1) for day in purchase_days):
            raise RawPeriodError(
                f"nothing was bought in the {week} week, {start} to {start + timedelta(days=6)} (cutoff {cutoff}); "
                "choose a cutoff whose last two weeks both have purchases."
            )
