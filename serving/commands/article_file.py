"""A file of article ids, as a stock system or a spreadsheet writes it.

In: a path. Out: ids, and what was odd about them. One id a line, or a table (commas, semicolons or tabs) with a column
`article_id`; without a header the first column counts. A file with any line that cannot be read is refused whole.

Left out: empty lines, lines that begin with `#`, ids that came before. An id of fewer than ten digits gets its leading
zeros back, which spreadsheets take for a number's.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from serving.cache.article_numbers import ARTICLE_ID_LENGTH, MAX_ARTICLE_NUMBER
from serving.lookup.rule_book import RuleError

HEADER = "article_id"
DELIMITERS = "\t;,"
MARKS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16", b"PK\x03\x04": "a zip archive or workbook", b"\x1f\x8b": "gzip"}
EXAMPLES = 3  # of lines that a message names


@dataclass(frozen=True)
class ArticleFile:
    """What a file names.

    Attributes:
        article_ids: each once, in the order of the file.
        odd: a line for everything that a person may want to know.
    """

    article_ids: list[str]
    odd: list[str]


def read_article_file(path: Path) -> ArticleFile:
    """Read the article ids of a file.

    Raises:
        RuleError: it cannot be read, names no article, or has a line that is none; the message names the line.
    """
    rows = list(_rows(_text(path)))
    column, has_header = _column(rows)
    if not has_header:
        _refuse_several(path, rows)
    ids, padded, wrong, n_ids = {}, [], [], 0
    for number, row in rows[has_header:]:
        text = row[column].strip() if column < len(row) else ""
        if (article_id := _article_id(text)) is None:
            wrong.append(f"line {number}: {text[:40]!r}")
            continue
        if len(text) < ARTICLE_ID_LENGTH:
            padded.append(text)
        n_ids += 1
        ids[article_id] = None
    if wrong:
        several = f"{len(wrong):,} lines are no article ids" if len(wrong) > 1 else "1 line is no article id"
        raise RuleError(
            f"{path}: {several}; an id has ten digits, leading zeros included "
            f"({'; '.join(wrong[:EXAMPLES])}); nothing was changed."
        )
    if not ids:
        raise RuleError(f"{path} names no article; to free all articles of a feed, end it: make allow FEED=name.")
    return ArticleFile(list(ids), list(_odd(n_ids - len(ids), padded)))


def _refuse_several(path: Path, rows: list[tuple[int, list[str]]]) -> None:
    """Refuse a line whose other cells are article ids, too: which column counts, only a header could tell."""
    for number, row in rows:
        if any(_article_id(cell.strip()) for cell in row[1:]):
            raise RuleError(
                f"{path}, line {number} has several numbers; write one article id a line, or name the column that has "
                f"them in a first line: {HEADER}. Nothing was changed."
            )


def _text(path: Path) -> str:
    if path.exists() and not path.is_file():
        raise RuleError(f"{path} is no regular file; name a text file of article ids.")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RuleError(f"{path} cannot be read ({error.strerror}); name a text file of article ids.") from error
    kind = next(
        (kind for mark, kind in MARKS.items() if content.startswith(mark)), "binary" if b"\0" in content else ""
    )
    if kind:
        raise RuleError(f"{path} is {kind}; save it as text in UTF-8, with one article id a line.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise RuleError(f"{path}, line {line} is not UTF-8; save it as UTF-8.") from error


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield lines, counted from 1, cut into cells; empty ones and remarks are left out."""
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip(" \t,;\"'")]
    lines = [(number, line) for number, line in lines if not line.lstrip().startswith("#")]
    first = lines[0][1] if lines else ""
    delimiter = max(DELIMITERS, key=first.count)
    cells = csv.reader((line for _, line in lines), delimiter=delimiter)
    yield from zip((number for number, _ in lines), cells, strict=False)


def _column(rows: list[tuple[int, list[str]]]) -> tuple[int, bool]:
    """Return which column has the ids, and whether the first line is a header."""
    names = [cell.strip().lower() for cell in rows[0][1]] if rows else []
    if HEADER in names:
        return names.index(HEADER), True
    is_header = len(rows) > 1 and len(names) == 1 and not any(each.isdigit() for each in names[0])
    return 0, is_header


def _article_id(text: str) -> str | None:
    """Return ten digits; None for what is no article id."""
    if not (text.isascii() and text.isdigit()) or len(text) > ARTICLE_ID_LENGTH:
        return None
    return f"{int(text):0{ARTICLE_ID_LENGTH}d}" if 0 < int(text) <= MAX_ARTICLE_NUMBER else None


def _odd(n_repeated: int, padded: list[str]) -> Iterator[str]:
    if n_repeated:
        yield f"{n_repeated:,} id{'s' * (n_repeated != 1)} came more than once"
    if padded:
        example = f"{padded[0]} as {int(padded[0]):0{ARTICLE_ID_LENGTH}d}"
        several = f"{len(padded):,} ids had" if len(padded) > 1 else "1 id had"
        were = "were" if len(padded) > 1 else "was"
        yield f"{several} fewer than ten digits and {were} read with leading zeros, {example}"
