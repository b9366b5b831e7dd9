"""Rules about days: late, missing, with few rows, twice, or at other prices.

Stage: raw data. In: tonight's files, and those that an earlier night saw. Out: findings. A day that the earlier night
saw with as many rows was told of then, and is not judged again; without an earlier night the newest day is.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from datetime import date, timedelta
from itertools import pairwise
from statistics import median

from data.arrivals.finding import Finding, Reference, Thresholds
from data.arrivals.profile import FilesProfile
from data.arrivals.usual_days import UsualDays
from data.arrivals.wording import listed_days

ONE_DAY = timedelta(days=1)
ARCHIVE_DAYS = 400  # older files are a collection, such as H&M's, and wait for no new day
EXPECTED_ROWS = 14  # of which none came: one shop in a million would sell nothing by chance
BY_CHANCE = 1e-6
LEVEL_DAYS = 14  # before a day, with whose prices it is compared
ENOUGH_ARTICLES = 8  # whose prices are compared: four of them would have to be far off by themselves


def usual_days(rows_by_day: Mapping[date, int], thresholds: Thresholds) -> UsualDays:
    """Return the days of a shop, judged by the thresholds."""
    return UsualDays(rows_by_day, thresholds.few_rows_share, thresholds.unusual_spreads)


def new_days(tonight: FilesProfile, reference: Reference | None) -> list[date]:
    """Return the days that the earlier night saw with other rows or not at all; without one the newest day."""
    if reference is None:
        return [tonight.last_day]
    seen = reference.profile.rows_by_day
    return [day for day, rows in tonight.rows_by_day.items() if seen.get(day) != rows]


def late(tonight: FilesProfile, today: date, thresholds: Thresholds) -> Iterator[Finding]:
    """Tell when days should have come by now; yesterday's may still be on its way."""
    days = usual_days(tonight.rows_by_day, thresholds)
    if (today - days.last).days > ARCHIVE_DAYS:
        return
    expected = _expected(days, days.last, today)
    if _are_missing(expected, thresholds):
        yield Finding(
            "late",
            f"the last purchase is of {days.last}, and today is {today}: {listed_days(expected)} should have come; see "
            "why the export has no newer purchases",
        )


def nothing_new(tonight: FilesProfile, last: Reference, thresholds: Thresholds) -> Iterator[Finding]:
    """Tell when tonight brings no newer day, though last night did and the shop usually sells on the next day."""
    days = usual_days(tonight.rows_by_day, thresholds)
    is_stuck = last.is_growing and tonight.last_day == last.profile.last_day
    if is_stuck and days.is_missing(days.last + ONE_DAY):
        yield Finding(
            "late",
            f"the last purchase is of {days.last}, as when {last.name} saw the files, and that night had brought a "
            "newer day; see why the export has no newer purchases",
        )


def missing_days(tonight: FilesProfile, reference: Reference | None, thresholds: Thresholds) -> Iterator[Finding]:
    """Tell of days between two others that nobody saw a purchase on, though the shop usually sells then."""
    days = usual_days(tonight.rows_by_day, thresholds)
    since = reference.profile.last_day if reference else days.last - LEVEL_DAYS * ONE_DAY
    known = sorted({max(since, days.first), *(day for day in tonight.rows_by_day if day > since)})
    missing = {}
    for before, after in pairwise(known):
        expected = _expected(days, before, after)
        missing |= expected if _are_missing(expected, thresholds) else {}
        missing |= {day: rows for day, rows in expected.items() if days.is_missing(day)}
    if missing:
        yield Finding(
            "missing_day",
            f"nothing was bought on {listed_days(missing)}, where about {sum(missing.values()):,.0f} purchases are "
            "usual; if the shop was open, bring them",
        )


def _expected(days: UsualDays, before: date, after: date) -> dict[date, float]:
    """Return what is usual on each day between two on which the shop usually sells."""
    between = [before + n * ONE_DAY for n in range(1, (after - before).days)]
    usual = {day: days.usual(day) for day in between}
    return {day: rows for day, rows in usual.items() if rows > 0 and not days.was_quiet_a_year_ago(day)}


def _are_missing(expected: Mapping[date, float], thresholds: Thresholds) -> bool:
    """Whether chance does not explain that the shop sold nothing on days in a row."""
    return len(expected) >= thresholds.late_after_days and sum(expected.values()) >= EXPECTED_ROWS


def few_rows(tonight: FilesProfile, judged: Collection[date], thresholds: Thresholds) -> Iterator[Finding]:
    """Tell of days with a small part of their usual rows."""
    days = usual_days(tonight.rows_by_day, thresholds)
    for day in judged:
        if days.is_missing(day, rows := tonight.rows_by_day[day]):
            yield Finding(
                "few_rows",
                f"{day} has {rows:,} purchases, where about {days.usual(day):,.0f} are usual; see whether its file was "
                "cut off or written too early",
            )


def missing_channels(tonight: FilesProfile, judged: Collection[date], thresholds: Thresholds) -> Iterator[Finding]:
    """Tell of days on which one sales channel is all but missing, though the others sold."""
    whole = usual_days(tonight.rows_by_day, thresholds)
    for channel in sorted({channel for day in tonight.days.values() for channel in day.channels}):
        sold = {day: each.channels.get(channel, 0) for day, each in tonight.days.items()}
        days = usual_days(sold, thresholds)
        for day in sorted(sold.keys() & set(judged)):
            is_quiet = whole.is_missing(day, tonight.rows_by_day[day]) or whole.was_quiet_a_year_ago(day)
            if days.is_missing(day, sold[day]) and not is_quiet:
                expected = tonight.rows_by_day[day] * days.usual(day) / whole.usual(day)
                if expected >= EXPECTED_ROWS:
                    yield Finding(
                        "missing_channel",
                        f"{day} has {sold[day]:,} purchases of sales channel {channel}, where about {expected:,.0f} "
                        "are usual among as many in all; see whether a file of that channel is missing",
                    )


def repeated_days(tonight: FilesProfile, reference: Reference | None, judged: Collection[date]) -> Iterator[Finding]:
    """Tell of days that came twice: every row of theirs stands there an even number of times."""
    seen = reference.profile.rows_by_day if reference else {}
    doubled = [day for day in judged if day not in tonight.days and tonight.rows_by_day[day] == 2 * seen.get(day, 0)]
    pairs = sorted([*doubled, *(day for day in judged if day in tonight.days and _is_in_pairs(tonight, day))])
    if pairs:
        yield Finding(
            "repeated_day",
            f"every purchase of {listed_days(pairs)} is there twice; bring each day once",
        )


def _is_in_pairs(tonight: FilesProfile, day: date) -> bool:
    """Whether all rows of a day come in pairs, which on the other days is too rare for chance."""
    others = [each for other, each in tonight.days.items() if other != day]
    even, different = sum(each.even_rows for each in others), sum(each.different_rows for each in others)
    found = tonight.days[day]
    is_even = found.even_rows == found.different_rows
    return is_even and ((even + 1) / (different + 2)) ** found.different_rows < BY_CHANCE


def changed_prices(
    tonight: FilesProfile, reference: Reference | None, judged: Collection[date], thresholds: Thresholds
) -> Iterator[Finding]:
    """Tell of days whose articles cost many times what they did just before, and of a history at other prices.

    Prices that the earlier night let pass on its last day are usual from then on.
    """
    levels = {day: each.price_level for day, each in tonight.days.items() if each.compared_articles >= ENOUGH_ARTICLES}
    accepted = levels.get(reference.profile.last_day) if reference else None
    for day in sorted(levels.keys() & set(judged)):
        before = [level for other, level in levels.items() if other < day][-LEVEL_DAYS:]
        usual = [*([median(before)] if before else []), *([] if accepted is None else [accepted])]
        times = min((levels[day] / each for each in usual), key=lambda each: abs(math.log(each)), default=1.0)
        if _is_far(times, thresholds.price_factor):
            yield Finding(
                "prices",
                f"the articles bought on {day} cost {times:.3g} times what they did on the days before; if another "
                "currency or unit came in, write all days in one",
            )
    times = _history_times(tonight, reference) if reference else {}
    if far := {day: each for day, each in times.items() if _is_far(each, thresholds.price_factor)}:
        yield Finding(
            "prices",
            f"prices of {listed_days(far)} are {median(far.values()):.3g} times what {reference.name} saw; if they are "
            "in another currency or unit now, see that every day is",
        )


def _is_far(times: float, factor: float) -> bool:
    return abs(math.log(times)) > math.log(factor)


def _history_times(tonight: FilesProfile, reference: Reference) -> dict[date, float]:
    """Return what the median price became of each day that both nights saw, as a multiple of what it was."""
    before = reference.profile.days
    both = {day: (each.prices[1], before[day].prices[1]) for day, each in tonight.days.items() if day in before}
    enough = {day: prices for day, prices in both.items() if tonight.rows_by_day[day] >= ENOUGH_ARTICLES}
    return {day: now / then for day, (now, then) in enough.items() if now > 0 and then > 0}
