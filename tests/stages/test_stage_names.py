"""A misspelt name in the settings of the four stages is told before anything is trained."""

import pytest

from recommender.config import DEFAULT_FILE, Settings, SettingsError, read_toml
from recommender.stages.retrieve import GENERATORS
from recommender.stages.stage_names import check_stage_names


@pytest.fixture
def toml():
    return read_toml(DEFAULT_FILE.read_text())


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (
            lambda toml: toml["retrieve"].update(own_article=10),
            r"\[retrieve\] has own_article; it takes two_tower",
        ),
        (lambda toml: toml["retrieve"].update(dict.fromkeys(toml["retrieve"], 0)), r"\[retrieve\] proposes nothing"),
        (lambda toml: toml["rankers"].update(lambdarnk={}), r"\[rankers\] has lambdarnk; it takes lambdarank, deep_cr"),
        (
            lambda toml: toml["rankers"].clear(),
            r"no ranker; name at least one of \[rankers.lambdarank\]",
        ),
        (lambda toml: toml["rankers"]["lambdarank"].update(n_tree=10), r"\[rankers.lambdarank\] has n_tree; .*n_trees"),
        (lambda toml: toml["order"]["caps"].update(product=3), r"\[order\] caps product; it takes product_code"),
    ],
    ids=["a generator", "no generator", "a ranker", "no ranker", "a ranker's setting", "a cap"],
)
def test_the_section_is_named_with_what_it_takes(toml, change, complaint):
    change(toml)
    with pytest.raises(SettingsError, match=complaint):
        check_stage_names(Settings.of(toml, "demo").stages)


def test_the_default_names_every_generator_and_passes(toml):
    stages = Settings.of(toml, "demo").stages
    check_stage_names(stages)
    assert stages.sizes.keys() == GENERATORS.keys()
