"""A name that no stage knows, in the settings of an earlier release's champion, is told before anything is fitted."""

from dataclasses import replace

import pytest

from recommender.config import DEFAULT_FILE, Settings, SettingsError, read_file
from recommender.settings.sections import RetrieveSettings
from recommender.stages.retrieve import GENERATORS
from recommender.stages.stage_names import check_stage_names

STAGES = Settings.of(read_file(DEFAULT_FILE), "demo").stages


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"sizes": {"own_article": 10}}, r"\[retrieve\] has own_article; it takes two_tower"),
        ({"sizes": {"own": 0}}, r"\[retrieve\] proposes nothing"),
        ({"rankers": {"lambdarnk": {}}}, r"\[rankers\] has lambdarnk; it takes lambdarank, deep_cross"),
        ({"rankers": {}}, r"\[rankers\] is empty; it takes lambdarank, deep_cross"),
        ({"rankers": {"lambdarank": {"n_tree": 10}}}, r"\[rankers.lambdarank\] has n_tree; .*n_trees"),
        ({"order": replace(STAGES.order, caps={"product": 3})}, r"\[order\] caps product; it takes product_code"),
    ],
    ids=["a generator", "no generator", "a ranker", "no ranker", "a ranker's setting", "a cap"],
)
def test_the_section_is_named_with_what_it_takes(changes, complaint):
    with pytest.raises(SettingsError, match=complaint):
        check_stage_names(replace(STAGES, **changes))


def test_the_default_names_every_generator_and_passes():
    check_stage_names(STAGES)
    assert STAGES.sizes.keys() == GENERATORS.keys()


def test_the_settings_know_the_generators_that_there_are():
    assert list(RetrieveSettings.__annotations__) == list(GENERATORS)
