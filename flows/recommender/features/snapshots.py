"""Encoded marts in, tensors out: what training and retrieval read, one snapshot per as-of day.

This module needs PyTorch and numpy only, so that training and retrieval run where no NVTabular is installed. `n` is
the number of articles or customers of a snapshot; ragged lists are (values, offsets) pairs with offsets of length
n + 1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class CandidateSnapshot:
    """All articles sold before a day, as they looked on that day.

    Attributes:
        as_of_day: first day the snapshot knows nothing of.
        positions: (n,) int64, row numbers in the catalogue, ascending.
        codes: (n, 1 + n_attributes) int64; column 0 is the article's own code.
        numbers: (n, n_numbers) float32, normalised.
        is_on_sale: (n,) bool; only these may be recommended.
        last_week_sales: (n,) int64 units sold in the week before the day.
    """

    as_of_day: date
    positions: Tensor
    codes: Tensor
    numbers: Tensor
    is_on_sale: Tensor
    last_week_sales: Tensor

    def __len__(self) -> int:
        return len(self.positions)

    def on_sale(self) -> CandidateSnapshot:
        """Return the snapshot of the articles that may be recommended."""
        return self.take(torch.nonzero(self.is_on_sale)[:, 0])

    def take(self, rows: Tensor) -> CandidateSnapshot:
        """Return the snapshot of some articles, given as (m,) int64 row numbers."""
        tensors = {name: getattr(self, name)[rows] for name in ("positions", "codes", "numbers", "is_on_sale")}
        return replace(self, **tensors)

    def to(self, device: torch.device) -> CandidateSnapshot:
        """Return the snapshot on a device."""
        return _moved(self, device)

    def as_plain(self) -> dict[str, Tensor | str]:
        """Return the fields for a file, the day as text."""
        return {**vars(self), "as_of_day": self.as_of_day.isoformat()}

    @classmethod
    def of_plain(cls, plain: Mapping[str, Tensor | str]) -> CandidateSnapshot:
        """Inverse of `as_plain`."""
        return cls(**{**plain, "as_of_day": date.fromisoformat(plain["as_of_day"])})


@dataclass(frozen=True)
class QuerySnapshot:
    """Customers as of a day with what they bought before it.

    It knows nothing of the week from the day, so that what scores it cannot either; `truth.Truth` does.

    Attributes:
        as_of_day: first day the histories know nothing of.
        customers: (n,) int32, rows among everybody of customers.csv, see `customer_rows`.
        codes: (n, n_categories) int64.
        numbers: (n, n_numbers) float32, normalised, season of the as-of day appended.
        history_codes: (n_history,) int64 article codes, most recent first per customer.
        history_numbers: (n_history, 2) float32: log(1 + days since), log(1 + purchase days).
        history_offsets: (n + 1,) int64.
    """

    as_of_day: date
    customers: np.ndarray
    codes: Tensor
    numbers: Tensor
    history_codes: Tensor
    history_numbers: Tensor
    history_offsets: Tensor

    def __len__(self) -> int:
        return len(self.customers)

    def to(self, device: torch.device) -> QuerySnapshot:
        """Return the snapshot on a device; `customers` stay where they are."""
        return _moved(self, device)

    def as_plain(self) -> dict[str, Tensor | str]:
        """Return the fields for a file, the day as text."""
        customers = torch.from_numpy(self.customers)
        return {**vars(self), "as_of_day": self.as_of_day.isoformat(), "customers": customers}

    @classmethod
    def of_plain(cls, plain: Mapping[str, Tensor | str]) -> QuerySnapshot:
        """Inverse of `as_plain`."""
        day = date.fromisoformat(plain["as_of_day"])
        return cls(**{**plain, "as_of_day": day, "customers": plain["customers"].numpy()})

    def with_history(self, codes: Tensor, numbers: Tensor, offsets: Tensor) -> QuerySnapshot:
        """Return the same customers with other histories."""
        return replace(self, history_codes=codes, history_numbers=numbers, history_offsets=offsets)

    def has_history(self) -> np.ndarray:
        """Return (n,) bool: whether the customer bought anything before the as-of day."""
        return (self.history_offsets.diff() > 0).numpy()

    def take(self, rows: Tensor) -> QuerySnapshot:
        """Return the snapshot of some customers, given as (m,) int64 row numbers."""
        history, history_offsets = take_ragged_rows(self.history_offsets, rows)
        return QuerySnapshot(
            as_of_day=self.as_of_day,
            customers=self.customers[rows.cpu().numpy()],
            codes=self.codes[rows],
            numbers=self.numbers[rows],
            history_codes=self.history_codes[history],
            history_numbers=self.history_numbers[history],
            history_offsets=history_offsets,
        )


def _moved(snapshot, device: torch.device):
    return replace(snapshot, **{name: tensor.to(device) for name, tensor in _tensors(snapshot).items()})


def _tensors(snapshot) -> dict[str, Tensor]:
    return {name: value for name, value in vars(snapshot).items() if isinstance(value, Tensor)}


def take_ragged_rows(offsets: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Return where the values of some rows of a ragged array lie, and the offsets of the shorter array.

    Args:
        offsets: (n + 1,) int64.
        rows: (m,) int64.

    Returns:
        (n_values,) int64 indices into the values, and (m + 1,) int64 offsets.
    """
    lengths = offsets.diff()[rows]
    new_offsets = torch.cat([lengths.new_zeros(1), lengths.cumsum(0)])
    starts = torch.repeat_interleave(offsets[rows] - new_offsets[:-1], lengths)
    return starts + torch.arange(len(starts), device=starts.device), new_offsets


def season_of(as_of_day: date) -> tuple[float, float]:
    """Return the place of a day in the year as a point on the unit circle."""
    angle = 2 * math.pi * as_of_day.timetuple().tm_yday / 365.25
    return math.sin(angle), math.cos(angle)
