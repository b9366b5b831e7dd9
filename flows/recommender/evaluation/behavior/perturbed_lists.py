"""What a week's customers are recommended when a little of their histories is changed.

In: a `HeldOutWeek`, the lists that are served, and the ranker that made them. Out: `Perturbed`, which the stability
checks judge.
"""

from __future__ import annotations

import numpy as np
import torch

from recommender.config import OrderSettings
from recommender.evaluation.behavior.judged_week import Perturbed
from recommender.evaluation.held_out_week import HeldOutWeek
from recommender.models.ranked_lists import RankedLists
from recommender.stages.four_stages import Scorer, recommend
from recommender.stages.generators import TwoTowerGenerator
from recommender.stages.perturbations import forgetting_newest, shuffled, without_newest

PERTURBED_CUSTOMERS, FEWEST_ARTICLES = 2_000, 5
SHUFFLING_SEED = 7


def perturbed_lists(week: HeldOutWeek, served: RankedLists, ranker: Scorer, order: OrderSettings) -> Perturbed | None:
    """Return the lists of evenly spread customers of several articles, as they are and with changed histories.

    Args:
        week: the test week.
        served: (n, depth) the four stages' lists for it.
        ranker: of the four stages.
        order: of the four stages.

    Returns:
        None where there is no two-tower.
    """
    generators = (each for each in week.fitted.generators if isinstance(each, TwoTowerGenerator))
    if (two_tower := next(generators, None)) is None:
        return None
    known = np.flatnonzero(two_tower.queries.history_offsets.diff().numpy() >= FEWEST_ARTICLES)
    rows = known[:: max(1, len(known) // PERTURBED_CUSTOMERS)]
    queries = two_tower.queries.take(torch.from_numpy(rows))
    variants = queries, shuffled(queries, SHUFFLING_SEED), without_newest(queries)
    of_two_tower = (two_tower.best_columns(each, week.k).astype(np.int32) for each in variants)
    less = recommend(forgetting_newest(week.fitted), ranker, order, week.k, rows)
    return Perturbed(*of_two_tower, served.positions[rows, : week.k], less.positions)
