"""The loss against arithmetic written out."""

import math

import pytest
import torch

from recommender.models.softmax_loss import multi_target_softmax_loss


def test_one_purchase_is_plain_cross_entropy():
    logits = torch.tensor([[1.0, 2.0, 3.0]])
    loss = multi_target_softmax_loss(logits, torch.tensor([2]), torch.tensor([0, 1]))
    assert loss.item() == pytest.approx(-math.log(math.e**3 / (math.e + math.e**2 + math.e**3)))


def test_another_purchase_of_the_customer_is_no_negative():
    logits = torch.tensor([[1.0, 2.0, 3.0]])
    loss = multi_target_softmax_loss(logits, torch.tensor([1, 2]), torch.tensor([0, 2]))
    first = -math.log(math.e**2 / (math.e + math.e**2))  # article 2 is left out of the denominator
    second = -math.log(math.e**3 / (math.e + math.e**3))
    assert loss.item() == pytest.approx((first + second) / math.sqrt(2))


def test_customers_are_averaged_and_those_without_purchases_do_not_count():
    logits = torch.tensor([[0.0, 0.0], [5.0, 5.0], [0.0, 0.0]])
    loss = multi_target_softmax_loss(logits, torch.tensor([0, 1]), torch.tensor([0, 1, 1, 2]))
    assert loss.item() == pytest.approx(math.log(2))


def test_no_purchase_at_all_is_no_loss_but_still_differentiable():
    logits = torch.zeros(2, 3, requires_grad=True)
    loss = multi_target_softmax_loss(logits, torch.empty(0, dtype=torch.int64), torch.tensor([0, 0, 0]))
    loss.backward()
    assert loss.item() == 0
    assert logits.grad.abs().sum() == 0


def test_a_customer_who_bought_every_candidate_teaches_nothing_and_breaks_nothing():
    logits = torch.tensor([[1.0, 2.0], [0.0, 0.0]], requires_grad=True)
    loss = multi_target_softmax_loss(logits, torch.tensor([0, 1, 0]), torch.tensor([0, 2, 3]))
    loss.backward()
    assert loss.item() == pytest.approx(math.log(2) / 2)
    assert logits.grad[0].tolist() == [0, 0]
    assert logits.grad[1].tolist() == pytest.approx([-0.25, 0.25])


def test_log_q_correction_recovers_the_full_softmax_from_a_sample():
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(1, 200, generator=generator)
    chances = torch.linspace(0.2, 0.9, 200)
    positive, expected_total = 7, logits.exp().sum()
    totals = []
    for _ in range(2000):
        kept = torch.rand(200, generator=generator) < chances
        totals.append((logits[0, kept] - chances[kept].log()).exp().sum())
    assert torch.stack(totals).mean() == pytest.approx(expected_total.item(), rel=0.01)
    corrected = multi_target_softmax_loss(
        logits, torch.tensor([positive]), torch.tensor([0, 1]), log_sampling_probability=chances.log()
    )
    weighted = (logits - chances.log())[0]
    assert corrected.item() == pytest.approx((weighted.logsumexp(0) - weighted[positive]).item(), rel=1e-5)
