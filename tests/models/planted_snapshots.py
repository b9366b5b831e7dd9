"""Planted data without Merlin: customers of a group buy that group's articles, and nothing else tells the groups."""

from datetime import date, timedelta

import numpy as np
import torch
from torch import nn

from recommender.features.snapshots import CandidateSnapshot, QuerySnapshot
from recommender.features.truth import Truth
from recommender.ranking_metrics import group_truth

FIRST_DAY = date(2020, 1, 6)


def candidates(n_articles: int, day: date = FIRST_DAY, is_on_sale=None) -> CandidateSnapshot:
    """Articles 0 to n - 1; an article's code is its position plus 3."""
    positions = torch.arange(n_articles)
    return CandidateSnapshot(
        as_of_day=day,
        positions=positions,
        codes=(positions + 3)[:, None],
        numbers=torch.zeros(n_articles, 1),
        is_on_sale=torch.ones(n_articles, dtype=torch.bool) if is_on_sale is None else is_on_sale,
        last_week_sales=torch.ones(n_articles, dtype=torch.int64),
    )


def queries(histories: list[list[int]], day: date = FIRST_DAY) -> QuerySnapshot:
    """Customers 0, 1, ... with article positions in their histories."""
    return QuerySnapshot(
        as_of_day=day,
        customers=np.arange(len(histories), dtype=np.int32),
        codes=torch.zeros(len(histories), 1, dtype=torch.int64),
        numbers=torch.zeros(len(histories), 1),
        history_codes=torch.tensor([article + 3 for history in histories for article in history], dtype=torch.int64),
        history_numbers=torch.zeros(sum(map(len, histories)), 2),
        history_offsets=_offsets(histories),
    )


def truth_of(bought: list[list[int]]) -> Truth:
    """What each customer buys in the week, as article positions."""
    rows = np.repeat(np.arange(len(bought)), [len(each) for each in bought])
    return Truth(*group_truth(rows, np.array([article for each in bought for article in each]), len(bought)))


def group_week(groups: int, articles_per_group: int, customers_per_group: int, week: int, seed: int):
    """One week in which every customer bought two articles of the own group before and buys another one now."""
    rng = np.random.default_rng([seed, week])
    histories, bought = [], []
    for group in range(groups):
        own = np.arange(group * articles_per_group, (group + 1) * articles_per_group)
        for _ in range(customers_per_group):
            first, second, third = rng.permutation(own)[:3].tolist()
            histories.append([first, second])
            bought.append([third])
    day = FIRST_DAY + timedelta(weeks=week)
    return candidates(groups * articles_per_group, day), queries(histories, day), truth_of(bought)


class BagOfArticles(nn.Module):
    """The smallest model the training loop accepts: the mean of a history's embeddings against embeddings."""

    def __init__(self, n_articles: int, dim: int = 8):
        super().__init__()
        self.history = nn.EmbeddingBag(n_articles + 3, dim, mode="mean")
        self.article = nn.Embedding(n_articles + 3, dim)

    def forward(self, customers: QuerySnapshot, articles: CandidateSnapshot) -> tuple[torch.Tensor, torch.Tensor]:
        """Return both sides' vectors."""
        return self.encode_queries(customers), self.encode_candidates(articles)

    def encode_queries(self, batch: QuerySnapshot) -> torch.Tensor:
        """Return (n, dim)."""
        return self.history(batch.history_codes, batch.history_offsets[:-1])

    def encode_candidates(self, batch: CandidateSnapshot) -> torch.Tensor:
        """Return (n, dim)."""
        return self.article(batch.codes[:, 0])


def _offsets(lists: list[list[int]]) -> torch.Tensor:
    return torch.tensor(np.cumsum([0, *map(len, lists)]), dtype=torch.int64)
