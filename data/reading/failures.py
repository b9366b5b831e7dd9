"""The one place where a reader's failure becomes an error, and where a broken value becomes a sentence."""

from __future__ import annotations

import csv
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from lzma import LZMAError
from pathlib import Path

import duckdb

from data.raw_errors import RawSourceError

SHOWN_CHARACTERS = 80
_FAILURES = (
    OSError,
    EOFError,
    UnicodeError,
    NotImplementedError,  # a zip that is compressed in an uncommon way
    csv.Error,
    duckdb.Error,
    zipfile.BadZipFile,
    zlib.error,
    LZMAError,
)


@contextmanager
def failures_named(name: str, remedy: str) -> Iterator[None]:
    """Raise `RawSourceError` in one line for whatever the system or a library says about the file `name`."""
    try:
        yield
    except _FAILURES as error:
        raise unreadable(name, error, remedy) from error


def unreadable(name: str, error: BaseException, remedy: str) -> RawSourceError:
    """The error for a file that a reader gave up on."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    first_line = next(iter(reason.strip().splitlines()), type(error).__name__)
    return RawSourceError(f"{name} cannot be read ({first_line[:200]}); {remedy}.")


def broken_value(place: str, value: str | None, problem: str, rows: int, remedy: str) -> str:
    """One line for the first of `rows` broken values; `place` ends with its column."""
    shown = "an empty value" if value is None else repr(value[:SHOWN_CHARACTERS])
    count = "1 such row" if rows == 1 else f"the first of {rows:,} such rows"
    return f"{place}: {shown} {problem} ({count}). {remedy}."


def without_passwords(text: str) -> str:
    """A text, such as an error of a library, whose addresses have lost what stands before their `@`."""
    return re.sub(r"//[^/@\s]*@", "//", text)


def quoted_path(path: Path) -> str:
    """A path as SQL writes it where DuckDB would take `*`, `?` and `[` for a pattern, and read other files as well."""
    return quoted(re.sub(r"([*?\[])", r"[\1]", str(path)))


def quoted(text: object) -> str:
    """A text, such as a path, as SQL writes it."""
    return "'" + str(text).replace("'", "''") + "'"
