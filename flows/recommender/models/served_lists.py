"""What every customer is served: the model's list, or the segment's for a customer without history.

In: a fitted two-tower, customers and articles as of one day, and the shop as the baselines know it. Out: one list
per customer with its source.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from recommender.features.snapshots import CandidateSnapshot, QuerySnapshot
from recommender.models.baselines import ShopAsOf, segment_popular
from recommender.models.retrieval import recommend


@dataclass(frozen=True)
class ServedLists:
    """One list per customer.

    Attributes:
        customer_ids: (n,) array of str.
        positions: (n, k) int32 catalogue positions, -1 behind the end of a short list.
        scores: (n, k) float32, NaN behind the end of a short list.
        is_personal: (n,) bool; the others got their segment's list.
    """

    customer_ids: np.ndarray
    positions: np.ndarray
    scores: np.ndarray
    is_personal: np.ndarray


def serve(
    model: nn.Module, queries: QuerySnapshot, candidates: CandidateSnapshot, shop: ShopAsOf, k: int
) -> ServedLists:
    """Give each customer with history the model's k best articles on sale, and the others their segment's.

    Args:
        model: a fitted two-tower.
        queries: n customers as of a day.
        candidates: articles as of the same day.
        shop: the marts as of the same day.
        k: length of the lists.
    """
    is_personal = queries.has_history()
    on_sale = candidates.on_sale().positions.numpy()
    served = segment_popular(shop, queries.customer_ids, on_sale, k)
    positions, scores = served.positions.copy(), served.scores.copy()
    if is_personal.any():
        rows = torch.nonzero(torch.from_numpy(is_personal))[:, 0]
        personal = recommend(model, queries.take(rows), candidates, k)
        positions[is_personal], scores[is_personal] = personal.positions, personal.scores
    return ServedLists(queries.customer_ids, positions, scores, is_personal)
