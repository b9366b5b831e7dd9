"""What customers bought in the week from a day: what models learn from, and what their lists are judged by.

Stage: beside the snapshots, which know nothing of that week. In: the `next_week_purchases` mart of a day. Out:
`Truth`, which only training, ranking weeks and evaluation are given: what scores is given snapshots.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from recommender.columns import Columns
from recommender.features.catalogue import Catalogue
from recommender.features.customer_rows import places_of
from recommender.ragged_rows import take_rows
from recommender.ranking_metrics import group_truth, select_truth, truth_sizes


class Truth(NamedTuple):
    """The articles that each of n customers bought in a week, as the CSR pair of `ranking_metrics`.

    `values` int32 (n_bought,) are catalogue positions, each once a customer and ascending; `offsets` int64 (n + 1,):
    customer i bought `values[offsets[i] : offsets[i + 1]]`.
    """

    values: np.ndarray
    offsets: np.ndarray

    @classmethod
    def of(cls, bought: pa.Table, customers: np.ndarray, catalogue: Catalogue) -> Truth:
        """Make the truth of some customers.

        Args:
            bought: rows of `next_week_purchases`, all of one day; those of other customers are left out.
            customers: (n,) int, whose, by their rows among everybody.
            catalogue: owner of article positions.

        Raises:
            KeyError: when one of them bought an article that is not in the catalogue.
        """
        rows = places_of(bought[Columns.CUSTOMER_CODE].to_numpy(), customers)
        articles = catalogue.positions_of(bought[Columns.ARTICLE_ID].filter(rows >= 0))
        return cls(*group_truth(rows[rows >= 0], articles, len(customers)))

    def sizes(self) -> np.ndarray:
        """Return the (n,) int64 numbers of articles that each customer bought."""
        return truth_sizes(self.offsets)

    def buyers(self) -> np.ndarray:
        """Return the (m,) int64 rows of the customers who bought something, ascending."""
        return np.flatnonzero(self.sizes())

    def of_row(self, row: int) -> np.ndarray:
        """Return the positions that one customer bought."""
        return self.values[self.offsets[row] : self.offsets[row + 1]]

    def take(self, rows: np.ndarray) -> Truth:
        """Return the truth of the customers at (m,) rows, in this order."""
        places, offsets = take_rows(self.offsets, rows)
        return Truth(self.values[places], offsets)

    def select(self, is_selected: np.ndarray) -> Truth:
        """Return what of it is among some articles, given as (n_articles,) bool; customers keep their rows."""
        return Truth(*select_truth(*self, is_selected))
