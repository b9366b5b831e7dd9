"""The settings file: what the defaults promise, and that a slip of the pen is an error."""

import pytest

from recommender.config import DEFAULT_FILE, Settings, SettingsError, read_day, read_toml

DATASETS = ("demo", "online-retail", "kaggle-hm")


@pytest.fixture
def toml():
    return read_toml(DEFAULT_FILE.read_text())


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
    with pytest.raises(SettingsError, match=r"no \[datasets.other\] in the settings; there are demo, online-retail"):
        Settings.of(toml, "other")


def test_a_misspelt_candidate_key_is_named(toml):
    toml["candidates"]["wide"]["learning_rat"] = 1
    with pytest.raises(SettingsError, match=r"\[candidates.wide\] has learning_rat"):
        Settings.of(toml, "demo")


def test_a_misspelt_feature_key_is_named(toml):
    toml["datasets"]["demo"]["on_sale_day"] = 1
    with pytest.raises(SettingsError, match=r"\[features\] has on_sale_day; it takes history_length, on_sale_days"):
        Settings.of(toml, "demo")


@pytest.mark.parametrize(
    ("section", "misspelt", "known"),
    [
        ("lists", "K", "k, published_k, purchases"),
        ("ranking", "week", "customers_per_week, seed, weeks, weeks_per_model"),
        ("promotion", "rules", "margin, rule"),
        ("filter", "denied", "denied_articles, is_season_checked, on_sale_days"),
        ("order", "cap", "caps, depth, diversity"),
    ],
)
def test_a_misspelt_key_is_named_with_those_that_there_are(toml, section, misspelt, known):
    toml[section][misspelt] = 1
    with pytest.raises(SettingsError, match=rf"\[{section}\] has {misspelt}; it takes {known}"):
        Settings.of(toml, "demo")


@pytest.mark.parametrize(
    ("section", "key"),
    [("lists", "k"), ("ranking", "weeks"), ("promotion", "margin"), ("filter", "is_season_checked"), ("order", "caps")],
)
def test_a_missing_key_is_named(toml, section, key):
    del toml[section][key]
    with pytest.raises(SettingsError, match=rf"\[{section}\] lacks {key}"):
        Settings.of(toml, "demo")


@pytest.mark.parametrize("rule", ["worse", "forced", ""])
def test_an_unknown_rule_of_promotion_lists_the_known_ones(toml, rule):
    toml["promotion"]["rule"] = rule
    with pytest.raises(SettingsError, match=rf"rule '{rule}'; it takes not_worse, better .*--force-reason"):
        Settings.of(toml, "demo")


@pytest.mark.parametrize("margin", [0, -0.05, 1, 5])
def test_a_margin_is_a_share(toml, margin):
    toml["promotion"]["margin"] = margin
    with pytest.raises(SettingsError, match=rf"margin {margin}; it takes a share between 0 and 1, such as 0.05"):
        Settings.of(toml, "demo")


@pytest.mark.parametrize("dataset", DATASETS)
def test_articles_are_filtered_and_encoded_by_the_same_days_on_sale(toml, dataset):
    settings = Settings.of(toml, dataset)
    assert settings.stages.filters.on_sale_days == settings.features.on_sale_days


def test_the_default_depth_and_candidates_fill_a_published_list(toml):
    settings = Settings.of(toml, "demo")
    assert settings.stages.order.depth >= settings.lists.published_k >= settings.lists.k
    assert settings.stages.sizes["two_tower"] >= settings.stages.order.depth


def test_a_file_that_is_no_toml_says_where():
    with pytest.raises(SettingsError, match="not valid TOML.*line 2"):
        read_toml("[features]\ntraining_weeks 26")


def test_a_day_that_is_none_shows_how_to_write_one():
    with pytest.raises(SettingsError, match="--cutoff is '16.09.2020'; write a day as YYYY-MM-DD"):
        read_day("--cutoff", "16.09.2020")


def test_guarding_an_attribute_that_no_article_has_names_those_there_are(toml):
    toml["common_sense"]["guarded"] = {"index_grop": ["Baby/Children"]}
    with pytest.raises(SettingsError, match=r"\[common_sense\] guarded has index_grop; it takes .*index_group"):
        Settings.of(toml, "demo")
