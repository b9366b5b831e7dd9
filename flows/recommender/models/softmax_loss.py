"""The training loss: a softmax over candidates, for customers who each bought several of them.

Tensors in, one number out; needs PyTorch only.
"""

from __future__ import annotations

import torch
from torch import Tensor


def multi_target_softmax_loss(
    logits: Tensor,
    target_columns: Tensor,
    target_offsets: Tensor,
    log_sampling_probability: Tensor | None = None,
) -> Tensor:
    """Return the mean over customers of the weighted cross entropy of their purchases.

    Every purchased article is a positive of its own; the customer's other purchases are masked out of its
    denominator, so that no article is a positive and a negative of one customer. A customer counts with the square
    root of the basket size, so large baskets neither drown nor vanish.

    Where the candidates are a sample, subtracting the log of each one's chance of being in it makes the softmax
    an estimate of the one over the whole catalogue (logQ correction, Yi et al. 2019,
    https://doi.org/10.1145/3298689.3346996).

    Args:
        logits: (n_customers, n_candidates) float.
        target_columns: (n_targets,) int64 columns of `logits` that were bought, grouped by customer.
        target_offsets: (n_customers + 1,) int64.
        log_sampling_probability: (n_candidates,) float, or None when the candidates are the whole catalogue.

    Returns:
        A scalar; 0 when no customer has a target.
    """
    if log_sampling_probability is not None:
        logits = logits - log_sampling_probability
    counts = target_offsets.diff()
    if not len(target_columns):
        return logits.sum() * 0
    rows = torch.repeat_interleave(torch.arange(len(counts), device=logits.device), counts)
    positives = logits[rows, target_columns]
    negatives = logits.masked_fill(_is_target(logits, rows, target_columns), float("-inf")).logsumexp(dim=1)
    cross_entropy = torch.logaddexp(positives, negatives[rows]) - positives
    weights = counts.clamp(min=1).to(logits.dtype).rsqrt()[rows]
    return (weights * cross_entropy).sum() / (counts > 0).sum()


def _is_target(logits: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    mask = torch.zeros_like(logits, dtype=torch.bool)
    mask[rows, columns] = True
    return mask
