"""How good ranked lists are, one number per customer.

Stage: below all rooms; training calls `map_at_k` on the validation week, evaluation everything on the test
week. In: recommended article positions `lists` (n_customers, k) int32, best first, -1 where a list is
shorter than k; the articles each customer really bought as a CSR pair, `truth_values` int32 and
`truth_offsets` int64 (n_customers + 1): customer i bought `truth_values[truth_offsets[i]:truth_offsets[i +
1]]`, all distinct. Out: float64 arrays (n_customers,), NaN for a customer without truth, and their means.

k is the width of the lists: a list that is too short is padded with -1, never cut narrower.
An article that a list names twice counts once, at its first rank.
"""

import numpy as np


def group_truth(
    customer_rows: np.ndarray, article_positions: np.ndarray, n_customers: int
) -> tuple[np.ndarray, np.ndarray]:
    """Turn (customer, article) pairs into a CSR pair, each article once per customer, sorted.

    `customer_rows` and `article_positions` are integers (n_pairs,); rows lie in [0, n_customers).

    Returns `truth_values` int32 (n_distinct_pairs,) and `truth_offsets` int64 (n_customers + 1,).

    Raises ValueError for a row outside the customers.

    >>> group_truth(np.array([2, 0, 2, 2]), np.array([7, 5, 7, 4]), 3)
    (array([5, 4, 7], dtype=int32), array([0, 1, 1, 3]))
    """
    rows = np.asarray(customer_rows, dtype=np.int64)
    if rows.size and (rows.min() < 0 or rows.max() >= n_customers):
        raise ValueError(f"customer rows must lie in [0, {n_customers}), got {rows.min()} to {rows.max()}")
    positions = np.asarray(article_positions, dtype=np.int64)
    stride = positions.max(initial=0) + 1
    pairs = np.unique(rows * stride + positions)
    sizes = np.bincount(pairs // stride, minlength=n_customers)
    return (pairs % stride).astype(np.int32), _offsets(sizes)


def select_truth(
    truth_values: np.ndarray, truth_offsets: np.ndarray, is_selected: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Keep of every customer's truth only the selected articles, e.g. the tail of the catalogue.

    `is_selected` is a bool array over all article positions. Customers keep their row; one left without
    truth scores NaN.

    >>> select_truth(np.array([5, 4, 7]), np.array([0, 1, 1, 3]), np.arange(8) > 4)
    (array([5, 7]), array([0, 1, 1, 2]))
    """
    is_kept = is_selected[truth_values]
    kept_before = np.concatenate([[0], np.cumsum(is_kept)])
    return truth_values[is_kept], kept_before[truth_offsets]


def find_repeats(lists: np.ndarray) -> np.ndarray:
    """Mark every article that already stands earlier in the same list.

    Returns bool (n_customers, k); padding is never a repeat.

    >>> find_repeats(np.array([[3, 1, 3, -1, -1]]))
    array([[False, False,  True, False, False]])
    """
    order = np.argsort(lists, axis=1, kind="stable")  # stable: of equal articles the first rank comes first
    ordered = np.take_along_axis(lists, order, axis=1)
    is_same_as_previous = (ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)
    is_repeat = np.zeros(lists.shape, dtype=bool)
    np.put_along_axis(is_repeat, order[:, 1:], is_same_as_previous, axis=1)
    return is_repeat


def find_hits(lists: np.ndarray, truth_values: np.ndarray, truth_offsets: np.ndarray) -> np.ndarray:
    """Mark every recommended article that the customer bought.

    Returns bool (n_customers, k).

    Raises ValueError when lists and truth disagree in shape, or a customer's truth names an article twice.

    >>> find_hits(np.array([[3, 1, -1], [2, 0, 4]]), np.array([1, 8, 2, 4]), np.array([0, 2, 4]))
    array([[False,  True, False],
           [ True, False,  True]])
    """
    _check_shapes(lists, truth_values, truth_offsets)
    n_customers = len(lists)
    stride = int(max(lists.max(initial=0), truth_values.max(initial=0))) + 1
    truth_rows = np.repeat(np.arange(n_customers, dtype=np.int64), np.diff(truth_offsets))
    truth_keys = np.sort(truth_rows * stride + truth_values)
    if np.any(truth_keys[1:] == truth_keys[:-1]):
        raise ValueError("a customer's truth names an article twice; build it with group_truth")
    list_keys = np.arange(n_customers, dtype=np.int64)[:, None] * stride + lists
    is_hit = _contains(truth_keys, list_keys)
    return is_hit & (lists >= 0) & ~find_repeats(lists)


def truth_sizes(truth_offsets: np.ndarray) -> np.ndarray:
    """Count the articles each customer bought: int64 (n_customers,)."""
    return np.diff(truth_offsets)


def average_precision_at_k(hits: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """AP@k = sum over ranks r with a hit of (hits up to r) / r, divided by min(k, truth size).

    `hits` bool (n_customers, k) from `find_hits`, `sizes` int (n_customers,) from `truth_sizes`.
    Its mean is MAP@k as in the H&M competition: perfect lists score 1, also for a truth larger than k.

    Source:
    https://www.kaggle.com/competitions/h-and-m-personalized-fashion-recommendations/overview/evaluation

    >>> float(average_precision_at_k(np.array([[True, False, True]]), np.array([2]))[0])  # (1/1 + 2/3) / 2
    0.8333333333333333
    """
    ranks = np.arange(1, hits.shape[1] + 1)
    precisions = np.cumsum(hits, axis=1) / ranks  # (n_customers, k)
    return (precisions * hits).sum(axis=1) / _reachable(hits, sizes)


def recall_at_k(hits: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Recall@k = hits / min(k, truth size), so that a full list of hits scores 1.

    Arguments as in `average_precision_at_k`.

    >>> float(recall_at_k(np.array([[True, False, True]]), np.array([4]))[0])  # 2 / min(3, 4)
    0.6666666666666666
    """
    return hits.sum(axis=1) / _reachable(hits, sizes)


def hit_rate_at_k(hits: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Hit rate@k = 1 when at least one of the k articles was bought, else 0.

    Arguments as in `average_precision_at_k`.
    Source: Deshpande and Karypis, Item-based top-N recommendation algorithms, ACM TOIS 22(1), 2004.

    >>> hit_rate_at_k(np.array([[False, True], [False, False], [False, False]]), np.array([1, 1, 0]))
    array([ 1.,  0., nan])
    """
    return np.where(sizes > 0, hits.any(axis=1).astype(float), np.nan)


def ndcg_at_k(hits: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """NDCG@k with binary relevance: DCG = sum over hits of 1 / log2(rank + 1), divided by the ideal DCG.

    The ideal list has min(k, truth size) hits at the top. Arguments as in `average_precision_at_k`.
    Source: Järvelin and Kekäläinen, Cumulated gain-based evaluation of IR techniques, ACM TOIS 20(4), 2002.

    >>> float(ndcg_at_k(np.array([[False, False, True]]), np.array([1]))[0])  # (1 / log2(4)) / (1 / log2(2))
    0.5
    """
    n_customers, k = hits.shape
    discounts = 1 / np.log2(np.arange(2, k + 2))
    ideal_dcg = np.concatenate([[np.nan], np.cumsum(discounts)])  # by number of reachable hits; none: no truth
    return (hits @ discounts) / ideal_dcg[np.minimum(sizes, k)]


def reciprocal_rank_at_k(hits: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """RR@k = 1 / rank of the first hit, 0 without a hit; its mean is MRR@k.

    Arguments as in `average_precision_at_k`.
    Source: Voorhees, The TREC-8 question answering track report, 1999.

    >>> reciprocal_rank_at_k(np.array([[False, True, True], [False, False, False]]), np.array([2, 1]))
    array([0.5, 0. ])
    """
    first_hit_rank = hits.argmax(axis=1) + 1
    reciprocal = np.where(hits.any(axis=1), 1 / first_hit_rank, 0.0)
    return np.where(sizes > 0, reciprocal, np.nan)


def mean_over_customers(per_customer: np.ndarray) -> float:
    """Average over the customers that have truth; NaN when no customer has."""
    is_known = ~np.isnan(per_customer)
    return float(per_customer[is_known].mean()) if is_known.any() else float("nan")


def map_at_k(lists: np.ndarray, truth_values: np.ndarray, truth_offsets: np.ndarray, k: int = 12) -> float:
    """MAP@k of the first k articles of each list: the mean of `average_precision_at_k`.

    Raises ValueError when the lists are narrower than k.

    >>> map_at_k(np.array([[3, 1], [2, 0]]), np.array([1, 2]), np.array([0, 1, 2]), k=2)  # (1/2 + 1/1) / 2
    0.75
    """
    hits = find_hits(first_k(lists, k), truth_values, truth_offsets)
    return mean_over_customers(average_precision_at_k(hits, truth_sizes(truth_offsets)))


def first_k(lists: np.ndarray, k: int) -> np.ndarray:
    """Cut lists to their first k ranks.

    Raises ValueError when they are narrower: min(k, truth) would then be silently smaller.
    """
    if lists.ndim != 2 or lists.shape[1] < k:
        raise ValueError(f"lists must be (n_customers, at least {k}), got {lists.shape}; pad with -1")
    return lists[:, :k]


def coverage(lists: np.ndarray, n_candidates: int) -> float:
    """Coverage = distinct articles in any list / articles that could have been recommended.

    Raises ValueError without candidates.

    >>> coverage(np.array([[3, 1, -1], [3, 1, 2]]), n_candidates=6)  # {1, 2, 3} of 6
    0.5
    """
    if n_candidates < 1:
        raise ValueError(f"coverage needs at least one candidate article, got {n_candidates}")
    return np.unique(lists[lists >= 0]).size / n_candidates


def overlap_at_k(lists: np.ndarray, other_lists: np.ndarray) -> np.ndarray:
    """Overlap@k = articles in both lists / length of the longer one, order ignored.

    Both (n_customers, k). Returns float64 (n_customers,), NaN where both lists are empty.

    >>> overlap_at_k(np.array([[1, 2, 3, 4]]), np.array([[4, 9, 1, -1]]))  # {1, 4} of 4
    array([0.5])
    """
    if lists.shape != other_lists.shape:
        raise ValueError(f"both lists must have one shape, got {lists.shape} and {other_lists.shape}")
    is_article = (other_lists >= 0) & ~find_repeats(other_lists)
    sizes = is_article.sum(axis=1)
    hits = find_hits(lists, other_lists[is_article], _offsets(sizes))
    longer = np.maximum(sizes, ((lists >= 0) & ~find_repeats(lists)).sum(axis=1))
    return hits.sum(axis=1) / np.where(longer > 0, longer, np.nan)


def _reachable(hits: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """The most hits a list can have, min(k, truth size): float64 (n_customers,), NaN without truth."""
    return np.where(sizes > 0, np.minimum(sizes, hits.shape[1]), np.nan)


def _offsets(sizes: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


def _contains(sorted_keys: np.ndarray, keys: np.ndarray) -> np.ndarray:
    if sorted_keys.size == 0:
        return np.zeros(keys.shape, dtype=bool)
    nearest = np.searchsorted(sorted_keys, keys)
    return sorted_keys[np.minimum(nearest, sorted_keys.size - 1)] == keys


def _check_shapes(lists: np.ndarray, truth_values: np.ndarray, truth_offsets: np.ndarray) -> None:
    if lists.ndim != 2 or truth_offsets.shape != (len(lists) + 1,):
        raise ValueError(
            "lists must be (n_customers, k) and truth_offsets (n_customers + 1,), "
            f"got {lists.shape} and {truth_offsets.shape}"
        )
    if truth_offsets[0] != 0 or truth_offsets[-1] != len(truth_values):
        raise ValueError(
            f"truth_offsets must run from 0 to the number of truth_values, {len(truth_values)}, "
            f"got {truth_offsets[0]} to {truth_offsets[-1]}"
        )
