"""What is remembered of raw files, so that the next night knows what is new in them: a small JSON, without any id.

Stage: raw data, after the check. In: what `measuring` counted. Out: a `FilesProfile`, as plain JSON values and back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

Shares = Mapping[str, int]
"""How many rows have a value."""


@dataclass(frozen=True)
class FileProfile:
    """One of the three files.

    Attributes:
        bytes: its size.
        sha256: of its first and last 8 MiB.
        columns: its header, in the user's order.
    """

    bytes: int
    sha256: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class DayProfile:
    """The purchases of one day.

    Attributes:
        rows: how many.
        customers, articles: how many different ones.
        prices: the tenth, the median and the ninetieth percent.
        channels: rows of each sales channel.
        different_rows: rows that differ in customer, article, price or channel.
        even_rows: those of them that stand there an even number of times.
        price_level: median, over the articles, of their price that day as a multiple of their price on the other newest
            days; None where no article sold on another one.
        compared_articles: how many articles that is the median of.
    """

    rows: int
    customers: int
    articles: int
    prices: tuple[float, float, float]
    channels: Shares
    different_rows: int
    even_rows: int
    price_level: float | None
    compared_articles: int


@dataclass(frozen=True)
class FilesProfile:
    """The three files of one night.

    Attributes:
        files: by name.
        articles, customers: rows of their files.
        rows_by_day: purchases of every day that has any.
        days: the newest of them, day by day.
        categories: file to column to the rows of each value; empty stands for no value. A column with too many values
            to be a category is left out.
        id_formats: column to the rows of each way to write an id, such as "10 digits with a leading zero".
    """

    files: Mapping[str, FileProfile]
    articles: int
    customers: int
    rows_by_day: Mapping[date, int]
    days: Mapping[date, DayProfile]
    categories: Mapping[str, Mapping[str, Shares]]
    id_formats: Mapping[str, Shares]

    @property
    def first_day(self) -> date:
        """The day of the first purchase."""
        return min(self.rows_by_day)

    @property
    def last_day(self) -> date:
        """The day of the last purchase."""
        return max(self.rows_by_day)

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return asdict(self) | {name: _by_text(getattr(self, name)) for name in ("rows_by_day", "days")}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> FilesProfile:
        """Read what `as_dict` returned."""
        return cls(
            **values
            | {
                "files": {
                    name: FileProfile(**each | {"columns": tuple(each["columns"])})
                    for name, each in values["files"].items()
                },
                "rows_by_day": {date.fromisoformat(day): rows for day, rows in values["rows_by_day"].items()},
                "days": {
                    date.fromisoformat(day): DayProfile(**each | {"prices": tuple(each["prices"])})
                    for day, each in values["days"].items()
                },
            }
        )


def _by_text(by_day: Mapping[date, Any]) -> dict[str, Any]:
    return {f"{day}": asdict(each) if isinstance(each, DayProfile) else each for day, each in by_day.items()}
