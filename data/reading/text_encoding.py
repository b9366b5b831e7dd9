"""Which encoding the bytes of a text file are in, and whether DuckDB can read them as they lie.

Stage: raw data. In: a file. Out: a `TextForm`, or `RawFileError` for bytes whose text nobody can tell.

The whole file is looked at once, in large pieces, for bytes that are not UTF-8, for NUL and for carriage returns.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from data.raw_errors import RawFileError
from data.reading.failures import SHOWN_CHARACTERS

CHUNK_BYTES = 1 << 22
_MARKS = (  # the mark of UTF-32 begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)
# Where the NULs are around the first two letters of a header, which are ASCII.
_UNMARKED = (
    (re.compile(rb"[^\0]\0\0\0[^\0]\0\0\0"), "utf-32-le", "UTF-32"),
    (re.compile(rb"\0\0\0[^\0]\0\0\0[^\0]"), "utf-32-be", "UTF-32"),
    (re.compile(rb"[^\0]\0[^\0]\0"), "utf-16-le", "UTF-16"),
    (re.compile(rb"\0[^\0]\0[^\0]"), "utf-16-be", "UTF-16"),
)
_ODD_BYTES = re.compile(rb"[\x80-\xff]+")
_UTF8_LETTER = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
# Bytes that are letters in other code pages: of Windows-1252's 80 to 9F only the euro, dots, quotes and dashes pass,
# and words of Western languages have no three letters with accents in a row.
_NOT_WINDOWS_1252 = re.compile(rb"[\x81-\x84\x86-\x90\x98\x9a-\x9f]|[\x80-\xff]{3}")


@dataclass(frozen=True)
class TextForm:
    """How a text is written.

    Attributes:
        encoding: Python's name.
        is_plain: UTF-8 whose lines all end with LF or all with CRLF, so that every reader sees the same rows.
        notes: what was recognised and is worth saying.
    """

    encoding: str
    is_plain: bool
    notes: tuple[str, ...] = ()


def recognise_text(path: Path, name: str) -> TextForm:
    """Look at all bytes of a file, called `name` in messages.

    Raises `RawFileError` for a NUL and for bytes that are neither UTF-8 nor surely Windows-1252.
    """
    wide = _wide_encoding(path)
    if wide:
        encoding, shown = wide
        return TextForm(encoding, False, (f"read as {shown}",))
    survey = _survey(path)
    if survey.has_nul:
        raise RawFileError(
            f"{name}, line {_first_line(path, lambda raw: bytes(1) in raw)[0]}: there is a NUL byte, which no text "
            "has. The file is damaged; export or copy it again."
        )
    if not survey.is_utf8:
        return TextForm("cp1252", False, (_windows_1252_note(path, name),))
    notes = () if survey.has_one_line_end else ("lines end in different ways",)
    return TextForm("utf-8-sig", survey.has_one_line_end, notes if survey.has_line_feed else ("lines end with CR",))


def _wide_encoding(path: Path) -> tuple[str, str] | None:
    with path.open("rb") as file:
        start = file.read(8)
    marked = (found for mark, *found in _MARKS if start.startswith(mark))
    unmarked = (found for pattern, *found in _UNMARKED if pattern.match(start))
    return next(marked, None) or next(unmarked, None)


@dataclass
class _Survey:
    is_utf8: bool = True
    has_nul: bool = False
    has_line_feed: bool = False
    has_one_line_end: bool = True


def _survey(path: Path) -> _Survey:
    found, decoder = _Survey(), codecs.getincrementaldecoder("utf-8")()
    returns = feeds = pairs = 0
    is_after_return = False
    for chunk in _chunks(path):
        found.has_nul = found.has_nul or b"\0" in chunk
        found.is_utf8 = found.is_utf8 and _is_decoded(decoder, chunk)
        if returns or b"\r" in chunk:
            returns += chunk.count(b"\r")
            pairs += chunk.count(b"\r\n") + (is_after_return and chunk.startswith(b"\n"))
            is_after_return = chunk.endswith(b"\r")
            feeds += chunk.count(b"\n")
        elif b"\n" in chunk:
            feeds += 1  # one is enough to tell LF from CRLF
    found.is_utf8 = found.is_utf8 and _is_decoded(decoder, b"", is_last=True)
    found.has_line_feed = feeds > 0 or returns == 0
    found.has_one_line_end = returns == 0 or returns == feeds == pairs
    return found


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _is_decoded(decoder: codecs.IncrementalDecoder, chunk: bytes, is_last: bool = False) -> bool:
    if not is_last and chunk.isascii() and decoder.getstate()[0] == b"":  # many times faster than decoding
        return True
    try:
        decoder.decode(chunk, is_last)
    except UnicodeDecodeError:
        return False
    return True


def _windows_1252_note(path: Path, name: str) -> str:
    """What to say of a file that is not UTF-8 but can only be Windows-1252; Latin-1 is a part of it."""
    line, raw = _first_line(path, _is_not_utf8)
    other = _first_line(path, _could_be_another_encoding)
    if other or _ends_within_its_only_letter(path):
        shown = _text_around(_ODD_BYTES.search(raw), raw)
        raise RawFileError(
            f"{name}, line {line}: {shown!r} is not UTF-8, and from the rest of the file nobody can tell what it is "
            f"(line {other[0] if other else line}). Save the file as UTF-8."
        )
    shown = _ODD_BYTES.search(raw)[0].decode("cp1252")
    return f"read as Windows-1252, not UTF-8; line {line} has {shown!r}"


def _text_around(found: re.Match, raw: bytes) -> str:
    half = SHOWN_CHARACTERS // 2
    return raw[max(found.start() - half, 0) : found.end() + half].decode("ascii", "replace").strip()


def _first_line(path: Path, is_wanted) -> tuple[int, bytes] | None:
    """The number and bytes of the first line for which `is_wanted` is true."""
    with path.open(encoding="latin-1", newline="") as file:  # a letter for each byte
        lines = ((number, line.encode("latin-1")) for number, line in enumerate(file, start=1))
        return next((found for found in lines if is_wanted(found[1])), None)


def _is_not_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return True
    return False


def _could_be_another_encoding(raw: bytes) -> bool:
    return _NOT_WINDOWS_1252.search(raw) is not None or _UTF8_LETTER.search(raw) is not None


def _ends_within_its_only_letter(path: Path) -> bool:
    """Whether the last byte alone is odd and begins a letter of UTF-8, as in a file that was cut off."""
    odd = [found for chunk in _chunks(path) for found in _ODD_BYTES.findall(chunk)]
    with path.open("rb") as file:
        file.seek(-1, 2)
        return len(odd) == 1 and file.read(1) >= b"\xc2"
