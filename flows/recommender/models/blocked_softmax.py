"""The training loss from the vectors of both towers: the logits of some customers at a time.

In: vectors of customers and candidates, and who bought what. Out: the number that `multi_target_softmax_loss` makes of
their products, and its gradients. A matrix of all logits would be written and read many times over, there and back; a
block of it stays in the cache, and the gradients of a block are made while it is there. So nothing is computed twice
and nothing is as large as customers x candidates. PyTorch only.

Source of the idea: Wijmans et al. 2024, Cut Your Losses in Large-Vocabulary Language Models
(https://arxiv.org/abs/2411.09009).
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

CUSTOMERS_PER_BLOCK = 256
"""With 6,700 candidates 64 and 128 take as long, and 1,024 a sixth longer; with fewer candidates 64 takes longer."""


def blocked_softmax_loss(
    queries: Tensor,
    candidates: Tensor,
    target_columns: Tensor,
    target_offsets: Tensor,
    log_sampling_probability: Tensor | None = None,
) -> Tensor:
    """Return `softmax_loss.multi_target_softmax_loss` of the inner products of customers and candidates.

    Args:
        queries: (n_customers, d) float.
        candidates: (n_candidates, d) float.
        target_columns: (n_targets,) int64 rows of `candidates` that were bought, grouped by customer.
        target_offsets: (n_customers + 1,) int64.
        log_sampling_probability: (n_candidates,) float, or None when the candidates are the whole catalogue.
    """
    return _BlockedSoftmax.apply(queries, candidates, target_columns, target_offsets, log_sampling_probability)


class _BlockedSoftmax(torch.autograd.Function):
    """Makes the gradients on the way there: the loss is one number, so on the way back they are only scaled."""

    @staticmethod
    def forward(
        ctx: Any, queries: Tensor, candidates: Tensor, columns: Tensor, offsets: Tensor, log_probability: Tensor | None
    ) -> Tensor:
        counts = offsets.diff()
        weights = counts.clamp(min=1).to(queries.dtype).rsqrt() / (counts > 0).sum().clamp(min=1)
        loss, of_queries, of_candidates = queries.new_zeros(()), torch.empty_like(queries), torch.zeros_like(candidates)
        bounds = [*range(0, len(queries), CUSTOMERS_PER_BLOCK), len(queries)]
        for (start, stop), (first, last) in zip(pairwise(bounds), pairwise(offsets[bounds].tolist()), strict=True):
            rows, bought = slice(start, stop), columns[first:last]
            owner = torch.repeat_interleave(counts[rows])
            of_block, of_queries[rows] = _add_block(
                queries[rows], candidates, owner, bought, weights[rows][owner], log_probability, of_candidates
            )
            loss += of_block
        ctx.save_for_backward(of_queries, of_candidates)
        return loss

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        of_queries, of_candidates = ctx.saved_tensors
        return gradient * of_queries, gradient * of_candidates, None, None, None


def _add_block(
    queries: Tensor,
    candidates: Tensor,
    owner: Tensor,
    bought: Tensor,
    weights: Tensor,
    log_probability: Tensor | None,
    of_candidates: Tensor,
) -> tuple[Tensor, Tensor]:
    """Return the loss of some customers and its gradient (b, d); add the candidates' gradient to that of others.

    With z the logit of a purchase and n the logsumexp of all that its customer did not buy, the purchase's loss is
    log(1 + exp(n - z)): it pulls z up and pushes what n is made of down.
    """
    logits = queries @ candidates.T if log_probability is None else torch.addmm(-log_probability, queries, candidates.T)
    positives = logits[owner, bought]
    logits[owner, bought] = float("-inf")
    smallest = torch.finfo(logits.dtype)  # stands in where a customer bought every candidate
    highest = logits.amax(dim=1, keepdim=True).clamp(min=smallest.min)
    shares = logits.sub_(highest).exp_()  # of what is pushed, but for their total
    totals = shares.sum(dim=1, keepdim=True)
    shortfall = (highest + totals.log())[owner, 0] - positives
    pull = (weights * shortfall.sigmoid())[:, None]
    push = torch.zeros_like(totals).index_add_(0, owner, pull) / totals.clamp(min=smallest.tiny)
    of_queries = (shares @ candidates).mul_(push).index_add_(0, owner, -pull * candidates[bought])
    of_candidates.addmm_(shares.T, push * queries).index_add_(0, bought, -pull * queries[owner])
    return (weights * nn.functional.softplus(shortfall)).sum(), of_queries
