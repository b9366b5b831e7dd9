"""The files that hold a mart's rows: one, or one for each as-of day in a folder of the mart's name.

Stage: between the warehouse, which writes them, and `marts`, which reads them. So who looks at some days reads, and
where files are kept elsewhere fetches, those alone. An earlier release kept one file a mart.

    articles.parquet
    customer_features/2020-09-16.parquet
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from recommender.errors import RecommenderError
from recommender.state_files import here, names

SUFFIX = ".parquet"


class MartMissing(RecommenderError, ValueError):
    """A mart, a day of it or a customer's row on that day was never built."""


def days_of(folder: Path, name: str) -> list[date]:
    """Return the as-of days that have a file of their own, ascending; none for a mart in one file."""
    return [date.fromisoformat(each.removesuffix(SUFFIX)) for each in names(folder / name)]


def file_of_day(folder: Path, name: str, day: date) -> Path:
    """Return where the rows of a day lie."""
    return folder / name / f"{day}{SUFFIX}"


def files_of(folder: Path, name: str, as_of_days: Sequence[date] | None = None) -> list[Path]:
    """Return the files, all on this machine, with a mart's rows of some days, ascending by day; by default of all.

    A mart in one file has that one for any day. Of days without a row there is none; a mart that has days, but none of
    these, is represented by its first file.

    Raises:
        MartMissing: when the mart was not built.
    """
    whole = folder / f"{name}{SUFFIX}"
    if whole.name in names(folder):
        return [here(whole)]
    days = days_of(folder, name)
    if not days:
        raise MartMissing(f"{whole} is missing; `make run` builds the marts")
    wanted = days if as_of_days is None else [day for day in days if day in set(as_of_days)]
    return [here(file_of_day(folder, name, day)) for day in wanted or days[:1]]
