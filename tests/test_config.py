"""The settings file: what the defaults promise, and how a dataset and a candidate differ from them."""

import pickle

import pytest

from data.prepare import DATASETS
from recommender import config
from recommender.config import DEFAULT_FILE, Settings, SettingsError, read_day, read_file, read_toml
from serving.cache import published_datasets


@pytest.fixture
def toml():
    return read_toml(DEFAULT_FILE.read_text())


def test_whoever_lists_the_datasets_lists_them_all(toml):
    assert tuple(toml["datasets"]) == published_datasets.DATASETS == DATASETS


@pytest.mark.parametrize("dataset", DATASETS)
def test_the_default_grid_trains_at_least_four_different_two_towers(toml, dataset):
    candidates = Settings.of(toml, dataset).candidates
    assert len({str(sorted(candidate.settings.items())) for candidate in candidates}) >= 4


def test_every_setting_states_its_reason():
    values = [line for line in DEFAULT_FILE.read_text().splitlines() if "=" in line and not line.startswith("#")]
    sections = DEFAULT_FILE.read_text().split("\n[")
    bare = [
        line
        for section in sections
        for line in section.splitlines()[1:]
        if "=" in line and "#" not in line and "#" not in section.splitlines()[0]
    ]
    assert values and not bare, f"no reason beside {bare}"


def test_a_dataset_overrides_only_what_it_names(toml):
    retail, common = Settings.of(toml, "online-retail").features, toml["features"]
    assert retail.segment_columns == ("postal_code",)
    assert retail.history_length == common["history_length"]


def test_a_large_shop_takes_its_own_values_and_keeps_the_others(toml):
    toml["large_shop"] = {
        "from_purchases": 1_000,
        "features": {"training_weeks": 3},
        "candidates": {"only": {"learning_rate": 0.5}},
        "retrieve": {"two_tower": 70},
    }
    large, small = Settings.of(toml, "demo", purchases=1_000), Settings.of(toml, "demo", purchases=999)
    assert small == Settings.of(toml, "demo")
    assert (large.features.training_weeks, small.features.training_weeks) == (3, toml["features"]["training_weeks"])
    assert large.features.history_length == small.features.history_length
    assert [candidate.name for candidate in large.candidates] == ["only"]
    assert large.candidates[0].settings["learning_rate"] == 0.5
    assert large.candidates[0].settings["epochs"] == toml["training"]["epochs"]
    assert large.stages.sizes == {**toml["retrieve"], "two_tower": 70}
    assert large.promotion == small.promotion


def test_a_generator_that_is_switched_off_stays_off_in_a_large_shop(toml):
    del toml["retrieve"]["own"]
    toml["large_shop"] = {"from_purchases": 1, "retrieve": {"own": 60, "two_tower": 70}}
    sizes = Settings.of(toml, "demo", purchases=1_000).stages.sizes
    assert "own" not in sizes
    assert sizes["two_tower"] == 70


def test_a_dataset_overrides_a_large_shop(toml):
    toml["large_shop"] = {"from_purchases": 1, "features": {"training_weeks": 3}}
    toml["datasets"]["demo"] = {"training_weeks": 5}
    assert Settings.of(toml, "demo", purchases=1).features.training_weeks == 5


def test_a_candidate_overrides_only_what_it_names(toml):
    wide = next(each for each in Settings.of(toml, "demo").candidates if each.name == "wide")
    assert wide.settings == {
        **{key: value for key, value in toml["training"].items() if key != "seeds"},
        **toml["candidates"]["wide"],
    }


def test_every_candidate_is_trained_with_every_seed(toml):
    toml["training"]["seeds"] = [1, 2]
    labels = [candidate.label for candidate in Settings.of(toml, "demo").candidates]
    assert labels[:2] == ["base-seed1", "base-seed2"]
    assert len(labels) == 2 * len(toml["candidates"])


def test_an_unknown_dataset_lists_the_known_ones(toml):
    with pytest.raises(SettingsError, match=r"no \[datasets.other\] in the settings; there are demo, demo-medium"):
        Settings.of(toml, "other")


@pytest.mark.parametrize("dataset", DATASETS)
def test_articles_are_filtered_and_encoded_by_the_same_days_on_sale(toml, dataset):
    settings = Settings.of(toml, dataset)
    assert settings.stages.filters.on_sale_days == settings.features.on_sale_days


def test_the_default_depth_and_candidates_fill_a_published_list(toml):
    settings = Settings.of(toml, "demo")
    assert settings.stages.order.depth >= settings.lists.published_k >= settings.lists.k
    assert settings.stages.sizes["two_tower"] >= settings.stages.order.depth


def test_a_file_that_is_no_toml_says_where(tmp_path):
    with pytest.raises(SettingsError, match="the settings file is not valid TOML.*line 2"):
        read_toml("[features]\ntraining_weeks 26")
    (tmp_path / "own.toml").write_text("[features")
    with pytest.raises(SettingsError, match=r"own\.toml is not valid TOML: Expected"):
        read_file(tmp_path / "own.toml")


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(SettingsError, match=r"own\.toml cannot be read: .*No such file"):
        read_file(tmp_path / "own.toml")
    (tmp_path / "latin-1.toml").write_bytes("# für uns".encode("latin-1"))
    with pytest.raises(SettingsError, match=r"latin-1\.toml cannot be read: 'utf-8' codec"):
        read_file(tmp_path / "latin-1.toml")


def test_a_day_that_is_none_shows_how_to_write_one():
    with pytest.raises(SettingsError, match="--cutoff is '16.09.2020'; write a day as YYYY-MM-DD"):
        read_day("--cutoff", "16.09.2020")


def test_a_wrong_file_is_refused_whatever_the_dataset_with_a_line_for_each_thing(toml):
    toml["datasets"]["kaggle-hm"]["training_weeks"] = 0
    toml["runs"]["kept"] = 0
    with pytest.raises(SettingsError) as refused:
        Settings.of(toml, "demo")
    assert str(refused.value).splitlines() == [
        "[datasets.kaggle-hm] training_weeks is 0; it takes a whole number of 1 or more",
        "[runs] kept is 0; it takes a whole number of 1 or more",
    ]


@pytest.mark.parametrize("name", [name for name in config.__all__ if name.endswith("Settings")])
def test_what_earlier_runs_stored_finds_its_classes(name):
    assert pickle.loads(f"crecommender.config\n{name}\n.".encode()).__name__ == name
