"""Stage one of four, retrieve: several cheap ways to propose articles, each with one interface.

In: a `ShopDay`, and for the two-tower a fitted model with the day's snapshots. Out: generators. Each has a `name` and
`scored(rows)`, which finds its own best articles for some customers, and its score of any pair that another one
proposed: the scores are features of the ranker.

    two_tower   the Merlin two-tower's inner product, over everything on sale
    own         what the customer bought before, recent and frequent first
    ease        item-to-item weights of EASE over the customer's history, where the catalogue is small enough
    item_knn    item-to-item BM25 neighbours of the customer's history, at any size
    last_basket the same neighbours, of the customer's last basket alone
    rising      what the customer's segment buys this week, more than in the weeks before first
    popular     what everybody bought last week
    fresh       articles first sold in the last week, by the two-tower's view of their attributes

A customer without history is scored by the two-tower through the segment and the season, and by what is popular.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from operator import attrgetter

from torch import nn

from recommender.features.snapshots import CandidateSnapshot, QuerySnapshot
from recommender.model_names import EASE, ITEM_KNN, LAST_BASKET, TWO_TOWER
from recommender.models.item_similarity import CatalogueTooLarge, Ease, ItemKnn, fit_ease, fit_item_knn
from recommender.stages.generators import (
    FreshGenerator,
    Generator,
    HistoryGenerator,
    OwnGenerator,
    PopularGenerator,
    RisingGenerator,
    TwoTowerGenerator,
)
from recommender.stages.shop_day import ShopDay


def fit_generators(
    day: ShopDay,
    sizes: Mapping[str, int],
    two_tower: tuple[nn.Module, QuerySnapshot, CandidateSnapshot] | None,
    report: Callable[[str], None] = print,
) -> list[Generator]:
    """Fit the generators that the settings name on what lies before the day.

    Args:
        day: the day.
        sizes: how many articles each generator proposes; 0 makes its score a feature and proposes nothing, a name
            that is missing switches the generator off.
        two_tower: a fitted model with the day's snapshots; not needed when neither `two_tower` nor `fresh` is on.
        report: called with a line for each generator that had to be left out.

    Raises:
        ValueError: when a name is unknown, or the two-tower is on and missing.
    """
    if not any(size > 0 for size in sizes.values()):
        raise ValueError("no generator proposes anything; give at least one of [retrieve] a size above 0")
    if unknown := sizes.keys() - GENERATORS.keys():
        raise ValueError(f"there is no generator {', '.join(sorted(unknown))}; there are {', '.join(GENERATORS)}")
    if two_tower is None and sizes.keys() & {TWO_TOWER, "fresh"}:
        raise ValueError("the two-tower generator needs a fitted model with the day's snapshots")
    fitted = _Fitted(day, two_tower)
    generators = []
    for name in (name for name in GENERATORS if name in sizes):
        try:
            generators.append(GENERATORS[name](fitted))
        except CatalogueTooLarge as reason:
            report(f"generator {name} is left out: {reason}")
    return generators


class _Fitted:
    """What several generators share, fitted when the first of them asks."""

    def __init__(self, day: ShopDay, two_tower: tuple[nn.Module, QuerySnapshot, CandidateSnapshot] | None):
        self.day, self._two_tower_parts = day, two_tower

    @cached_property
    def two_tower(self) -> TwoTowerGenerator:
        return TwoTowerGenerator(self.day, *self._two_tower_parts)

    @cached_property
    def item_knn(self) -> ItemKnn:
        return fit_item_knn(self.day.purchases, self.day.as_of_day)

    def ease(self) -> Ease:
        return fit_ease(self.day.purchases, self.day.as_of_day)


_histories, _last_baskets = attrgetter("history"), attrgetter("last_baskets")

GENERATORS: dict[str, Callable[[_Fitted], Generator]] = {
    TWO_TOWER: lambda fitted: fitted.two_tower,
    "own": lambda fitted: OwnGenerator(fitted.day),
    EASE: lambda fitted: HistoryGenerator(EASE, fitted.ease(), _histories, fitted.day),
    ITEM_KNN: lambda fitted: HistoryGenerator(ITEM_KNN, fitted.item_knn, _histories, fitted.day),
    LAST_BASKET: lambda fitted: HistoryGenerator(LAST_BASKET, fitted.item_knn, _last_baskets, fitted.day),
    "rising": lambda fitted: RisingGenerator(fitted.day),
    "popular": lambda fitted: PopularGenerator(fitted.day),
    "fresh": lambda fitted: FreshGenerator(fitted.day, fitted.two_tower),
}
"""Every generator by its name in the settings, in the order in which they are named as an item's origin."""
