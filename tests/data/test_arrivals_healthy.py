"""Healthy nights of shops of other sizes and rhythms: nearly none is told of, and none is stopped."""

from collections.abc import Iterator
from datetime import date

import pytest
from planted_nights import LAST_DAY as LAST_DAY_OF_SALES
from planted_nights import ONE_DAY, Rhythm, night, rules_of, sales, with_rows

NIGHTS, SEEDS = 40, (1, 2, 3)
LAST_DAY = date(2021, 1, 20)  # so that the nights run over Christmas
WEEK_OF_A_STORE = (0.8, 0.8, 0.9, 1.0, 1.4, 1.7, 0.4)  # from Monday
BANK_HOLIDAYS = {(1, 1), (12, 25), (12, 26), (5, 1)}


def steady(rows: float) -> Rhythm:
    return lambda day: rows * WEEK_OF_A_STORE[day.weekday()]


def closed_on_sundays(day: date) -> float:
    return 0 if day.weekday() == 6 or (day.month, day.day) in BANK_HOLIDAYS else 400


def open_at_weekends(day: date) -> float:
    return 80 if day.weekday() >= 4 else 0


def in_summer_only(day: date) -> float:
    return 300 if 4 <= day.month <= 10 else 0


def with_christmas_peak(day: date) -> float:
    is_black_friday = day.month == 11 and day.weekday() == 4 and 23 <= day.day <= 29
    peak = 10 if is_black_friday else 5 if (11, 25) <= (day.month, day.day) <= (12, 23) else 1
    return 500 * peak * (0.3 if (day.month, day.day) in BANK_HOLIDAYS else 1)


def growing(day: date) -> float:
    return 2_000 * 2.0 ** ((day - LAST_DAY).days / 90)


SHOPS = {  # rhythm, days of history, how much its days vary beside chance
    "H&M's size": (steady(44_000), 734, 0.15),
    "a store": (steady(300), 500, 0.2),
    "wild": (steady(60), 500, 0.5),
    "tiny": (steady(5), 600, 0.1),
    "tiny and wild": (steady(3), 600, 0.7),
    "closed on Sundays and holidays": (closed_on_sundays, 734, 0.15),
    "closed on Sundays, in its first year": (closed_on_sundays, 300, 0.15),
    "open at weekends": (open_at_weekends, 600, 0.2),
    "open in summer": (in_summer_only, 734, 0.2),
    "Christmas peak": (with_christmas_peak, 734, 0.2),
    "growing": (growing, 600, 0.2),
    "two months old": (steady(200), 60, 0.2),
}


def sale_in_january(day: date) -> float:
    return 0.55 if day.month == 1 else 1.0


def nights_of(rhythm: Rhythm, days: int, clumpiness: float, seed: int) -> Iterator[list[str]]:
    """What is told on each of the nights, every one held against the one before."""
    whole = sales(rhythm, days, seed, LAST_DAY, clumpiness)
    before, is_growing = None, False
    for back in range(NIGHTS, -1, -1):
        yesterday = LAST_DAY - back * ONE_DAY
        seen = {day: rows for day, rows in whole.items() if day <= yesterday}
        tonight = night(seen, sale_in_january, seed)
        if before is not None:
            yield rules_of(tonight, before, today=yesterday + ONE_DAY, is_growing=is_growing)
            is_growing = tonight.last_day > before.last_day
        before = tonight


IN_ITS_FIRST_YEAR = "closed on Sundays, in its first year"


@pytest.mark.parametrize("shop", [each for each in SHOPS if each != IN_ITS_FIRST_YEAR])
def test_nothing_is_told_of_healthy_nights(shop):
    told = [each for seed in SEEDS for each in nights_of(*SHOPS[shop], seed)]
    assert told == [[]] * NIGHTS * len(SEEDS)


def test_a_shop_in_its_first_year_is_told_of_the_holidays_that_nobody_could_know_of():
    told = [rule for each in nights_of(*SHOPS[IN_ITS_FIRST_YEAR], seed=1) for rule in each]
    # Both days of Christmas: when they do not come, by the clock, and once later days are there. New Year.
    assert told == ["late", "late", "late", "missing_day", "late", "missing_day"]


def test_a_file_of_the_last_year_only_loses_a_day_for_each_that_comes():
    whole = sales(steady(300), 400)
    first, last = min(whole), max(whole)
    yesterday = night({day: rows for day, rows in whole.items() if first < day < last})
    tonight = night({day: rows for day, rows in whole.items() if first + ONE_DAY < day})
    assert rules_of(tonight, yesterday) == []


def test_rows_that_come_late_or_are_corrected_within_days_are_silent():
    yesterday = night(sales(steady(300), 400))
    newest = sorted(yesterday.rows_by_day)[-5:]
    changed = {
        day: round(yesterday.rows_by_day[day] * times)
        for day, times in zip(newest, (0.98, 1, 1.01, 1.1, 1.4), strict=True)
    }
    assert rules_of(with_rows(yesterday, changed), yesterday) == []


def test_a_customer_who_was_deleted_is_no_change_of_the_history():
    yesterday = night(sales(steady(300), 400))
    fewer = {day: yesterday.rows_by_day[day] - 2 for day in sorted(yesterday.rows_by_day)[::30]}
    assert rules_of(with_rows(yesterday, fewer), yesterday) == []


def test_a_shop_without_new_purchases_is_told_of_nothing_twice():
    yesterday = night(sales(steady(300), 400) | {LAST_DAY_OF_SALES: 3})
    assert rules_of(yesterday) == ["few_rows"]
    assert rules_of(yesterday, yesterday) == []


def test_a_collection_of_years_ago_waits_for_no_new_day():
    collection = night(sales(steady(300), 400))
    assert rules_of(collection, today=date(2026, 12, 1)) == []
