"""What earlier weeks teach: planted weeks, in which one feature decides, and weeks in which nothing does."""

import json
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from planted_ranking_rows import FEW_ROWS, GROUP_SIZE, MAP_BY_CHANCE, planted_rows

from recommender.models.ranking.rankers import fit_ranker, score_rows
from recommender.models.ranking.ranking_rows import RankingRows, map_within_candidates
from recommender.stages.rank import fit_on_weeks
from recommender.stages.ranking_week import RankingWeek

LAMBDARANK = {"lambdarank": FEW_ROWS["lambdarank"]}


def planted_week(number: int, groups: int = 150) -> RankingWeek:
    """A week of planted candidates, proposed by one generator."""
    rows = planted_rows(groups, seed=number)
    return RankingWeek(
        as_of_day=date(2020, 1, 6) + timedelta(weeks=number),
        positions=np.tile(np.arange(GROUP_SIZE, dtype=np.int32), groups),
        offsets=np.arange(groups + 1) * GROUP_SIZE,
        features=rows.features,
        feature_names=rows.feature_names,
        proposed_by={"popular": np.ones(len(rows), bool)},
        is_bought=rows.is_bought,
        customer_ids=np.arange(groups).astype(str),
        n_bought=np.ones(groups, np.int64),
    )


def permuted(week: RankingWeek, seed: int) -> RankingWeek:
    """The same candidates with as many purchases, spread over the week by chance.

    By another stream than the one of the same seed that the features come from, or they would tell of the purchases.
    """
    return replace(week, is_bought=np.random.default_rng([seed, 1]).permutation(week.is_bought))


def map_on(ranker, week: RankingWeek) -> float:
    """MAP@12 within the candidates of a week."""
    return map_within_candidates(ranker.score(week.features), week.rows())


@pytest.fixture(scope="module")
def weeks():
    return [planted_week(number) for number in range(3)]


@pytest.fixture(scope="module")
def choice(weeks):
    return fit_on_weeks(weeks, LAMBDARANK, seed=1)


def test_the_feature_that_decides_is_learned(choice):
    assert map_on(choice.ranker, planted_week(9)) > 0.9


def test_the_newest_week_judges_rankers_fitted_on_the_others(weeks, choice):
    earlier, newest = RankingRows.concatenate([week.rows() for week in weeks[:2]]), weeks[2].rows()
    trial = fit_ranker("lambdarank", earlier, newest, LAMBDARANK["lambdarank"], seed=1)
    assert choice.kind == "lambdarank"
    assert choice.validation_map == {"lambdarank": map_on(trial, weeks[2])}


def test_the_ranker_of_all_weeks_but_the_newest_is_kept(weeks, choice):
    """What it is asked for must be news to it: the newest week moved no tree of it, only their number."""
    earlier, newest = RankingRows.concatenate([week.rows() for week in weeks[:2]]), weeks[2].rows()
    trial = fit_ranker("lambdarank", earlier, newest, LAMBDARANK["lambdarank"], seed=1)
    scores = choice.earlier.score(weeks[2].features)
    np.testing.assert_array_equal(scores, trial.score(weeks[2].features))
    assert not np.array_equal(scores, choice.ranker.score(weeks[2].features))


def test_the_newest_week_judges_by_as_many_articles_as_count(weeks):
    lines = []
    choice = fit_on_weeks(weeks, LAMBDARANK, seed=1, report=lines.append, k=1)
    earlier, newest = RankingRows.concatenate([week.rows() for week in weeks[:2]]), weeks[2].rows()
    trial = fit_ranker("lambdarank", earlier, newest, LAMBDARANK["lambdarank"], seed=1, k=1)
    score = map_within_candidates(score_rows(trial, newest), newest, k=1)
    assert choice.as_dict()["validation_map@1"] == {"lambdarank": score}
    assert f"lambdarank: MAP@1 within the newest week's candidates {score:.4f}" in lines


def test_the_newest_week_decides_the_length_and_all_weeks_are_learned_from(weeks):
    """A newest week in which another article is bought stops the trial early; the ranker is as long as the trial."""
    weeks = [*weeks[:2], permuted(weeks[2], seed=5)]
    settings = {"n_trees": 60, "min_rows_in_leaf": 10}
    parts = [week.rows() for week in weeks]
    trial = fit_ranker("lambdarank", RankingRows.concatenate(parts[:2]), parts[2], settings, seed=1)
    assert trial.best_iteration < 60
    choice = fit_on_weeks(weeks, {"lambdarank": settings}, seed=1)
    assert choice.ranker.best_iteration == trial.best_iteration
    length = {**settings, "n_trees": trial.best_iteration}
    again = fit_ranker("lambdarank", RankingRows.concatenate(parts), None, length, seed=1)
    np.testing.assert_array_equal(choice.ranker.score(weeks[0].features), again.score(weeks[0].features))


def test_one_week_is_learned_without_validation(weeks):
    choice = fit_on_weeks(weeks[:1], LAMBDARANK, seed=1)
    assert choice.validation_map == {}
    assert choice.earlier is None
    assert choice.ranker.best_iteration == FEW_ROWS["lambdarank"]["n_trees"]
    assert map_on(choice.ranker, planted_week(9)) > 0.9


def test_the_better_kind_in_the_newest_week_is_taken(weeks):
    """DCN-v2 for one epoch at no speed knows nothing yet."""
    lines = []
    slow = {"epochs": 1, "learning_rate": 1e-7}
    choice = fit_on_weeks(weeks[1:], {"deep_cross": slow, **LAMBDARANK}, seed=1, report=lines.append)
    assert choice.kind == "lambdarank"
    assert choice.validation_map["lambdarank"] > 0.9 > choice.validation_map["deep_cross"]
    assert map_on(choice.earlier, weeks[2]) == choice.validation_map["lambdarank"]
    expected = [f"{kind}: MAP@12 within the newest week's candidates" for kind in ("deep_cross", "lambdarank")]
    assert [line.rsplit(" ", 1)[0] for line in lines if "newest" in line] == expected


def test_all_progress_goes_to_the_report(weeks, capsys):
    lines = []
    fit_on_weeks(weeks[:2], {"lambdarank": {"n_trees": 50, "patience": 50}}, seed=1, report=lines.append)
    assert [line.split(" MAP")[0].split("  ")[0] for line in lines] == ["trees", "lambdarank:"]
    assert capsys.readouterr().out == ""


def test_the_choice_can_be_repeated_on_other_weeks(weeks, choice):
    """Same kind, length and seed; no week judges any more."""
    again = choice.refitted(weeks)
    np.testing.assert_array_equal(again.score(weeks[0].features), choice.ranker.score(weeks[0].features))
    assert choice.refitted(weeks[:1]).best_iteration == choice.ranker.best_iteration
    assert json.loads(json.dumps(choice.as_dict()))["kind"] == "lambdarank"


def test_two_fits_with_one_seed_are_one_ranker(weeks, choice):
    again = fit_on_weeks(weeks, LAMBDARANK, seed=1)
    np.testing.assert_array_equal(again.ranker.score(weeks[0].features), choice.ranker.score(weeks[0].features))


def test_weeks_with_empty_customers_are_learned_from(weeks):
    """A customer without candidates, behind all others, is in no order."""
    week = replace(
        weeks[0],
        offsets=np.append(weeks[0].offsets, weeks[0].offsets[-1]),
        customer_ids=np.append(weeks[0].customer_ids, "150"),
        n_bought=np.append(weeks[0].n_bought, 1),
    )
    np.testing.assert_array_equal(
        fit_on_weeks([week], LAMBDARANK, seed=1).ranker.score(weeks[1].features),
        fit_on_weeks(weeks[:1], LAMBDARANK, seed=1).ranker.score(weeks[1].features),
    )


@pytest.mark.parametrize(("n_weeks", "kinds"), [(0, LAMBDARANK), (2, {})])
def test_no_weeks_or_no_kinds_are_an_error(weeks, n_weeks, kinds):
    with pytest.raises(ValueError, match="at least one week and one kind"):
        fit_on_weeks(weeks[:n_weeks], kinds, seed=1)


def test_weeks_in_which_nothing_was_bought_are_an_error(weeks):
    empty = [replace(week, is_bought=np.zeros_like(week.is_bought)) for week in weeks]
    with pytest.raises(ValueError, match="no customer bought a candidate"):
        fit_on_weeks(empty, LAMBDARANK, seed=1)


def test_weeks_of_other_features_are_an_error(weeks):
    other = replace(weeks[1], feature_names=tuple(reversed(weeks[1].feature_names)))
    with pytest.raises(ValueError, match="in this order"):
        fit_on_weeks([weeks[0], other, weeks[2]], LAMBDARANK, seed=1)


def test_permuted_labels_fall_to_chance():
    """One purchase at any of 20 ranks: its AP@12 is 0.155 on average and deviates by about 0.25.

    A mean over 1,500 customers deviates by 0.25 / sqrt(1500) = 0.0065; three of these are 0.02. Permuting spreads the
    purchases unevenly over customers, which is why the order by a column of chance is measured on the same labels.
    """
    true_weeks, held_out = [planted_week(number) for number in range(2)], planted_week(9, groups=1500)
    permuted_weeks = [permuted(week, seed) for seed, week in enumerate(true_weeks)]
    permuted_held_out = permuted(held_out, seed=9)
    taught = fit_on_weeks(true_weeks, LAMBDARANK, seed=1).ranker
    mistaught = fit_on_weeks(permuted_weeks, LAMBDARANK, seed=1).ranker
    noise = np.random.default_rng(3).random(len(held_out.positions))
    by_chance = map_within_candidates(noise, permuted_held_out.rows())
    assert map_within_candidates(noise, held_out.rows()) == pytest.approx(MAP_BY_CHANCE, abs=0.02)
    assert map_on(mistaught, permuted_held_out) == pytest.approx(by_chance, abs=0.03)
    assert map_on(taught, permuted_held_out) == pytest.approx(by_chance, abs=0.03)
    assert map_on(taught, held_out) > 0.9
