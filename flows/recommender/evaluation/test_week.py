"""The test week: every recommender's lists for its customers, side by side, and what they score.

In: the chosen two-tower, the customers of the week, the marts as of its first day. Out: lists and metrics by model
name. Lists hold only what was on sale before the week; what was bought in it is read by the metrics alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import torch
from torch import nn

from recommender.columns import Columns
from recommender.evaluation.behavioral_tests import BehavioralTests
from recommender.evaluation.offline_metrics import evaluate
from recommender.features.catalogue import Catalogue
from recommender.features.snapshots import CandidateSnapshot, QuerySnapshot
from recommender.models.baselines import BASELINES, RankedLists, ShopAsOf
from recommender.models.served_lists import serve

TWO_TOWER = "two_tower"
POPULAR = "popular"
ORACLE = "oracle"


@dataclass(frozen=True)
class TestWeek:
    """The customers who bought something in the week, what they bought, and what could have been recommended.

    Attributes:
        queries: n customers as of the first day of the week.
        candidates: articles as of that day.
        is_on_sale: (n_articles,) bool over catalogue positions.
        truth: (values, offsets) of the catalogue positions each customer bought.
    """

    queries: QuerySnapshot
    candidates: CandidateSnapshot
    is_on_sale: np.ndarray
    truth: tuple[np.ndarray, np.ndarray]

    __test__ = False  # the field's name for it, not a test of pytest's

    @classmethod
    def of(cls, queries: QuerySnapshot, candidates: CandidateSnapshot, n_articles: int) -> TestWeek:
        """Keep the customers of a snapshot who bought something in the week from its day."""
        buyers = queries.take(torch.nonzero(queries.target_offsets.diff())[:, 0])
        is_on_sale = np.zeros(n_articles, dtype=bool)
        is_on_sale[candidates.on_sale().positions.numpy()] = True
        truth = buyers.target_positions.numpy().astype(np.int32), buyers.target_offsets.numpy()
        return cls(buyers, candidates, is_on_sale, truth)

    @property
    def n_candidates(self) -> int:
        """Number of articles that could have been recommended."""
        return int(self.is_on_sale.sum())

    def lists_of(self, model: nn.Module, shop: ShopAsOf, k: int) -> RankedLists:
        """Return what the customers of the week would have been served with a model, cold ones included."""
        served = serve(model, self.queries, self.candidates, shop, k)
        return RankedLists(served.positions, served.scores)

    def baseline_lists(self, shop: ShopAsOf, k: int) -> dict[str, RankedLists]:
        """Return the lists of every baseline by its name."""
        on_sale = np.flatnonzero(self.is_on_sale)
        return {name: rank(shop, self.queries.customer_ids, on_sale, k) for name, rank in BASELINES.items()}

    def metrics_of(self, lists: RankedLists, k: int) -> dict[str, float]:
        """Score lists against what was bought; see `offline_metrics.evaluate`."""
        return evaluate(lists.positions, *self.truth, self.queries.has_history(), self.n_candidates, k)

    def behavioral_tests(
        self, lists: dict[str, RankedLists], lists_again: RankedLists, minimum_customers: int
    ) -> BehavioralTests:
        """Return the behavioural suite for the two-tower's lists.

        Args:
            lists: by model name; the two-tower's and the popular baseline's are read.
            lists_again: the two-tower's from loading and scoring it a second time.
            minimum_customers: fewer are not enough data for a comparison.
        """
        last_week_sales = np.zeros(len(self.is_on_sale), dtype=np.int64)
        last_week_sales[self.candidates.positions.numpy()] = self.candidates.last_week_sales.numpy()
        return BehavioralTests(
            lists=lists[TWO_TOWER].positions,
            scores=lists[TWO_TOWER].scores,
            lists_again=lists_again.positions,
            popular_lists=lists[POPULAR].positions,
            truth_values=self.truth[0],
            truth_offsets=self.truth[1],
            has_history=self.queries.has_history(),
            is_on_sale=self.is_on_sale,
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
