"""Nights of planted shops, as `data.arrivals` sees them: what each sells a day, and what is wrong tonight."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta

import numpy as np

from data.arrivals.finding import Reference, Thresholds
from data.arrivals.findings import find
from data.arrivals.measuring import CATEGORIES, first_newest_day
from data.arrivals.profile import DayProfile, FileProfile, FilesProfile
from data.raw_layout import RAW_COLUMNS
from recommender.config import DEFAULT_FILE, read_file

ONE_DAY = timedelta(days=1)
LAST_DAY = date(2020, 9, 22)  # a Tuesday
SETTINGS = read_file(DEFAULT_FILE)["arrivals"]
THRESHOLDS = Thresholds.of(SETTINGS)
ONLINE = 0.7  # of the purchases

Rhythm = Callable[[date], float]
"""Purchases that a shop expects on a day."""


def sales(
    rhythm: Rhythm, days: int, seed: int = 1, last_day: date = LAST_DAY, clumpiness: float = 0.1
) -> dict[date, int]:
    """Draw purchases of every day: Poisson around the rhythm, which itself varies by its share `clumpiness`."""
    random, shape = np.random.default_rng(seed), 1 / clumpiness**2
    wanted = [last_day - n * ONE_DAY for n in range(days)][::-1]
    drawn = {day: int(random.poisson(rhythm(day) * random.gamma(shape, 1 / shape))) for day in wanted}
    return {day: rows for day, rows in drawn.items() if rows}


def night(rows_by_day: Mapping[date, int], price_level: Rhythm = lambda _: 1.0, seed: int = 1) -> FilesProfile:
    """Return the files of a shop that sold so much: ids, columns and categories as they always are."""
    first = first_newest_day(rows_by_day)
    # A day is drawn by itself, so that another night sees the same.
    days = {
        day: _day(rows, price_level(day), np.random.default_rng([seed, day.toordinal(), rows]))
        for day, rows in rows_by_day.items()
        if day >= first
    }
    return FilesProfile(
        files={name: FileProfile(1, f"{sum(rows_by_day.values())}", columns) for name, columns in RAW_COLUMNS.items()},
        articles=1_000,
        customers=5_000,
        rows_by_day=rows_by_day,
        days=days,
        categories={
            "articles.csv": {name: {"a": 600, "b": 390, "": 10} for name in CATEGORIES["articles.csv"]},
            "customers.csv": {name: {"x": 3_000, "y": 1_950, "": 50} for name in CATEGORIES["customers.csv"]},
        },
        id_formats={
            "article_id": {"10 digits with a leading zero": 1_000},
            "customer_id": {"64 hexadecimal digits": 5_000},
        },
    )


def _day(rows: int, level: float, random: np.random.Generator) -> DayProfile:
    online = int(random.binomial(rows, ONLINE))
    even = int(random.binomial(rows, 0.02))
    level *= random.lognormal(0, 0.3 / np.sqrt(rows))
    channels = {name: count for name, count in (("1", rows - online), ("2", online)) if count}
    prices = (0.5 * level, level, 3 * level)
    return DayProfile(rows, rows, rows, prices, channels, rows, even, level, rows)


def without_days(tonight: FilesProfile, *gone: date) -> FilesProfile:
    """Take days out of the purchases."""
    return with_rows(tonight, dict.fromkeys(gone, 0))


def with_rows(tonight: FilesProfile, changed: Mapping[date, int]) -> FilesProfile:
    """Give days other numbers of purchases."""
    rows_by_day = {day: rows for day, rows in {**tonight.rows_by_day, **changed}.items() if rows}
    return replace(night(dict(sorted(rows_by_day.items()))), files=tonight.files)


def with_day(tonight: FilesProfile, day: date, **changed: object) -> FilesProfile:
    """Change what is known of a day."""
    return replace(tonight, days={**tonight.days, day: replace(tonight.days[day], **changed)})


def rules_of(
    tonight: FilesProfile, *earlier: FilesProfile, today: date | None = None, is_growing: bool = False
) -> list[str]:
    """Return the rules that find something, with the shipped thresholds, the morning after the last day."""
    references = [Reference(f"run {n}", each, is_growing) for n, each in enumerate(earlier, 1)]
    return [each.rule for each in find(tonight, references, today or tonight.last_day + ONE_DAY, THRESHOLDS)]
