"""Tonight's lists for every known customer by tonight's models, and for some of them by the evaluated ones.

In: the marts, two sets of models, which lists are wanted. Out: the publication gate and the lists in the cache's own
terms.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from recommender.config import Candidate, StageSettings
from recommender.evaluation.publication_gate import FIRST_STEPS, PublicationGate
from recommender.features.catalogue import Catalogue
from recommender.features.model_inputs import ModelInputs
from recommender.model_names import FOUR_STAGES
from recommender.models.baseline_shop import BaselineShop
from recommender.models.baselines import popular
from recommender.models.collaborative_baselines import every_baseline
from recommender.models.first_step import first_step_precision
from recommender.models.grid import validation_average_precision
from recommender.models.model_files import load_model
from recommender.models.ranked_lists import RankedLists
from recommender.models.ranking.rankers import load_ranker
from recommender.release import version_contents as contents
from recommender.release.published_lists import NamedLists, PublishedLists
from recommender.stages.fitted_day import FittedDay, fit_day
from recommender.stages.four_stages import recommend, recommend_and_tell
from recommender.weeks.compared_customers import COMPARED_CUSTOMERS, compared_customers
from recommender.weeks.weekly_models import FittedModels, WeeklyModel
from serving.cache.list_buckets import Proposer, Source
from serving.cache.purchase_buckets import PurchaseArrays

SECONDS_PER_REPORT = 15
PROPOSER_BITS = {proposer.name.lower(): proposer.value for proposer in Proposer}
"""Generator to its bit in the cache."""


@dataclass(frozen=True)
class Recommender:
    """Who makes the lists: `FOUR_STAGES` or a baseline by its name, and the seed of one that draws random numbers."""

    name: str = FOUR_STAGES
    seed: int = 0

    @property
    def cold_source(self) -> Source:
        """What a customer without purchases is served: the segment's taste, or everybody's."""
        return Source.SEGMENT if self.name in (FOUR_STAGES, "segment_popular") else Source.POPULAR

    @property
    def is_personal(self) -> bool:
        """Whether a list depends on what its customer bought."""
        return self.name not in ("popular", "segment_popular")


@dataclass(frozen=True)
class ListRequest:
    """Which lists are wanted.

    Attributes:
        day: first day the lists are for; features use purchases before it.
        candidate: as what tonight's two-tower was fitted.
        stages: generators, filters and order.
        k: length of the lists.
        recommender: who makes them.
        purchases: how many of a customer's last purchases go with a list.
    """

    day: date
    candidate: Candidate
    stages: StageSettings
    k: int
    recommender: Recommender
    purchases: int


@dataclass(frozen=True)
class Tonight:
    """Lists for everybody as of one day.

    Attributes:
        fitted: retrieve and filter with tonight's two-tower, for everybody.
        published: (n, k) the lists to be published.
        evaluated: (n, k) those of what passed the behavioral suite for the compared customers, rows of -1 for others.
        two_tower_precision: (n_buyers,) average precision of the two-tower alone for the test week's buyers, which it
            has seen by now, or for some of them; None where a baseline makes the lists.
        evaluated_two_tower_precision: (n_buyers,) likewise, of the evaluated one.
        first_step_precision: (n_buyers,) likewise, of one that was trained for a single step.
        proposers: (n, k) uint8, bits of `Proposer`, which generators proposed the articles of the published lists.
        popular: (1, k) the list for strangers.
        catalogue: owner of article positions.
        articles: the `articles` mart, one row per position.
        segments: popular lists by segment.
        similar: similar articles by article id.
        purchases: what the customers bought last.
        known_customer_ids: everybody who must have a list.
        recommender: who made the lists.
    """

    fitted: FittedDay
    published: RankedLists
    evaluated: RankedLists
    two_tower_precision: np.ndarray | None
    evaluated_two_tower_precision: np.ndarray | None
    first_step_precision: np.ndarray | None
    proposers: np.ndarray
    popular: RankedLists
    catalogue: Catalogue
    articles: pa.Table
    segments: NamedLists
    similar: NamedLists
    purchases: PurchaseArrays
    known_customer_ids: np.ndarray
    recommender: Recommender

    def gate(self, k: int) -> PublicationGate:
        """Return the second gate on the first k articles of each list."""
        is_on_sale = np.zeros(len(self.catalogue), dtype=bool)
        is_on_sale[self.fitted.day.candidates] = True
        return PublicationGate(
            customer_ids=self.fitted.day.customer_ids,
            known_customer_ids=self.known_customer_ids,
            lists=self.published.positions[:, :k],
            scores=self.published.scores[:, :k],
            is_personal=self.fitted.day.has_history() & self.recommender.is_personal,
            evaluated_lists=self.evaluated.positions[:, :k],
            evaluated_scores=self.evaluated.scores[:, :k],
            two_tower_precision=self.two_tower_precision,
            evaluated_two_tower_precision=self.evaluated_two_tower_precision,
            first_step_precision=self.first_step_precision,
            is_on_sale=is_on_sale,
        )

    def published_lists(self) -> PublishedLists:
        """Return the lists as the cache knows them, with everything that goes with them."""
        sources = np.where(self.fitted.day.has_history(), Source.PERSONAL, self.recommender.cold_source)
        customer_ids, catalogue = self.fitted.day.customer_ids, self.catalogue
        proposers = contents.mark_own(self.proposers, self.published.positions, self.fitted.day.history)
        return PublishedLists(
            customer_ids=customer_ids,
            lists=contents.cached_lists(self.published, sources, catalogue, proposers),
            popular=contents.cached_lists(self.popular, np.array([Source.POPULAR]), catalogue),
            articles=contents.facts_of(self.articles, catalogue),
            segments=self.segments,
            similar=self.similar,
            purchases=self.purchases,
            shown=contents.shown_to(self.published.positions, customer_ids, catalogue),
        )


def lists_for_everybody(
    request: ListRequest, tonight: FittedModels, evaluated: FittedModels, report: Callable[[str], None] = print
) -> Tonight:
    """Make the lists that every known customer is served from the request's day on.

    Args:
        request: which lists are wanted.
        tonight: models fitted on all purchases.
        evaluated: the models that were judged; their inputs hold the day as well, and on it the compared customers.
        report: called from time to time with how far it got.
    """
    marts, catalogue = tonight.two_tower.marts, tonight.two_tower.inputs().catalogue
    if request.recommender.name == FOUR_STAGES:
        made = _by_stages(request, tonight, evaluated, report)
    else:
        made = _by_baseline(request, tonight.two_tower, evaluated.two_tower.as_of_day)
    day = made.fitted.day
    shop = BaselineShop.read(marts, request.day, catalogue.article_ids, day.purchases)
    return Tonight(
        **made._asdict(),
        popular=popular(shop, [""], day.candidates, request.k),
        catalogue=catalogue,
        segments=contents.popular_in_segments(shop, day.candidates, request.k, catalogue),
        similar=contents.similar_to_each(tonight.two_tower, day, catalogue),
        purchases=contents.last_purchases(marts, request.day, day.customer_rows, request.purchases, catalogue),
        articles=marts.articles_in_order(catalogue),
        known_customer_ids=marts.customer_ids(),
        recommender=request.recommender,
    )


class _Made(NamedTuple):
    """The first fields of `Tonight`."""

    fitted: FittedDay
    published: RankedLists
    evaluated: RankedLists
    proposers: np.ndarray
    two_tower_precision: np.ndarray | None = None
    evaluated_two_tower_precision: np.ndarray | None = None
    first_step_precision: np.ndarray | None = None


def _by_stages(
    request: ListRequest, tonight: FittedModels, evaluated: FittedModels, report: Callable[[str], None]
) -> _Made:
    day, stages, k = request.day, request.stages, request.k
    fitted = tonight.two_tower.fit_day(stages, day)
    everyone, ranker = len(fitted.day), load_ranker(tonight.ranker_folder)
    published, proposers = recommend_and_tell(
        fitted, ranker, stages.order, k, PROPOSER_BITS, progress=_every(everyone, report)
    )
    again = evaluated.two_tower.fit_day(stages, day)
    served_again = recommend(again, load_ranker(evaluated.ranker_folder), stages.order, k)
    test_day = evaluated.two_tower.as_of_day
    evaluated_precision = _precision_alone(evaluated.two_tower, evaluated.two_tower.inputs(), test_day)
    candidate, inputs = request.candidate, tonight.two_tower.inputs()
    return _Made(
        fitted=fitted,
        published=published,
        evaluated=served_again.spread(again.day.customer_rows, everyone),
        proposers=proposers,
        two_tower_precision=_precision_alone(tonight.two_tower, inputs, test_day),
        evaluated_two_tower_precision=evaluated_precision,
        first_step_precision=first_step_precision(candidate, inputs, test_day, day, FIRST_STEPS, COMPARED_CUSTOMERS),
    )


def _precision_alone(two_tower: WeeklyModel, inputs: ModelInputs, day: date) -> np.ndarray:
    """Return the average precision of a two-tower's own lists in the week from a day, for each compared buyer."""
    return validation_average_precision(load_model(two_tower.folder), inputs, day, most=COMPARED_CUSTOMERS)


def _by_baseline(request: ListRequest, two_tower: WeeklyModel, evaluated_day: date) -> _Made:
    """Let a baseline that knows all purchases make the lists, and one that knows those before the test week.

    For both a customer is in tonight's segment.
    """
    marts, k, recommender = two_tower.marts, request.k, request.recommender
    inputs, make_lists = two_tower.inputs(), every_baseline(recommender.seed)[recommender.name]
    fitted = fit_day(marts, request.day, inputs, None, {"popular": k}, request.stages.filters)
    article_ids, known, articles = inputs.catalogue.article_ids, fitted.day, fitted.day.candidates
    shop = BaselineShop.read(marts, request.day, article_ids, known.purchases)
    earlier = BaselineShop.read(marts, evaluated_day, article_ids, known.purchases)
    earlier = replace(earlier, customer_features=shop.customer_features)  # on an earlier day only its week's buyers
    rows = compared_customers(len(known))
    return _Made(
        fitted=fitted,
        published=make_lists(shop, known.customer_ids, articles, k),
        evaluated=make_lists(earlier, known.customer_ids[rows], articles, k).spread(rows, len(known)),
        proposers=np.zeros((len(known), k), np.uint8),
    )


def _every(everyone: int, report: Callable[[str], None]) -> Callable[[int], None]:
    """Report the first chunk's end, then at most every few seconds."""
    started = latest = time.monotonic()

    def progress(done: int) -> None:
        nonlocal latest
        now = time.monotonic()
        if done == everyone or now - latest >= SECONDS_PER_REPORT:
            latest = now
            report(f"lists for {done:,} of {everyone:,} customers, {done / max(now - started, 1e-9):,.0f} a second")

    return progress
