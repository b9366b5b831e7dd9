"""What kind of file the bytes are, whatever its name says, and the one table in an archive.

Stage: raw data. In: a file. Out: a file that holds a table: itself, or unpacked in a scratch folder.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import shutil
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path, PurePosixPath

from data.raw_errors import RawFileError, RawSourceError
from data.reading.failures import failures_named

TABLE_SUFFIXES = (".csv", ".tsv", ".txt", ".parquet", ".xlsx", ".xlsm", ".xlsb", ".xls", ".gz", ".bz2", ".xz", ".zip")
MOST_LAYERS = 3
_OF_MACS_AND_WINDOWS = ("._", ".DS_Store", "Thumbs.db", "desktop.ini")


class Kind(Enum):
    """What the bytes of a file are."""

    TEXT = "text"
    WORKBOOK = "workbook"
    PARQUET = "Parquet"
    ZIP = "zip"
    GZIP = "gzip"
    BZIP2 = "bzip2"
    XZ = "xz"


_OPEN = {Kind.GZIP: gzip.open, Kind.BZIP2: bz2.open, Kind.XZ: lzma.open}
_KINDS = (
    (b"\x1f\x8b", Kind.GZIP),
    (b"BZh", Kind.BZIP2),
    (b"\xfd7zXZ\0", Kind.XZ),
    (b"PAR1", Kind.PARQUET),
    (b"PK\x05\x06", Kind.ZIP),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Kind.WORKBOOK),  # of before 2007, or with a password
)
_REFUSED = (
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it"),
    (b"Rar!", "a RAR archive; unpack it"),
    (b"\x28\xb5\x2f\xfd", "compressed by zstd; unpack it"),
    (b"%pdf", "a PDF; export the table as CSV"),
    (b"arrow1", "an Arrow file; write it as Parquet"),
    (b"feather1", "a Feather file; write it as Parquet"),
    (b"sqlite format 3", "an SQLite database; export the table as CSV"),
    (b"<", "HTML or XML, not a table; export it as CSV"),
    (b"{", "JSON, not a table; export it as CSV"),
    (b"[", "JSON, not a table; export it as CSV"),
)


@dataclass(frozen=True)
class Unpacked:
    """A file that holds a table, and how messages call it; `is_as_found` unless it was taken out of an archive."""

    path: Path
    name: str
    kind: Kind
    is_as_found: bool


def kind_of(path: Path, name: str) -> Kind:
    """Tell what a file is by its bytes.

    Raises `RawSourceError` (no file, or one that cannot be opened) or `RawFileError` (empty, or no table).
    """
    with path.open("rb") as file:
        start = file.read(512)
    if not start:
        raise RawFileError(f"{name} is empty, 0 bytes; bring the whole file to {path.resolve()}.")
    if start.startswith(b"PK\x03\x04"):
        return _zip_or_workbook(path)
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    refused = next((what for mark, what in _REFUSED if start.startswith(mark) or text.startswith(mark)), None)
    if refused:
        raise RawFileError(f"{name} is {refused}.")
    return next((kind for mark, kind in _KINDS if start.startswith(mark)), Kind.TEXT)


def _zip_or_workbook(path: Path) -> Kind:
    with zipfile.ZipFile(path) as archive:
        return Kind.WORKBOOK if {"[Content_Types].xml", "content.xml"} & set(archive.namelist()) else Kind.ZIP


def unpack(path: Path, name: str, scratch: Path | None, stem: str = "") -> Unpacked:
    """Take the table out of its archives, into `scratch`; None where nothing may be unpacked.

    `stem` is the beginning of the name of the wanted file in a zip; empty where there is only one.

    Raises `RawSourceError` or `RawFileError`.
    """
    for layer in range(MOST_LAYERS):
        kind = kind_of(path, name)
        if kind not in (Kind.ZIP, *_OPEN):
            return Unpacked(path, name, kind, layer == 0)
        if scratch is None:
            raise RawFileError(f"{name} is packed ({kind.value}); unpack it.")
        target = scratch / f"unpacked.{layer}.{stem}"
        if kind is Kind.ZIP:
            member = _take_out(path, name, target, stem)
            path, name = target, f"{name}, {member}"
        else:
            _copy(lambda opener=_OPEN[kind], packed=path: opener(packed, "rb"), target, name)
            path = target
    raise RawFileError(f"{name} is an archive in an archive in an archive; unpack it.")


def members(path: Path) -> list[str]:
    """The files in a zip, without what Windows and macOS leave there."""
    with zipfile.ZipFile(path) as archive:
        return [member.filename for member in archive.infolist() if not (member.is_dir() or _is_left_there(member))]


def _is_left_there(member: zipfile.ZipInfo) -> bool:
    parts = PurePosixPath(member.filename).parts
    return "__MACOSX" in parts or parts[-1].startswith(_OF_MACS_AND_WINDOWS)


def _take_out(path: Path, name: str, target: Path, stem: str) -> str:
    member = _choose(members(path), name, stem)
    with zipfile.ZipFile(path) as archive:
        if archive.getinfo(member).flag_bits & 1:
            raise RawSourceError(f"{name}, {member} has a password; unpack it.")
        _copy(lambda: archive.open(member), target, f"{name}, {member}")
    return member


def _choose(found: Sequence[str], name: str, stem: str) -> str:
    tables = [member for member in found if PurePosixPath(member).name.lower().endswith(TABLE_SUFFIXES)]
    tables = [member for member in tables if is_named(PurePosixPath(member).name, stem)]
    if not stem and len(tables) > 1:  # a note beside the table
        tables = [member for member in tables if not member.lower().endswith(".txt")] or tables
    if len(tables) == 1:
        return tables[0]
    shown = ", ".join(tables or found)[:300] or "nothing"
    wanted = f"{stem}.csv" if stem else ".xlsx, .csv or .parquet"
    if tables:
        raise RawSourceError(f"{name} holds several tables: {shown}; unpack it and name the one to read.")
    raise RawSourceError(f"{name} holds no {wanted}, but {shown}; name an archive that has one.")


def is_named(file_name: str, stem: str) -> bool:
    """Whether a file is `stem` with suffixes of tables, in any case: `Articles.CSV.gz` is `articles`."""
    name = file_name.lower()
    while name.endswith(TABLE_SUFFIXES):
        name = name.rpartition(".")[0]
    return not stem or name == stem


def _copy(opened: Callable, target: Path, name: str) -> None:
    damaged = failures_named(name, "it is damaged or cut off; bring the whole file")
    with damaged, opened() as source, target.open("wb") as file:
        shutil.copyfileobj(source, file, 1 << 20)
