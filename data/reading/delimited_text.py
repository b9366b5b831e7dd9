"""A text with separators: its header, its records by line, and SQL that reads it.

Stage: raw data. Lines are counted as a text editor counts them: a quoted text that spans several lines counts for
each of them, and a row is named by the line it starts on. Blank lines are no rows.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from data.raw_errors import RawFileError
from data.reading.column_names import Names, count_known
from data.reading.failures import SHOWN_CHARACTERS, quoted, quoted_path

SEPARATORS = {",": "','", ";": "';'", "\t": "tabs", "|": "'|'"}
# DuckDB's own limit of a line; Python's is lower and would refuse what DuckDB reads.
MOST_CHARACTERS = 2_000_000
csv.field_size_limit(MOST_CHARACTERS)

_TOO_FEW = "has fewer fields than the header. Write every field, with commas between them"
_TOO_MANY = "has more fields than the header. Put texts that contain commas in double quotes"
_OPEN_QUOTE = "has a quote that is not closed. Double the quotes inside a quoted text"
_TOO_LONG = f"is longer than {MOST_CHARACTERS:,} characters. A quote before it is not closed, or the text is too long"
_NUL = "has a NUL character, which no text has. The file is damaged; export or copy it again"
_UNDECODED = "cannot be decoded as {}. The file is damaged; export it again, as UTF-8"


@dataclass(frozen=True)
class DelimitedText:
    """A file whose header is known.

    Attributes:
        path, name: where it is and how messages call it.
        encoding: Python's name.
        separator: one letter.
        header: names of the columns, without spaces around them.
        header_line: where the header is; 1 unless something stands above it.
        has_separators_left: whether the header ends with separators that name nothing.
    """

    path: Path
    name: str
    encoding: str
    separator: str
    header: tuple[str, ...]
    header_line: int
    has_separators_left: bool

    def records(self) -> Iterator[tuple[int, list[str]]]:
        """The line and the fields of each row below the header.

        Raises `RawFileError` for the first line that is malformed.
        """
        for line, fields in self._records_and_header():
            if line > self.header_line:
                yield line, self._of_full_width(line, fields)

    def line_of(self, row: int) -> str:
        """Where a row stands; row 1 follows the header."""
        rows = (line for line, _ in self._records_and_header() if line > self.header_line)
        return f"line {next(islice(rows, row - 1, None))}"

    def check(self) -> None:
        """Raise `RawFileError` for the first line that is malformed, if there is one."""
        for _ in self.records():
            pass

    def _records_and_header(self) -> Iterator[tuple[int, list[str]]]:
        line = 1
        with self.path.open(encoding=self.encoding, newline="") as file:
            reader = csv.reader(file, delimiter=self.separator, strict=True)
            while True:
                try:
                    fields = next(reader)
                except StopIteration:
                    return
                except csv.Error as error:
                    raise self._malformed(line, _TOO_LONG if "limit" in str(error) else _OPEN_QUOTE) from error
                except UnicodeError as error:
                    raise self._malformed(reader.line_num + 1, _UNDECODED.format(self.encoding)) from error
                if fields:
                    yield line, fields
                line = reader.line_num + 1

    def _of_full_width(self, line: int, fields: list[str]) -> list[str]:
        width = len(self.header)
        if len(fields) < width:
            raise self._malformed(line, _TOO_FEW)
        if any(fields[width:]):
            raise self._malformed(line, _TOO_MANY)
        if sum(map(len, fields)) > MOST_CHARACTERS:
            raise self._malformed(line, _TOO_LONG)
        if any("\0" in field for field in fields):
            raise self._malformed(line, _NUL)
        return fields

    def _malformed(self, line: int, problem: str) -> RawFileError:
        with self.path.open(encoding=self.encoding, errors="replace", newline="") as file:
            text = next(islice(file, line - 1, None), "")
        return RawFileError(f"{self.name}, line {line}: {text.strip()[:SHOWN_CHARACTERS]!r} {problem}.")


def open_delimited_text(path: Path, name: str, encoding: str, wanted: Names) -> DelimitedText:
    """Find the header and the separator by which it names most of the columns that are wanted.

    Raises `RawFileError` when there is no line, or one without end.
    """
    (line, text), separator = _header_line(path, name, encoding), None
    if text.lower().startswith("sep=") and len(text) == 5:  # Excel's own word for it
        separator = text[-1]
        line, text = _header_line(path, name, encoding, after=line)
    headers = {each: _split(text, each) for each in ([separator] if separator else SEPARATORS)}
    separator = max(headers, key=lambda each: count_known(headers[each], wanted))  # the comma in doubt
    named = _without_trailing_separators(path, encoding, separator, line, headers[separator])
    is_shorter = len(named) < len(headers[separator])
    return DelimitedText(path, name, encoding, separator, tuple(named), line, is_shorter)


def separator_note(text: DelimitedText) -> tuple[str, ...]:
    """What is to be said of the separator: nothing of the comma."""
    shown = SEPARATORS.get(text.separator, repr(text.separator))
    return () if text.separator == "," else (f"separated by {shown}",)


def sql_rows(path: Path, columns: Sequence[str], separator: str = ",") -> str:
    """SQL that reads a plain file with every column as text; the lines that DuckDB refuses go to `reject_errors`."""
    named = ", ".join(f"{quoted(name)}: 'VARCHAR'" for name in columns)
    return (
        f"read_csv({quoted_path(path)}, columns={{{named}}}, header=true, auto_detect=false, "
        f"""delim={quoted(separator)}, quote='"', escape='"', store_rejects=true, rejects_limit=100)"""
    )


def write_plain(text: DelimitedText, positions: Sequence[int], columns: Sequence[str], target: Path) -> None:
    """Write some columns of every record as UTF-8 with commas, under the names `columns`.

    Raises `RawFileError` for the first line that is malformed.
    """
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([fields[at] for at in positions] for _, fields in text.records())


def _header_line(path: Path, name: str, encoding: str, after: int = 0) -> tuple[int, str]:
    """The first line with anything on it, below line `after`."""
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        line = 0
        while text := file.readline(MOST_CHARACTERS):
            line += 1
            if len(text) == MOST_CHARACTERS:
                raise RawFileError(f"{name}, line {line} {_TOO_LONG}.")
            if line > after and text.strip():
                return line, text.strip("\r\n")
    raise RawFileError(f"{name} has no line with anything on it; bring the whole file to {path.resolve()}.")


def _split(text: str, separator: str) -> list[str]:
    return [field.strip() for field in next(csv.reader([text], delimiter=separator))]


def _without_trailing_separators(
    path: Path, encoding: str, separator: str, header_line: int, header: list[str]
) -> list[str]:
    """The header without the names that are empty at its end, unless the first row has fields there."""
    named = len(header)
    while named and not header[named - 1]:
        named -= 1
    if named == len(header):
        return header
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        rows = (fields for fields in csv.reader(islice(file, header_line, None), delimiter=separator) if fields)
        first = next(rows, [])
    return header if any(first[named:]) else header[:named]
