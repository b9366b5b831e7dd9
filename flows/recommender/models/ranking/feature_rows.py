"""Rows of features as a ranker reads them, a block at a time: in an array, in a file, chosen, or one after the other.

In: arrays, or blocks that go into a file as they come. Out: `FeatureRows`. Choosing and joining copies nothing; a slice
reads what it asks for, so memory depends on the slice and not on the weeks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

ROWS_PER_BLOCK = 65_536  # 15 MB of 56 features
BYTES_PER_VALUE = np.dtype(np.float32).itemsize


class FeatureRows(Protocol):
    """(n_rows, n_features) float32, NaN where unknown, never infinite; an array is one.

    Attributes:
        shape: (n_rows, n_features).
    """

    shape: tuple[int, int]

    def __getitem__(self, rows: slice) -> np.ndarray:
        """Return the rows from one to before another; `[:]` is all of them as one array."""


@dataclass(frozen=True)
class StoredRows:
    """Rows in a file of nothing else; what was read is neither kept nor mapped.

    Attributes:
        path: of the file.
        shape: (n_rows, n_features).

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when its size is another.
    """

    path: Path
    shape: tuple[int, int]

    def __post_init__(self) -> None:
        needed, found = self.shape[0] * self.shape[1] * BYTES_PER_VALUE, self.path.stat().st_size
        if needed != found:
            raise ValueError(f"{self.path} must have {needed:,} bytes, {self.shape} float32, it has {found:,}")

    @classmethod
    def write(cls, path: Path, blocks: Iterable[np.ndarray], feature_names: Sequence[str]) -> StoredRows:
        """Write blocks of rows one behind the other, each when it comes.

        Raises:
            TypeError: for another dtype than float32.
            ValueError: when a feature is infinite.
        """
        n_rows = 0
        with path.open("wb") as file:
            for block in blocks:
                check_array(block, feature_names)
                block.tofile(file)
                n_rows += len(block)
        return cls(path, (n_rows, len(feature_names)))

    def __getitem__(self, rows: slice) -> np.ndarray:
        start, stop, _ = rows.indices(self.shape[0])
        n_rows, width = max(stop - start, 0), self.shape[1]
        values = np.fromfile(self.path, np.float32, n_rows * width, offset=start * width * BYTES_PER_VALUE)
        return values.reshape(n_rows, width)


@dataclass(frozen=True)
class ChosenRows:
    """Some rows of others.

    Attributes:
        source: the others.
        rows: (n_rows,) int64 which of them, ascending.
    """

    source: FeatureRows
    rows: np.ndarray

    @property
    def shape(self) -> tuple[int, int]:
        """(n_rows, n_features)."""
        return len(self.rows), self.source.shape[1]

    def __getitem__(self, rows: slice) -> np.ndarray:
        wanted = self.rows[rows]
        taken, done = np.empty((len(wanted), self.shape[1]), np.float32), 0
        while done < len(wanted):  # a block of the source at a time, for any number of others may lie between two
            first = wanted[done]
            end = done + int(np.searchsorted(wanted[done:], first + ROWS_PER_BLOCK))
            block = self.source[first : wanted[end - 1] + 1]
            taken[done:end] = block[wanted[done:end] - first]
            done = end
        return taken


@dataclass(frozen=True)
class JoinedRows:
    """Rows of several, one after the other.

    Attributes:
        parts: at least one, all of the same features.
    """

    parts: tuple[FeatureRows, ...]

    @property
    def shape(self) -> tuple[int, int]:
        """(n_rows, n_features)."""
        return sum(part.shape[0] for part in self.parts), self.parts[0].shape[1]

    def __getitem__(self, rows: slice) -> np.ndarray:
        n_rows, width = self.shape
        start, stop, _ = rows.indices(n_rows)
        taken, first = np.empty((max(stop - start, 0), width), np.float32), 0
        for part in self.parts:
            end = first + part.shape[0]
            if start < end and first < stop:
                low, high = max(start, first), min(stop, end)
                taken[low - start : high - start] = part[low - first : high - first]
            first = end
        return taken


def blocks_of(features: FeatureRows) -> Iterator[np.ndarray]:
    """Yield all rows, `ROWS_PER_BLOCK` at a time."""
    for start in range(0, features.shape[0], ROWS_PER_BLOCK):
        yield features[start : start + ROWS_PER_BLOCK]


def column_of(features: FeatureRows, column: int) -> np.ndarray:
    """Return one feature of all rows: (n_rows,) float32."""
    return np.concatenate([np.empty(0, np.float32), *(block[:, column] for block in blocks_of(features))])


def check_array(features: np.ndarray, names: Sequence[str]) -> None:
    """Check that an array holds what a ranker can learn from.

    Raises:
        TypeError: for another dtype than float32.
        ValueError: when there is not one column for each name, or a feature is infinite.
    """
    if features.dtype != np.float32:
        raise TypeError(f"features must be float32, got {features.dtype}; convert it with astype")
    if features.ndim != 2 or features.shape[1] != len(names):
        raise ValueError(
            f"features must be (n_rows, {len(names)}), one column for each of feature_names, got {features.shape}"
        )
    is_infinite = np.zeros(len(names), dtype=bool)
    for block in blocks_of(features):
        is_infinite |= np.isinf(block).any(axis=0)
    if infinite := [name for name, bad in zip(names, is_infinite, strict=True) if bad]:
        raise ValueError(f"{', '.join(infinite)} is infinite in some row; write NaN where a value is unknown")
