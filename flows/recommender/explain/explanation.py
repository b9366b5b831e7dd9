"""Why a customer's list is as it is: what each of the four stages did with the customer's articles.

Stage: beside `four_stages`, after a list was made. In: the day as it was recommended from, the same day without rules,
the ranker, the order settings. Out: `Explanation`, in catalogue positions; nothing is printed here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
from torch import nn

from recommender.columns import Columns
from recommender.config import FilterSettings, OrderSettings, StageSettings
from recommender.features.interactions import EPOCH
from recommender.features.marts import Marts
from recommender.features.model_inputs import ModelInputs
from recommender.features.warehouse import DESCRIBED_DAYS
from recommender.model_names import ITEM_TO_ITEM
from recommender.models.ranking.rankers import Ranker
from recommender.stages.candidate_sets import CandidateSet, candidate_sets
from recommender.stages.fitted_day import FittedDay, fit_day
from recommender.stages.four_stages import recommend
from recommender.stages.generators import HistoryGenerator
from recommender.stages.shop_day import ShopDay

Ranks = Mapping[str, int]
"""Generator name to an article's rank among what it proposed, from 1."""


@dataclass(frozen=True)
class Recommended:
    """One article of the list.

    Attributes:
        position: catalogue position.
        score: as published, see `order_lists`.
        ranker_rank: its rank by the ranker's score alone, from 1.
        generator_ranks: who proposed it.
        features: name to value, NaN where unknown.
        contributions: feature name to what it added to the ranker's score, the largest in size first; empty for a
            ranker that cannot tell.
    """

    position: int
    score: float
    ranker_rank: int
    generator_ranks: Ranks
    features: Mapping[str, float]
    contributions: Mapping[str, float]


@dataclass(frozen=True)
class Barred:
    """An article that a rule kept from the customer.

    Attributes:
        position: catalogue position.
        rule: the first that barred it, see `filter`.
        last_bought: by the customer; None when never.
        generator_ranks: who would have proposed it if there were no rules.
    """

    position: int
    rule: str
    last_bought: date | None
    generator_ranks: Ranks


@dataclass(frozen=True)
class MovedDown:
    """An article among the ranker's first k that the list does not have.

    Attributes:
        position: catalogue position.
        ranker_rank: its rank by the ranker's score alone, from 1.
        cap: the article attribute of whose value the list is full; None when diversity preferred others.
    """

    position: int
    ranker_rank: int
    cap: str | None


@dataclass(frozen=True)
class Explanation:
    """One customer's list and where it comes from.

    Attributes:
        as_of_day: first day that nothing here knows of.
        customer_id: whose list it is.
        purchases: (day, catalogue position) before the day, the latest first.
        n_candidates: how many articles the generators proposed together.
        recommended: the list, best first.
        barred: what the rules barred of what the customer bought and of what would have been proposed; what most
            generators would have proposed first.
        moved_down: what the order stage put behind the list, best first.
    """

    as_of_day: date
    customer_id: str
    purchases: Sequence[tuple[date, int]]
    n_candidates: int
    recommended: Sequence[Recommended]
    barred: Sequence[Barred]
    moved_down: Sequence[MovedDown]


def explain(
    fitted: FittedDay, ranker: Ranker, order: OrderSettings, k: int, row: int, without_rules: FittedDay
) -> Explanation:
    """Recommend to one customer as `four_stages.recommend` does, and say what each stage did.

    Args:
        fitted: retrieve and filter, fitted on the day.
        ranker: scores pairs by their features; one with `contributions` also says what moved its scores.
        order: caps and diversity.
        k: length of the list.
        row: of the day's customers.
        without_rules: the same day and customers, see `fit_with_and_without_rules`.
    """
    day, rows = fitted.day, np.array([row])
    (candidates,) = candidate_sets(day, fitted.generators, fitted.sizes, rows)
    scores = ranker.score(candidates.features)
    by_score = np.lexsort((candidates.columns, -scores))  # as `rank_and_order` breaks ties
    lists = recommend(fitted, ranker, order, k, rows)
    listed = lists.positions[0][lists.positions[0] >= 0]
    purchases = _purchases(day, row)
    return Explanation(
        as_of_day=day.as_of_day,
        customer_id=day.customer_ids[row],
        purchases=purchases,
        n_candidates=len(candidates.columns),
        recommended=_recommended(fitted, ranker, candidates, by_score, listed, lists.scores[0]),
        barred=_barred(fitted.filtered.barred_by, purchases, proposals(without_rules, row)),
        moved_down=_moved_down(day, order, day.candidates[candidates.columns[by_score[:k]]], listed),
    )


def fit_with_and_without_rules(
    marts: Marts,
    as_of_day: date,
    inputs: ModelInputs,
    model: nn.Module,
    stages: StageSettings,
    rows: np.ndarray,
    report: Callable[[str], None] = print,
) -> tuple[FittedDay, FittedDay]:
    """Fit a day as `fitted_day.fit_day` does, and once more with everything that sold within `DESCRIBED_DAYS`: the
    `own_articles` mart knows nothing of what did not.

    `rows` (n,) int64 are those of the day's customers to serve.

    The item-to-item models, whose fitting takes longest, are fitted once: they know no rules, an article's score is
    the same, no matter what else may be recommended.
    """
    rules = stages.filters
    no_rules = FilterSettings(max(DESCRIBED_DAYS, rules.on_sale_days), is_season_checked=False)
    arguments = {"purchases": marts.interactions(inputs.catalogue), "rows": rows}
    day = marts, as_of_day, inputs, model
    without_rules = fit_day(*day, stages.sizes, no_rules, **arguments, report=report)
    history = [each for each in without_rules.generators if isinstance(each, HistoryGenerator)]
    others = stages.sizes.keys() - set(ITEM_TO_ITEM)
    fitted = fit_day(*day, dict.fromkeys(others | {"popular"}, 1), rules, **arguments)  # `sizes` are put right below
    own = {each.name: each for each in fitted.generators if each.name in stages.sizes}
    own |= {each.name: each.on(fitted.day) for each in history}
    generators = [own[each.name] for each in without_rules.generators]
    return replace(fitted, generators=generators, sizes=stages.sizes), without_rules


def proposals(fitted: FittedDay, row: int) -> dict[int, dict[str, int]]:
    """Return who proposes what to one customer: catalogue position to generator name to rank, from 1.

    Equal scores fall by the column, as in `chunk_scores`.
    """
    found: dict[int, dict[str, int]] = {}
    for generator in fitted.generators:
        scored = generator.scored(np.array([row]))
        columns = scored.best(fitted.sizes[generator.name])  # of the only row a key is its column
        best_first = columns[np.argsort(-scored.at(columns), kind="stable")]
        for rank, column in enumerate(best_first, 1):
            found.setdefault(int(fitted.day.candidates[column]), {})[generator.name] = rank
    return found


def _purchases(day: ShopDay, row: int) -> list[tuple[date, int]]:
    is_own = day.purchases.customers == day.customer_rows[row]
    days, positions = day.purchases.days[is_own], day.purchases.articles[is_own]
    latest_first = np.lexsort((positions, -days))
    return [(EPOCH + timedelta(days=int(days[each])), int(positions[each])) for each in latest_first]


def _recommended(
    fitted: FittedDay,
    ranker: Ranker,
    candidates: CandidateSet,
    by_score: np.ndarray,
    listed: np.ndarray,
    scores: np.ndarray,
) -> list[Recommended]:
    pairs = np.searchsorted(fitted.day.candidates[candidates.columns], listed)  # candidates ascend by position
    ranker_ranks = np.empty(len(by_score), np.int64)
    ranker_ranks[by_score] = np.arange(1, len(by_score) + 1)
    features, contributions = candidates.features[pairs], _contributions(ranker, candidates, pairs)
    proposed = proposals(fitted, int(candidates.rows[0]))
    return [
        Recommended(
            position=int(position),
            score=float(scores[place]),
            ranker_rank=int(ranker_ranks[pairs[place]]),
            generator_ranks=proposed[int(position)],
            features=dict(zip(candidates.feature_names, features[place].tolist(), strict=True)),
            contributions=contributions[place],
        )
        for place, position in enumerate(listed)
    ]


def _contributions(ranker: Ranker, candidates: CandidateSet, pairs: np.ndarray) -> list[dict[str, float]]:
    """Return what moved each pair's score, without the score that is expected of any."""
    if not hasattr(ranker, "contributions"):
        return [{}] * len(pairs)
    found = []
    for values in ranker.contributions(candidates.features[pairs])[:, :-1]:
        largest_first = np.argsort(-np.abs(values), kind="stable")
        found.append({candidates.feature_names[each]: float(values[each]) for each in largest_first})
    return found


def _barred(
    barred_by: np.ndarray, purchases: Sequence[tuple[date, int]], proposed: Mapping[int, Ranks]
) -> list[Barred]:
    last_bought = {position: day for day, position in reversed(purchases)}  # the latest comes last and stays
    found = [
        Barred(position, str(barred_by[position]), last_bought.get(position), proposed.get(position, {}))
        for position in sorted(last_bought.keys() | proposed.keys())
        if barred_by[position]
    ]
    return sorted(found, key=lambda each: (-len(each.generator_ranks), min(each.generator_ranks.values(), default=0)))


def _moved_down(day: ShopDay, order: OrderSettings, ranked_first: np.ndarray, listed: np.ndarray) -> list[MovedDown]:
    places = ((rank, int(position)) for rank, position in enumerate(ranked_first, 1))
    return [
        MovedDown(position, rank, _full_cap(day.attribute_codes, order.caps, listed, position))
        for rank, position in places
        if position not in listed
    ]


def _full_cap(codes: np.ndarray, caps: Mapping[str, int], listed: Collection[int], position: int) -> str | None:
    """Return the first attribute of whose value the list has as many articles as the cap allows."""
    for name, limit in caps.items():
        attribute = Columns.ARTICLE_ATTRIBUTES.index(name)
        if (codes[listed, attribute] == codes[position, attribute]).sum() >= limit:
            return name
    return None
