"""Histories changed a little: what is hidden is the newest article, what is shuffled stays the customer's own."""

from datetime import date

import numpy as np
import torch

from recommender.features.snapshots import QuerySnapshot
from recommender.stages.perturbations import shuffled, without_newest

HISTORIES = [[5, 3, 9], [], [7], [4, 8]]  # most recent first


def queries() -> QuerySnapshot:
    codes = torch.tensor([code for history in HISTORIES for code in history])
    offsets = torch.tensor(np.cumsum([0, *map(len, HISTORIES)]))
    empty = torch.zeros(0, dtype=torch.int64)
    return QuerySnapshot(
        as_of_day=date(2020, 9, 16),
        customer_ids=np.array(list("abcd"), dtype=object),
        codes=torch.zeros(4, 1, dtype=torch.int64),
        numbers=torch.zeros(4, 1),
        history_codes=codes,
        history_numbers=torch.stack([codes * 1.0, codes * 10.0], dim=1),
        history_offsets=offsets,
        target_positions=empty,
        target_offsets=torch.zeros(5, dtype=torch.int64),
    )


def histories(snapshot: QuerySnapshot) -> list[list[int]]:
    return [part.tolist() for part in torch.tensor_split(snapshot.history_codes, snapshot.history_offsets[1:-1])]


def test_the_newest_article_of_each_customer_is_hidden():
    less = without_newest(queries())
    assert histories(less) == [[3, 9], [], [], [8]]
    assert less.history_numbers[:, 0].tolist() == [3, 9, 8]
    assert less.has_history().tolist() == [True, False, False, True]


def test_shuffling_keeps_everybodys_articles_with_their_numbers():
    mixed = shuffled(queries(), seed=1)
    assert [sorted(history) for history in histories(mixed)] == [sorted(history) for history in HISTORIES]
    assert mixed.history_numbers[:, 1].tolist() == [10.0 * code for code in mixed.history_codes.tolist()]


def test_some_order_changes():
    assert any(histories(shuffled(queries(), seed)) != HISTORIES for seed in range(5))
