"""Everything that can be wrong with raw data; each message says what was found, where, and what to do.

RawDataError
├── RawSourceError      the files cannot be found or fetched
├── RawFileError        a file is empty, has no rows, is in no encoding, or has a line of the wrong width
├── RawColumnError      a column is missing
├── RawValueError       a value breaks the rule of its column
├── RawReferenceError   a key stands twice, or a purchase names an unknown article or customer
└── RawPeriodError      too few days of data, or a cutoff outside them
"""

from __future__ import annotations


class RawDataError(Exception):
    """The raw data cannot be used.

    Attributes:
        file_name: which file's values or lines are at fault; empty where that is not known.
    """

    def __init__(self, message: str, file_name: str = "") -> None:
        super().__init__(message)
        self.file_name = file_name


class RawSourceError(RawDataError):
    """The files cannot be found or fetched."""


class RawFileError(RawDataError):
    """A file is empty, has no rows, is in no encoding, or has a line of the wrong width."""


class RawColumnError(RawDataError):
    """A required column is missing."""


class RawValueError(RawDataError):
    """A value breaks the rule of its column."""


class RawReferenceError(RawDataError):
    """A key stands twice, or a purchase names an article or customer that does not exist."""


class RawPeriodError(RawDataError):
    """Too few days of data, or a cutoff outside them."""
