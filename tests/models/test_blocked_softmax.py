"""The blocked loss is the plain one: same number, same gradients, whatever the blocks."""

import pytest
import torch

from recommender.models import blocked_softmax
from recommender.models.blocked_softmax import blocked_softmax_loss
from recommender.models.softmax_loss import multi_target_softmax_loss

CUSTOMERS, CANDIDATES, DIM = 7, 9, 4


@pytest.fixture(autouse=True, params=[1, 3, 100], ids="{} in a block".format)
def _block(request, monkeypatch):
    monkeypatch.setattr(blocked_softmax, "CUSTOMERS_PER_BLOCK", request.param)


def planted(seed: int, dtype=torch.float64):
    """Draw vectors and purchases: the first customer bought nothing, the third everything."""
    chance = torch.Generator().manual_seed(seed)
    queries, candidates = (torch.randn(n, DIM, generator=chance, dtype=dtype) * 3 for n in (CUSTOMERS, CANDIDATES))
    counts = torch.tensor([0, 1, CANDIDATES, 2, 3, 0, 1])
    columns = torch.cat([torch.randperm(CANDIDATES, generator=chance)[:count] for count in counts.tolist()])
    offsets = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
    return queries.requires_grad_(), candidates.requires_grad_(), columns, offsets


def gradients(loss: torch.Tensor, *of: torch.Tensor) -> tuple[float, *tuple[torch.Tensor, ...]]:
    return loss.item(), *torch.autograd.grad(2 * loss, of)


@pytest.mark.parametrize("log_chance", [None, torch.linspace(-3, 0, CANDIDATES, dtype=torch.float64)])
def test_loss_and_gradients_are_those_of_the_plain_loss(log_chance):
    for seed in range(5):
        queries, candidates, *bought = planted(seed)
        blocked = gradients(blocked_softmax_loss(queries, candidates, *bought, log_chance), queries, candidates)
        plain = multi_target_softmax_loss(queries @ candidates.T, *bought, log_chance)
        for one, other in zip(blocked, gradients(plain, queries, candidates), strict=True):
            torch.testing.assert_close(one, other)


def test_gradients_are_those_of_finite_differences():
    queries, candidates, *bought = planted(seed=1)
    assert torch.autograd.gradcheck(lambda *vectors: blocked_softmax_loss(*vectors, *bought), (queries, candidates))


def test_logits_that_differ_by_far_stay_finite():
    queries, candidates, *bought = planted(seed=2, dtype=torch.float32)
    loss, *both = gradients(blocked_softmax_loss(queries * 1e4, candidates, *bought), queries, candidates)
    assert torch.tensor(loss).isfinite()
    assert all(gradient.isfinite().all() for gradient in both)


def test_no_purchase_at_all_is_no_loss_and_no_gradient():
    queries, candidates, *_ = planted(seed=3)
    nothing = torch.empty(0, dtype=torch.int64), torch.zeros(CUSTOMERS + 1, dtype=torch.int64)
    loss, *both = gradients(blocked_softmax_loss(queries, candidates, *nothing), queries, candidates)
    assert loss == 0
    assert all(gradient.abs().sum() == 0 for gradient in both)
