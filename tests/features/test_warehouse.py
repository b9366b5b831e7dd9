"""The marts of a shop small enough to compute by hand, built by the real dbt on the real DuckDB."""

import math
from datetime import date
from pathlib import Path

import pyarrow
import pytest
from tiny_shop import (
    BELT,
    CUSTOMERS,
    CUTOFF,
    DRESS,
    JEANS,
    NEVER_SOLD,
    ONLINE,
    PURCHASES,
    SHIRT,
    STORE,
    TEST_DAY,
    TRAINING_DAY,
    VALIDATION_DAY,
    BuiltShop,
    build_shop,
    write_shop,
)

from recommender.features import warehouse
from recommender.features.marts import MART_KEYS
from recommender.features.warehouse import WarehouseError


def rows_of(shop: BuiltShop, mart: str, columns: str, as_of_day: date | None = None) -> list[tuple]:
    """Return the rows of a mart as tuples of the given columns, in file order; `customer` is the id of its code."""
    as_of_days = None if as_of_day is None else [as_of_day]
    names = ["customer_code" if name == "customer" else name for name in columns.split()]
    found = shop.marts.table(mart, names, as_of_days).to_pydict()
    if "customer" in columns.split():
        found["customer_code"] = [CUSTOMERS[code][0] for code in found["customer_code"]]
    return list(zip(*found.values(), strict=True))


def about(value: float | None):
    """A float32 of the marts against a number written in decimals."""
    return None if value is None else pytest.approx(value, rel=1e-6)


def test_lines_of_one_customer_article_and_day_become_a_quantity_with_the_mean_price(shop):
    assert rows_of(shop, "purchases", "purchase_day customer article_id quantity price sales_channel_id") == [
        (date(2020, 1, 30), "ann", SHIRT, 1, about(0.10), STORE),
        (date(2020, 2, 9), "ann", JEANS, 2, about((0.20 + 0.40) / 2), ONLINE),
        (date(2020, 2, 12), "ann", SHIRT, 1, about(0.10), ONLINE),
        (date(2020, 2, 16), "bob", SHIRT, 1, about(0.30), STORE),
        (date(2020, 2, 22), "ann", DRESS, 1, about(0.50), ONLINE),
        (date(2020, 2, 23), "ann", BELT, 1, about(0.70), ONLINE),
        (date(2020, 2, 28), "bob", JEANS, 1, about(0.20), STORE),
        (date(2020, 2, 29), "bob", JEANS, 1, about(0.25), STORE),
    ]


ARTICLE_FEATURES = "article_id sales_1w sales_2w sales_4w buyers_1w age_days days_since_last_sale price"


def test_article_features_on_the_cutoff_count_the_days_before_it(shop):
    assert rows_of(shop, "article_features", ARTICLE_FEATURES, CUTOFF) == [
        # sold 31, 18 and 14 days before; the price leaves out the first, older than 28 days
        (SHIRT, 0, 1, 2, 0, 31, 14, about((0.30 + 0.10) / 2)),
        # two units 21 days before, one 2 days and one 1 day before, the last two by one customer
        (JEANS, 2, 2, 4, 1, 21, 1, about((0.20 + 0.40 + 0.20 + 0.25) / 4)),
        (DRESS, 0, 1, 1, 0, 8, 8, about(0.50)),
        (BELT, 1, 1, 1, 1, 7, 7, about(0.70)),
    ]


def test_article_features_do_not_count_the_as_of_day_itself(shop):
    """On the test day the belt is sold for the first time: it has no row yet."""
    assert rows_of(shop, "article_features", ARTICLE_FEATURES, TEST_DAY) == [
        # sold 24, 11 and 7 days before
        (SHIRT, 1, 2, 3, 1, 24, 7, about((0.10 + 0.10 + 0.30) / 3)),
        (JEANS, 0, 2, 2, 0, 14, 14, about((0.20 + 0.40) / 2)),
        (DRESS, 1, 1, 1, 1, 1, 1, about(0.50)),
    ]


RANKER_ARTICLE_FEATURES = "article_id buyers_4w season_sales repeat_share"


def test_buyers_of_four_weeks_and_share_of_customers_who_came_back(shop):
    """Nothing is a year old yet, so no article has sales of a season."""
    assert rows_of(shop, "article_features", RANKER_ARTICLE_FEATURES, CUTOFF) == [
        (SHIRT, 2, 0, 1 / 2),  # Ann on two days, the first of them 31 days before; Bob on one
        (JEANS, 2, 0, 1 / 2),  # Bob on two days; Ann's two units are of one day
        (DRESS, 1, 0, 0.0),
        (BELT, 1, 0, 0.0),
    ]
    # before Bob bought any jeans
    assert rows_of(shop, "article_features", RANKER_ARTICLE_FEATURES, TEST_DAY)[1] == (JEANS, 1, 0, 0.0)


HISTORY = "customer history_article_ids history_days_since history_purchase_days"


def test_history_is_the_last_articles_latest_first_with_days_since_and_days_bought(shop):
    """Ann's fourth article, the jeans, falls off a history of three; her shirt counts from its last purchase."""
    assert rows_of(shop, "customer_features", HISTORY, CUTOFF) == [
        ("ann", [BELT, DRESS, SHIRT], [7.0, 8.0, 18.0], [1.0, 1.0, 2.0]),
        ("bob", [JEANS, SHIRT], [1.0, 14.0], [2.0, 1.0]),
        ("cat", [], [], []),
    ]


def test_history_as_of_an_earlier_day_is_what_was_known_then(shop):
    assert rows_of(shop, "customer_features", HISTORY, VALIDATION_DAY) == [
        ("ann", [SHIRT, JEANS], [4.0, 7.0], [2.0, 1.0]),
        ("bob", [], [], []),  # his first purchase is on the day itself
    ]


TOTALS = "customer purchase_days articles_bought days_since_last_purchase mean_price online_share"


def test_customer_totals_count_days_articles_and_units_before_the_day(shop):
    assert rows_of(shop, "customer_features", TOTALS, CUTOFF) == [
        # six units on five days; of five purchases all but the first were online
        ("ann", 5, 4, 7, about((0.10 + 0.20 + 0.40 + 0.10 + 0.50 + 0.70) / 6), about(4 / 5)),
        ("bob", 3, 2, 1, about((0.30 + 0.20 + 0.25) / 3), 0.0),
        ("cat", 0, 0, None, None, None),
    ]


def test_activity_counts_the_last_four_weeks_and_the_days_between_purchases(shop):
    assert rows_of(shop, "customer_features", "customer purchases_4w mean_gap_days", CUTOFF) == [
        ("ann", 4, (31 - 7) / 4),  # 21, 18, 8 and 7 days before; her first of five purchase days was 31 days before
        ("bob", 3, about((14 - 1) / 2)),
        ("cat", 0, None),
    ]
    assert rows_of(shop, "customer_features", "customer purchases_4w mean_gap_days", TRAINING_DAY) == [
        ("ann", 1, None),  # one purchase, ten days before
    ]


def test_a_day_before_the_cutoff_has_only_customers_who_bought_in_its_week(shop):
    """Cat bought nothing in the test week. Ann alone bought in that from 02-09: before it a shirt, ten days earlier."""
    assert [customer for (customer,) in rows_of(shop, "customer_features", "customer", TEST_DAY)] == ["ann", "bob"]
    assert rows_of(shop, "customer_features", TOTALS, TRAINING_DAY) == [("ann", 1, 1, 10, about(0.10), 0.0)]
    assert rows_of(shop, "customer_features", HISTORY, TRAINING_DAY) == [("ann", [SHIRT], [10.0], [1.0])]


def test_targets_are_what_was_bought_in_the_seven_days_from_the_as_of_day(shop):
    assert rows_of(shop, "next_week_purchases", "as_of_day customer article_id quantity") == [
        (TRAINING_DAY, "ann", SHIRT, 1),
        (TRAINING_DAY, "ann", JEANS, 2),
        (VALIDATION_DAY, "ann", DRESS, 1),  # on 02-22, the last day of that week
        (VALIDATION_DAY, "bob", SHIRT, 1),  # on 02-16, the first
        (TEST_DAY, "ann", BELT, 1),
        (TEST_DAY, "bob", JEANS, 2),
    ]


def test_segment_names_age_band_and_channel_as_of_the_day(shop):
    segments = "customer segment"
    assert rows_of(shop, "customer_features", segments, CUTOFF) == [
        ("ann", "20-24 / online"),
        ("bob", "20-24 / store"),
        ("cat", "unknown / any channel"),
    ]
    # before Ann's first online purchase, on 02-09
    assert rows_of(shop, "customer_features", segments, TRAINING_DAY) == [("ann", "20-24 / store")]


def test_segment_sales_count_buyers_of_the_channel_and_of_any_channel(shop):
    """Bob buys the jeans twice in the week and is one buyer."""
    assert rows_of(shop, "segment_sales", "segment article_id buyers_1w buyers_4w", CUTOFF) == [
        ("20-24 / any channel", SHIRT, 0, 2),
        ("20-24 / any channel", JEANS, 1, 2),
        ("20-24 / any channel", DRESS, 0, 1),
        ("20-24 / any channel", BELT, 1, 1),
        ("20-24 / online", SHIRT, 0, 1),
        ("20-24 / online", JEANS, 0, 1),
        ("20-24 / online", DRESS, 0, 1),
        ("20-24 / online", BELT, 1, 1),
        ("20-24 / store", SHIRT, 0, 1),
        ("20-24 / store", JEANS, 1, 1),
    ]


def test_segment_sales_of_a_training_day_name_the_channel_the_buyer_had_then(shop):
    """Ann's one purchase before that day was in the store; she went online on the day itself."""
    assert rows_of(shop, "segment_sales", "segment article_id buyers_1w buyers_4w", TRAINING_DAY) == [
        ("20-24 / any channel", SHIRT, 0, 1),
        ("20-24 / store", SHIRT, 0, 1),
    ]


OWN_ARTICLES = (
    "customer article_id purchase_days units first_days_since days_since mean_interval_days share_of_purchases"
)


def test_own_articles_on_the_cutoff_are_everything_everybody_bought(shop):
    assert rows_of(shop, "own_articles", OWN_ARTICLES, CUTOFF) == [
        ("ann", SHIRT, 2, 2, 31, 18, 31 - 18, about(2 / 5)),
        ("ann", JEANS, 1, 2, 21, 21, None, about(1 / 5)),
        ("ann", DRESS, 1, 1, 8, 8, None, about(1 / 5)),
        ("ann", BELT, 1, 1, 7, 7, None, about(1 / 5)),
        ("bob", SHIRT, 1, 1, 14, 14, None, about(1 / 3)),
        ("bob", JEANS, 2, 2, 2, 1, 2 - 1, about(2 / 3)),
    ]


def test_own_articles_of_earlier_days_are_those_of_customers_who_buy_in_the_week(shop):
    """Both buy in the validation week, Bob for the first time, on its first day: he owns nothing yet."""
    assert rows_of(shop, "own_articles", OWN_ARTICLES, VALIDATION_DAY) == [
        ("ann", SHIRT, 2, 2, 17, 4, 17 - 4, about(2 / 3)),
        ("ann", JEANS, 1, 2, 7, 7, None, about(1 / 3)),
    ]
    assert rows_of(shop, "own_articles", OWN_ARTICLES, TRAINING_DAY) == [("ann", SHIRT, 1, 1, 10, 10, None, 1.0)]


SHOP_WEEKS = "week_start purchases customers articles selling_days new_articles new_customers"


def test_shop_weeks_are_the_whole_weeks_before_the_cutoff(shop):
    """Ann's first purchase, on 01-30, lies in no whole week: neither she nor the shirt is new in one of them."""
    assert rows_of(shop, "shop_weeks", SHOP_WEEKS) == [
        (date(2020, 2, 2), 0, 0, 0, 0, 0, 0),
        (TRAINING_DAY, 2, 1, 2, 2, 1, 0),  # Ann's jeans are new; two units of one day are one purchase
        (VALIDATION_DAY, 2, 2, 2, 2, 1, 1),  # Bob comes, and the dress
        (TEST_DAY, 3, 2, 2, 3, 1, 0),  # the belt; Bob's jeans on two days
    ]
    assert rows_of(shop, "shop_weeks", "mean_log_price online_share repeat_share") == [
        (None, None, None),
        (about((math.log(0.30) + math.log(0.10)) / 2), 1.0, 1 / 2),  # Ann's second shirt
        (about((math.log(0.30) + math.log(0.50)) / 2), 1 / 2, 0.0),
        (about((math.log(0.70) + math.log(0.20) + math.log(0.25)) / 3), 1 / 3, 1 / 3),  # Bob's second jeans
    ]


def test_more_ranking_weeks_than_days_before_the_test_day_fail_the_build(tmp_path):
    """One training week and the validation week make two."""
    raw_dir = write_shop(tmp_path / "raw")
    with pytest.raises(WarehouseError, match="ranking_weeks is 3, but .* 1 training weeks .* choose at most 2"):
        build_shop(raw_dir, tmp_path / "shop.duckdb", tmp_path / "marts", ranking_weeks=3)


def test_articles_keep_their_zeros_and_an_article_never_sold_is_one_of_them(shop):
    assert rows_of(shop, "articles", "article_id product_code product_name colour_group description") == [
        (article_id, "0100000", "prod_name", "unknown", 'Says "hello", twice')  # the file has no colour
        for article_id in (SHIRT, JEANS, DRESS, BELT, NEVER_SOLD)
    ]


def test_customers_keep_their_attributes_and_lack_none(shop):
    columns = "customer_id customer_code age_band club_member_status fashion_news_frequency postal_code"
    assert rows_of(shop, "customers", columns) == [
        ("ann", 0, "20-24", "ACTIVE", "Regularly", "0a1b"),
        ("bob", 1, "20-24", "PRE-CREATE", "NONE", "0a1b"),
        ("cat", 2, "unknown", "unknown", "unknown", "unknown"),
    ]


def test_only_one_mart_has_the_ids_of_customers(shop):
    """At full volume ids of 64 characters would be most of what is written, sorted and read."""
    assert [name for name in MART_KEYS if "customer_id" in shop.marts.table(name).column_names] == ["customers"]


def test_lists_are_strings_and_single_floats(shop):
    """Lists of decimals would be read as text further on."""
    schema = shop.marts.table("customer_features").schema
    assert schema.field("history_article_ids").type.value_type == pyarrow.string()
    assert schema.field("history_days_since").type.value_type == pyarrow.float32()
    assert schema.field("history_purchase_days").type.value_type == pyarrow.float32()


def test_summary_counts_the_rows_of_every_mart_and_the_tests_that_passed(shop):
    summary = shop.summary
    assert summary.rows == {mart: shop.marts.table(mart).num_rows for mart in MART_KEYS}
    assert summary.rows["customer_features"] == 3 + 2 + 2 + 1  # everybody at the cutoff, and the buyers of three weeks
    assert summary.data_tests_passed > 50
    assert summary.unit_tests_passed > 10
    assert summary.seconds > 0


@pytest.mark.parametrize("mart", MART_KEYS)
def test_mart_is_sorted_by_its_unique_key(shop, mart):
    keys = rows_of(shop, mart, " ".join(MART_KEYS[mart]))
    assert keys == sorted(set(keys))


def test_build_leaves_the_warehouse_file_and_nothing_else_behind(shop):
    """No build folder beside the warehouse, and neither dbt nor DuckDB wrote into the home folder."""
    assert {path.name for path in shop.root.iterdir()} == {
        "online-retail.duckdb", "marts", "home", shop.raw_dir.name
    }  # fmt: skip
    assert {path.stem for path in shop.marts.folder.iterdir()} == set(MART_KEYS)
    assert list(shop.home.iterdir()) == []


def test_warehouse_file_answers_questions_after_the_switch(shop):
    """Its views name the file they were built in, so the file must keep its name."""
    import duckdb

    with duckdb.connect(str(shop.warehouse_path), read_only=True) as connection:
        assert connection.execute("select sum(quantity) from purchases").fetchone() == (9,)  # lines before the cutoff


def test_purchase_of_an_unknown_article_fails_the_build_and_names_test_and_article(tmp_path):
    """The previous warehouse and marts stay as they were."""
    unknown = ("2020-02-10", "ann", "0999999999", 0.1, ONLINE)
    raw_dir = write_shop(tmp_path / "raw", [*PURCHASES, unknown])
    warehouse_path = tmp_path / "shop.duckdb"
    warehouse_path.write_text("yesterday's warehouse")
    with pytest.raises(WarehouseError) as failure:
        build_shop(raw_dir, warehouse_path, tmp_path / "marts")
    assert "test stg_transactions_article_is_in_articles: Got 1 result" in str(failure.value)
    assert "0999999999" in str(failure.value)
    assert warehouse_path.read_text() == "yesterday's warehouse"
    assert {path.name for path in tmp_path.iterdir()} == {"raw", "shop.duckdb"}


def test_line_that_duckdb_cannot_read_fails_the_build_with_its_message(tmp_path):
    raw_dir = write_shop(tmp_path / "raw", [*PURCHASES, ("2020-13-45", "ann", SHIRT, 0.1, ONLINE)])
    with pytest.raises(WarehouseError, match="(?s)model stg_transactions.*Line: 13.*2020-13-45.*t_dat"):
        build_shop(raw_dir, tmp_path / "shop.duckdb", tmp_path / "marts")


def test_unknown_segment_column_fails_the_build_and_names_the_choice(tmp_path):
    raw_dir = write_shop(tmp_path / "raw")
    with pytest.raises(WarehouseError, match="has 'shoe_size'; choose out of age_band, channel and postal_code"):
        build_shop(raw_dir, tmp_path / "shop.duckdb", tmp_path / "marts", segment_columns=["shoe_size"])


def test_what_an_earlier_build_left_among_the_marts_is_not_read(tmp_path):
    """Such as the one file a mart of an earlier release, in a run that is resumed."""
    marts_dir = tmp_path / "marts"
    marts_dir.mkdir()
    (marts_dir / "article_features.parquet").write_text("of an earlier release")
    built = build_shop(write_shop(tmp_path / "raw"), tmp_path / "shop.duckdb", marts_dir)
    assert built.marts.article_features(CUTOFF).num_rows > 0


def test_folder_of_a_killed_build_is_removed_by_the_next_one_and_that_of_a_running_build_is_not(tmp_path):
    warehouse_path = tmp_path / "shop.duckdb"
    killed = tmp_path / ".shop.build-killed"  # nobody holds its lock
    killed.mkdir()
    with warehouse._build_folder(warehouse_path) as running, warehouse._build_folder(warehouse_path) as another:
        assert set(tmp_path.iterdir()) == {running, another}
    assert list(tmp_path.iterdir()) == []


def test_dbt_project_is_found_beside_the_flows():
    assert Path(warehouse.DBT_PROJECT_DIR, "dbt_project.yml").exists()
