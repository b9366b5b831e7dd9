"""The test week from end to end: lists of every recommender, who makes tonight's, what it scores and against whom.

Stage: after the ranker was fitted, before the behavioral suite. In: the models fitted before the week, the champion's
where they are others. Out: `EvaluatedWeek`, which the verdict and the report are made from, and `WeekLists`, which a
file is made of. They stand apart because only the second knows customers' ids.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from recommender.config import Settings
from recommender.evaluation.behavior.judged_week import Perturbed, Rehearsal
from recommender.evaluation.behavior.judging import Judging
from recommender.evaluation.behavior.perturbed_lists import perturbed_lists
from recommender.evaluation.behavior.suite import BehavioralSuite
from recommender.evaluation.behavioral_check import CheckResult, run_tests
from recommender.evaluation.challenge import Challenge, challenge_in
from recommender.evaluation.contest import Contest, hold_contest
from recommender.evaluation.held_out_week import HeldOutWeek, lists_of_week, read_oracle
from recommender.evaluation.promotion import Verdict, decide
from recommender.evaluation.quality_report import quality_report
from recommender.evaluation.rehearsal import Rehearsing
from recommender.features.interactions import Interactions
from recommender.model_names import CHAMPION, FOUR_STAGES, ORACLE, SERVED, TWO_TOWER
from recommender.models.baseline_shop import BaselineShop
from recommender.models.collaborative_baselines import every_baseline
from recommender.models.ranked_lists import RankedLists
from recommender.models.ranking.rankers import load_ranker
from recommender.weeks.configuration import Opponent
from recommender.weeks.tonights_models import TonightsModels


@dataclass(frozen=True)
class WeekLists:
    """Everybody's lists for the test week.

    Attributes:
        customer_ids: (n,) array of str, who bought something in it.
        article_ids: (n_articles,) array of str by catalogue position.
        by_model: (n, depth) by model name; `SERVED` are the winner's, `FOUR_STAGES` stand apart where a baseline won.
    """

    customer_ids: np.ndarray
    article_ids: np.ndarray
    by_model: dict[str, RankedLists]

    def of_models(self) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
        """Yield each model's name, positions and scores."""
        yield from ((name, lists.positions, lists.scores) for name, lists in self.by_model.items())


@dataclass(frozen=True)
class EvaluatedWeek:
    """What is known of the test week.

    Attributes:
        n_candidates: number of articles that could have been recommended.
        metrics: model to metric to value.
        quality: see `quality_report`.
        contest: who makes tonight's lists.
        challenge: how they compare with the champion's.
        suite: the behavioral tests of the served lists.
    """

    n_candidates: int
    metrics: dict[str, dict[str, float]]
    quality: dict[str, Any]
    contest: Contest
    challenge: Challenge
    suite: BehavioralSuite

    def verdict(self, results: Sequence[CheckResult]) -> Verdict:
        """Decide over test results, the contest and the challenge together."""
        return decide(results, self.challenge, self.contest)


def evaluate_week(
    models: TonightsModels,
    opponent: Opponent,
    settings: Settings,
    oracle_file: Path | None = None,
    forced_reason: str = "",
) -> tuple[EvaluatedWeek, WeekLists]:
    """Make and score everybody's lists for the test week.

    Args:
        models: everything that was fitted tonight.
        opponent: what tonight's lists are compared with.
        settings: of the run.
        oracle_file: true probabilities, where the data are generated.
        forced_reason: see `challenge.compare`.
    """
    contenders = _Contenders(models, settings)
    week, contest = contenders.week, contenders.contest()
    lists = contenders.lists_by_name(contest.winner)
    if models.champion is not None:
        stages = opponent.configuration.stages
        lists[CHAMPION] = lists_of_week(models.champion, stages, week.k, week.depth)[1]
    if oracle_file is not None:
        lists[ORACLE] = read_oracle(oracle_file, week.customer_ids, contenders.catalogue, settings.lists.published_k)
    name, why_unopposed = opponent.against(contest.winner, contenders.lists.keys())
    champions = None if name is None else (lists | contenders.lists)[name]
    evaluated = EvaluatedWeek(
        n_candidates=week.n_candidates,
        metrics={name: week.metrics_of(each) for name, each in lists.items()},
        quality=quality_report(week, lists, models.evaluated.two_tower.week()),
        contest=contest,
        challenge=challenge_in(week, lists[SERVED], champions, why_unopposed, settings.promotion, forced_reason),
        suite=contenders.suite_of(contest.winner),
    )
    return evaluated, WeekLists(week.customer_ids, contenders.catalogue.article_ids, lists)


class _Contenders:
    """Who could make tonight's lists: the four stages and every baseline, on the test week."""

    def __init__(self, models: TonightsModels, settings: Settings):
        self._models, self._settings = models, settings
        self._evaluated, self._marts = models.evaluated, models.evaluated.two_tower.marts
        self.week, by_stages = self._lists_of_stages()
        self.catalogue, day = self._evaluated.two_tower.inputs().catalogue, self.week.fitted.day
        self._shop = BaselineShop.read(self._marts, day.as_of_day, self.catalogue.article_ids, day.purchases)
        self.lists = {FOUR_STAGES: by_stages, **self.week.baseline_lists(self._shop, settings.ranking.seed)}

    def contest(self) -> Contest:
        """Find out who makes the lists."""
        scores = {name: self.week.average_precision_of(lists) for name, lists in self.lists.items()}
        thresholds, minimum = self._settings.behavioral_tests, self._settings.promotion.minimum_customers
        return hold_contest(
            scores.pop(FOUR_STAGES), scores, lambda name: run_tests(self.suite_of(name), thresholds), minimum
        )

    def lists_by_name(self, winner: str) -> dict[str, RankedLists]:
        """Return everybody's lists as a report names them: the winner's are those that are served."""
        lists = {SERVED: self.lists[winner], TWO_TOWER: self.week.two_tower_lists(), **self.lists}
        if lists[TWO_TOWER] is None:
            del lists[TWO_TOWER]
        if winner == FOUR_STAGES:
            del lists[FOUR_STAGES]  # they stand under `SERVED`
        return lists

    def suite_of(self, name: str) -> BehavioralSuite:
        """Return the behavioral tests of one contender's lists."""
        settings = self._settings
        judging = Judging(self._marts, self.catalogue, settings.common_sense)
        baselines = {other: lists for other, lists in self.lists.items() if other != FOUR_STAGES}
        of_stages = (self._perturbed(), self._rehearsal()) if name == FOUR_STAGES else ()
        two_tower = self.week.two_tower_lists()
        return judging.suite(self.week, self.lists[name], self._lists_again(name), baselines, two_tower, *of_stages)

    def _perturbed(self) -> Perturbed | None:
        """Return how the four stages take histories that are changed a little."""
        ranker = load_ranker(self._evaluated.ranker_folder)
        return perturbed_lists(self.week, self.lists[FOUR_STAGES], ranker, self._settings.stages.order)

    def _rehearsal(self) -> Rehearsal | None:
        """Return how the ranker did in the newest week that taught the others."""
        models, judged = self._models, self._evaluated.two_tower.week()
        n_weeks = sum(len(each.scored_weeks) for each in models.ranking)
        order, codes = self._settings.stages.order, self.week.fitted.day.attribute_codes
        rehearsing = Rehearsing(models.ranker_choice, n_weeks, order, codes)
        return rehearsing.on(models.newest_ranking_week(), judged, self.week.customer_ids)

    def _lists_again(self, name: str) -> RankedLists:
        """Make a contender's lists a second time, the four stages' with other purchases planted in the week.

        A baseline cannot see the week: its shop holds no purchase of it.
        """
        if name == FOUR_STAGES:
            purchases = self._marts.interactions(self.catalogue)
            planted = purchases.with_others_from(self.week.fitted.day.as_of_day, self._settings.ranking.seed)
            return self._lists_of_stages(planted)[1]
        recommend = every_baseline(self._settings.ranking.seed)[name]
        return recommend(self._shop, self.week.customer_ids, self.week.fitted.day.candidates, self.week.depth)

    def _lists_of_stages(self, purchases: Interactions | None = None) -> tuple[HeldOutWeek, RankedLists]:
        wanted = self._settings.lists
        return lists_of_week(self._evaluated, self._settings.stages, wanted.k, wanted.published_k, purchases)
