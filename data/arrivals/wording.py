"""Days and names in a sentence: the first ones, and how many more there are."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date

SHOWN = 5


def listed(names: Collection[str]) -> str:
    """Return the first names, and how many more there are.

    >>> listed(["a", "b", "c", "d", "e", "f", "g"])
    'a, b, c, d, e and 2 more'
    """
    shown = ", ".join(list(names)[:SHOWN])
    return f"{shown} and {len(names) - SHOWN} more" if len(names) > SHOWN else shown


def listed_days(days: Iterable[date]) -> str:
    """Return days as text, those in a row as a range.

    >>> listed_days([date(2020, 9, 1), date(2020, 9, 2), date(2020, 9, 3), date(2020, 9, 9)])
    '2020-09-01 to 2020-09-03, 2020-09-09'
    """
    spans: list[list[date]] = []
    for day in sorted(days):
        if spans and (day - spans[-1][-1]).days == 1:
            spans[-1].append(day)
        else:
            spans.append([day])
    return listed([f"{span[0]} to {span[-1]}" if len(span) > 1 else f"{span[0]}" for span in spans])
