"""A week as a two-tower learns from it: what was on sale, who bought of it, and what."""

import torch
from planted_snapshots import candidates, queries, truth_of

from recommender.models.training_week import TrainingWeek, targets_on_sale


def test_targets_become_columns_of_what_was_on_sale():
    articles = candidates(4, is_on_sale=torch.tensor([True, False, True, True]))
    targets = targets_on_sale(truth_of([[1, 2], [3]]), articles.on_sale())
    assert targets.columns.tolist() == [1, 2]  # columns of articles 2 and 3 among 0, 2, 3
    assert targets.offsets.tolist() == [0, 1, 2]  # article 1 was not on sale


def test_an_article_newer_than_all_on_sale_is_no_target():
    assert targets_on_sale(truth_of([[5]]), candidates(2)).offsets.tolist() == [0, 0]


def test_a_week_keeps_the_customers_who_bought_something_on_sale_with_their_own_targets():
    """c1 bought nothing, c2 only article 1, which was not on sale."""
    articles = candidates(4, is_on_sale=torch.tensor([True, False, True, True]))
    week = TrainingWeek.of(articles, queries([[0], [1], [2], [3]]), truth_of([[0, 3], [], [1], [1, 3]]))
    assert week.queries.customers.tolist() == [0, 3]
    assert week.queries.history_codes.tolist() == [3 + 0, 3 + 3]
    assert (week.targets.columns.tolist(), week.targets.offsets.tolist()) == ([0, 2, 2], [0, 2, 3])
    assert week.purchase_shares.tolist() == [torch.tensor(1 / 3), 0, torch.tensor(2 / 3)]
    last = week.take(torch.tensor([1]))
    assert last.queries.customers.tolist() == [3]
    assert (last.targets.columns.tolist(), last.targets.offsets.tolist()) == ([2], [0, 1])
    assert (last.candidates, last.purchase_shares.tolist()) == (week.candidates, week.purchase_shares.tolist())
