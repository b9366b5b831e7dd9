"""What a night fitted, asked for again."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from recommender.features.marts import Marts
from recommender.stages.rank import RankerChoice
from recommender.stages.ranking_week import RankingWeek
from recommender.weeks.tonights_models import TonightsModels
from recommender.weeks.weekly_models import FittedModels, WeeklyModel

TEST_DAY = date(2020, 9, 16)
WEEK = timedelta(days=7)
NEWEST, MIDDLE, OLDEST = (TEST_DAY - n * WEEK for n in (1, 2, 3))


def planted_week(day: date) -> RankingWeek:
    """A week of one customer with one candidate, which can be told by its day."""
    return RankingWeek(
        as_of_day=day,
        positions=np.zeros(1, np.int32),
        offsets=np.array([0, 1]),
        features=np.zeros((1, 1), np.float32),
        feature_names=("own_score",),
        proposed_by={"own": np.ones(1, bool)},
        is_bought=np.ones(1, bool),
        customer_ids=np.array(["ann"]),
        n_bought=np.ones(1, np.int64),
    )


@pytest.fixture
def models(tmp_path) -> TonightsModels:
    """A two-tower that scored two ranking weeks, one that scored the third, and the test week's."""
    marts, folders = Marts(tmp_path), [tmp_path / name for name in ("first", "second", "test")]
    first = WeeklyModel(OLDEST, folders[0], marts, (OLDEST, MIDDLE))
    second = WeeklyModel(NEWEST, folders[1], marts, (NEWEST,))
    test = WeeklyModel(TEST_DAY, folders[2], marts, (TEST_DAY,))
    for model in (first, second, test):
        model.folder.mkdir()
        for day in model.scored_weeks:
            planted_week(day).save(model.week_folder(day))
    choice = RankerChoice(None, "lambdarank", {}, 1, {})
    return TonightsModels((first, second), FittedModels(test, tmp_path), None, test, choice)


def test_the_newest_ranking_week_is_the_last_before_the_test_week(models):
    assert models.newest_ranking_week().as_of_day == NEWEST


def test_of_a_model_that_scored_two_weeks_the_second_is_the_newest(models):
    assert replace(models, ranking=models.ranking[:1]).newest_ranking_week().as_of_day == MIDDLE
