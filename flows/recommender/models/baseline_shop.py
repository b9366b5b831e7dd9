"""The shop as the baselines see it on a day.

Stage: between the marts and the baselines. In: purchases and three marts. Out: `BaselineShop`, cut at the day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from recommender.columns import Columns
from recommender.features.catalogue import Catalogue
from recommender.features.interactions import Interactions
from recommender.features.marts import Marts, some_rows

Mart = pa.Table | pd.DataFrame


@dataclass(frozen=True)
class BaselineShop:
    """What a baseline may know on `as_of_day`: everybody's purchases, and rows of the marts as dbt made them.

    It knows the whole shop, so that a baseline can rank any candidates for anybody, a stranger too. The four stages
    have `stages.shop_day.ShopDay` instead: arrays of the customers and candidates of the day and of no others, by row
    and column, with features that no baseline uses.

    Make it with `of` or `read`. `article_ids` (n_articles,) gives each position its id. `interactions` were all bought
    before the day, the marts hold that day's rows only.
    """

    as_of_day: date
    article_ids: pa.Array
    interactions: Interactions
    article_features: pa.Table
    customer_features: pa.Table
    segment_sales: pa.Table

    @classmethod
    def of(
        cls,
        as_of_day: date,
        article_ids: Sequence[str],
        interactions: Interactions,
        article_features: Mart,
        customer_features: Mart,
        segment_sales: Mart,
    ) -> BaselineShop:
        """Cut purchases and marts at `as_of_day`: later purchases and other days' features are left out.

        Raises MartMissing when `article_features` has no row for the day, i.e. the marts were built for other days,
        and ValueError when the purchases are of another catalogue.
        """
        if interactions.n_articles != len(article_ids):
            raise ValueError(f"purchases are of {interactions.n_articles} articles, article_ids has {len(article_ids)}")
        day = pa.scalar(as_of_day, pa.date32())

        def rows_of_the_day(mart: Mart) -> pa.Table:
            table = _as_table(mart)
            return table.filter(pc.equal(table[Columns.AS_OF_DAY].cast(pa.date32()), day))

        return cls(
            as_of_day=as_of_day,
            article_ids=pa.array(article_ids, pa.string()),
            interactions=interactions.before(as_of_day),
            article_features=some_rows(rows_of_the_day(article_features), "article_features", as_of_day),
            customer_features=rows_of_the_day(customer_features),
            segment_sales=rows_of_the_day(segment_sales),
        )

    @classmethod
    def read(
        cls, marts: Marts, as_of_day: date, article_ids: Sequence[str], interactions: Interactions | None = None
    ) -> BaselineShop:
        """Read what baselines may know on a day from the marts; see `of`.

        `interactions` are all purchases of the marts, for a caller that holds them; otherwise they are read.
        """
        if interactions is None:
            interactions = marts.interactions(Catalogue(np.asarray(article_ids, dtype=object)))
        return cls.of(
            as_of_day,
            article_ids,
            interactions,
            marts.article_features(as_of_day),
            marts.customer_features(as_of_day, [Columns.SEGMENT]),
            marts.segment_sales(as_of_day),
        )

    def customer_rows(self, customer_ids: Sequence[str]) -> np.ndarray:
        """Return the (n,) rows of `interactions.customer_ids`, -1 for somebody who is not in customers.csv."""
        known = pa.array(self.interactions.customer_ids, pa.string())
        return positions_among(pa.array(customer_ids, pa.string()), known)


def positions_among(values: pa.Array | pa.ChunkedArray, value_set: pa.Array) -> np.ndarray:
    """Return where each value stands in `value_set`: int32, -1 for one that is not in it."""
    return pc.fill_null(pc.index_in(values, value_set=value_set), -1).to_numpy()


def _as_table(mart: Mart) -> pa.Table:
    return pa.Table.from_pandas(mart, preserve_index=False) if isinstance(mart, pd.DataFrame) else mart
