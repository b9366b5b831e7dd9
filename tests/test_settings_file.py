"""Whatever is wrong in a settings file is told with its key, its value and what is allowed."""

import copy
import math
from typing import Any

import pytest

from data.raw_layout import ARTICLES_FILE, ROW_RULES
from recommender.columns import Columns
from recommender.config import DEFAULT_FILE, read_file
from recommender.evaluation.checked_settings import SUITES
from recommender.features.warehouse import DBT_PROJECT_DIR
from recommender.settings.cluster import STEP_NAMES, PlaceSettings
from recommender.settings.file import SECTIONS, find_problems
from serving.cache.list_buckets import MAX_DEPTH
from serving.cache.purchase_buckets import MAX_PURCHASES

SHIPPED = read_file(DEFAULT_FILE)
ATTRIBUTES = f"{', '.join(Columns.ARTICLE_ATTRIBUTES[:-1])} or {Columns.ARTICLE_ATTRIBUTES[-1]}"
GENERATORS = "two_tower, own, ease, item_knn, last_basket, rising, popular, fresh"
SEEDS = "a list of whole numbers of 0 or more, at least one, each only once"
SEGMENTS = "a list of age_band, channel and postal_code, each at most once"
DENIED = "a list of ids of 10 digits with a leading zero, in quotes, such as '0108775015'"
OF_KINDS = "tables of thresholds, rules, comparisons or changes"
OF_CLUSTERS = "it takes settings and tables, task, steps, environment or prices"
CRON = "AWS's six fields of cron, days of the week by name, such as '0 2 * * ? *'"
A_SECRET = "a secret belongs in the platform's store, see docs/cluster.md"
PLACE = PlaceSettings.__annotations__
OF_LARGE_SHOPS = "it takes from_purchases and tables, features, training, candidates, ranking or retrieve"
MISSING = object()


def changed(*path: str, value: Any) -> dict:
    """The shipped settings with one value changed, or missing."""
    toml = copy.deepcopy(SHIPPED)
    table = toml
    for name in path[:-1]:
        table = table.setdefault(name, {})
    if value is MISSING:
        del table[path[-1]]
    else:
        table[path[-1]] = value
    return toml


def test_the_shipped_settings_are_right():
    assert find_problems(SHIPPED) == []
    assert list(SHIPPED) == list(SECTIONS)  # so that problems are told in the order of the file


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        ("features training_weeks", "13", "[features] training_weeks is '13'; it takes a whole number of 1 or more"),
        ("features training_weeks", 0, "[features] training_weeks is 0; it takes a whole number of 1 or more"),
        ("features history_length", 2.5, "[features] history_length is 2.5; it takes a whole number of 1 or more"),
        ("features on_sale_days", True, "[features] on_sale_days is true; it takes a whole number of 1 or more"),
        ("features segment_columns", ["age"], f"[features] segment_columns has 'age'; it takes {SEGMENTS}"),
        (
            "features segment_columns",
            ["channel", "channel"],
            f"[features] segment_columns is ['channel', 'channel']; it takes {SEGMENTS}",
        ),
        ("features segment_columns", "channel", f"[features] segment_columns is 'channel'; it takes {SEGMENTS}"),
        (
            "datasets demo on_sale_days",
            -7,
            "[datasets.demo] on_sale_days is -7; it takes a whole number of 1 or more",
        ),
        (
            "datasets demo on_sale_day",
            7,
            "[datasets.demo] has on_sale_day; it takes training_weeks, history_length, on_sale_days, segment_columns",
        ),
        ("datasets a/b", {}, "[datasets] has 'a/b'; it takes names of letters, digits, '-' and '_'"),
        ("datasets", {}, "[datasets] is {}; it takes at least one table, [datasets.NAME]"),
        ("lists k", MISSING, "[lists] lacks k; it takes a whole number from 1 to 255"),
        ("lists K", 12, "[lists] has K; it takes k, published_k, purchases"),
        ("lists published_k", 300, "[lists] published_k is 300; it takes a whole number from 1 to 255"),
        ("lists published_k", 6, "[lists] published_k is 6; it takes k, 12, or more"),
        ("lists purchases", 0, "[lists] purchases is 0; it takes a whole number from 1 to 255"),
        ("lists", 12, "[lists] is 12; it takes a table of k, published_k, purchases"),
        ("runs kept", 0, "[runs] kept is 0; it takes a whole number of 1 or more"),
        ("training seeds", [], f"[training] seeds is []; it takes {SEEDS}"),
        ("training seeds", [7, 7], f"[training] seeds is [7, 7]; it takes {SEEDS}"),
        ("training seeds", [True], f"[training] seeds has true; it takes {SEEDS}"),
        ("training seeds", [7, -1], f"[training] seeds has -1; it takes {SEEDS}"),
        ("training seeds", [2**31], f"[training] seeds has 2147483648; it takes {SEEDS}"),
        ("training embedding_dim", 0, "[training] embedding_dim is 0; it takes a whole number of 1 or more"),
        ("training dropout", 1.0, "[training] dropout is 1.0; it takes a number of 0 or more, below 1"),
        (
            "training history_dropout",
            -0.1,
            "[training] history_dropout is -0.1; it takes a number of 0 or more, below 1",
        ),
        ("training learning_rate", "fast", "[training] learning_rate is 'fast'; it takes a number above 0"),
        ("training learning_rate", 0, "[training] learning_rate is 0; it takes a number above 0"),
        ("training learning_rate", math.nan, "[training] learning_rate is nan; it takes a number above 0"),
        ("training learning_rate", math.inf, "[training] learning_rate is inf; it takes a number above 0"),
        ("training learning_rate", True, "[training] learning_rate is true; it takes a number above 0"),
        ("training sampled_negatives", -1, "[training] sampled_negatives is -1; it takes a whole number of 0 or more"),
        ("training sampled_fallback", 0, "[training] sampled_fallback is 0; it takes a whole number of 1 or more"),
        ("candidates wide threads", 0, "[candidates.wide] threads is 0; it takes a whole number of 1 or more"),
        ("candidates a.b", {}, "[candidates] has 'a.b'; it takes names of letters, digits, '-' and '_'"),
        ("candidates", {}, "[candidates] is {}; it takes at least one table, [candidates.NAME]"),
        ("ranking weeks", 0, "[ranking] weeks is 0; it takes a whole number of 1 or more"),
        ("ranking weeks_per_model", 9, "[ranking] weeks_per_model is 9; it takes at most weeks, 8"),
        ("ranking seed", -1, "[ranking] seed is -1; it takes a whole number from 0 to 2147483647"),
        ("retrieve own", -1, "[retrieve] own is -1; it takes a whole number of 0 or more"),
        ("retrieve own_articles", 10, f"[retrieve] has own_articles; it takes {GENERATORS}"),
        (
            "retrieve",
            {"popular": 20, "own": 0},
            "[retrieve] proposes 20 articles in all; it takes [lists] published_k, 24, or more",
        ),
        ("filter is_season_checked", 1, "[filter] is_season_checked is 1; it takes true or false"),
        ("filter denied_articles", ["108775015"], f"[filter] denied_articles has '108775015'; it takes {DENIED}"),
        ("filter denied_articles", [108775015], f"[filter] denied_articles has 108775015; it takes {DENIED}"),
        ("filter denied_articles", "0108775015", f"[filter] denied_articles is '0108775015'; it takes {DENIED}"),
        ("filter on_sale_days", 28, "[filter] has on_sale_days; it takes is_season_checked, denied_articles"),
        ("rankers forest", {}, "[rankers] has forest; it takes lambdarank or deep_cross"),
        ("rankers", {}, "[rankers] is {}; it takes at least one table, [rankers.NAME]"),
        (
            "rankers lambdarank leaves",
            1,
            "[rankers.lambdarank] leaves is 1; it takes a whole number from 2 to 131072",
        ),
        (
            "rankers lambdarank feature_fraction",
            0.0,
            "[rankers.lambdarank] feature_fraction is 0.0; it takes a number above 0 and up to 1",
        ),
        (
            "rankers deep_cross hidden_dims",
            [0],
            "[rankers.deep_cross] hidden_dims has 0; it takes a list of whole numbers of 1 or more, at least one",
        ),
        (
            "rankers deep_cross hidden_dims",
            [],
            "[rankers.deep_cross] hidden_dims is []; it takes a list of whole numbers of 1 or more, at least one",
        ),
        ("order depth", 20, "[order] depth is 20; it takes [lists] published_k, 24, or more"),
        ("order diversity", -0.5, "[order] diversity is -0.5; it takes a number of 0 or more"),
        ("order caps product_code", 0, "[order] caps product_code is 0; it takes a whole number of 1 or more"),
        ("order caps product", 3, f"[order] caps has product; it takes {ATTRIBUTES}"),
        ("order caps", 3, "[order] caps is 3; it takes a table of article attributes and their caps"),
        ("promotion rule", "worse", "[promotion] rule is 'worse'; it takes not_worse or better"),
        ("promotion margin", 0, "[promotion] margin is 0; it takes a number between 0 and 1"),
        ("promotion margin", 1, "[promotion] margin is 1; it takes a number between 0 and 1"),
        ("resources gpu", -1, "[resources] gpu is -1; it takes a whole number of 0 or more"),
        ("resources memory", "8 GiB", "[resources] memory is '8 GiB'; it takes a whole number of 1 or more"),
        ("resources", MISSING, "[resources] is missing; copy it from the settings that are shipped"),
        ("cluster", 3, f"[cluster] is 3; {OF_CLUSTERS}"),
        ("cluster queue", "q", f"[cluster] has queue; it takes {', '.join(PLACE)}"),
        ("cluster schedule", "0 2 * * *", f"[cluster] schedule is '0 2 * * *'; it takes {CRON}"),  # five fields
        (
            "cluster schedule",
            "0 2 * * 1 *",
            f"[cluster] schedule is '0 2 * * 1 *'; it takes {CRON}",
        ),  # no name of a day
        (
            "cluster schedule",
            "0 2 ? * ? *",
            f"[cluster] schedule is '0 2 ? * ? *'; it takes {CRON}",
        ),  # AWS takes one '?'
        ("cluster schedule", "0 25 * * ? *", f"[cluster] schedule is '0 25 * * ? *'; it takes {CRON}"),  # no such hour
        ("cluster schedule", "0 2 ? * FOO *", f"[cluster] schedule is '0 2 ? * FOO *'; it takes {CRON}"),
        ("cluster schedule", "*/0 2 * * ? *", f"[cluster] schedule is '*/0 2 * * ? *'; it takes {CRON}"),
        (
            "cluster datastore",
            "/data",
            "[cluster] datastore is '/data'; it takes s3://bucket/folder, or '' for Metaflow's own",
        ),
        (
            "cluster kubernetes_secrets",
            ["Mine"],
            "[cluster] kubernetes_secrets has 'Mine'; it takes a list of names of small letters, digits and '-'",
        ),
        ("cluster environment REDIS_URL", "redis://", f"[cluster.environment] has REDIS_URL; {A_SECRET}"),
        (
            "cluster environment NIGHTLY_WEBHOOK_URL",
            "https://hooks.example",
            f"[cluster.environment] has NIGHTLY_WEBHOOK_URL; {A_SECRET}",
        ),
        ("cluster environment COMET_API_KEY", "", f"[cluster.environment] has COMET_API_KEY; {A_SECRET}"),
        (
            "cluster environment AWS_SECRET_ACCESS_KEY",
            "",
            f"[cluster.environment] has AWS_SECRET_ACCESS_KEY; {A_SECRET}",
        ),
        ("cluster prices cpu", -1, "[cluster.prices] cpu is -1; it takes a number of 0 or more"),
        ("cluster prices currency", "", "[cluster.prices] currency is ''; it takes a short text, such as USD"),
        ("cluster environment RAW_DIR", 3, "[cluster.environment] RAW_DIR is 3; it takes a text"),
        (
            "cluster environment raw_dir",
            "",
            "[cluster.environment] has 'raw_dir'; it takes names of capital letters, digits and '_'",
        ),
        ("cluster environment", 3, "[cluster.environment] is 3; it takes variables and their values, as texts"),
        ("cluster task memory", "8 GiB", "[cluster.task] memory is '8 GiB'; it takes a whole number of 1 or more"),
        ("cluster task cpu", MISSING, "[cluster.task] lacks cpu; it takes a whole number of 1 or more"),
        ("cluster steps trian", {}, f"[cluster.steps] has trian; it takes {', '.join(STEP_NAMES[:-1])} or end"),
        ("cluster steps", 3, "[cluster.steps] is 3; it takes a table for each step, [cluster.steps.NAME]"),
        ("cluster steps train retries", 5, "[cluster.steps.train] retries is 5; it takes a whole number from 0 to 4"),
        (
            "cluster steps train node_selector",
            {"gpu": 1},
            "[cluster.steps.train] node_selector gpu is 1; it takes a text, or '' for none",
        ),
        ("common_sense usual_price_factor", 1, "[common_sense] usual_price_factor is 1; it takes a number above 1"),
        (
            "common_sense guarded",
            {"index_grop": ["x"]},
            f"[common_sense] guarded has index_grop; it takes {ATTRIBUTES}",
        ),
        (
            "common_sense guarded",
            {"index_group": "Baby"},
            "[common_sense] guarded index_group is 'Baby'; it takes a list of texts that are not empty, at least one",
        ),
        ("promotion minimum_customers", 0, "[promotion] minimum_customers is 0; it takes a whole number of 1 or more"),
        (
            "promotion minimum_customers",
            MISSING,
            "[promotion] lacks minimum_customers; it takes a whole number of 1 or more",
        ),
        ("behavioral_tests", 3, f"[behavioral_tests] is 3; it takes {OF_KINDS}"),
        ("behavioral_tests minimum_customers", 9, f"[behavioral_tests] has minimum_customers; it takes {OF_KINDS}"),
        ("behavioral_tests determinism", {"maximum": 3}, f"[behavioral_tests] has determinism; it takes {OF_KINDS}"),
        (
            "behavioral_tests rules",
            3,
            "[behavioral_tests.rules] is 3; it takes a table of tests and their thresholds",
        ),
        (
            "behavioral_tests comparisons prices_near_usual",
            {},
            "[behavioral_tests.comparisons] prices_near_usual is {}; it takes a minimum, a maximum or both",
        ),
        (
            "behavioral_tests comparisons prices_near_usual maximun",
            1,
            "[behavioral_tests.comparisons] prices_near_usual has maximun; it takes minimum, maximum",
        ),
        (
            "publication_gate comparisons score_spread minimum",
            11,
            "[publication_gate.comparisons] score_spread minimum is 11; it takes at most its maximum, 10.0",
        ),
        (
            "publication_gate comparisons score_spread",
            3,
            "[publication_gate.comparisons] score_spread is 3; it takes a table of minimum, maximum",
        ),
        ("publication_gate", 3, f"[publication_gate] is 3; it takes {OF_KINDS}"),
        ("behavior_changes spreads", 0, "[behavior_changes] spreads is 0; it takes a number above 0"),
        ("large_shop from_purchases", 0, "[large_shop] from_purchases is 0; it takes a whole number of 1 or more"),
        ("large_shop lists", {"k": 6}, f"[large_shop] has lists; {OF_LARGE_SHOPS}"),
        ("large_shop featurs", {"training_weeks": 8}, f"[large_shop] has featurs; {OF_LARGE_SHOPS}"),
        ("large_shop", 10_000_000, f"[large_shop] is 10000000; {OF_LARGE_SHOPS}"),
        (
            "large_shop retrieve",
            dict.fromkeys(GENERATORS.split(", "), 2),
            "as a large shop: [retrieve] proposes 16 articles in all; it takes [lists] published_k, 24, or more",
        ),
        (
            "large_shop candidates base epochs",
            0,
            "[large_shop.candidates.base] epochs is 0; it takes a whole number of 1 or more",
        ),
        ("trainig", {}, f"[trainig] is no section; there are {', '.join(SHIPPED)}"),
        ("k", 12, f"[k] is no section; there are {', '.join(SHIPPED)}"),
    ],
)
def test_a_wrong_setting_is_told_with_its_value_and_what_is_allowed(path, value, problem):
    assert find_problems(changed(*path.split(), value=value)) == [problem]


def test_everything_that_is_wrong_is_told_at_once_in_the_order_of_the_file():
    toml = changed("lists", "published_k", value=6)
    toml["order"]["depth"], toml["runs"]["keep"], toml["common_sens"] = "60", 5, {}
    assert find_problems(toml) == [
        f"[common_sens] is no section; there are {', '.join(SHIPPED)}",
        "[runs] has keep; it takes kept, records, archives",
        "[order] depth is '60'; it takes a whole number of 1 or more",
        "[lists] published_k is 6; it takes k, 12, or more",  # a relation of sections that are right by themselves
    ]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("large_shop", MISSING),  # settings of a shop that is small, whatever its size
        ("cluster", MISSING),  # settings of a laptop
        ("cluster schedule", "30 4 ? * MON-FRI *"),
        ("cluster schedule", "0/20 0-23/2 1,15,28-31 JAN-MAR,12 ? *"),
        ("cluster environment STATE_URL", "s3://shop/state"),
        ("cluster steps", MISSING),
        ("training sampled_negatives", 0),
        ("training patience", 20),  # more than epochs: every epoch is trained
        ("training learning_rate", 1),
        ("features segment_columns", []),
        ("order caps", {}),
        ("common_sense guarded", {}),
        ("filter denied_articles", ["0108775015", "0108775044"]),
        ("rankers deep_cross", {"hidden_dims": [64], "dropout": 0}),
        ("behavioral_tests comparisons prices_near_usual", {"minimum": -1, "maximum": -1}),
        ("behavioral_tests", {}),  # the names of the tests are asked for above
        ("publication_gate changes", {"far": {"maximum": 1}}),
    ],
)
def test_what_is_unusual_and_of_use_is_let_through(path, value):
    assert find_problems(changed(*path.split(), value=value)) == []


@pytest.mark.parametrize("section", sorted(SHIPPED["large_shop"].keys() - {"from_purchases"}))
@pytest.mark.parametrize("value", [8, [{}], MISSING])
def test_a_section_that_is_no_table_is_told_though_a_large_shop_lays_its_own_over_it(section, value):
    (problem,) = find_problems(changed(section, value=value))
    assert problem.startswith(f"[{section}] is ")


def leaves(table: dict, *path: str) -> list[tuple[str, ...]]:
    """The paths of all values that are no tables."""
    nested = [
        leaves(value, *path, name) if isinstance(value, dict) else [(*path, name)] for name, value in table.items()
    ]
    return [leaf for found in nested for leaf in found]


def wrong_values(path: tuple[str, ...]) -> list[Any]:
    """What no setting of its kind may be."""
    shipped = SHIPPED
    for name in path:
        shipped = shipped[name]
    if isinstance(shipped, bool | str | list):
        return [1 if isinstance(shipped, bool) else 7, math.nan, {}, None]
    is_bound = path[0] in ("behavioral_tests", "publication_gate", "usual_weeks") and path[-1] in ("minimum", "maximum")
    return ["7", True, math.nan, math.inf, [], {}, *([] if is_bound else [-1])]


def place(path: tuple[str, ...]) -> str:
    """How a path is named to people."""
    if path[0] == "cluster" and path[1] in ("task", "steps", "prices"):
        return f"[{'.'.join(path[:-1])}] {path[-1]} is "
    is_table_of_tables = (
        path[0] in ("datasets", "candidates", "rankers", *SUITES) or path[0] == "large_shop" != path[-2]
    )
    n_names = 3 if path[:2] == ("large_shop", "candidates") else 2 if is_table_of_tables else 1
    section, keys = path[:n_names], path[n_names:]
    return f"[{'.'.join(section)}] {' '.join(keys)} is "


@pytest.mark.parametrize("path", leaves(SHIPPED), ids=".".join)
def test_every_shipped_setting_is_checked(path):
    """Made from the shipped file, so that a setting that is added without a check is found."""
    for value in wrong_values(path):
        problems = find_problems(changed(*path, value=value))
        assert [problem for problem in problems if problem.startswith(place(path))], value


def test_lengths_are_those_that_published_lists_can_have():
    assert MAX_DEPTH == MAX_PURCHASES == 255


def test_segments_are_of_the_columns_that_dbt_knows():
    macro = (DBT_PROJECT_DIR / "macros" / "segment.sql").read_text()
    assert "choose out of age_band, channel and postal_code" in macro
    assert Columns.SEGMENT_COLUMNS == ("age_band", "channel", "postal_code")


def test_denied_articles_are_written_as_raw_files_write_them():
    assert "'0[0-9]{9}'" in ROW_RULES[ARTICLES_FILE][0].is_broken
