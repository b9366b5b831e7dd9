"""What a ranker does that knows neither the test week nor the one before it: a leak gains what this one cannot.

How much a leak would gain in this shop shows in the week before: there the judged ranker is the one that saw the week.

Stage: before the behavioral suite. In: how the ranker was chosen, the candidates of the newest ranking week and of the
test week. Out: `Rehearsal`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recommender.config import OrderSettings
from recommender.evaluation.behavior.judged_week import Rehearsal
from recommender.model_names import EASE, ITEM_KNN, TWO_TOWER
from recommender.models.ranking.purchase_likelihood import best_temperature, purchase_likelihood
from recommender.models.ranking.rankers import score_rows
from recommender.ranking_metrics import mean_over_customers
from recommender.stages.order import order_lists
from recommender.stages.rank import RankerChoice
from recommender.stages.ranking_week import RankingWeek

REFERENCES = TWO_TOWER, "own", EASE, ITEM_KNN
"""Generators that learn from purchases before their day alone; the best of them in the rehearsed week is taken."""


@dataclass(frozen=True)
class Rehearsing:
    """What lists of the earlier ranker are made with: all that tonight's are made with but the ranker.

    Attributes:
        choice: holds the earlier ranker, unless there was a single week to learn from.
        n_weeks: ranking weeks that taught tonight's ranker.
        order: caps and diversity.
        attribute_codes: (n_articles, n_attributes) int32 that the caps go by.
    """

    choice: RankerChoice
    n_weeks: int
    order: OrderSettings
    attribute_codes: np.ndarray

    def on(self, rehearsed: RankingWeek, judged: RankingWeek, customer_ids: np.ndarray) -> Rehearsal | None:
        """Set what the earlier ranker does beside what a generator alone does, in both weeks.

        Args:
            rehearsed: candidates of the newest ranking week.
            judged: candidates of the test week, of its customers or a sample of them.
            customer_ids: (n,) array of str, the test week's customers, ascending.

        Returns:
            None without an earlier ranker, or without a generator that both weeks have.
        """
        by_generator = {
            name: self._of_generator(rehearsed, name)
            for name in REFERENCES
            if name in rehearsed.proposed_by and name in judged.proposed_by
        }
        if self.choice.earlier is None or not by_generator:
            return None
        reference = max(by_generator, key=lambda name: mean_over_customers(by_generator[name]))
        then, now = rehearsed.rows(), judged.rows()
        earlier_then, earlier_now = (score_rows(self.choice.earlier, rows) for rows in (then, now))
        temperature = best_temperature(earlier_then, then)
        return Rehearsal(
            earlier_then=self._precision(earlier_then, rehearsed),
            reference_then=by_generator[reference],
            earlier_likelihood_then=purchase_likelihood(earlier_then, then, temperature),
            judged_likelihood_then=purchase_likelihood(score_rows(self.choice.ranker, then), then, temperature),
            rows=np.searchsorted(customer_ids.astype(str), judged.customer_ids.astype(str)),
            earlier_now=self._precision(earlier_now, judged),
            reference_now=self._of_generator(judged, reference),
            earlier_likelihood_now=purchase_likelihood(earlier_now, now, temperature),
            judged_likelihood_now=purchase_likelihood(score_rows(self.choice.ranker, now), now, temperature),
            temperature=temperature,
            n_weeks=self.n_weeks,
        )

    def _precision(self, scores: np.ndarray, week: RankingWeek) -> np.ndarray:
        best = week.best(scores, self.order.depth)
        return week.average_precision(order_lists(*best, self.attribute_codes, self.choice.k, self.order).positions)

    def _of_generator(self, week: RankingWeek, name: str) -> np.ndarray:
        return week.average_precision(week.best(week.feature(f"{name}_score"), self.choice.k).positions)
