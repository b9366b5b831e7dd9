"""How good a ranked list is beyond its accuracy: novel, diverse, serendipitous, and right about what is new.

Stage: beside `offline_metrics`, which averages these. In: lists (n_customers, k) int32, -1 where a list is shorter,
and truth as CSR pairs, both as in `recommender.ranking_metrics`. Out: float64 arrays (n_customers,), NaN where a
measure is undefined, and a truth split in two.

An article that a list names twice counts once, at its first rank.
"""

from typing import NamedTuple

import numpy as np

from recommender.ranking_metrics import find_repeats, group_truth

CsrPair = tuple[np.ndarray, np.ndarray]
"""Articles of customers as (values, offsets), see `ranking_metrics`: bought in a week, or before it."""


class SplitTruth(NamedTuple):
    """What customers bought, as two CSR pairs (values, offsets) over the same customers.

    `repurchase` holds the articles that the customer had bought before, `new` all others.
    """

    repurchase: CsrPair
    new: CsrPair


def novelty(lists: np.ndarray, buyer_shares: np.ndarray) -> np.ndarray:
    """Novelty = mean over the list of -log2(share of customers who had bought the article), in bits.

    `buyer_shares` float (n_articles,) in [0, 1], purchases before the week only. An article nobody had bought counts
    as if by one buyer, for which the smallest share above 0 stands. NaN for an empty list.

    Raises ValueError for a share outside [0, 1], or when all are 0.

    Sources: Zhou et al., Solving the apparent diversity-accuracy dilemma of recommender systems, PNAS 107(10), 2010,
    https://doi.org/10.1073/pnas.1000488107; Castells, Vargas and Wang, Novelty and diversity metrics for recommender
    systems: choice, discovery and relevance, DDR workshop at ECIR 2011.

    >>> novelty(np.array([[0, 1], [1, -1]]), np.array([0.5, 0.125]))  # (1 + 3) / 2, and 3 / 1
    array([2., 3.])
    """
    if not ((buyer_shares >= 0) & (buyer_shares <= 1)).all() or not buyer_shares.any():
        raise ValueError(
            "buyer_shares must lie in [0, 1] and hold one above 0, "
            f"got {buyer_shares.min(initial=np.inf)} to {buyer_shares.max(initial=-np.inf)}"
        )
    one_buyer = buyer_shares[buyer_shares > 0].min()
    self_information = -np.log2(np.maximum(buyer_shares, one_buyer))
    is_counted = _is_counted(lists)
    return _ratio(np.where(is_counted, self_information[lists], 0).sum(axis=1), is_counted.sum(axis=1))


def intra_list_diversity(lists: np.ndarray, attribute_codes: np.ndarray) -> np.ndarray:
    """Diversity = mean over the pairs of articles in a list of 1 - share of attributes they have in common.

    `attribute_codes` int (n_articles, n_attributes); a code for "unknown" is a value like any other. In [0, 1], order
    ignored; NaN for a list of fewer than two articles.

    Raises ValueError without attributes.

    Source: Ziegler et al., Improving recommendation lists through topic diversification, WWW 2005,
    https://doi.org/10.1145/1060745.1060754; theirs is the similarity, this is 1 minus its mean.

    >>> codes = np.array([[1, 1], [1, 2], [3, 3]])
    >>> intra_list_diversity(np.array([[0, 1, 2]]), codes).round(4)  # (1/2 + 2/2 + 2/2) / 3 pairs
    array([0.8333])
    """
    if attribute_codes.ndim != 2 or attribute_codes.shape[1] < 1:
        raise ValueError(f"attribute_codes must be (n_articles, at least 1 attribute), got {attribute_codes.shape}")
    codes, is_counted = attribute_codes[lists], _is_counted(lists)  # (n_customers, k, n_attributes), (n_customers, k)
    distances, n_pairs = np.zeros(len(lists)), np.zeros(len(lists), dtype=np.int64)
    for gap in range(1, lists.shape[1]):  # all pairs that stand `gap` ranks apart
        is_pair = is_counted[:, gap:] & is_counted[:, :-gap]
        distance = (codes[:, gap:] != codes[:, :-gap]).mean(axis=2)  # (n_customers, k - gap)
        distances += (distance * is_pair).sum(axis=1)
        n_pairs += is_pair.sum(axis=1)
    return _ratio(distances, n_pairs)


def serendipity(hits: np.ndarray, expected_lists: np.ndarray, lists: np.ndarray) -> np.ndarray:
    """Serendipity = articles of the list that are hits and that a primitive recommender does not list / its length.

    `hits` bool (n_customers, k) from `find_hits` on `lists`; `expected_lists` int (n_customers, any width) of the
    primitive recommender, e.g. repurchase. NaN for an empty list; 0 without truth, so leave such customers out.

    Raises ValueError when hits and lists differ in shape, or the expected lists are of other customers.

    Sources: Ge, Delgado-Battenfeld and Jannach, Beyond accuracy: evaluating recommender systems by coverage and
    serendipity, RecSys 2010, https://doi.org/10.1145/1864708.1864761; Kotkov, Wang and Veijalainen, A survey of
    serendipity in recommender systems, Knowledge-Based Systems 111, 2016,
    https://doi.org/10.1016/j.knosys.2016.08.014.

    >>> hits = np.array([[True, True, False, False]])
    >>> serendipity(hits, np.array([[5, 9]]), np.array([[5, 6, 7, 8]]))  # 6 is a hit and unexpected: 1 of 4
    array([0.25])
    """
    if hits.shape != lists.shape or len(expected_lists) != len(lists):
        raise ValueError(
            "hits must have the shape of the lists and expected_lists as many rows, "
            f"got {hits.shape}, {lists.shape} and {expected_lists.shape}"
        )
    is_expected = (lists[:, :, None] == expected_lists[:, None, :]).any(axis=2)
    return _ratio((hits & ~is_expected).sum(axis=1), _is_counted(lists).sum(axis=1))


def split_truth_by_novelty(
    truth_values: np.ndarray, truth_offsets: np.ndarray, owned_values: np.ndarray, owned_offsets: np.ndarray
) -> SplitTruth:
    """Split each customer's truth into articles bought before by that customer and articles new to the customer.

    `owned_*` are a CSR pair of what each customer had bought before the week; both pairs are as from `group_truth`.
    Customers keep their row in both halves; one left without truth scores NaN there.

    Raises ValueError when the pairs are of different numbers of customers.

    >>> split = split_truth_by_novelty(np.array([4, 7, 4]), np.array([0, 2, 3]), np.array([7, 9]), np.array([0, 2, 2]))
    >>> split.repurchase
    (array([7], dtype=int32), array([0, 1, 1]))
    >>> split.new
    (array([4, 4], dtype=int32), array([0, 1, 2]))
    """
    if truth_offsets.shape != owned_offsets.shape:
        raise ValueError(
            "truth and owned articles must be of the same customers, "
            f"got offsets {truth_offsets.shape} and {owned_offsets.shape}"
        )
    n_customers = len(truth_offsets) - 1
    stride = int(max(truth_values.max(initial=0), owned_values.max(initial=0))) + 1
    rows = _row_of_each(truth_offsets)
    is_owned = np.isin(rows * stride + truth_values, _row_of_each(owned_offsets) * stride + owned_values)
    return SplitTruth(
        group_truth(rows[is_owned], truth_values[is_owned], n_customers),
        group_truth(rows[~is_owned], truth_values[~is_owned], n_customers),
    )


def _is_counted(lists: np.ndarray) -> np.ndarray:
    return (lists >= 0) & ~find_repeats(lists)


def _ratio(sums: np.ndarray, counts: np.ndarray) -> np.ndarray:
    return sums / np.where(counts > 0, counts, np.nan)


def _row_of_each(offsets: np.ndarray) -> np.ndarray:
    return np.repeat(np.arange(len(offsets) - 1, dtype=np.int64), np.diff(offsets))
