"""The three raw files of a shop with two articles and three customers, correct unless a test breaks them."""

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

from data.raw_layout import ARTICLES_FILE, CUSTOMERS_FILE, RAW_COLUMNS, TRANSACTIONS_FILE

LAST_DAY = date(2020, 9, 22)
SHIRT, JEANS = "0108775015", "0108775044"


def write_raw_files(raw_dir: Path, days: int = 28, last_day: date = LAST_DAY) -> Path:
    """Write good files: on each of `days` days up to `last_day`, ann and bob take turns buying the shirt or jeans.

    Row n of the transactions (line n + 1) is of day n. Cat is a customer who buys nothing.
    """
    raw_dir.mkdir(parents=True, exist_ok=True)
    articles = [[article_id, article_id[:7], *["some"] * 22, "A text, with a comma"] for article_id in (SHIRT, JEANS)]
    customers = [[name, "1.0", "", "ACTIVE", "NONE", "24.0", "0a1b"] for name in ("ann", "bob", "cat")]
    transactions = [
        [str(last_day - timedelta(days=days - n)), *(("ann", SHIRT) if n % 2 else ("bob", JEANS)), "0.0254", "2"]
        for n in range(1, days + 1)
    ]
    write_csv(raw_dir / ARTICLES_FILE, articles)
    write_csv(raw_dir / CUSTOMERS_FILE, customers)
    write_csv(raw_dir / TRANSACTIONS_FILE, transactions)
    return raw_dir


def write_csv(path: Path, rows: Sequence[Sequence[str]]) -> None:
    """Write rows below the header that belongs to the file's name."""
    lines = [",".join(f'"{value}"' if "," in value else value for value in row) for row in rows]
    path.write_text("\n".join([",".join(RAW_COLUMNS[path.name]), *lines]) + "\n")


def replace_in_line(path: Path, line: int, old: str, new: str) -> None:
    """Change one line of a file; lines count from 1, the header's."""
    lines = path.read_text().split("\n")
    if old not in lines[line - 1]:
        raise ValueError(f"{old!r} is not in line {line} of {path.name}, {lines[line - 1]!r}")
    lines[line - 1] = lines[line - 1].replace(old, new, 1)
    path.write_text("\n".join(lines))
