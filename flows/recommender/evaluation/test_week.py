"""The test week: every recommender's lists for its customers, side by side, and what they score.

In: the stages fitted on the week's first day for the customers of the week. Out: lists and metrics by model name. Lists
hold only what was on sale before the week; what was bought in it is read by the metrics alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from recommender.columns import Columns
from recommender.evaluation.behavioral_tests import BehavioralTests
from recommender.evaluation.offline_metrics import evaluate
from recommender.features.catalogue import Catalogue
from recommender.models.baselines import RankedLists, ShopAsOf
from recommender.models.collaborative_baselines import run_baselines
from recommender.stages.fitted_day import FittedDay
from recommender.stages.four_stages import best_of_generator

SERVED = "served"
TWO_TOWER = "two_tower"
POPULAR = "popular"
ORACLE = "oracle"


@dataclass(frozen=True)
class TestWeek:
    """The customers who bought something in the week, what they bought, and what could have been recommended.

    Attributes:
        fitted: retrieve and filter as of the first day of the week, for the week's n customers.
        k: ranks that count.
        depth: length of the lists, at least k.
    """

    fitted: FittedDay
    k: int
    depth: int

    __test__ = False  # the field's name for it, not a test of pytest's

    @property
    def customer_ids(self) -> np.ndarray:
        """(n,) array of str."""
        return self.fitted.day.customer_ids

    @property
    def n_candidates(self) -> int:
        """Number of articles that could have been recommended."""
        return self.fitted.day.n_candidates

    def two_tower_lists(self) -> RankedLists:
        """Return the two-tower's own lists, neither ranked nor ordered."""
        return best_of_generator(self.fitted, TWO_TOWER, self.depth)

    def baseline_lists(
        self, shop: ShopAsOf, seed: int, report: Callable[[str], None] = print
    ) -> dict[str, RankedLists]:
        """Return the lists of every baseline by its name; one that cannot run here is left out and reported."""
        return run_baselines(shop, self.customer_ids, self.fitted.day.candidates, self.depth, seed, report)

    def metrics_of(self, lists: RankedLists) -> dict[str, float]:
        """Score lists against what was bought; see `offline_metrics.evaluate`."""
        has_history = self.fitted.day.has_history()
        return evaluate(lists.positions, *self.fitted.truth(), has_history, self.n_candidates, self.k)

    def behavioral_tests(
        self, lists: Mapping[str, RankedLists], lists_again: RankedLists, minimum_customers: int
    ) -> BehavioralTests:
        """Return the behavioural suite for the first k of the served lists.

        Args:
            lists: by model name; the served and the popular ones are read.
            lists_again: the served ones from loading and scoring everything a second time.
            minimum_customers: fewer are not enough data for a comparison.
        """
        day, values_and_offsets = self.fitted.day, self.fitted.truth()
        is_on_sale = np.zeros(day.purchases.n_articles, dtype=bool)
        is_on_sale[day.candidates] = True
        last_week_sales = np.zeros(len(is_on_sale), dtype=np.int64)
        last_week_sales[day.candidates] = day.article_numbers[Columns.SALES_1W]
        return BehavioralTests(
            lists=lists[SERVED].positions[:, : self.k],
            scores=lists[SERVED].scores[:, : self.k],
            lists_again=lists_again.positions[:, : self.k],
            popular_lists=lists[POPULAR].positions[:, : self.k],
            truth_values=values_and_offsets[0],
            truth_offsets=values_and_offsets[1],
            has_history=day.has_history(),
            is_on_sale=is_on_sale,
            last_week_sales=last_week_sales,
            minimum_customers=minimum_customers,
        )


def read_oracle(path: Path, customer_ids: np.ndarray, catalogue: Catalogue, k: int) -> RankedLists:
    """Read the lists of a recommender that knows the customers' true purchase probabilities.

    An article that was never sold is in no catalogue; its place in a list stays empty, as it can be no hit.
    """
    rows = pq.read_table(path, filters=[(Columns.RANK, "<=", k)])
    customer = pc.index_in(rows[Columns.CUSTOMER_ID], value_set=pa.array(customer_ids, pa.string()))
    article = pc.index_in(rows[Columns.ARTICLE_ID], value_set=pa.array(catalogue.article_ids, pa.string()))
    is_used = pc.and_(pc.is_valid(customer), pc.is_valid(article))
    place = customer.filter(is_used).to_numpy(), rows[Columns.RANK].filter(is_used).to_numpy() - 1
    shape = len(customer_ids), k
    lists = RankedLists(np.full(shape, -1, np.int32), np.full(shape, np.nan, np.float32))
    lists.positions[place] = article.filter(is_used).to_numpy()
    lists.scores[place] = rows["probability"].filter(is_used).to_numpy()
    return lists
