"""A configuration goes through JSON, and is compared by what decides on the lists."""

import json
from dataclasses import replace

import pytest

from recommender.config import DEFAULT_FILE, Settings, read_toml
from recommender.model_names import CHAMPION, FOUR_STAGES
from recommender.weeks.configuration import NO_CHAMPION, SAME, Configuration, Opponent, find_opponent

SETTINGS = Settings.of(read_toml(DEFAULT_FILE.read_text()), "demo")
TONIGHT = Configuration(SETTINGS.candidates[0], 11, SETTINGS.stages)


def through_json(configuration: Configuration) -> dict:
    return json.loads(json.dumps(configuration.as_dict()))


def with_setting(name: str, value: object) -> Configuration:
    settings = {**TONIGHT.candidate.settings, name: value}
    return replace(TONIGHT, candidate=replace(TONIGHT.candidate, settings=settings))


def with_stages(**changes: object) -> Configuration:
    return replace(TONIGHT, stages=replace(TONIGHT.stages, **changes))


def test_it_comes_back_from_json():
    assert Configuration.from_dict({**through_json(TONIGHT), "ranker": {"kind": "lambdarank"}}) == TONIGHT


def test_tuples_and_lists_are_the_same():
    filters = replace(TONIGHT.stages.filters, denied_articles=("0108775015",))
    denied = with_stages(filters=filters)
    assert Configuration.from_dict(through_json(denied)).is_same_as(denied)


@pytest.mark.parametrize(
    "other",
    [replace(TONIGHT, best_epoch=3), replace(TONIGHT, candidate=replace(TONIGHT.candidate, name="renamed"))],
    ids=["another best epoch", "another name"],
)
def test_what_every_night_finds_anew_and_names_make_no_difference(other):
    assert TONIGHT.is_same_as(other)


@pytest.mark.parametrize(
    "other",
    [
        with_setting("dropout", 0.3),
        replace(TONIGHT, candidate=replace(TONIGHT.candidate, seed=8)),
        with_stages(sizes={**TONIGHT.stages.sizes, "own": 7}),
        with_stages(rankers={"lambdarank": {"n_trees": 7}}),
        with_stages(order=replace(TONIGHT.stages.order, diversity=0.5)),
        with_stages(filters=replace(TONIGHT.stages.filters, is_season_checked=False)),
    ],
    ids=["two-tower", "seed", "retrieve", "rankers", "order", "filter"],
)
def test_any_other_setting_makes_an_opponent(other):
    assert not TONIGHT.is_same_as(other)
    assert find_opponent(TONIGHT, through_json(other)) == Opponent(CHAMPION, other)


def test_without_a_champion_or_with_the_same_nothing_is_fitted_beside_tonights():
    assert find_opponent(TONIGHT, None) == Opponent(None, reason=NO_CHAMPION)
    assert find_opponent(TONIGHT, through_json(replace(TONIGHT, best_epoch=1))) == Opponent(FOUR_STAGES, reason=SAME)


def test_a_baseline_that_was_published_is_the_opponent_and_needs_no_fitting():
    champion = through_json(replace(TONIGHT, recommender="ease"))
    assert Configuration.from_dict(champion).recommender == "ease"
    opponent = find_opponent(TONIGHT, champion)
    assert (opponent.name, opponent.configuration) == ("ease", None)
    assert find_opponent(TONIGHT, {**champion, "stages": {}}) == opponent  # whatever its stages were


@pytest.mark.parametrize(
    ("opponent", "winner", "compared"),
    [
        (Opponent(None, reason=NO_CHAMPION), FOUR_STAGES, (None, NO_CHAMPION)),
        (Opponent(CHAMPION, TONIGHT), FOUR_STAGES, (CHAMPION, "")),
        (Opponent(CHAMPION, TONIGHT), "ease", (CHAMPION, "")),
        (Opponent(FOUR_STAGES, reason=SAME), FOUR_STAGES, (None, SAME)),
        (Opponent(FOUR_STAGES, reason=SAME), "ease", (FOUR_STAGES, "")),
        (Opponent("ease"), FOUR_STAGES, ("ease", "")),
        (Opponent("ease"), "ease", (None, SAME)),
        (Opponent("bpr"), FOUR_STAGES, (None, "the champion, bpr, is left out")),
    ],
)
def test_lists_are_compared_with_those_of_another_maker(opponent, winner, compared):
    assert opponent.against(winner, {FOUR_STAGES, "ease", "popular"}) == compared


def test_the_opponent_plays_by_the_rules_of_tonight():
    """An article that was denied since must not win it the comparison, nor one that is off sale by tonight's count."""
    rules = replace(TONIGHT.stages.filters, on_sale_days=400, denied_articles=["0108775015"])
    tonight = with_stages(filters=rules)
    assert find_opponent(tonight, through_json(TONIGHT)).configuration is None
    opponent = find_opponent(tonight, through_json(with_setting("dropout", 0.3))).configuration
    assert opponent.stages.filters == rules


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"candidate": {"name": "base", "seed": 7, "settings": {"epochs": 3}}}, "dropout"),
        ({"stages": {}}, "filters"),
        ({"candidate": None}, "NoneType"),
    ],
)
def test_a_champion_of_another_version_is_told_and_stops_no_night(changes, named):
    opponent = find_opponent(TONIGHT, {**through_json(TONIGHT), **changes})
    assert (opponent.name, opponent.configuration) == (None, None)
    assert opponent.reason.startswith("the champion cannot be fitted any more: its settings are not those of this")
    assert named in opponent.reason


def test_a_champion_whose_settings_a_file_could_not_hold_any_more_is_fitted_all_the_same():
    """Ranges are asked of tonight's file: what an earlier release allowed and published can be fitted again."""
    champion = with_setting("dropout", 1.5)
    champion = replace(champion, stages=replace(champion.stages, order=replace(champion.stages.order, depth=0)))
    assert Configuration.from_dict(through_json(champion)) == champion
    assert find_opponent(TONIGHT, through_json(champion)) == Opponent(CHAMPION, champion)


def test_a_champion_with_a_generator_of_the_past_is_told_and_stops_no_night():
    opponent = find_opponent(TONIGHT, through_json(with_stages(sizes={"trending": 5})))
    assert opponent.configuration is None
    assert "[retrieve] has trending" in opponent.reason
