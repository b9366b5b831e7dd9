"""The marts of a run, read: tables by day and by customer, while nobody else knows where or in what form they lie.

Stage: between the warehouse, which writes them, and everything that asks for them. In: the folder that
`warehouse.build_marts` filled. Out: pyarrow tables sorted by their key, ids, and everything bought as integers.

What has a row per article or per segment is asked for again and again, and is small whatever the number of customers:
of such tables a `Marts` keeps the latest. What has a row per customer or per purchase is read when it is asked for and
goes with its reader: kept, it would grow with the shop.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from recommender.columns import Columns
from recommender.errors import RecommenderError
from recommender.features.catalogue import Catalogue
from recommender.features.interactions import Interactions
from recommender.features.time_split import WEEK

MART_KEYS: Mapping[str, tuple[str, ...]] = {
    "articles": (Columns.ARTICLE_ID,),
    "customers": (Columns.CUSTOMER_ID,),
    "purchases": (Columns.PURCHASE_DAY, Columns.CUSTOMER_ID, Columns.ARTICLE_ID),
    "article_features": (Columns.AS_OF_DAY, Columns.ARTICLE_ID),
    "customer_features": (Columns.AS_OF_DAY, Columns.CUSTOMER_ID),
    "next_week_purchases": (Columns.AS_OF_DAY, Columns.CUSTOMER_ID, Columns.ARTICLE_ID),
    "segment_sales": (Columns.AS_OF_DAY, Columns.SEGMENT, Columns.ARTICLE_ID),
    "own_articles": (Columns.AS_OF_DAY, Columns.CUSTOMER_ID, Columns.ARTICLE_ID),
    "shop_weeks": (Columns.WEEK_START,),
}
"""Every mart with the columns that tell its rows apart, by which its file is sorted."""

MOST_KEPT = 5
"""`articles`, and the features and sales of two days: as many as publishing asks for at a time."""


class MartMissing(RecommenderError, ValueError):
    """A mart, a day of it or a customer's row on that day was never built."""


@dataclass(frozen=True)
class Marts:
    """The marts in a folder; make one after they were built and hand it on.

    It is as small as its folder's name when it is pickled, and does not read anything before it is asked.

    Attributes:
        folder: holds one Parquet file a mart; whoever needs a file's own path asks `path_of`.
    """

    folder: Path
    _kept: Callable[..., pa.Table] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_kept", lru_cache(maxsize=MOST_KEPT)(self.table))

    def __reduce__(self) -> tuple[type[Marts], tuple[Path]]:
        return Marts, (self.folder,)

    def path_of(self, name: str) -> Path:
        """Return where a mart's Parquet file lies, for an engine that reads files itself.

        Raises:
            MartMissing: when there is no such mart, or it was not built.
        """
        if name not in MART_KEYS:
            raise MartMissing(f"There is no mart '{name}'; choose one of {', '.join(MART_KEYS)}.")
        path = self.folder / f"{name}.parquet"
        if not path.exists():
            raise MartMissing(f"{path} is missing; `make run` builds the marts")
        return path

    def table(
        self, name: str, columns: Sequence[str] | None = None, as_of_days: Sequence[date] | None = None
    ) -> pa.Table:
        """Read a mart, sorted by its key; only the given columns and as-of days are read from the file.

        Raises:
            MartMissing: when there is no such mart, or it was not built.
        """
        filters = None if as_of_days is None else [(Columns.AS_OF_DAY, "in", list(as_of_days))]
        return pq.read_table(self.path_of(name), columns=None if columns is None else list(columns), filters=filters)

    def articles(self) -> pa.Table:
        """Return `articles`: one row per article of articles.csv, ever sold or not."""
        return self._kept("articles")

    def articles_in_order(self, catalogue: Catalogue) -> pa.Table:
        """Return `articles` with one row per article of a catalogue, row i for position i."""
        articles = self.articles()
        ids = pa.array(catalogue.article_ids, pa.string())
        return articles.take(pc.index_in(ids, value_set=articles[Columns.ARTICLE_ID]))

    def catalogue(self) -> Catalogue:
        """Return all articles ever sold before the cutoff: positions are the same for every day of a run."""
        return Catalogue.of(self.table("article_features", [Columns.ARTICLE_ID])[Columns.ARTICLE_ID])

    def customer_ids(self) -> np.ndarray:
        """Return the (n_customers,) ids of everybody in customers.csv, ascending."""
        ids = self.table("customers", [Columns.CUSTOMER_ID])[Columns.CUSTOMER_ID]
        return np.sort(ids.to_numpy(zero_copy_only=False))

    def interactions(self, catalogue: Catalogue) -> Interactions:
        """Return everything bought before the cutoff, one entry per (customer, article, day), as integers."""
        columns = [Columns.CUSTOMER_ID, Columns.ARTICLE_ID, Columns.PURCHASE_DAY]
        return Interactions.of(self.table("purchases", columns), self.customer_ids(), catalogue)

    def article_features(self, day: date) -> pa.Table:
        """Return `article_features` of a day: one row per article sold before it, ascending by id.

        Raises:
            MartMissing: when the marts have nothing of the day.
        """
        return some_rows(self._kept("article_features", as_of_days=(day,)), "article_features", day)

    def customer_features(self, day: date, columns: Sequence[str], customer_ids: np.ndarray | None = None) -> pa.Table:
        """Return `customer_features` of a day: one row per customer, everybody from the validation week on.

        Of a training day there are those who bought in the week from it.

        Args:
            day: the as-of day.
            columns: what is wanted besides day and customer id.
            customer_ids: (n,) whom to return, in this order; everybody, ascending, by default.

        Raises:
            MartMissing: when the marts have nothing of the day or of one of the customers.
        """
        name, columns = "customer_features", [Columns.AS_OF_DAY, Columns.CUSTOMER_ID, *columns]
        features = some_rows(self.table(name, columns, [day]), name, day)
        if customer_ids is None:
            return features
        rows = pc.index_in(pa.array(customer_ids, pa.string()), value_set=features[Columns.CUSTOMER_ID])
        if rows.null_count:
            stranger = customer_ids[rows.is_null().to_numpy(zero_copy_only=False)][0]
            raise MartMissing(
                f"{name} has no row for customer {stranger} on {day}; "
                "ask for customers of customers.csv, on a training day for those of its week"
            )
        return features.take(rows)

    def segment_sales(self, day: date) -> pa.Table:
        """Return `segment_sales` of a day: one row per segment and article bought in it in the 28 days before."""
        return self._kept("segment_sales", as_of_days=(day,))

    def own_articles(self, day: date) -> pa.Table:
        """Return `own_articles` of a day that a ranker uses: one row per customer and article bought before it.

        Before the cutoff it has those of the customers who buy in the week from the day, and of no other.
        """
        return self.table("own_articles", as_of_days=[day])

    def bought_in_week(self, day: date) -> pa.Table:
        """Return `next_week_purchases` of a day: one row per customer and article bought in the week from it.

        The cutoff has none: nobody knows its week yet.
        """
        return self.table("next_week_purchases", as_of_days=[day])

    def purchases_in_week(self, day: date) -> pa.Table:
        """Return customer, article and day of every row of `purchases` in the week from a day, ascending by day."""
        columns = [Columns.CUSTOMER_ID, Columns.ARTICLE_ID, Columns.PURCHASE_DAY]
        within = [(Columns.PURCHASE_DAY, ">=", day), (Columns.PURCHASE_DAY, "<", day + WEEK)]
        return pq.read_table(self.path_of("purchases"), columns=columns, filters=within)

    def shop_weeks(self) -> pa.Table:
        """Return `shop_weeks`: one row per whole week before the cutoff, oldest first, also those without a sale."""
        return self.table("shop_weeks")


def some_rows(rows: pa.Table, name: str, day: date) -> pa.Table:
    """Return rows of a mart's day as they are.

    Raises:
        MartMissing: when there is none.
    """
    if not rows.num_rows:
        raise MartMissing(f"{name} has no row for {day}; build the marts for that day")
    return rows
