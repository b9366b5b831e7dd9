"""From the test week's shop day to the plain arrays of the behavioral suite.

In: a `HeldOutWeek`, everybody's lists for it, the marts. Out: `BehavioralSuite`, ready to run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from recommender.columns import Columns
from recommender.config import CommonSenseSettings
from recommender.evaluation.behavior.judged_week import Perturbed, Rehearsal
from recommender.evaluation.behavior.suite import BehavioralSuite
from recommender.evaluation.held_out_week import HeldOutWeek
from recommender.evaluation.slices import activity_slice
from recommender.features.catalogue import Catalogue
from recommender.features.customer_rows import places_of
from recommender.features.interactions import day_number
from recommender.features.marts import Marts
from recommender.models.ranked_lists import RankedLists
from recommender.stages.shop_day import ShopDay
from serving.customer_mask import HIDDEN, mask_of_environment

UNKNOWN = "unknown"


@dataclass(frozen=True)
class Judging:
    """What the suite needs beyond the week itself.

    Attributes:
        marts: of the run.
        catalogue: owner of article positions.
        common_sense: rules of the settings.
    """

    marts: Marts
    catalogue: Catalogue
    common_sense: CommonSenseSettings

    def suite(
        self,
        week: HeldOutWeek,
        lists: RankedLists,
        lists_again: RankedLists,
        baselines: Mapping[str, RankedLists],
        two_tower: RankedLists | None = None,
        perturbed: Perturbed | None = None,
        rehearsal: Rehearsal | None = None,
    ) -> BehavioralSuite:
        """Return the behavioral suite for the first k of one recommender's lists.

        Args:
            week: the test week.
            lists: the judged ones.
            lists_again: the same from making everything a second time, with other purchases in the week.
            baselines: what they are compared with, by name.
            two_tower: the two-tower's own; None where there is none.
            perturbed: how they take changed histories; None where they come from no two-tower.
            rehearsal: how their ranker did in the week before; None where they come from none.
        """
        day, k = week.fitted.day, week.k
        articles = self.marts.articles_in_order(self.catalogue)
        return BehavioralSuite(
            lists=lists.positions[:, :k],
            scores=lists.scores[:, :k],
            lists_again=lists_again.positions[:, :k],
            baselines={name: each.positions[:, :k] for name, each in baselines.items()},
            truth=week.truth,
            truth_days=self._truth_days(week),
            has_history=day.has_history(),
            is_on_sale=_spread(day, np.ones(day.n_candidates, dtype=bool), False),
            last_week_sales=_spread(day, day.article_numbers[Columns.SALES_1W].astype(np.int64), 0),
            attributes={name: _texts(articles[name]) for name in Columns.ARTICLE_ATTRIBUTES},
            article_ages=_spread(day, day.article_numbers[Columns.AGE_DAYS], np.nan),
            prices=_spread(day, day.article_numbers[Columns.PRICE], np.nan),
            usual_prices=day.customer_numbers[Columns.MEAN_PRICE],
            history=day.history,
            customer_slices=self._customer_slices(day),
            customer_names=self._customer_names(day),
            article_names=self.catalogue.article_ids + " " + _texts(articles[Columns.PRODUCT_NAME]),
            common_sense=self.common_sense,
            two_tower=None if two_tower is None else two_tower.positions[:, :k],
            perturbed=perturbed,
            rehearsal=rehearsal,
        )

    def _truth_days(self, week: HeldOutWeek) -> np.ndarray:
        day, n_articles = week.fitted.day, len(self.catalogue)
        bought = self.marts.purchases_in_week(day.as_of_day)
        rows = places_of(bought[Columns.CUSTOMER_CODE].to_numpy(), day.customer_rows)  # a stranger's key is below 0
        keys = rows * n_articles + self.catalogue.positions_of(bought[Columns.ARTICLE_ID])
        days = bought[Columns.PURCHASE_DAY].cast(pa.date32()).cast(pa.int32()).to_numpy() - day_number(day.as_of_day)
        known, firsts = np.unique(keys, return_index=True)  # ascending by day, so the first is the earliest
        of_truth = np.repeat(np.arange(len(day)), week.truth.sizes()) * n_articles + week.truth.values
        return days[firsts[np.searchsorted(known, of_truth)]].astype(np.int64)

    def _customer_names(self, day: ShopDay) -> np.ndarray:
        """(n,) what stands for each customer in reports, which people pass on."""
        mask = mask_of_environment()
        return np.array([mask(customer_id) or HIDDEN for customer_id in day.customer_ids], dtype=object)

    def _customer_slices(self, day: ShopDay) -> dict[str, np.ndarray]:
        customers = self.marts.customer_features(day.as_of_day, [Columns.AGE_BAND], day.customer_rows)
        online = day.customer_numbers[Columns.ONLINE_SHARE]
        return {
            "activity": activity_slice(day.customer_numbers[Columns.PURCHASE_DAYS].astype(np.int64)),
            "age band": _texts(customers[Columns.AGE_BAND]),
            "channel": np.select([np.isnan(online), online > 0.5], [UNKNOWN, "online"], "store"),
        }


def _spread(day: ShopDay, of_candidates: np.ndarray, elsewhere: float) -> np.ndarray:
    """(n_articles,) values of the candidates at their positions."""
    values = np.full(day.purchases.n_articles, elsewhere, dtype=of_candidates.dtype)
    values[day.candidates] = of_candidates
    return values


def _texts(column: pa.ChunkedArray) -> np.ndarray:
    return np.array(pc.fill_null(column.cast(pa.string()), UNKNOWN).to_pylist(), dtype=object)
