"""What a ranker does that knew neither week, on two weeks of a few planted candidates."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from recommender.columns import Columns
from recommender.config import OrderSettings
from recommender.evaluation.rehearsal import Rehearsing
from recommender.stages.rank import RankerChoice
from recommender.stages.ranking_week import RankingWeek

NAN = float("nan")
IDS = np.array(["ann", "bob", "cat", "dee"], dtype=object)
NAMES = "two_tower_score", "own_score", "merit"


class ByMerit:
    """A ranker that goes by a feature of no generator."""

    feature_names = NAMES

    def score(self, features: np.ndarray) -> np.ndarray:
        """Return (n_pairs,) float32."""
        return features[:, NAMES.index("merit")]


class AgainstMerit(ByMerit):
    """One that goes by the lack of it."""

    def score(self, features: np.ndarray) -> np.ndarray:
        """Return (n_pairs,) float32."""
        return -super().score(features)


MERIT = ByMerit()


def week(day: int, is_bought: list[int], customer_ids: list[str], n: int = 2) -> RankingWeek:
    """Customers with two candidates each; the two-tower prefers the first, own knows the second, so does merit."""
    return RankingWeek(
        as_of_day=date(2020, 9, day),
        positions=np.tile(np.array([0, 1], np.int32), n),
        offsets=np.arange(0, 2 * n + 1, 2),
        features=np.tile(np.array([[2, NAN, 0], [1, 5, 1]], np.float32), (n, 1)),
        feature_names=NAMES,
        proposed_by={"two_tower": np.ones(2 * n, bool), "own": np.tile([False, True], n)},
        is_bought=np.array(is_bought, bool),
        customer_ids=np.array(customer_ids, dtype=object),
        n_bought=np.array([2, 1]),
    )


THEN = week(9, [1, 0, 1, 0], ["abe", "cat"])
NOW = week(16, [0, 1, 1, 0], ["bob", "dee"])


def rehearsing(k: int = 12, earlier: ByMerit | None = MERIT, caps: Mapping[str, int] | None = None) -> Rehearsing:
    choice = RankerChoice(AgainstMerit(), "lambdarank", {}, 1, {}, k, earlier)
    codes = np.zeros((3, len(Columns.ARTICLE_ATTRIBUTES)), np.int32)
    return Rehearsing(choice, 8, OrderSettings(depth=60, diversity=0, caps=caps or {}), codes)


def test_both_weeks_are_scored_by_the_earlier_ranker_and_by_the_generator_that_was_best_then():
    """Then the first article is bought, which the two-tower lists first, merit second and own not at all.

    One of two purchases at rank 1 is an AP of 1/2, at rank 2 of 1/4; of one purchase 1 and 1/2.
    """
    found = rehearsing().on(THEN, NOW, IDS)
    assert found.earlier_then.tolist() == [1 / 4, 1 / 2]
    assert found.reference_then.tolist() == [1 / 2, 1]
    assert found.earlier_now.tolist() == [1 / 2, 1 / 2]
    assert found.reference_now.tolist() == [1 / 4, 1]


def test_both_rankers_are_judged_in_both_weeks_by_how_likely_they_make_what_was_bought():
    """Merit, to tonight's ranker the other way round, was right three times of four: its scores are log 3 apart."""
    then = replace(week(9, [0, 1, 0, 1, 0, 1, 1, 0], ["abe", "cat", "eve", "fay"], n=4), n_bought=np.ones(4, np.int64))
    found = rehearsing().on(then, NOW, IDS)
    right, wrong = np.log(3 / 4) - np.log(1 / 2), np.log(1 / 4) - np.log(1 / 2)
    assert found.temperature == pytest.approx(1 / np.log(3), rel=1e-3)
    assert found.earlier_likelihood_then == pytest.approx([right, right, right, wrong], abs=1e-3)
    assert found.judged_likelihood_then == pytest.approx([wrong, wrong, wrong, right], abs=1e-3)
    assert found.earlier_likelihood_now == pytest.approx([right, wrong], abs=1e-3)
    assert found.judged_likelihood_now == pytest.approx([wrong, right], abs=1e-3)


def test_the_generator_is_chosen_in_the_rehearsed_week_and_not_in_the_judged_one():
    """Own is right for both then and for one now, where the two-tower does better."""
    own_week = replace(THEN, is_bought=np.array([0, 1, 0, 1], bool))
    judged = replace(NOW, is_bought=np.array([1, 0, 1, 0], bool))
    found = rehearsing().on(own_week, judged, IDS)
    assert found.reference_then.tolist() == [1 / 2, 1]
    assert found.reference_now.tolist() == [0, 0]


def test_as_many_articles_count_as_when_the_ranker_was_chosen():
    found = rehearsing(k=1).on(THEN, NOW, IDS)
    assert found.earlier_then.tolist() == [0, 0]
    assert found.earlier_now.tolist() == [1, 0]


def test_the_judged_customers_are_found_among_those_of_the_week():
    assert rehearsing().on(THEN, NOW, IDS).rows.tolist() == [1, 3]
    assert rehearsing().on(THEN, NOW, np.array(["bob", "dee"], dtype=object)).rows.tolist() == [0, 1]


def test_a_generator_that_one_of_the_weeks_lacks_is_no_reference():
    found = rehearsing().on(THEN, replace(NOW, proposed_by={"own": NOW.proposed_by["own"]}), IDS)
    assert found.reference_then.tolist() == [0, 0]  # own's


def test_without_an_earlier_ranker_or_a_reference_there_is_no_rehearsal():
    assert rehearsing(earlier=None).on(THEN, NOW, IDS) is None
    proposed = {"popular": np.ones(4, bool)}
    assert rehearsing().on(replace(THEN, proposed_by=proposed), NOW, IDS) is None
    assert rehearsing().on(THEN, replace(NOW, proposed_by=proposed), IDS) is None


def test_the_earlier_rankers_lists_are_ordered_as_tonights_are():
    """One of three articles of one product is capped: merit puts 1 before 2, the cap puts 0, of another, between."""
    three = RankingWeek(
        as_of_day=date(2020, 9, 9),
        positions=np.arange(3, dtype=np.int32),
        offsets=np.array([0, 3]),
        features=np.array([[1, NAN, 0], [2, NAN, 2], [3, NAN, 1]], np.float32),
        feature_names=NAMES,
        proposed_by={"two_tower": np.ones(3, bool)},
        is_bought=np.array([1, 0, 0], bool),
        customer_ids=np.array(["abe"], dtype=object),
        n_bought=np.array([1]),
    )
    capped = rehearsing(caps={"product_code": 1})
    capped.attribute_codes[0] = 9
    assert rehearsing().on(three, three, IDS).earlier_now.tolist() == [1 / 3]
    assert capped.on(three, three, IDS).earlier_now.tolist() == [1 / 2]
