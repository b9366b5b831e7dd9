"""One week as a two-tower learns from it: what was on sale, who bought some of it, and what.

Stage: between the snapshots and the training loop. In: a day's articles and customers, and what these bought in the
week from it. Out: `TrainingWeek`. As the loop, it needs neither Merlin nor NVTabular.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from recommender.features.snapshots import CandidateSnapshot, QuerySnapshot, take_ragged_rows

if TYPE_CHECKING:
    from recommender.features.truth import Truth


class Targets(NamedTuple):
    """What n customers bought: `columns` (n_targets,) int64 of a week's candidates, and `offsets` (n + 1,) int64."""

    columns: Tensor
    offsets: Tensor

    def buyers(self) -> Tensor:
        """Return the (m,) int64 rows of the customers who have a target."""
        return torch.nonzero(self.offsets.diff())[:, 0]

    def take(self, rows: Tensor) -> Targets:
        """Return the targets of some customers, given as (m,) int64 row numbers."""
        places, offsets = take_ragged_rows(self.offsets, rows)
        return Targets(self.columns[places], offsets)

    def to(self, device: torch.device) -> Targets:
        """Return the targets on a device."""
        return Targets(self.columns.to(device), self.offsets.to(device))


@dataclass(frozen=True)
class TrainingWeek:
    """The articles on sale on an as-of day and the customers who bought some of them in the week from it.

    Attributes:
        candidates: articles on sale.
        queries: customers with at least one target.
        targets: of these customers, as columns of `candidates`.
        purchase_shares: (n_candidates,) share of the week's purchases that went to each article.
    """

    candidates: CandidateSnapshot
    queries: QuerySnapshot
    targets: Targets
    purchase_shares: Tensor

    @classmethod
    def of(cls, candidates: CandidateSnapshot, queries: QuerySnapshot, truth: Truth) -> TrainingWeek:
        """Keep what was bought and on sale on the as-of day, and the customers who bought some of it."""
        on_sale = candidates.on_sale()
        targets = targets_on_sale(truth, on_sale)
        rows = targets.buyers()
        counts = torch.bincount(targets.columns, minlength=len(on_sale.positions))
        return cls(on_sale, queries.take(rows), targets.take(rows), counts / counts.sum().clamp(min=1))

    def take(self, rows: Tensor) -> TrainingWeek:
        """Return the week with some of its customers, given as (m,) int64 row numbers."""
        return replace(self, queries=self.queries.take(rows), targets=self.targets.take(rows))

    def to(self, device: torch.device) -> TrainingWeek:
        """Return the week on a device."""
        snapshots = self.candidates.to(device), self.queries.to(device)
        return TrainingWeek(*snapshots, self.targets.to(device), self.purchase_shares.to(device))


def targets_on_sale(truth: Truth, on_sale: CandidateSnapshot) -> Targets:
    """Return what customers bought as columns of `on_sale`, without what was not on sale."""
    positions, offsets = torch.from_numpy(truth.values).long(), torch.from_numpy(truth.offsets)
    columns = torch.searchsorted(on_sale.positions, positions).clamp(max=len(on_sale.positions) - 1)
    is_known = on_sale.positions[columns] == positions
    owner = torch.repeat_interleave(torch.arange(len(offsets) - 1), offsets.diff())
    counts = torch.bincount(owner[is_known], minlength=len(offsets) - 1)
    return Targets(columns[is_known], torch.cat([counts.new_zeros(1), counts.cumsum(0)]))
