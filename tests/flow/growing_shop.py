"""A shop in H&M's layout that knows one day more each night, and what can go wrong with the files of a night."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from data.raw_layout import RAW_COLUMNS

TRANSACTIONS, ARTICLES = "transactions_train.csv", "articles.csv"
PRICE = 3  # place among the columns of the transactions
DEPARTMENT, TEXTS = "department_name", ("article_id", "product_code")  # whose digits are no numbers

Change = Callable[["GrowingShop", date], None]
"""Done to the files of a night after they came, given the newest day."""


@dataclass(frozen=True)
class GrowingShop:
    """Files that grow.

    Attributes:
        whole: folder of the three files with every day.
        folder: where the files of a night are put, as RAW_DIR names it.
    """

    whole: Path
    folder: Path

    def deliver(self, newest: date, change: Change | None = None) -> None:
        """Put the files in their place as they are on the night after a day, and then do to them what goes wrong."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in RAW_COLUMNS:
            lines = (self.whole / name).read_text().splitlines(keepends=True)
            if name == TRANSACTIONS:
                lines = [lines[0], *(line for line in lines[1:] if line[:10] <= f"{newest}")]
            self.write(name, lines)
        if change is not None:
            change(self, newest)

    def lines(self, name: str) -> list[str]:
        """The lines of a file, the first with the columns."""
        return (self.folder / name).read_text().splitlines(keepends=True)

    def write(self, name: str, lines: Sequence[str]) -> None:
        """Put a file in its place as a whole."""
        beside = self.folder / f".{name}"
        beside.write_text("".join(lines))
        beside.replace(self.folder / name)


def late(shop: GrowingShop, newest: date) -> None:
    """Tonight's day did not come."""
    shop.deliver(newest - timedelta(days=1))


def day_twice(shop: GrowingShop, newest: date) -> None:
    """All rows of the newest day came twice."""
    lines = shop.lines(TRANSACTIONS)
    shop.write(TRANSACTIONS, [*lines, *(line for line in lines if line.startswith(f"{newest}"))])


def half_a_file(shop: GrowingShop, newest: date) -> None:
    """The transfer broke off between two lines."""
    lines = shop.lines(TRANSACTIONS)
    shop.write(TRANSACTIONS, lines[: len(lines) // 2])


def torn_line(shop: GrowingShop, newest: date) -> None:
    """The transfer broke off within a line."""
    lines = shop.lines(TRANSACTIONS)
    shop.write(TRANSACTIONS, [*lines[:-1], lines[-1][:30]])


def prices_in_cents(shop: GrowingShop, newest: date) -> None:
    """The prices of the last fortnight are a hundred times what they were."""
    first = f"{newest - timedelta(days=13)}"
    lines = shop.lines(TRANSACTIONS)
    shop.write(TRANSACTIONS, [lines[0], *(_in_cents(line) if line[:10] >= first else line for line in lines[1:])])


def new_department(shop: GrowingShop, newest: date) -> None:
    """A quarter of the articles stands in a department that nobody has heard of."""
    path = shop.folder / ARTICLES
    articles = pa.csv.read_csv(path, convert_options=pa.csv.ConvertOptions(column_types=dict.fromkeys(TEXTS, "string")))
    is_moved = pa.array([row % 4 == 0 for row in range(len(articles))])
    place = articles.column_names.index(DEPARTMENT)
    moved = pc.if_else(is_moved, "Garden", articles[DEPARTMENT])
    pa.csv.write_csv(articles.set_column(place, DEPARTMENT, moved), path)


def _in_cents(line: str) -> str:
    fields = line.split(",")
    fields[PRICE] = f"{float(fields[PRICE]) * 100:.6f}"
    return ",".join(fields)
