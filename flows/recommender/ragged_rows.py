"""Rows of unequal length in one array: `values` of row i are those from offsets[i] to offsets[i + 1].

Stage: below everything. In: offsets and the rows that are wanted. Out: where their values lie. `snapshots` has the
same for tensors.
"""

from __future__ import annotations

import numpy as np


def take_rows(offsets: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where the values of some rows lie, one row after the other, and the offsets of the shorter array.

    Args:
        offsets: (n + 1,) int64.
        rows: (m,) int64.

    Returns:
        (n_values,) int64 indices into the values, and (m + 1,) int64 offsets.
    """
    lengths = offsets[rows + 1] - offsets[rows]
    new_offsets = np.concatenate([[0], np.cumsum(lengths)])
    return np.repeat(offsets[rows] - new_offsets[:-1], lengths) + np.arange(new_offsets[-1]), new_offsets
