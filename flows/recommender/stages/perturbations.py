"""Customers with their histories changed a little, to ask a two-tower how it takes that.

Stage: for the behavioural suite. In: a `QuerySnapshot`. Out: the same customers with other histories. Only the history
changes: what else is known of a customer stays, so that the difference is the history's alone.
"""

from __future__ import annotations

import torch

from recommender.features.snapshots import QuerySnapshot


def without_newest(queries: QuerySnapshot) -> QuerySnapshot:
    """Hide each customer's most recent article; a customer of one article has none left."""
    lengths = queries.history_offsets.diff()
    is_newest = torch.zeros(len(queries.history_codes), dtype=torch.bool)
    is_newest[queries.history_offsets[:-1][lengths > 0]] = True
    offsets = torch.cat([lengths.new_zeros(1), (lengths - (lengths > 0).long()).cumsum(0)])
    return queries.with_history(queries.history_codes[~is_newest], queries.history_numbers[~is_newest], offsets)


def shuffled(queries: QuerySnapshot, seed: int) -> QuerySnapshot:
    """Put each customer's articles into another order, numbers and all."""
    owner = torch.repeat_interleave(torch.arange(len(queries)), queries.history_offsets.diff())
    chance = torch.rand(len(owner), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    order = torch.argsort(owner + chance)  # owners stay in order, their articles do not
    return queries.with_history(queries.history_codes[order], queries.history_numbers[order], queries.history_offsets)
