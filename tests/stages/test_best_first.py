"""One order of pairs: customer by customer, the best first, equal scores as they stand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender.stages.best_first import best_first

SCORES = st.sampled_from([-np.inf, -2.5, -1e-30, -0.0, 0.0, 1e-30, 0.1, 3.0, 3e38]) | st.floats(
    width=32, allow_nan=False
)


@given(st.lists(st.lists(SCORES, max_size=6), max_size=5))
@settings(max_examples=500, deadline=None)
def test_it_is_the_stable_sort_of_each_customers_scores(by_customer):
    offsets = np.cumsum([0, *map(len, by_customer)])
    scores = np.array([score for each in by_customer for score in each], np.float32)
    expected = [
        start + place
        for start, each in zip(offsets, by_customer, strict=False)
        for place in sorted(range(len(each)), key=lambda place: -scores[start + place])
    ]
    assert best_first(scores, offsets).tolist() == expected


def test_more_than_fits_is_an_error():
    offsets = np.concatenate([[0], np.arange(2**17) + 2**16])
    with pytest.raises(ValueError, match="131,072 customers of up to 65,536 pairs are too many"):
        best_first(np.zeros(offsets[-1], np.float32), offsets)
