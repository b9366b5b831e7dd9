"""Rules about what an earlier night saw in the files, and tonight's lack or have otherwise.

Stage: raw data. In: tonight's files, and those that an earlier night saw. Out: findings.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from data.arrivals.finding import Finding, Reference, Thresholds
from data.arrivals.measuring import IDS
from data.arrivals.profile import FilesProfile, Shares
from data.arrivals.wording import listed, listed_days
from data.raw_layout import ARTICLES_FILE, CUSTOMERS_FILE

DEPARTMENT = "department_name"
FEWEST_IDS = 20  # of which a share tells something
FEWEST_ROWS = 100  # of a file in whose values one new customer is no share to speak of


def older(tonight: FilesProfile, reference: Reference, _: Thresholds) -> Iterator[Finding]:
    """Tell when an earlier night saw later days."""
    if tonight.last_day < reference.profile.last_day:
        yield Finding(
            "older",
            f"the last purchase is of {tonight.last_day}, but {reference.name} saw purchases up to "
            f"{reference.profile.last_day}; bring the newer files",
        )


def lost_rows(tonight: FilesProfile, reference: Reference, thresholds: Thresholds) -> Iterator[Finding]:
    """Tell when days that an earlier night saw have lost many rows, as in a file that was cut off.

    Days at the beginning that went for as many new ones at the end are not missed: such a file holds, say, two years.
    """
    lost = {day: rows for day, rows in _differences(tonight, reference).items() if rows < 0}
    seen = sum(reference.profile.rows_by_day.values())
    share = -sum(lost.values()) / seen
    if share > thresholds.lost_rows_share:
        yield Finding(
            "lost_rows",
            f"{-sum(lost.values()):,} of {seen:,} purchases that {reference.name} saw are gone ({share:.0%}), of "
            f"{listed_days(lost)}; bring the whole file",
        )


def changed_history(tonight: FilesProfile, reference: Reference, thresholds: Thresholds) -> Iterator[Finding]:
    """Tell when days have other rows by now than an earlier night saw, later than rows are corrected."""
    settled = reference.profile.last_day - timedelta(days=thresholds.late_rows_days)
    changed = {day: rows for day, rows in _differences(tonight, reference).items() if rows and day <= settled}
    seen = sum(reference.profile.rows_by_day.values())
    is_told = any(lost_rows(tonight, reference, thresholds))
    if not is_told and sum(map(abs, changed.values())) > thresholds.changed_rows_share * seen:
        more, fewer = (sum(max(sign * rows, 0) for rows in changed.values()) for sign in (1, -1))
        yield Finding(
            "changed_history",
            f"{listed_days(changed)} have other purchases than {reference.name} saw, {more:,} more and {fewer:,} "
            "fewer; if nobody corrected them, compare the files",
        )


def columns(tonight: FilesProfile, reference: Reference, _: Thresholds) -> Iterator[Finding]:
    """Tell of columns that came or went; one that is needed was refused before."""
    for name, file in tonight.files.items():
        before = reference.profile.files[name]
        gone = [each for each in before.columns if each not in file.columns]
        new = [each for each in file.columns if each not in before.columns]
        if (gone or new) and file.sha256 != before.sha256:
            what = [f"no {listed(gone)} any more"] * bool(gone) + [f"{listed(new)} as well"] * bool(new)
            yield Finding(
                "columns",
                f"{name} has {', and '.join(what)}, unlike that of {reference.name}; see what else the export changed",
            )


def new_department(tonight: FilesProfile, reference: Reference, _: Thresholds) -> Iterator[Finding]:
    """Tell of departments that an earlier night did not know."""
    now, before = (each.categories[ARTICLES_FILE].get(DEPARTMENT) for each in (tonight, reference.profile))
    new = {} if now is None or before is None else {name: now[name] for name in now.keys() - before.keys() if name}
    articles = sum(new.values())
    if new:
        yield Finding(
            "new_department",
            f"{ARTICLES_FILE} has departments that {reference.name} did not know: {listed(sorted(new))}, with "
            f"{articles:,} article{'' if articles == 1 else 's'}; nobody has bought enough there yet, so look at "
            "what is recommended",
        )


def unseen_values(tonight: FilesProfile, reference: Reference, thresholds: Thresholds) -> Iterator[Finding]:
    """Tell of columns in which many rows have a value that an earlier night never saw; departments are told by name."""
    for name, column, now, before in _both(tonight, reference):
        if column == DEPARTMENT:
            continue
        unseen = {value: now[value] for value in now.keys() - before.keys() if value}
        share = sum(unseen.values()) / sum(now.values())
        if share > thresholds.unseen_values_share:
            values = sorted(unseen, key=unseen.get, reverse=True)
            yield Finding(
                "unseen_values",
                f"{name}, column {column}: {share:.0%} of the rows have values that {reference.name} never saw: "
                f"{listed([repr(each) for each in values])}; see whether they are written in another way",
            )


def lost_values(tonight: FilesProfile, reference: Reference, thresholds: Thresholds) -> Iterator[Finding]:
    """Tell of columns that are empty in many more rows than before."""
    for name, column, now, before in _both(tonight, reference):
        empty, was = (each.get("", 0) / sum(each.values()) for each in (now, before))
        if empty - was > thresholds.lost_values_share:
            yield Finding(
                "lost_values",
                f"{name}, column {column} is empty in {empty:.0%} of the rows, and was in {was:.0%} when "
                f"{reference.name} saw it; see why it is not filled",
            )


def id_format(tonight: FilesProfile, reference: Reference, thresholds: Thresholds) -> Iterator[Finding]:
    """Tell when most ids are written in a way that an earlier night never saw."""
    for name, column in IDS.items():
        now, before = tonight.id_formats[column], reference.profile.id_formats[column]
        others = {form: now[form] for form in now.keys() - before.keys()}
        share = sum(others.values()) / sum(now.values())
        if sum(now.values()) >= FEWEST_IDS and share > thresholds.other_format_share:
            yield Finding(
                "id_format",
                f"{name}, column {column}: {share:.0%} of the ids have {_commonest(others)}, where {reference.name} "
                f"saw {_commonest(before)}; write them as before, or shops and pages ask for ids that nobody has",
            )


def lost_ids(tonight: FilesProfile, reference: Reference, thresholds: Thresholds) -> Iterator[Finding]:
    """Tell when a file has many customers or articles fewer than before; a purchase of theirs was refused before."""
    before = reference.profile
    for name, now, was in (
        (CUSTOMERS_FILE, tonight.customers, before.customers),
        (ARTICLES_FILE, tonight.articles, before.articles),
    ):
        if was >= FEWEST_IDS and now < (1 - thresholds.lost_ids_share) * was:
            yield Finding("lost_ids", f"{name} has {now:,} rows, {was:,} when {reference.name} saw it; bring all of it")


def _differences(tonight: FilesProfile, reference: Reference) -> dict[date, int]:
    """Return how many rows more or fewer each day has that an earlier night saw."""
    seen = reference.profile
    moved = max((tonight.last_day - seen.last_day).days, 0)
    first = min(tonight.first_day, seen.first_day + timedelta(days=moved))
    return {day: tonight.rows_by_day.get(day, 0) - rows for day, rows in seen.rows_by_day.items() if day >= first}


def _both(tonight: FilesProfile, reference: Reference) -> Iterator[tuple[str, str, Shares, Shares]]:
    """Yield file, column and the rows of each value, tonight and before; of a few rows nothing."""
    for name, found in tonight.categories.items():
        before = reference.profile.categories[name]
        for column in sorted(found.keys() & before.keys()):
            if sum(before[column].values()) >= FEWEST_ROWS:
                yield name, column, found[column], before[column]


def _commonest(formats: Shares) -> str:
    return max(formats, key=formats.get)
