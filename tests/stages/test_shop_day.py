"""A day of the shop: what its matrices of segments hold when there are more segments than fit."""

import numpy as np
import pyarrow as pa
import pytest

from recommender.columns import Columns
from recommender.features.catalogue import Catalogue
from recommender.stages import shop_day

ARTICLES = ["a", "b", "c"]
SALES = [  # segment, article, buyers of a week and of four weeks
    ("north", "a", 1, 2),
    ("east", "a", 3, 4),
    ("east", "c", 1, 1),
    ("south", "b", 1, 2),
    ("west", "c", 4, 5),
]
CUSTOMERS = ["west", "south", "north", "nowhere", "east", None]


def segment_buyers(monkeypatch, most: int):
    monkeypatch.setattr(shop_day, "MOST_SEGMENT_CELLS", most * len(ARTICLES))
    names = Columns.SEGMENT, Columns.ARTICLE_ID, Columns.BUYERS_1W, Columns.BUYERS_4W
    sales = pa.table(dict(zip(names, zip(*SALES, strict=True), strict=True)))
    customers = pa.table({Columns.SEGMENT: pa.array(CUSTOMERS)})
    catalogue = Catalogue(np.array(ARTICLES, object))
    return shop_day._segment_buyers(sales, customers, np.arange(len(ARTICLES)), catalogue)


def test_each_segment_has_a_row_and_who_is_in_none_has_the_last(monkeypatch):
    rows, buyers = segment_buyers(monkeypatch, most=4)
    assert rows.tolist() == [3, 2, 0, 4, 1, 4]
    assert buyers[Columns.BUYERS_4W].tolist() == [[2, 0, 0], [4, 0, 1], [0, 2, 0], [0, 0, 5], [0, 0, 0]]
    assert buyers[Columns.BUYERS_1W][1].tolist() == [3, 0, 1]


@pytest.mark.parametrize(
    ("most", "expected_rows", "expected_buyers"),
    [
        (3, [2, 3, 0, 3, 1, 3], [[2, 0, 0], [4, 0, 1], [0, 0, 5], [0, 0, 0]]),  # of north and south the earlier stays
        (1, [1, 1, 1, 1, 0, 1], [[4, 0, 1], [0, 0, 0]]),
    ],
)
def test_of_too_many_segments_those_that_buy_most_have_a_row(monkeypatch, most, expected_rows, expected_buyers):
    rows, buyers = segment_buyers(monkeypatch, most)
    assert rows.tolist() == expected_rows
    assert buyers[Columns.BUYERS_4W].tolist() == expected_buyers
