"""No feature knows the future, and dbt's own tests notice when a guard against it is removed."""

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow.compute as pc
import pytest
from tiny_shop import (
    BELT,
    CUTOFF,
    DRESS,
    HISTORY_LENGTH,
    NEVER_SOLD,
    ONLINE,
    PURCHASES,
    RANKING_WEEKS,
    SHIRT,
    STORE,
    TEST_DAY,
    TRAINING_DAY,
    VALIDATION_DAY,
    BuiltShop,
    build_shop,
    write_shop,
)

from recommender.features.marts import MART_KEYS, Marts
from recommender.features.warehouse import DBT_PROJECT_DIR, DESCRIBED_DAYS

CAT = 2
FEATURE_MARTS = ("article_features", "customer_features", "segment_sales", "own_articles")


@pytest.fixture(scope="module")
def other_marts(tmp_path_factory) -> dict[str, Path]:
    """The marts of two other files, built at the same time for one warehouse.

    `truncated` ends the day before the cutoff; in `planted` every customer buys something new on the test day, and
    Bob something more later in its week.
    """
    truncated = [purchase for purchase in PURCHASES if purchase[0] < CUTOFF.isoformat()]
    planted = [
        *PURCHASES,
        (TEST_DAY.isoformat(), "ann", SHIRT, 9.0, STORE),
        (TEST_DAY.isoformat(), "bob", DRESS, 9.0, ONLINE),
        (TEST_DAY.isoformat(), "cat", NEVER_SOLD, 9.0, ONLINE),
        ("2020-02-25", "bob", BELT, 9.0, ONLINE),
    ]
    root = tmp_path_factory.mktemp("other")
    raw_dirs = [write_shop(root / "truncated", truncated), write_shop(root / "planted", planted)]
    marts_dirs = [root / "truncated marts", root / "planted marts"]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(build_shop, raw_dirs, [root / "shop.duckdb"] * 2, marts_dirs))
    return {"truncated": Marts(marts_dirs[0]), "planted": Marts(marts_dirs[1])}


def test_two_builds_at_the_same_time_for_one_warehouse_each_export_their_own_purchases(other_marts):
    """Eight rows lie before the cutoff; the planted purchases add four."""
    assert other_marts["truncated"].table("purchases").num_rows == 8
    assert other_marts["planted"].table("purchases").num_rows == 8 + 4


@pytest.mark.parametrize("mart", MART_KEYS)
def test_purchases_from_the_cutoff_on_change_no_mart(shop, other_marts, mart):
    assert shop.marts.table(mart).equals(other_marts["truncated"].table(mart))


@pytest.mark.parametrize("mart", FEATURE_MARTS)
def test_purchases_on_the_as_of_day_and_later_change_no_feature_of_that_day(shop, other_marts, mart):
    days = [TRAINING_DAY, VALIDATION_DAY, TEST_DAY]
    before = shop.marts.table(mart, as_of_days=days)
    after = other_marts["planted"].table(mart, as_of_days=days)
    if mart == "customer_features":  # Cat, who buys nothing else, is needed on the test day now
        is_cat = pc.equal(after["customer_code"], CAT)
        assert pc.filter(after["as_of_day"], is_cat).to_pylist() == [TEST_DAY]
        after = after.filter(pc.invert(is_cat))
    assert before.num_rows > 0
    assert before.equals(after)


@pytest.mark.parametrize("mart", FEATURE_MARTS)
def test_the_same_purchases_do_change_the_features_of_a_later_day(shop, other_marts, mart):
    """Otherwise the test above would pass on features that never change."""
    before = shop.marts.table(mart, as_of_days=[CUTOFF])
    assert not before.equals(other_marts["planted"].table(mart, as_of_days=[CUTOFF]))


@pytest.mark.parametrize("as_of_day", [TRAINING_DAY, VALIDATION_DAY, TEST_DAY, CUTOFF])
def test_every_history_lies_before_its_as_of_day(shop, as_of_day):
    features = shop.marts.table("customer_features", as_of_days=[as_of_day])
    purchases = shop.marts.table("purchases").to_pylist()
    for customer in features.to_pylist():
        earlier = {
            purchase["article_id"]
            for purchase in purchases
            if purchase["customer_code"] == customer["customer_code"] and purchase["purchase_day"] < as_of_day
        }
        assert set(customer["history_article_ids"]) <= earlier
        assert all(days_since >= 1 for days_since in customer["history_days_since"])


# What would be wrong without a guard, and by name: the model, the guard in it, the mutant without it, and the dbt
# test that must notice.
GUARDS = {
    "a purchase on the cutoff is staged": (
        "staging/stg_transactions.sql",
        "where t_dat < {{ cutoff() }}",
        "where t_dat <= {{ cutoff() }}",
        "stg_transactions_are_before_the_cutoff",
    ),
    "the last sale is on the as-of day": (
        "marts/article_features.sql",
        "as_of_days.as_of_day > article_days.purchase_day",
        "as_of_days.as_of_day >= article_days.purchase_day",
        "assert_article_features_see_only_earlier_purchases",
    ),
    "sales of the as-of day count": (
        "marts/article_features.sql",
        "article_days.purchase_day < as_of_days.as_of_day",
        "article_days.purchase_day <= as_of_days.as_of_day",
        "assert_article_features_see_only_earlier_purchases",
    ),
    "buyers of the as-of day count": (
        "marts/article_features.sql",
        "purchases.purchase_day < as_of_days.as_of_day",
        "purchases.purchase_day <= as_of_days.as_of_day",
        "assert_article_features_see_only_earlier_purchases",
    ),
    "a customer's totals include the as-of day": (
        "intermediate/int_customer_snapshots.sql",
        "needed.as_of_day > customer_days.purchase_day",
        "needed.as_of_day >= customer_days.purchase_day",
        "int_customer_snapshots_look_back",
    ),
    "a customer's totals count later days": (
        "intermediate/int_customer_days.sql",
        "rows between unbounded preceding and current row",
        "rows between unbounded preceding and unbounded following",
        "assert_customer_features_see_only_earlier_purchases",
    ),
    "a history has later articles": (
        "intermediate/int_customer_histories.sql",
        "purchases.purchase_day <= last_purchase_days.last_purchase_day",
        "true",
        "assert_customer_features_see_only_earlier_purchases",
    ),
    "a history lacks articles bought again later": (
        "intermediate/int_customer_histories.sql",
        "coalesce(purchases.next_purchase_day > last_purchase_days.last_purchase_day, true)",
        "purchases.next_purchase_day is null",
        "assert_customer_features_see_only_earlier_purchases",
    ),
    "times bought count later days": (
        "intermediate/int_purchases.sql",
        "row_number() over same_article as times_bought",
        "count(*) over (partition by customer_code, article_id) as times_bought",
        "assert_customer_features_see_only_earlier_purchases",
    ),
    "targets begin a day early": (
        "intermediate/int_next_week_purchases.sql",
        "purchases.purchase_day >= as_of_days.as_of_day",
        "purchases.purchase_day >= as_of_days.as_of_day - 1",
        "assert_targets_lie_in_their_week",
    ),
    "targets end a day late": (
        "intermediate/int_next_week_purchases.sql",
        "purchases.purchase_day < as_of_days.as_of_day + 7",
        "purchases.purchase_day <= as_of_days.as_of_day + 7",
        "assert_targets_lie_in_their_week",
    ),
    "segment sales of the as-of day count": (
        "marts/segment_sales.sql",
        "purchases.purchase_day < as_of_days.as_of_day",
        "purchases.purchase_day <= as_of_days.as_of_day",
        "assert_segment_sales_count_each_buyer",
    ),
    "a buyer's channel knows the as-of day": (
        "marts/segment_sales.sql",
        "buyers_of_the_day.as_of_day > customer_days.purchase_day",
        "buyers_of_the_day.as_of_day >= customer_days.purchase_day",
        "assert_segment_sales_know_only_the_channel_of_the_day",
    ),
    "an article's repeat buyers count later days": (
        "intermediate/int_article_days.sql",
        "rows between unbounded preceding and current row",
        "rows between unbounded preceding and unbounded following",
        "assert_article_features_see_only_earlier_purchases",
    ),
    "a week counts the day after it": (
        "marts/shop_weeks.sql",
        "{{ week_before_cutoff('purchase_day') }} as weeks_before_cutoff,\n        count(*)",
        "{{ week_before_cutoff('purchase_day - 1') }} as weeks_before_cutoff,\n        count(*)",
        "assert_shop_weeks_count_the_purchases_of_their_days",
    ),
    "own articles are bought on the as-of day": (
        "marts/own_articles.sql",
        "purchases.purchase_day < ranked_customers.as_of_day",
        "purchases.purchase_day <= ranked_customers.as_of_day",
        "assert_own_articles_see_only_earlier_purchases",
    ),
}


@pytest.fixture(scope="module")
def guards_dir(tmp_path_factory) -> Path:
    """One folder for all mutants, so that dbt reads again only what changed since the last."""
    return tmp_path_factory.mktemp("guards")


@pytest.fixture
def workplace(shop, guards_dir) -> Path:
    """A copy of the dbt project beside a copy of the warehouse, which passed every test when it was built."""
    shutil.copytree(DBT_PROJECT_DIR, guards_dir / "dbt_project", dirs_exist_ok=True)
    shutil.copy(shop.warehouse_path, guards_dir)
    return guards_dir


def build_up_to(test: str, model: str, shop: BuiltShop, workplace: Path) -> list[dict]:
    """Build one model again and what lies between it and one test, then run that test; return dbt's results."""
    variables = {
        "raw_dir": str(shop.raw_dir),
        "cutoff": CUTOFF.isoformat(),
        "training_weeks": 1,
        "ranking_weeks": RANKING_WEEKS,
        "history_length": HISTORY_LENGTH,
        "segment_columns": ["age_band", "channel"],
        "described_days": DESCRIBED_DAYS,
    }
    environment = os.environ | {
        "WAREHOUSE_PATH": str(workplace / shop.warehouse_path.name),
        "DBT_PROJECT_DIR": str(workplace / "dbt_project"),
        "DBT_PROFILES_DIR": str(workplace / "dbt_project"),
        "DBT_TARGET_PATH": str(workplace / "target"),
        "DBT_LOG_PATH": str(workplace / "target"),
    }
    command = [str(Path(sys.executable).with_name("dbt")), "build", "--indirect-selection", "empty"]
    command += ["--select", f"{model}+,+{test}", "--vars", json.dumps(variables)]
    subprocess.run(command, env=environment, check=False)
    return json.loads((workplace / "target" / "run_results.json").read_text())["results"]


@pytest.mark.parametrize(("model", "guard", "mutant", "test"), GUARDS.values(), ids=GUARDS)
def test_dbt_tests_notice_a_removed_guard(shop, workplace, model, guard, mutant, test):
    """The models in between must build, and then the test must find rows."""
    path = workplace / "dbt_project" / "models" / model
    sql = path.read_text()
    assert sql.count(guard) == 1
    path.write_text(sql.replace(guard, mutant))
    results = build_up_to(test, path.stem, shop, workplace)
    *models, last = [(result["unique_id"].split(".")[2], result["status"]) for result in results]
    assert (path.stem, "success") in models
    assert {status for _, status in models} == {"success"}
    assert last == (test, "fail")
