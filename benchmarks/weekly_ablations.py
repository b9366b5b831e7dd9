"""What each stage and each generator is worth: the lists without it.

In: the candidates of the ranking weeks and of the test week, as `RankingWeek`, and how the full ranker was chosen.
Out: lists by name. A generator that is off proposes nothing and lends no score, in the ranking weeks as in the test
week, and the ranker is fitted afresh, as long as the full one was. A pair's own features (how often the customer
bought the article, how it sells) are no generator's and stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from recommender.config import OrderSettings
from recommender.models.ranked_lists import RankedLists
from recommender.models.ranking.rankers import score_rows
from recommender.stages.order import order_lists
from recommender.stages.rank import RankerChoice
from recommender.stages.ranking_week import RankingWeek

GENERATORS_OFF = {
    "without_two_tower": ("two_tower", "fresh"),  # fresh articles are ranked by the two-tower
    "without_own": ("own",),
    "without_ease": ("ease",),
    "without_item_knn": ("item_knn", "last_basket"),
    "without_popular": ("rising", "popular"),
    "without_fresh": ("fresh",),
}
WITHOUT_RANKER, WITHOUT_ORDER = "without_ranker", "without_order"
SHUFFLED, RANDOM = "shuffled_labels", "random_order"
ABLATIONS = (*GENERATORS_OFF, WITHOUT_RANKER, WITHOUT_ORDER, SHUFFLED, RANDOM)
"""Every ablation in the order of the report; the last two are what learning has to beat."""


def ablations(
    choice: RankerChoice,
    ranking: Sequence[RankingWeek],
    test: RankingWeek,
    attribute_codes: np.ndarray,
    order: OrderSettings,
    k: int,
) -> dict[str, RankedLists]:
    """Return the test week's lists of every ablation that the settings leave something of.

    Args:
        choice: how the full ranker was fitted.
        ranking: weeks to learn from, oldest first.
        test: the test week's candidates.
        attribute_codes: (n_articles, n_attributes) int.
        order: caps and diversity.
        k: length of the lists.

    Returns:
        `ABLATIONS` by name. Without the ranker, own articles come first by their score, then what most bought last
        week; "shuffled_labels" learned from purchases dealt to other candidates of the week, so it can know nothing.
    """
    on = set(test.proposed_by)
    lists = {}
    for name, off in GENERATORS_OFF.items():
        if on & set(off) and on - set(off):
            ranker = choice.refitted([week.without(off) for week in ranking])
            rest = test.without(off)
            lists[name] = rank_week(rest, score_rows(ranker, rest.rows()), attribute_codes, order, k)
    rng = np.random.default_rng(choice.seed)
    ignorant = choice.refitted([replace(week, is_bought=rng.permutation(week.is_bought)) for week in ranking])
    scores = {
        WITHOUT_RANKER: own_then_popular(test),
        SHUFFLED: score_rows(ignorant, test.rows()),
        RANDOM: rng.random(len(test.positions), dtype=np.float32),
    }
    lists |= {name: rank_week(test, each, attribute_codes, order, k) for name, each in scores.items()}
    by_score_alone = OrderSettings(depth=k, diversity=0.0, caps={})
    ranked = score_rows(choice.ranker, test.rows())
    return lists | {WITHOUT_ORDER: rank_week(test, ranked, attribute_codes, by_score_alone, k)}


def rank_week(
    week: RankingWeek, scores: np.ndarray, attribute_codes: np.ndarray, order: OrderSettings, k: int
) -> RankedLists:
    """Order a week's scored candidates into lists of k, as `four_stages.rank_and_order` does those of a day.

    Args:
        week: candidates of n customers.
        scores: (n_pairs,) float32; ties fall by the article's position.
        attribute_codes: (n_articles, n_attributes) int.
        order: caps and diversity.
        k: length of the lists.
    """
    owners = np.repeat(np.arange(len(week.offsets) - 1), np.diff(week.offsets))
    by_score = np.lexsort((week.positions, -scores, owners))
    ranks = np.arange(len(owners)) - week.offsets[owners]
    kept = ranks < max(order.depth, k)
    shape = len(week.offsets) - 1, max(order.depth, k)
    positions, best = np.full(shape, -1, np.int64), np.full(shape, -np.inf, np.float32)
    place = owners[kept], ranks[kept]
    positions[place] = week.positions[by_score[kept]]
    best[place] = scores[by_score[kept]]
    return order_lists(positions, best, attribute_codes, k, order)


def own_then_popular(week: RankingWeek) -> np.ndarray:
    """Score (n_pairs,) candidates without a ranker: own articles above 1, all others by last week's buyers."""
    own, buyers = (week.feature(name).astype(np.float64) for name in ("own_score", "article_buyers_1w"))
    popularity = np.nan_to_num(buyers) / (1 + np.nanmax(buyers, initial=0))
    return np.where(np.isfinite(own), 1 + own, popularity).astype(np.float32)
