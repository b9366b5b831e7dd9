"""The weeks of a run: what must hold for any cutoff, and what a person is told when it cannot."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.features.time_split import NothingSold, ranking_models, split_by_time

WEEK = timedelta(days=7)


def test_online_retail_weeks_are_the_last_two():
    windows = split_by_time(date(2009, 12, 1), date(2011, 12, 9), training_weeks=3)
    assert windows.cutoff == date(2011, 12, 10)
    assert windows.training_as_of_days == (date(2011, 11, 5), date(2011, 11, 12), date(2011, 11, 19))
    assert windows.report() == {
        "train": {"start": "2009-12-01", "end": "2011-11-25"},
        "validation": {"start": "2011-11-26", "end": "2011-12-02"},
        "test": {"start": "2011-12-03", "end": "2011-12-09"},
    }


def test_each_model_is_fitted_on_the_weeks_that_end_before_its_day():
    windows = split_by_time(date(2020, 1, 1), date(2020, 3, 31), training_weeks=1)
    training, validation, test = date(2020, 3, 11), date(2020, 3, 18), date(2020, 3, 25)
    assert windows.known_before(training) == ()
    assert windows.known_before(validation) == (training,)
    assert windows.known_before(test) == (training, validation)
    assert windows.known_before(windows.publishing_as_of_day) == (training, validation, test)


def test_a_week_that_ends_on_the_day_is_known_and_one_that_ends_after_it_is_not():
    windows = split_by_time(date(2020, 1, 1), date(2020, 3, 31), training_weeks=1)
    assert windows.known_before(date(2020, 3, 18)) == (date(2020, 3, 11),)  # its last day is 03-17
    assert windows.known_before(date(2020, 3, 17)) == ()


def test_the_ranker_learns_from_the_weeks_before_the_test_week():
    windows = split_by_time(date(2020, 1, 1), date(2020, 3, 31), training_weeks=4, ranking_weeks=3)
    assert windows.ranking_as_of_days == (date(2020, 3, 4), date(2020, 3, 11), date(2020, 3, 18))
    assert windows.validation_as_of_day == windows.ranking_as_of_days[-1]
    assert windows.test_as_of_day == date(2020, 3, 25)


@pytest.mark.parametrize(
    ("weeks", "per_model", "expected"),
    [(4, 2, {4: (4, 3), 2: (2, 1)}), (3, 2, {3: (3, 2), 1: (1,)}), (2, 1, {2: (2,), 1: (1,)}), (2, 5, {2: (2, 1)})],
)
def test_one_model_scores_its_own_week_and_the_next(weeks, per_model, expected):
    test_day = date(2020, 3, 25)
    found = ranking_models(test_day, weeks, per_model)
    before = {
        (test_day - day).days // 7: tuple((test_day - week).days // 7 for week in scored)
        for day, scored in found.items()
    }
    assert before == expected


def test_without_ranking_weeks_there_are_none():
    assert split_by_time(date(2020, 1, 1), date(2020, 3, 31), training_weeks=4).ranking_as_of_days == ()


def test_a_short_history_leaves_as_many_ranking_weeks_as_training_weeks():
    # Six weeks: history, three to train on, validation, test; the oldest of three ranking weeks has one week before it.
    windows = split_by_time(date(2020, 1, 1), date(2020, 2, 11), training_weeks=50, ranking_weeks=5)
    assert windows.ranking_as_of_days == (date(2020, 1, 15), date(2020, 1, 22), date(2020, 1, 29))
    assert windows.known_before(windows.ranking_as_of_days[0]) == (date(2020, 1, 8),)


first_days = st.dates(min_value=date(2018, 1, 1), max_value=date(2020, 1, 1))
spans = st.integers(min_value=27, max_value=400)  # days from the first to the last purchase
weeks = st.integers(min_value=1, max_value=60)
few_weeks = st.integers(min_value=0, max_value=8)


@given(first_days, spans, weeks)
def test_every_target_ends_before_the_week_that_judges_it(first_day, span, training_weeks):
    windows = split_by_time(first_day, first_day + timedelta(days=span), training_weeks)
    assert all(day + WEEK <= windows.validation_as_of_day for day in windows.training_as_of_days)
    assert windows.validation_as_of_day + WEEK == windows.test_as_of_day
    assert windows.test_as_of_day + WEEK == windows.cutoff


@given(first_days, spans, weeks, few_weeks)
def test_no_week_a_model_is_fitted_on_reaches_into_its_own(first_day, span, training_weeks, ranking_weeks):
    windows = split_by_time(first_day, first_day + timedelta(days=span), training_weeks, ranking_weeks=ranking_weeks)
    for model_day in (*windows.ranking_as_of_days, windows.test_as_of_day, windows.publishing_as_of_day):
        known = windows.known_before(model_day)
        assert all(day + WEEK <= model_day for day in known)
        assert known and known[-1] == model_day - WEEK  # as young as it may be
        assert known == windows.as_of_days[: len(known)]


@given(first_days, spans, weeks, few_weeks, st.integers(min_value=1, max_value=4))
def test_ranking_weeks_end_with_the_validation_week(first_day, span, training_weeks, ranking_weeks, per_model):
    last_day = first_day + timedelta(days=span)
    windows = split_by_time(first_day, last_day, training_weeks, ranking_weeks=ranking_weeks, weeks_per_model=per_model)
    days = windows.ranking_as_of_days
    for model_day, scored in windows.ranking_models.items():
        assert model_day == min(scored) and len(scored) <= per_model
    assert len(days) == min(ranking_weeks, len(windows.training_as_of_days))
    assert all(later - earlier == WEEK for earlier, later in zip(days, days[1:], strict=False))
    assert not days or days[-1] == windows.validation_as_of_day
    assert set(days) <= set(windows.as_of_days)


@given(first_days, spans, weeks)
def test_as_of_days_are_weekly_and_each_has_a_week_of_history(first_day, span, training_weeks):
    windows = split_by_time(first_day, first_day + timedelta(days=span), training_weeks)
    days = windows.as_of_days
    assert all(later - earlier == WEEK for earlier, later in zip(days, days[1:], strict=False))
    assert days[0] - WEEK >= first_day
    assert days[-1] == windows.publishing_as_of_day == windows.cutoff
    assert 1 <= len(windows.training_as_of_days) <= training_weeks


def test_as_many_training_weeks_as_the_data_allows():
    # 2020-01-01 to 2020-02-11 are six weeks: history, three to train on, validation, test.
    windows = split_by_time(date(2020, 1, 1), date(2020, 2, 11), training_weeks=50)
    assert len(windows.training_as_of_days) == 6 - 1 - 1 - 1


def test_an_earlier_cutoff_moves_every_week():
    windows = split_by_time(date(2020, 1, 1), date(2020, 9, 22), 4, cutoff=date(2020, 9, 16))
    assert windows.report()["test"] == {"start": "2020-09-09", "end": "2020-09-15"}


def test_cutoff_after_the_data_is_refused():
    with pytest.raises(ValueError, match="2020-09-30 is after the last purchase, 2020-09-22; choose 2020-09-23"):
        split_by_time(date(2018, 9, 20), date(2020, 9, 22), 4, cutoff=date(2020, 9, 30))


def test_cutoff_before_the_data_is_refused():
    with pytest.raises(ValueError, match="2018-09-20 is not after the first purchase, 2018-09-20"):
        split_by_time(date(2018, 9, 20), date(2020, 9, 22), 4, cutoff=date(2018, 9, 20))


def test_less_than_four_weeks_of_purchases_is_refused():
    with pytest.raises(ValueError, match="leaves 27 days of purchases from 2020-01-01; four weeks are needed"):
        split_by_time(date(2020, 1, 1), date(2020, 1, 27), training_weeks=4)
    assert split_by_time(date(2020, 1, 1), date(2020, 1, 28), training_weeks=4).training_as_of_days


def test_no_training_weeks_is_refused():
    with pytest.raises(ValueError, match="at least 1, got 0"):
        split_by_time(date(2020, 1, 1), date(2020, 9, 1), training_weeks=0)


def test_closed_weeks_are_skipped_by_who_learns_from_them():
    windows = split_by_time(date(2020, 1, 1), date(2020, 3, 31), training_weeks=5, ranking_weeks=4, weeks_per_model=2)
    assert windows.ranking_models == {
        date(2020, 2, 26): (date(2020, 2, 26), date(2020, 3, 4)),
        date(2020, 3, 11): (date(2020, 3, 11), date(2020, 3, 18)),
    }
    left = windows.without_closed([date(2020, 3, 4), date(2020, 3, 11), date(2020, 1, 1)])
    assert left.training_as_of_days == (date(2020, 2, 12), date(2020, 2, 19), date(2020, 2, 26))
    assert left.ranking_models == {date(2020, 2, 26): (date(2020, 2, 26),), date(2020, 3, 18): (date(2020, 3, 18),)}
    assert left.ranking_as_of_days == (date(2020, 2, 26), date(2020, 3, 18))
    assert left.known_before(date(2020, 3, 18)) == left.training_as_of_days
    assert left.closed_as_of_days == (
        date(2020, 3, 4),
        date(2020, 3, 11),
    )  # the first of January was no week of the run
    assert left.report() == windows.report()


def test_a_ranking_week_with_only_closed_weeks_before_it_is_skipped_too():
    """Its two-tower would have nothing to learn from."""
    windows = split_by_time(date(2020, 1, 1), date(2020, 2, 4), training_weeks=5, ranking_weeks=2)
    assert windows.training_as_of_days == (date(2020, 1, 8), date(2020, 1, 15))
    assert windows.ranking_as_of_days == (date(2020, 1, 15), date(2020, 1, 22))
    left = windows.without_closed([date(2020, 1, 8)])
    assert left.ranking_as_of_days == (date(2020, 1, 22),)
    assert left.known_before(date(2020, 1, 22)) == (date(2020, 1, 15),)


def test_without_closed_weeks_nothing_changes():
    windows = split_by_time(date(2020, 1, 1), date(2020, 3, 31), training_weeks=4, ranking_weeks=3)
    assert windows.without_closed([]) == windows


@pytest.mark.parametrize(
    ("closed", "message"),
    [
        (date(2020, 3, 25), "nobody bought anything in the test week, 2020-03-25 to 2020-03-31: bring its purchases"),
        (date(2020, 3, 18), "nobody bought anything in the validation week, 2020-03-18 to 2020-03-24: bring its"),
        (date(2020, 3, 11), "nobody bought anything in any training week, 2020-03-11 to 2020-03-17: bring purchases"),
    ],
)
def test_a_week_that_a_run_cannot_do_without_refuses_it(closed, message):
    windows = split_by_time(date(2020, 1, 1), date(2020, 3, 31), training_weeks=1, ranking_weeks=1)
    with pytest.raises(NothingSold, match=message):
        windows.without_closed([closed])
