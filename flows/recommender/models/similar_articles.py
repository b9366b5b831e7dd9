"""Which articles are like another one: neighbours in the space of the two-tower's candidate tower, exact.

Stage: beside retrieval. In: article vectors as of a day. Out: for every article its nearest ones among those on sale.

Near is the cosine of the vectors without the bias, which only says how well an article sells. The variants of a product
are nearest of all and no news, so they are left out.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from recommender.errors import ModelDiverged
from recommender.features.snapshots import CandidateSnapshot
from recommender.models.ranked_lists import RankedLists, empty_lists

ARTICLES_PER_CHUNK = 512  # times 100,000 articles on sale: 200 MB of cosines


def similar_articles(
    model: nn.Module, candidates: CandidateSnapshot, on_sale: np.ndarray, product_codes: np.ndarray, k: int
) -> RankedLists:
    """Return the k nearest articles on sale of each article of a snapshot.

    Args:
        model: has `encode_candidates`; the last coordinate of its vectors is the bias.
        candidates: n articles as of a day, on sale or not.
        on_sale: (m,) catalogue positions of those that may be recommended.
        product_codes: (n_articles,) integers by catalogue position; articles of one code are variants.
        k: length of the lists.

    Returns:
        Catalogue positions and cosines in [-1, 1], a list for each article of the snapshot, in its order.

    Raises:
        ModelDiverged: when the vectors are not finite.
    """
    with torch.inference_mode():
        vectors = model.eval().encode_candidates(candidates)[:, :-1]
        if not torch.isfinite(vectors).all():
            raise ModelDiverged("article vectors are not finite: the two-tower diverged; lower its learning_rate")
        vectors = nn.functional.normalize(vectors, dim=1)
        positions = candidates.positions.numpy()
        codes = torch.from_numpy(product_codes[positions])
        columns = torch.from_numpy(np.flatnonzero(np.isin(positions, on_sale)))
        every_row = torch.arange(len(codes))
        chunks = [_nearest(vectors, codes, rows, columns, k) for rows in every_row.split(ARTICLES_PER_CHUNK)]
    scores, rows = (torch.cat(each).numpy() for each in zip(*chunks, strict=True))
    is_none = np.isneginf(scores)
    lists = empty_lists(len(rows), k)
    lists.positions[:, : rows.shape[1]] = np.where(is_none, -1, positions[rows])
    lists.scores[:, : rows.shape[1]] = np.where(is_none, np.nan, scores)
    return lists


def _nearest(vectors: Tensor, codes: Tensor, rows: Tensor, columns: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Cosines and rows of the nearest articles, (len(rows), k) or narrower; -inf where there are fewer."""
    cosines = vectors[rows] @ vectors[columns].T
    cosines[codes[rows][:, None] == codes[columns]] = -torch.inf  # the article itself among them
    found = cosines.topk(min(k, len(columns)), dim=1)
    return found.values, columns[found.indices]
