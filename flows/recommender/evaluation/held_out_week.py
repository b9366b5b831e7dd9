"""The test week: every recommender's lists for its customers, side by side, and what they score.

In: the stages fitted on the week's first day for the customers of the week. Out: lists and metrics by model name. Lists
hold only what was on sale before the week; what was bought in it is read by the metrics alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from recommender.columns import Columns
from recommender.config import StageSettings
from recommender.evaluation.offline_metrics import accuracy_per_customer, evaluate
from recommender.features.catalogue import Catalogue
from recommender.features.interactions import Interactions
from recommender.features.truth import Truth
from recommender.model_names import TWO_TOWER
from recommender.models.baseline_shop import BaselineShop
from recommender.models.collaborative_baselines import run_baselines
from recommender.models.ranked_lists import RankedLists, empty_lists
from recommender.models.ranking.rankers import load_ranker
from recommender.stages.fitted_day import FittedDay
from recommender.stages.four_stages import best_of_generator, recommend
from recommender.state_files import here
from recommender.weeks.weekly_models import FittedModels


@dataclass(frozen=True)
class HeldOutWeek:
    """The customers who bought something in the week, what they bought, and what could have been recommended.

    Attributes:
        fitted: retrieve and filter as of the first day of the week, for the week's n customers.
        truth: what they bought.
        k: ranks that count.
        depth: length of the lists, at least k.
    """

    fitted: FittedDay
    truth: Truth
    k: int
    depth: int

    @property
    def customer_ids(self) -> np.ndarray:
        """(n,) array of str."""
        return self.fitted.day.customer_ids

    @property
    def n_candidates(self) -> int:
        """Number of articles that could have been recommended."""
        return self.fitted.day.n_candidates

    def two_tower_lists(self) -> RankedLists | None:
        """Return the two-tower's own lists, neither ranked nor ordered; None where that generator is off."""
        if TWO_TOWER not in self.fitted.sizes:
            return None
        return best_of_generator(self.fitted, TWO_TOWER, self.depth)

    def baseline_lists(
        self, shop: BaselineShop, seed: int, report: Callable[[str], None] = print
    ) -> dict[str, RankedLists]:
        """Return the lists of every baseline by its name; one that cannot run here is left out and reported."""
        return run_baselines(shop, self.customer_ids, self.fitted.day.candidates, self.depth, seed, report)

    def metrics_of(self, lists: RankedLists) -> dict[str, float]:
        """Score lists against what was bought; see `offline_metrics.evaluate`."""
        has_history = self.fitted.day.has_history()
        return evaluate(lists.positions, *self.truth, has_history, self.n_candidates, self.k)

    def average_precision_of(self, lists: RankedLists) -> np.ndarray:
        """Return (m,) float64 for the m customers with earlier purchases, NaN for one who bought nothing."""
        scores = accuracy_per_customer(lists.positions, *self.truth, self.k)[f"map@{self.k}"]
        return scores[self.fitted.day.has_history()]


def lists_of_week(
    models: FittedModels, stages: StageSettings, k: int, depth: int, purchases: Interactions | None = None
) -> tuple[HeldOutWeek, RankedLists]:
    """Load a week's models and return the week of its buyers, and the (n, depth) lists these are served.

    Generators count `purchases`, by default those of the marts.
    """
    week = HeldOutWeek(*models.two_tower.fit_for_buyers(stages, purchases=purchases), k, depth)
    return week, recommend(week.fitted, load_ranker(models.ranker_folder), stages.order, depth)


def read_oracle(path: Path, customer_ids: np.ndarray, catalogue: Catalogue, k: int) -> RankedLists:
    """Read the lists of a recommender that knows the customers' true purchase probabilities.

    An article that was never sold is in no catalogue; its place in a list stays empty, as it can be no hit.
    """
    rows = pq.read_table(here(path), filters=[(Columns.RANK, "<=", k)])
    customer = pc.index_in(rows[Columns.CUSTOMER_ID], value_set=pa.array(customer_ids, pa.string()))
    article = pc.index_in(rows[Columns.ARTICLE_ID], value_set=pa.array(catalogue.article_ids, pa.string()))
    is_used = pc.and_(pc.is_valid(customer), pc.is_valid(article))
    place = customer.filter(is_used).to_numpy(), rows[Columns.RANK].filter(is_used).to_numpy() - 1
    lists = empty_lists(len(customer_ids), k)
    lists.positions[place] = article.filter(is_used).to_numpy()
    lists.scores[place] = rows["probability"].filter(is_used).to_numpy()
    return lists
