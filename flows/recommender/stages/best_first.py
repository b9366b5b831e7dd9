"""The order of pairs within their customers: by falling score, equal ones as they stand.

In: pairs that stand customer by customer, and a score of each. Out: the order. A sort of whole numbers takes a third to
half of the time of a sort by two keys, so customer, score and place are put into one: the bits of a float32, turned
where it is negative, have its order.
"""

from __future__ import annotations

import numpy as np

SIGN, BITS_OF_SCORE, BITS = np.uint32(2**31), 32, 64


def best_first(scores: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Return the order of pairs by falling score within each customer: (n_pairs,) int64.

    Args:
        scores: (n_pairs,) float32, never NaN.
        offsets: (n_customers + 1,) int64; customer i has the pairs from offsets[i] to offsets[i + 1].

    Raises:
        ValueError: when there are more customers, with more pairs each, than fit beside a score in 64 bits.
    """
    sizes = np.diff(offsets)
    place_bits = int(sizes.max(initial=1)).bit_length()
    if len(sizes).bit_length() + place_bits + BITS_OF_SCORE > BITS:
        raise ValueError(f"{len(sizes):,} customers of up to {sizes.max():,} pairs are too many to order at a time")
    owners = np.repeat(np.arange(len(sizes), dtype=np.uint64), sizes)
    starts = np.repeat(offsets[:-1], sizes)
    keys = owners << np.uint64(BITS_OF_SCORE + place_bits)
    keys |= _falling(scores).astype(np.uint64) << np.uint64(place_bits)
    keys |= (np.arange(len(scores)) - starts).astype(np.uint64)
    keys.sort()
    return starts + (keys & np.uint64((1 << place_bits) - 1)).astype(np.int64)


def _falling(scores: np.ndarray) -> np.ndarray:
    """Return (n,) uint32 that rise as the scores fall."""
    bits = (scores.astype(np.float32, copy=False) + np.float32(0)).view(np.uint32)  # -0.0 becomes 0.0
    return np.where(bits & SIGN, bits, ~(bits | SIGN))
