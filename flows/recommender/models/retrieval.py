"""A fitted two-tower in, the best articles on sale for every customer out: exact search, no approximation.

faiss finds the largest inner products on the CPU; where there is a GPU, `torch.topk` does.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from recommender.errors import NotEnoughData
from recommender.features.snapshots import CandidateSnapshot, QuerySnapshot
from recommender.models.ranked_lists import RankedLists

QUERIES_PER_CHUNK = 8_192
ALWAYS_BLAS = 1  # queries times dimensions; faiss 1.15 multiplies matrices from 128,000 on, at half of the speed below


def recommend(model: nn.Module, queries: QuerySnapshot, candidates: CandidateSnapshot, k: int) -> RankedLists:
    """Return the k articles on sale with the highest scores for each customer of a snapshot.

    Args:
        model: has `encode_queries` and `encode_candidates`.
        queries: n customers as of a day.
        candidates: articles as of the same day, on sale or not.
        k: length of the lists; shorter where fewer articles are on sale.

    Raises:
        ValueError: when queries and candidates are of different days.
        NotEnoughData: when nothing is on sale.
    """
    if queries.as_of_day != candidates.as_of_day:
        raise ValueError(f"queries are as of {queries.as_of_day}, candidates as of {candidates.as_of_day}")
    on_sale = candidates.on_sale()
    if not len(on_sale):
        raise NotEnoughData(f"no article is on sale on {candidates.as_of_day}; raise on_sale_days")
    device = next(model.parameters()).device
    model.eval()
    with torch.inference_mode():
        articles = model.encode_candidates(on_sale.to(device))
        chunks = [
            top_k(model.encode_queries(queries.take(rows).to(device)), articles, k)
            for rows in torch.arange(len(queries)).split(QUERIES_PER_CHUNK)
        ]
    scores = np.concatenate([chunk[0] for chunk in chunks] or [np.empty((0, k), np.float32)])
    columns = np.concatenate([chunk[1] for chunk in chunks] or [np.empty((0, k), np.int64)])
    positions = on_sale.positions.numpy()[columns].astype(np.int32)
    return RankedLists(np.where(columns < 0, -1, positions).astype(np.int32), np.where(columns < 0, np.nan, scores))


def top_k(queries: Tensor, articles: Tensor, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the k largest inner products of each query.

    Args:
        queries: (n, d) float32.
        articles: (m, d) float32, on the same device.

    Returns:
        (n, k) float32 scores, descending, and (n, k) int64 rows of `articles`, -1 where m < k.
    """
    if queries.is_cuda:
        found = (queries @ articles.T).topk(min(k, len(articles)), dim=1)
        missing = (0, k - found.values.shape[1])
        return (
            nn.functional.pad(found.values, missing, value=float("-inf")).cpu().numpy(),
            nn.functional.pad(found.indices, missing, value=-1).cpu().numpy(),
        )
    import faiss

    faiss.cvar.distance_compute_blas_threshold = ALWAYS_BLAS
    index = faiss.IndexFlatIP(articles.shape[1])
    index.add(articles.contiguous().numpy())
    return index.search(queries.contiguous().numpy(), k)
