"""The marts of a run, read: tables by day and by customer, while nobody else knows where or in what form they lie.

Stage: between the warehouse, which writes them, and everything that asks for them. In: the folder that
`warehouse.build_marts` filled. Out: pyarrow tables sorted by their key, ids, and everything bought as integers.

What has a row per article or per segment is asked for again and again, and is small whatever the number of customers:
of such tables a `Marts` keeps the latest. What has a row per customer or per purchase is read when it is asked for and
goes with its reader: kept, it would grow with the shop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import dataset

from recommender.columns import Columns
from recommender.features.catalogue import Catalogue
from recommender.features.customer_rows import places_of
from recommender.features.earlier_marts import has_customer_ids_alone, with_customer_codes
from recommender.features.interactions import Interactions
from recommender.features.mart_files import MartMissing, days_of, files_of
from recommender.features.time_split import WEEK

MART_KEYS: Mapping[str, tuple[str, ...]] = {
    "articles": (Columns.ARTICLE_ID,),
    "customers": (Columns.CUSTOMER_ID,),
    "purchases": (Columns.PURCHASE_DAY, Columns.CUSTOMER_CODE, Columns.ARTICLE_ID),
    "article_features": (Columns.AS_OF_DAY, Columns.ARTICLE_ID),
    "customer_features": (Columns.AS_OF_DAY, Columns.CUSTOMER_CODE),
    "next_week_purchases": (Columns.AS_OF_DAY, Columns.CUSTOMER_CODE, Columns.ARTICLE_ID),
    "segment_sales": (Columns.AS_OF_DAY, Columns.SEGMENT, Columns.ARTICLE_ID),
    "own_articles": (Columns.AS_OF_DAY, Columns.CUSTOMER_CODE, Columns.ARTICLE_ID),
    "shop_weeks": (Columns.WEEK_START,),
}
"""Every mart with the columns that tell its rows apart, by which its file is sorted."""

PURCHASE = (Columns.CUSTOMER_CODE, Columns.ARTICLE_ID, Columns.PURCHASE_DAY)
ARTICLES_AS_DICTIONARIES = dataset.ParquetFileFormat(
    read_options=dataset.ParquetReadOptions(dictionary_columns=[Columns.ARTICLE_ID])
)
ROWS_PER_BLOCK = 131_072
"""About as many as a row group of the files: a block with everybody's history takes some 50 MB."""

MOST_KEPT = 5
"""`articles`, and the features and sales of two days: as many as publishing asks for at a time."""


@dataclass(frozen=True)
class Marts:
    """The marts in a folder; make one after they were built and hand it on.

    It is as small as its folder's name when it is pickled, and does not read anything before it is asked.

    Attributes:
        folder: holds the marts' Parquet files, see `mart_files`; whoever needs a file's own path asks `path_of`.
    """

    folder: Path
    _kept: Callable[..., pa.Table] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_kept", lru_cache(maxsize=MOST_KEPT)(self.table))

    def __reduce__(self) -> tuple[type[Marts], tuple[Path]]:
        return Marts, (self.folder,)

    def path_of(self, name: str) -> Path:
        """Return where the Parquet file of a mart without as-of days lies, for an engine that reads files itself.

        Raises:
            MartMissing: when there is no such mart, or it was not built.
        """
        return self._files(name)[0]

    def _files(self, name: str, as_of_days: Sequence[date] | None = None) -> list[Path]:
        if name not in MART_KEYS:
            raise MartMissing(f"There is no mart '{name}'; choose one of {', '.join(MART_KEYS)}.")
        return files_of(self.folder, name, as_of_days)

    def table(
        self, name: str, columns: Sequence[str] | None = None, as_of_days: Sequence[date] | None = None
    ) -> pa.Table:
        """Read a mart, sorted by its key; only the given columns and as-of days are read.

        Raises:
            MartMissing: when there is no such mart, or it was not built.
        """
        filters = None if as_of_days is None else [(Columns.AS_OF_DAY, "in", list(as_of_days))]
        return self._read(name, columns, filters, as_of_days)

    def _read(
        self,
        name: str,
        columns: Sequence[str] | None = None,
        filters: list | None = None,
        as_of_days: Sequence[date] | None = None,
        **options: Any,
    ) -> pa.Table:
        """Read a mart with options of Parquet's; one of an earlier release, with customers' ids, gets their codes."""
        paths = self._files(name, as_of_days)
        if not has_customer_ids_alone(name, paths[0]):
            columns = None if columns is None else list(columns)
            return pa.concat_tables(pq.read_table(path, columns=columns, filters=filters, **options) for path in paths)
        if columns is not None:
            columns = [Columns.CUSTOMER_ID if each == Columns.CUSTOMER_CODE else each for each in columns]
        rows = pq.read_table(paths[0], columns=columns, filters=filters, **options)
        return with_customer_codes(rows, self.customer_ids())

    def _by_customer_and_article(
        self, name: str, columns: Sequence[str] | None, filters: list | None, as_of_day: date | None = None
    ) -> pa.Table:
        """Read a mart with a row per customer and article; its article ids come as dictionaries, not as texts."""
        days = None if as_of_day is None else [as_of_day]
        return self._read(name, columns, filters, days, read_dictionary=[Columns.ARTICLE_ID])

    def _blocks(self, name: str, columns: Sequence[str] | None, day: date) -> Iterator[pa.Table]:
        """Yield a mart's rows of a day in the order of the file, never holding more than a few blocks."""
        (path,) = self._files(name, [day])
        is_earlier = has_customer_ids_alone(name, path)
        if is_earlier and columns is not None:
            columns = [Columns.CUSTOMER_ID if each == Columns.CUSTOMER_CODE else each for each in columns]
        file = dataset.dataset(path, format=ARTICLES_AS_DICTIONARIES)
        of_day = dataset.field(Columns.AS_OF_DAY) == day
        ahead = {"batch_size": ROWS_PER_BLOCK, "batch_readahead": 1, "fragment_readahead": 1}
        for batch in file.to_batches(columns=columns, filter=of_day, **ahead):
            rows = pa.Table.from_batches([batch])
            yield with_customer_codes(rows, self.customer_ids()) if is_earlier else rows

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
        last = days_of(self.folder, "article_features")[-1:] or None  # a day has everything sold before it
        return Catalogue.of(self.table("article_features", [Columns.ARTICLE_ID], last)[Columns.ARTICLE_ID])

    def customer_ids(self) -> np.ndarray:
        """Return the (n_customers,) ids of everybody in customers.csv, ascending: row i is of `customer_code` i."""
        return self.table("customers", [Columns.CUSTOMER_ID])[Columns.CUSTOMER_ID].to_numpy()

    def interactions(self, catalogue: Catalogue) -> Interactions:
        """Return everything bought before the cutoff, one entry per (customer, article, day), as integers."""
        purchases = self._by_customer_and_article("purchases", PURCHASE, None)
        return Interactions.of(purchases, self.customer_ids(), catalogue)

    def article_features(self, day: date) -> pa.Table:
        """Return `article_features` of a day: one row per article sold before it, ascending by id.

        Raises:
            MartMissing: when the marts have nothing of the day.
        """
        return some_rows(self._kept("article_features", as_of_days=(day,)), "article_features", day)

    def customer_features(self, day: date, columns: Sequence[str], customers: np.ndarray | None = None) -> pa.Table:
        """Return `customer_features` of a day: one row per customer, at the cutoff everybody.

        Before the cutoff there are those who bought in the week from the day.

        Args:
            day: the as-of day.
            columns: what is wanted besides day and customer code.
            customers: (n,) int, rows of `customer_ids` to return, in this order; by default everybody, ascending.

        Raises:
            MartMissing: when the marts have nothing of the day or of one of the customers.
        """
        name, columns = "customer_features", [Columns.AS_OF_DAY, Columns.CUSTOMER_CODE, *columns]
        features = some_rows(self.table(name, columns, [day]), name, day)
        if customers is None:
            return features
        places = places_of(customers, features[Columns.CUSTOMER_CODE].to_numpy())
        self._check_found(places >= 0, customers, day)
        return features.take(places)

    def _check_found(self, is_found: np.ndarray, customers: np.ndarray, day: date) -> None:
        if not is_found.all():
            raise MartMissing(
                f"customer_features has no row for customer {self.customer_ids()[customers[~is_found][0]]} on {day}; "
                "before the cutoff it has those who buy in the week from the day; serve only these"
            )

    def customer_blocks(
        self, day: date, columns: Sequence[str], customers: np.ndarray | None = None
    ) -> Iterator[pa.Table]:
        """Yield `customer_features` of a day, ascending by customer, in blocks of at most `ROWS_PER_BLOCK` rows.

        For who reads what is as large as the history of everybody.

        Args:
            day: the as-of day.
            columns: what is wanted besides day and customer code.
            customers: (n,) int, rows of `customer_ids`, whom to return; by default everybody.

        Raises:
            MartMissing: when the marts have nothing of one of the customers, after the blocks.
        """
        is_found = None if customers is None else np.zeros(len(customers), dtype=bool)
        for rows in self._blocks("customer_features", [Columns.AS_OF_DAY, Columns.CUSTOMER_CODE, *columns], day):
            if customers is not None:
                places = places_of(rows[Columns.CUSTOMER_CODE].to_numpy(), customers)
                rows, is_found[places[places >= 0]] = rows.filter(places >= 0), True
            if rows.num_rows:
                yield rows
        if customers is not None:
            self._check_found(is_found, customers, day)

    def segment_sales(self, day: date) -> pa.Table:
        """Return `segment_sales` of a day: one row per segment and article bought in it in the 28 days before."""
        return self._kept("segment_sales", as_of_days=(day,))

    def own_articles(self, day: date) -> Iterator[pa.Table]:
        """Yield `own_articles` of a day that a ranker uses: one row per customer and article bought before it.

        The customers are those of `customer_features`, ascending. Blocks have at most `ROWS_PER_BLOCK` rows.
        """
        return self._blocks("own_articles", None, day)

    def bought_in_week(self, day: date) -> pa.Table:
        """Return `next_week_purchases` of a day: one row per customer and article bought in the week from it.

        The cutoff has none: nobody knows its week yet.
        """
        return self._by_customer_and_article("next_week_purchases", None, [(Columns.AS_OF_DAY, "==", day)], day)

    def purchases_in_week(self, day: date) -> pa.Table:
        """Return customer, article and day of every row of `purchases` in the week from a day, ascending by day."""
        within = [(Columns.PURCHASE_DAY, ">=", day), (Columns.PURCHASE_DAY, "<", day + WEEK)]
        return self._by_customer_and_article("purchases", PURCHASE, within)

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
