"""Tables as text in every form a shop's export may have, with the line on which each row starts.

A form never changes what a table says. A `Damage` does, or makes it unreadable, and knows what must be said of it.
"""

import bz2
import gzip
import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import strategies as st

ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be", "cp1252")
LINE_ENDS = ("\n", "\r\n", "\r", "mixed")
SEPARATORS = (",", ";", "\t", "|")
CONTAINERS = ("", ".gz", ".bz2", ".zip")


@dataclass(frozen=True)
class Form:
    """How a table is written down.

    Attributes:
        encoding: Python's name.
        line_end: one of `LINE_ENDS`; mixed ones take turns.
        separator: between fields.
        is_quoted: whether every field is in quotes.
        has_last_end: whether the last line ends.
        blank_lines: below which rows there is a blank line; 0 is the header.
        has_trailing_separator: on every line.
        has_index: an unnamed first column with the number of the row.
        has_other_column: a last column that nobody wants.
        header_case: str.upper, for instance.
        header_spaces: around every name.
        container: the suffix of what it is packed in.
    """

    encoding: str = "utf-8"
    line_end: str = "\n"
    separator: str = ","
    is_quoted: bool = False
    has_last_end: bool = True
    blank_lines: tuple[int, ...] = ()
    has_trailing_separator: bool = False
    has_index: bool = False
    has_other_column: bool = False
    header_case: str = "same"
    header_spaces: str = ""
    container: str = ""


@dataclass
class Written:
    """The bytes of a table, before they are packed, and the line on which each row starts; row 0 is the header."""

    data: bytes
    lines: list[int] = field(default_factory=list)


def forms() -> st.SearchStrategy[Form]:
    """Any form, mostly with few peculiarities."""
    few = st.sampled_from([False, False, False, True])
    return st.builds(
        Form,
        encoding=st.sampled_from(("utf-8",) * 6 + ENCODINGS),
        line_end=st.sampled_from(("\n", "\n", *LINE_ENDS)),
        separator=st.sampled_from((",", ",", *SEPARATORS)),
        is_quoted=few,
        has_last_end=st.booleans(),
        blank_lines=st.sampled_from([(), (), (0,), (1, 2), (5,)]),
        has_trailing_separator=few,
        has_index=few,
        has_other_column=few,
        header_case=st.sampled_from(["same", "same", "upper", "lower"]),
        header_spaces=st.sampled_from(["", "", " "]),
        container=st.sampled_from(("",) * 6 + CONTAINERS),
    )


def write(header: Sequence[str], rows: Sequence[Sequence[str]], form: Form, row_texts: dict[int, str] = {}) -> Written:  # noqa: B006
    """Write a table; `row_texts` takes the place of the text of some rows (0 is the header)."""
    cased = [name if form.header_case == "same" else getattr(name, form.header_case)() for name in header]
    names = [f"{form.header_spaces}{name}{form.header_spaces}" for name in cased]
    table = [_with_others(row, number, form) for number, row in enumerate([names, *rows])]
    written, text, line = Written(b""), [], 1
    for number, row in enumerate(table):
        record = row_texts.get(number, form.separator.join(_field(value, form) for value in row))
        is_last = number == len(table) - 1
        written.lines.append(line)
        blank = number in form.blank_lines and not is_last
        ends = "" if is_last and not form.has_last_end else _end(form, number) * (1 + blank)
        line += len(_editor_lines(record + ends)) if ends else 0
        text.append(record + ends)
    written.data = "".join(text).encode(form.encoding)
    return written


def _editor_lines(text: str) -> list[str]:
    return list(io.StringIO(text, newline=""))


def _with_others(row: Sequence[str], number: int, form: Form) -> list[str]:
    index = ([""] if number == 0 else [str(number - 1)]) if form.has_index else []
    other = (["note"] if number == 0 else ["nothing"]) if form.has_other_column else []
    return [*index, *row, *other, *([""] if form.has_trailing_separator else [])]


def _field(value: str, form: Form) -> str:
    must = any(sign in value for sign in (form.separator, '"', "\n", "\r"))
    return '"' + value.replace('"', '""') + '"' if must or form.is_quoted else value


def _end(form: Form, number: int) -> str:
    return ("\n", "\r\n")[number % 2] if form.line_end == "mixed" else form.line_end


def pack(data: bytes, path: Path, container: str) -> Path:
    """Write data to a path, or packed beside it, and return where."""
    target = path.with_name(path.name + container)
    if container == ".zip":
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(f"__MACOSX/._{path.name}", b"\0\5\x16\7")
            archive.writestr(f"folder/{path.name}", data)
    else:
        target.write_bytes({".gz": gzip.compress, ".bz2": bz2.compress, "": bytes}[container](data))
    return target
