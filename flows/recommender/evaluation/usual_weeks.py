"""Tonight against usual: are the newest weeks of the data like the weeks before them?

Stage: after the marts were built, before anything is trained. In: the `shop_weeks` mart and the dates of the run. Out:
one `CheckResult` per test, which the verdict takes beside those of the lists.

A file that lost its purchases, a missing month, prices times a hundred: the lists made of them may look like any
others, so the data are asked themselves. The test week and the validation week are held against up to half a year of
weeks with sales before them. How far is far follows from the spread of those weeks, never from a number of purchases: a
shop with 65 customers a week varies more than one with 65,000. The spread is robust, 1.4826 times the median distance
from the median (Hampel, The influence curve and its role in robust estimation, JASA 69, 1974), so that a bad week that
is already among them does not make the next one usual; it never counts as less than a floor, so that a very steady shop
is not warned of a few percent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from recommender.evaluation.behavioral_check import Kind, Measurement, behavioral_check

if TYPE_CHECKING:
    import pyarrow as pa

    from recommender.features.time_split import TimeWindows

WEEKS_BEFORE = 26  # at most: half a year has a season of either kind
ENOUGH = {"selling_weeks": 8}  # weeks with sales before the two; of fewer, the spread is a guess
SLOW = 0.1  # a week in ten sold less than a slow one; the slowest of all may have been broken itself
MAD_TO_SPREAD = 1.4826  # of a normal distribution: makes it the standard deviation
JUDGED = 2  # the test week and the validation week


class Scale(NamedTuple):
    """On what scale a measure varies alike when it is large and when it is small.

    Attributes:
        of: turns the values into the scale.
        floor: the least spread on it.
    """

    of: Callable[[np.ndarray], np.ndarray]
    floor: float


COUNTS = Scale(np.log1p, 0.1)  # a tenth up or down
PRICES = Scale(np.log, 0.05)  # a twentieth up or down
SHARES = Scale(lambda shares: np.arcsin(np.sqrt(shares)), 0.05)  # 0.05 around a half, less near 0 and 1


class Distance(NamedTuple):
    """How far one measure of one week is from usual, in spreads; negative is below."""

    spreads: float
    measure: str
    week: date
    value: float
    usual: float


@dataclass(frozen=True)
class UsualWeeks:
    """Tests of the newest weeks' data; run them with `behavioral_check.run_tests`.

    Attributes:
        weeks: columns of the `shop_weeks` mart, the newest week first, so that the first is the test week and the
            second the validation week; at least two.
        ranking_days: first days of the weeks that are to teach the ranker.
        training_days: first days of the weeks that are to teach the two-tower.
    """

    weeks: Mapping[str, np.ndarray]
    ranking_days: Sequence[date]
    training_days: Sequence[date]

    @classmethod
    def of(cls, shop_weeks: pa.Table, windows: TimeWindows) -> UsualWeeks:
        """Take the mart and the dates of a run."""
        newest_first = {name: shop_weeks[name].to_numpy(zero_copy_only=False)[::-1] for name in shop_weeks.column_names}
        return cls(newest_first, windows.ranking_as_of_days, windows.training_as_of_days)

    def without_sales(self) -> list[date]:
        """Return the first days of all weeks in which nobody bought anything, oldest first."""
        return sorted(self._day(week) for week in np.flatnonzero(self.weeks["purchases"] == 0))

    @behavioral_check(
        "usual weeks",
        Kind.CHANGE,
        refuses="lists of a week that hardly sold anything cannot be judged, and purchases are probably missing",
        needs=ENOUGH,
    )
    def share_of_a_slow_week(self) -> Measurement:
        """Purchases of the test week as a multiple of a slow week's: of the weeks before, one in ten sold less."""
        before = self.weeks["purchases"][self._before()]
        if not len(before):
            return Measurement(None, data=self._data())
        slow, sold = float(np.quantile(before, SLOW, method="lower")), int(self.weeks["purchases"][0])
        details = {"test_week": f"{self._day(0)}", "purchases": sold, "slow_week": slow, "usual": np.median(before)}
        return Measurement(sold / slow, _plain(details), self._data())

    @behavioral_check(
        "usual weeks",
        Kind.CHANGE,
        warns="a sale, a holiday or a campaign moves a week as far",
        needs=ENOUGH,
    )
    def volume_far_from_usual(self) -> Measurement:
        """How many spreads purchases or customers of the two newest weeks are from usual, whichever are farthest."""
        return self._farthest({name: self.weeks[name] for name in ("purchases", "customers")}, COUNTS, range(JUDGED))

    @behavioral_check(
        "usual weeks",
        Kind.CHANGE,
        warns="a clearance moves prices, too; another currency or unit would move them much farther",
        needs=ENOUGH,
    )
    def prices_far_from_usual(self) -> Measurement:
        """How many spreads the typical price of the two newest weeks is from usual; "times" is how many times usual."""
        return self._farthest({"price": np.exp(self.weeks["mean_log_price"])}, PRICES, self._judged())

    @behavioral_check(
        "usual weeks",
        Kind.CHANGE,
        warns="a new range or a closed channel changes the make-up of a healthy week",
        needs=ENOUGH,
    )
    def make_up_far_from_usual(self) -> Measurement:
        """How many spreads a share is from usual in the two newest weeks: online purchases, repeats, what is new."""
        weeks = self.weeks
        shares = {
            "online purchases": weeks["online_share"],
            "repeated purchases": weeks["repeat_share"],
            "new articles": weeks["new_articles"] / np.maximum(weeks["articles"], 1),
            "new customers": weeks["new_customers"] / np.maximum(weeks["customers"], 1),
        }
        return self._farthest(shares, SHARES, self._judged())

    @behavioral_check(
        "usual weeks",
        Kind.CHANGE,
        warns="a holiday closes a shop for days, as does a file that ends in the middle of a week",
        needs=ENOUGH,
    )
    def days_without_sales(self) -> Measurement:
        """Days that the test week lacks to a week with few selling days: of the weeks before, one in ten had fewer."""
        before, sold = self.weeks["selling_days"][self._before()], int(self.weeks["selling_days"][0])
        if not len(before):
            return Measurement(None, data=self._data())
        few = int(np.quantile(before, SLOW, method="lower"))
        return Measurement(max(few - sold, 0), {"selling_days": sold, "in_a_week_with_few": few}, self._data())

    @behavioral_check(
        "usual weeks",
        Kind.CHANGE,
        warns="the ranker learns from the other weeks as well; only a shop that was closed sells nothing for a week",
    )
    def ranking_weeks_without_sales(self) -> Measurement:
        """Weeks without a single sale among those that teach the ranker; it learns from the others."""
        return self._closed_among(self.ranking_days)

    @behavioral_check(
        "usual weeks",
        Kind.CHANGE,
        warns="the two-tower learns from the other weeks as well; two closed weeks may be a month that is missing",
    )
    def training_weeks_without_sales(self) -> Measurement:
        """Weeks without a single sale among those that teach the two-tower; it learns from the others."""
        return self._closed_among(self.training_days)

    def _farthest(self, measures: Mapping[str, np.ndarray], scale: Scale, judged: Sequence[int]) -> Measurement:
        """Measure the distance of the farthest measure and week, and name it; NaN where a value is unknown."""
        distances = list(self._distances(measures, scale, judged))
        if not distances:
            return Measurement(None, data=self._data())
        farthest = max(distances, key=lambda each: np.inf if np.isnan(each.spreads) else abs(each.spreads))
        details = {
            "farthest": farthest.measure,
            "week": f"{farthest.week}",
            "is": farthest.value,
            "usual": farthest.usual,
            "times": farthest.value / farthest.usual if farthest.usual else None,
            "spreads": {f"{each.measure}, {each.week}": round(each.spreads, 2) for each in distances},
        }
        return Measurement(abs(farthest.spreads), _plain(details), self._data())

    def _distances(self, measures: Mapping[str, np.ndarray], scale: Scale, judged: Sequence[int]) -> Iterator[Distance]:
        for name, values in measures.items():
            before = values[self._before()]
            before = before[np.isfinite(before)]
            if not len(before):
                continue
            usual, scaled = np.median(before), scale.of(before)
            spread = max(MAD_TO_SPREAD * np.median(np.abs(scaled - np.median(scaled))), scale.floor)
            for week in judged:
                spreads = float((scale.of(values[week]) - np.median(scaled)) / spread)
                yield Distance(spreads, name, self._day(week), values[week], usual)

    def _before(self) -> np.ndarray:
        """Return which weeks stand for usual: the latest with sales before the two that are judged."""
        return (np.flatnonzero(self.weeks["purchases"][JUDGED:]) + JUDGED)[:WEEKS_BEFORE]

    def _judged(self) -> list[int]:
        """Return which of the two newest weeks have sales."""
        return np.flatnonzero(self.weeks["purchases"][:JUDGED]).tolist()

    def _closed_among(self, days: Sequence[date]) -> Measurement:
        closed = [f"{day}" for day in self.without_sales() if day in days]
        return Measurement(len(closed), {"weeks": len(days), "without_sales": closed})

    def _data(self) -> dict[str, int]:
        return {"selling_weeks": len(self._before())}

    def _day(self, week: int) -> date:
        """Return the first day of a week as Python has it."""
        return self.weeks["week_start"][week].astype("datetime64[D]").item()


def _plain(details: Mapping[str, Any]) -> dict[str, Any]:
    """Return details as JSON knows them."""
    return {name: value.item() if isinstance(value, np.generic) else value for name, value in details.items()}
