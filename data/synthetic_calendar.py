"""When the made customers shop and how much: their purchase days and baskets, before any article is chosen.

Stage: raw data, demo only. In: customers, days and the last day, `hm_profile`. Out: a `Calendar`, one row per
basket (customer and day), in day order.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from data.hm_profile import draw_counts, hm_profile

PROFILE_DAYS = 734  # 2018-09-20 to 2020-09-22, over which the profile counts purchase days per customer
DAYS_PER_WEEK = 7


@dataclass(frozen=True)
class CalendarShape:
    """How customers come and go; fitted so that the generated data holds `hm_profile`."""

    visits: float = 1.0  # purchase days per customer, relative to H&M
    most_purchase_days: float = 160.0  # of one customer in the profile's two years
    whole_period_share: float = 0.6  # customers active all the time; the others join, leave or pause
    shortest_active_share: float = 0.1  # of the period, for customers active during a part of it
    follow_up_share: float = 0.08  # purchase days soon after another one
    follow_up_days: float = 9.0  # mean distance of a follow-up
    mean_articles_per_basket: float = 4.0
    basket_size_log_sd: float = 0.7  # between customers
    never_bought_share: float = 0.0071  # 1 - 1,362,281 / 1,371,980


@dataclass(frozen=True)
class Calendar:
    """Baskets in day order: arrays of shape (n_baskets,); `day` counts from 0, the first day.

    `articles` is how many articles the basket is meant to hold. `mean_basket` (n_customers,) is each customer's
    mean of it. `first_day` is the date of day 0 and `days` their number.
    """

    first_day: date
    days: int
    customer: np.ndarray
    day: np.ndarray
    articles: np.ndarray
    mean_basket: np.ndarray

    @property
    def weeks(self) -> int:
        """Number of weeks, counted back from the last day; the first may be shorter than seven days."""
        return -(-self.days // DAYS_PER_WEEK)

    def week_of(self, day: np.ndarray) -> np.ndarray:
        """Week number of a day; the last seven days are week `weeks - 1`."""
        return self.weeks - 1 - (self.days - 1 - day) // DAYS_PER_WEEK

    def middle_of_week(self, week: int) -> date:
        """The day in the middle of a week (for the season)."""
        return self.first_day + timedelta(days=self.days - DAYS_PER_WEEK * (self.weeks - week) + 3)


def make_calendar(
    customers: int, days: int, last_day: date, rng: np.random.Generator, shape: CalendarShape | None = None
) -> Calendar:
    """Draw every customer's purchase days and basket sizes over `days` days ending with `last_day`."""
    shape = shape or CalendarShape()
    first_day = last_day - timedelta(days=days - 1)
    customer = np.repeat(np.arange(customers), _purchase_day_counts(customers, days, rng, shape))
    day = _purchase_days(customer, customers, first_day, days, rng, shape)
    customer, day = _unique_in_day_order(customer, day)
    log_mean = rng.normal(0, shape.basket_size_log_sd, customers) - shape.basket_size_log_sd**2 / 2
    mean_basket = 1 + (shape.mean_articles_per_basket - 1) * np.exp(log_mean)
    articles = rng.geometric(1 / mean_basket[customer])
    return Calendar(first_day, days, customer, day, articles, mean_basket)


def _purchase_day_counts(customers: int, days: int, rng: np.random.Generator, shape: CalendarShape) -> np.ndarray:
    """Purchase days per customer; over a period other than the profile's, in proportion and at least one."""
    quantiles = hm_profile()["transactions"]["purchase_days_per_customer"]
    counts = draw_counts(rng.random(customers), quantiles, shape.most_purchase_days)
    scaled = np.floor(counts * shape.visits * days / PROFILE_DAYS + rng.random(customers))
    has_bought = rng.random(customers) >= shape.never_bought_share
    return np.where(has_bought, np.maximum(scaled, 1), 0).astype(np.int64)


def _purchase_days(
    customer: np.ndarray,
    customers: int,
    first_day: date,
    days: int,
    rng: np.random.Generator,
    shape: CalendarShape,
) -> np.ndarray:
    """A day for each purchase: by season and weekday within the customer's active time, or a follow-up.

    An active time that runs over the last day goes on at the first: a customer who pauses in between. So as many
    join as leave, and demand has no edge.
    """
    start, length = _active_times(customers, rng, shape)
    cumulative = np.concatenate([[0.0], np.cumsum(_day_weights(first_day, days))])
    position = (start[customer] + rng.random(len(customer)) * length[customer]) % 1.0
    day = np.searchsorted(cumulative / cumulative[-1], position, side="right") - 1
    follows = (rng.random(len(day)) < shape.follow_up_share) & (np.diff(customer, prepend=-1) == 0)
    leader = np.maximum.accumulate(np.where(follows, 0, np.arange(len(day))))
    distance = np.ceil(rng.exponential(shape.follow_up_days, len(day))).astype(np.int64)
    followed = day[leader] + distance
    return np.where(follows & (followed < days), followed, day)


def _active_times(customers: int, rng: np.random.Generator, shape: CalendarShape) -> tuple[np.ndarray, np.ndarray]:
    """(start, length) of each customer's active time as shares of the period."""
    length = rng.uniform(shape.shortest_active_share, 1.0, customers)
    length[rng.random(customers) < shape.whole_period_share] = 1.0
    return rng.random(customers), length


def _day_weights(first_day: date, days: int) -> np.ndarray:
    """Relative demand per day, shape (days,): weekday share times the month's rows per day."""
    by_weekday = np.array(hm_profile()["transactions"]["rows_by_weekday"]) * DAYS_PER_WEEK
    by_month = rows_per_day_by_month()
    dates = [first_day + timedelta(days=number) for number in range(days)]
    return np.array([by_weekday[day.weekday()] * by_month[day.month] for day in dates])


def rows_per_day_by_month() -> dict[int, float]:
    """Month 1-12 -> rows per day of the profile's sample, both years together."""
    rows, length = dict.fromkeys(range(1, 13), 0.0), dict.fromkeys(range(1, 13), 0)
    for month_name, count in hm_profile()["transactions"]["rows_by_month"].items():
        year, month = map(int, month_name.split("-"))
        rows[month] += count
        length[month] += _days_covered(year, month)
    return {month: rows[month] / length[month] for month in rows}


def _days_covered(year: int, month: int) -> int:
    """Days of a month that lie within the public data."""
    first, after = date(year, month, 1), date(year + month // 12, month % 12 + 1, 1)
    first, after = max(first, date(2018, 9, 20)), min(after, date(2020, 9, 23))
    return (after - first).days


def _unique_in_day_order(customer: np.ndarray, day: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distinct (customer, day) pairs, ordered by day, then customer."""
    stride = int(customer.max(initial=0)) + 1
    key = np.unique(day * stride + customer)
    return key % stride, key // stride
