"""The settings that lists were made with can be read back."""

import json

import pytest

from recommender import config
from recommender.config import FilterSettings, OrderSettings, Settings, StageSettings
from recommender.weeks.stage_files import STAGES, load_stages, save_stages

PLANTED = StageSettings(
    sizes={"two_tower": 10, "own": 0},
    filters=FilterSettings(28, is_season_checked=True, denied_articles=["0108775015"]),
    rankers={"lambdarank": {"n_trees": 20, "learning_rate": 0.05}},
    order=OrderSettings(depth=60, diversity=0.5, caps={"product_code": 3, "department": 12}),
)


def test_settings_come_back_as_they_were(tmp_path):
    save_stages(PLANTED, tmp_path / "published")
    loaded = load_stages(tmp_path / "published")
    assert loaded == PLANTED
    assert list(loaded.sizes) == ["two_tower", "own"]
    assert list(loaded.order.caps) == ["product_code", "department"]


def test_the_settings_of_the_toml_come_back(tmp_path):
    stages = Settings.of(config.read_toml(config.DEFAULT_FILE.read_text()), "demo").stages
    save_stages(stages, tmp_path)
    assert load_stages(tmp_path) == stages


def test_a_folder_without_settings_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=STAGES):
        load_stages(tmp_path)


@pytest.mark.parametrize("change", [{"order": {"depth": 60}}, {"filters": None}, {"boosts": {}}])
def test_settings_of_another_version_are_an_error_that_says_so(tmp_path, change):
    save_stages(PLANTED, tmp_path)
    values = {**json.loads((tmp_path / STAGES).read_text()), **change}
    (tmp_path / STAGES).write_text(json.dumps(values))
    with pytest.raises(ValueError, match=r"stages\.json does not fit the settings of this version .* publish again"):
        load_stages(tmp_path)
