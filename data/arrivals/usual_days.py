"""What a day usually sells, by the shop's own rhythm: the same weekday of the weeks before, and a year ago.

Stage: raw data, below the rules. In: rows of every day. Out: whether a day sold so few that chance does not explain it.

A day is held against the median of its weekday in the eight weeks before, so that a shop that is closed on Sundays is
not missed on them. How far is far follows from how far the days of the last half year were from theirs, in a robust
spread, 1.4826 times the median distance from the median (Hampel, JASA 69, 1974): a shop with 5 purchases a day varies
more than one with 5,000, and abstains. A day that was as quiet a year ago, such as Christmas, is not missed either.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cached_property

import numpy as np

WEEK, YEAR = 7, 364  # days; 364 have the same weekday
WEEKS_BEFORE = 8
FEWEST_WEEKS = 4  # of which a median is taken
DAYS_OF_SPREAD, FEWEST_DAYS_OF_SPREAD = 182, 28
MAD_TO_SPREAD = 1.4826  # of a normal distribution: makes it the standard deviation
LEAST_SPREAD = 0.1  # on the logarithmic scale: a tenth up or down is nothing, however steady the shop
AS_QUIET = 2  # a holiday may have had twice the share that is few now
AROUND_A_YEAR_AGO = range(YEAR - 1, YEAR + 4)  # both the same weekday and the same date, with a day to spare


class UsualDays:
    """The days of a shop, from the first to the last with purchases.

    Args:
        rows_by_day: purchases of each day; a day that is not in it has none.
        few_share: a day with at most this share of its usual rows has few.
        unusual_spreads: how many spreads below usual is unusual.
    """

    def __init__(self, rows_by_day: Mapping[date, int], few_share: float, unusual_spreads: float) -> None:
        self.first, self.last = min(rows_by_day), max(rows_by_day)
        self.few_share, self.unusual_spreads = few_share, unusual_spreads
        self.rows = np.zeros((self.last - self.first).days + 1)
        self.rows[[self._at(day) for day in rows_by_day]] = list(rows_by_day.values())

    def usual(self, day: date) -> float:
        """Return the median rows of the day's weekday in the weeks before; NaN where too few are known."""
        at = self._at(day)
        newest = at - WEEK * max(1, -(-(at - len(self.rows) + 1) // WEEK))  # of a day to come: the last that is known
        before = self.rows[[each for each in range(newest, newest - WEEK * WEEKS_BEFORE, -WEEK) if each >= 0]]
        return float(np.median(before)) if len(before) >= FEWEST_WEEKS else np.nan

    def is_missing(self, day: date, rows: float = 0) -> bool:
        """Whether a day with so many rows has few, fewer than chance explains, and had not as few a year ago."""
        usual = self.usual(day)
        if not (usual > 0 and rows <= self.few_share * usual):
            return False
        spreads = (np.log1p(rows) - np.log1p(usual)) / self._spread(day)
        return bool(spreads < -self.unusual_spreads) and not self.was_quiet_a_year_ago(day)

    def was_quiet_a_year_ago(self, day: date) -> bool:
        """Whether a day about a year before had few rows for its own weekday, or nearly so.

        A weekday on which the shop is always closed tells nothing of others.
        """
        share, known = AS_QUIET * self.few_share, range(len(self.rows))
        before = [(back, at) for back in AROUND_A_YEAR_AGO if (at := self._at(day) - back) in known]
        telling = [at for back, at in before if back == YEAR or self._usual[at] > 0]
        return any(self.rows[at] <= share * self._usual[at] for at in telling)

    def _spread(self, day: date) -> float:
        """Return the spread of the days before on the logarithmic scale; NaN, which nothing exceeds, of too few."""
        end = min(self._at(day), len(self.rows))
        start = max(end - DAYS_OF_SPREAD, 0)
        distances = (np.log1p(self.rows) - np.log1p(self._usual))[start:end]
        distances = distances[self._usual[start:end] > 0]
        if len(distances) < FEWEST_DAYS_OF_SPREAD:
            return np.nan
        return max(MAD_TO_SPREAD * float(np.median(np.abs(distances - np.median(distances)))), LEAST_SPREAD)

    @cached_property
    def _usual(self) -> np.ndarray:
        """What `usual` says of every day there is."""
        padded = np.concatenate([np.full(WEEK * WEEKS_BEFORE, np.nan), self.rows])
        before = np.stack([padded[WEEK * back : WEEK * back + len(self.rows)] for back in range(WEEKS_BEFORE)])
        known = np.isfinite(before).sum(axis=0) >= FEWEST_WEEKS
        usual = np.full(len(self.rows), np.nan)
        usual[known] = np.nanmedian(before[:, known], axis=0)
        return usual

    def _at(self, day: date) -> int:
        return (day - self.first).days
