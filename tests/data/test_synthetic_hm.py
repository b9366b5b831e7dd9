"""The generated shop: formats of H&M, the same bytes for a seed, whole sets or none."""

import hashlib
import subprocess
import sys
from datetime import timedelta

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from data.raw_schema import check_raw_files
from data.synthetic_catalogue import EUR_PER_PRICE_UNIT
from data.synthetic_hm import FILES, LAST_DAY, Scale, ShopKind, generate, main, make_shop

SMALL = {"customers": 300, "articles": 150, "days": 60}
LONG_ENOUGH = {"customers": 2_000, "articles": 400, "days": 300, "seed": 11}
ARTICLE_COLUMNS = (
    "article_id product_code prod_name product_type_no product_type_name product_group_name "
    "graphical_appearance_no graphical_appearance_name colour_group_code colour_group_name "
    "perceived_colour_value_id perceived_colour_value_name perceived_colour_master_id perceived_colour_master_name "
    "department_no department_name index_code index_name index_group_no index_group_name section_no section_name "
    "garment_group_no garment_group_name detail_desc"
).split()
CUSTOMER_COLUMNS = "customer_id FN Active club_member_status fashion_news_frequency age postal_code".split()
TRANSACTION_COLUMNS = "t_dat customer_id article_id price sales_channel_id".split()


@pytest.fixture(scope="module")
def small_dir(tmp_path_factory):
    return generate(tmp_path_factory.mktemp("small") / "demo", **SMALL, seed=11).raw_dir


def read(raw_dir, name):
    return pd.read_csv(raw_dir / f"{name}.csv", dtype=str, keep_default_na=False)


def fingerprints(raw_dir):
    return {name: hashlib.sha256((raw_dir / name).read_bytes()).hexdigest() for name in FILES}


def test_columns_are_those_of_hm_in_their_order(small_dir):
    assert list(read(small_dir, "articles")) == ARTICLE_COLUMNS
    assert list(read(small_dir, "customers")) == CUSTOMER_COLUMNS
    assert list(read(small_dir, "transactions_train")) == TRANSACTION_COLUMNS


def test_article_id_is_product_code_and_colour_variant_with_the_leading_zero(small_dir):
    articles = read(small_dir, "articles")
    assert articles["article_id"].str.fullmatch(r"0\d{9}").all()
    assert (articles["article_id"].str[:7] == articles["product_code"]).all()
    assert articles["article_id"].is_unique


def test_customers_have_hm_formats(small_dir):
    customers = read(small_dir, "customers")
    assert customers["customer_id"].str.fullmatch("[0-9a-f]{64}").all()
    assert customers["customer_id"].is_unique
    assert customers["postal_code"].str.fullmatch("[0-9a-f]{64}").all()
    assert set(customers["FN"]) | set(customers["Active"]) == {"", "1.0"}
    assert customers["age"].str.fullmatch(r"(\d\d\.0)?").all()


def test_every_code_stands_for_one_name(small_dir):
    articles = read(small_dir, "articles")
    pairs = [("product_type_no", "product_type_name"), ("colour_group_code", "colour_group_name")]
    pairs += [("department_no", "department_name"), ("section_no", "section_name"), ("index_code", "index_name")]
    pairs += [("garment_group_no", "garment_group_name"), ("index_group_no", "index_group_name")]
    for code, name in pairs:
        assert (articles.groupby(code)[name].nunique() == 1).all(), code


def test_colour_variants_share_their_product(small_dir):
    products = read(small_dir, "articles").groupby("product_code")
    assert (products[["prod_name", "product_type_name", "section_name"]].nunique() == 1).all(axis=None)
    assert products.size().max() > 1


def test_transactions_are_sorted_end_on_the_last_day_and_refer_to_known_keys(small_dir):
    sales = read(small_dir, "transactions_train")
    assert sales["t_dat"].is_monotonic_increasing
    assert sales["t_dat"].iloc[-1] == LAST_DAY.isoformat()
    assert set(sales["article_id"]) <= set(read(small_dir, "articles")["article_id"])
    assert set(sales["customer_id"]) <= set(read(small_dir, "customers")["customer_id"])
    assert set(sales["sales_channel_id"]) == {"1", "2"}


def test_prices_are_whole_cents_in_hm_scale(small_dir):
    price = read(small_dir, "transactions_train")["price"]
    assert not price.str.contains("e").any()
    cents = price.astype(float) * EUR_PER_PRICE_UNIT * 100  # 0.0508305... x 590 = 29.99
    assert np.allclose(cents, cents.round(), atol=1e-6)


def test_one_seed_gives_the_same_bytes_and_another_seed_others(small_dir, tmp_path):
    again = generate(tmp_path / "again", **SMALL, seed=11).raw_dir
    other = generate(tmp_path / "other", **SMALL, seed=12).raw_dir
    assert fingerprints(again) == fingerprints(small_dir)
    assert fingerprints(other) != fingerprints(small_dir)


def test_the_demo_stays_the_same_from_release_to_release(small_dir):
    # Numbers in the docs and thresholds rest on these bytes. The oracle's floats may differ in the last digits
    # between processors, and its file between releases of pyarrow.
    made = fingerprints(small_dir)
    assert made["articles.csv"].startswith("4bb0dd487c426b12")
    assert made["customers.csv"].startswith("38b3ff21710176ba")
    assert made["transactions_train.csv"].startswith("b6eba67c48adc498")
    oracle = pq.read_table(small_dir / "oracle.parquet").to_pandas()
    text = oracle.round({"probability": 9}).to_csv(index=False, lineterminator="\n")
    assert hashlib.sha256(text.encode()).hexdigest().startswith("28ec660cf12d9ca6")


def test_an_earlier_set_is_replaced_as_a_whole_and_nothing_is_left_beside_it(tmp_path):
    generate(tmp_path / "demo", **SMALL, seed=1)
    before = fingerprints(tmp_path / "demo")
    generate(tmp_path / "demo", **SMALL, seed=2)
    after = fingerprints(tmp_path / "demo")
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]
    assert all(after[name] != before[name] for name in FILES)


def test_a_folder_with_other_files_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(FileExistsError, match="also holds thesis.txt"):
        generate(tmp_path, **SMALL)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_failure_leaves_the_earlier_set_and_nothing_beside_it(tmp_path):
    generate(tmp_path / "demo", **SMALL, seed=1)
    before = fingerprints(tmp_path / "demo")

    def stop(line):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate(tmp_path / "demo", **SMALL, seed=2, progress=stop)
    assert fingerprints(tmp_path / "demo") == before
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]


def test_too_small_a_scale_says_the_least(tmp_path, capsys):
    assert main(["--customers", "10", "--out", str(tmp_path / "demo")]) == 2
    assert "customers 10 is too few for data to learn from; use at least 200." in capsys.readouterr().err
    assert not (tmp_path / "demo").exists()


@pytest.mark.parametrize(("customers", "articles", "days"), [(200, 100, 28), (200, 100, 60), (500, 2_000, 365)])
def test_every_scale_fills_the_last_week(customers, articles, days, tmp_path):
    raw_dir = generate(tmp_path / "demo", customers=customers, articles=articles, days=days).raw_dir
    sales = read(raw_dir, "transactions_train")
    assert len(read(raw_dir, "articles")) == articles
    assert len(read(raw_dir, "customers")) == customers
    in_last_week = sales["t_dat"] > (LAST_DAY - timedelta(days=7)).isoformat()
    assert sales["customer_id"][in_last_week].nunique() >= 10


@pytest.mark.parametrize(
    ("articles", "basket", "concentration"), [(8, 4.0, 1.0), (10_500, 4.0, 1.0), (105_000, 3.28, 0.6)]
)
def test_only_a_shop_larger_than_the_fitted_ones_plans_less_and_sells_flatter(articles, basket, concentration):
    shop = make_shop(Scale(customers=20_000, articles=articles, days=28), np.random.SeedSequence(1).spawn(4))
    assert shop.calendar.mean_basket.mean() == pytest.approx(basket, rel=0.02)
    assert shop.market_shape.concentration == pytest.approx(concentration)


def sales_of(raw_dir):
    """Transactions with dates."""
    return read(raw_dir, "transactions_train").assign(day=lambda sales: pd.to_datetime(sales["t_dat"]))


def last_days(sales, days):
    return sales[sales["day"] > sales["day"].max() - pd.Timedelta(days=days)]


def repeat_share_of_second_half(sales):
    """Share of rows whose customer bought the article on an earlier day."""
    is_repeat = sales["day"] > sales.groupby(["customer_id", "article_id"])["day"].transform("min")
    return is_repeat[sales["day"] > sales["day"].min() + (sales["day"].max() - sales["day"].min()) / 2].mean()


@pytest.mark.parametrize("repeat_share", [0.02, 0.04, 0.2, 0.6])
def test_the_share_of_articles_bought_again_is_the_one_asked_for(repeat_share, tmp_path):
    sales = sales_of(generate(tmp_path / "demo", **LONG_ENOUGH, repeat_share=repeat_share).raw_dir)
    tolerance = max(0.01, 0.1 * repeat_share)
    assert repeat_share_of_second_half(sales) == pytest.approx(repeat_share, abs=tolerance)


def test_concentration_moves_sales_to_the_best_sellers_or_away_from_them(tmp_path):
    def share_of_best(concentration):
        raw_dir = generate(tmp_path / str(concentration), **LONG_ENOUGH, concentration=concentration).raw_dir
        sold = last_days(sales_of(raw_dir), 28)["article_id"].value_counts()
        return sold[:12].sum() / sold.sum()

    flat, usual, steep = share_of_best(0.5), share_of_best(1.0), share_of_best(2.0)
    assert flat < 0.8 * usual
    assert steep > 1.25 * usual


@pytest.mark.parametrize("price_level", [0.01, 0.1, 100.0, 10_000.0])
def test_price_level_multiplies_prices_and_nothing_else(price_level, small_dir, tmp_path):
    raw_dir = generate(tmp_path / "demo", **SMALL, seed=11, price_level=price_level).raw_dir
    check_raw_files(raw_dir)
    usual, priced = read(small_dir, "transactions_train"), read(raw_dir, "transactions_train")
    assert np.allclose(priced["price"].astype(float), price_level * usual["price"].astype(float), rtol=1e-12)
    assert not priced["price"].str.contains("e").any()
    assert priced.drop(columns="price").equals(usual.drop(columns="price"))
    others = [name for name in FILES if name != "transactions_train.csv"]
    assert [fingerprints(raw_dir)[name] for name in others] == [fingerprints(small_dir)[name] for name in others]


@pytest.mark.parametrize(("articles", "fewest_sold"), [(8, 8), (60, 52), (99, 85)])
def test_a_shop_of_few_articles_keeps_selling_nearly_all_of_them(articles, fewest_sold, tmp_path):
    raw_dir = generate(tmp_path / "demo", customers=2_000, articles=articles, days=300, seed=11).raw_dir
    assert check_raw_files(raw_dir).articles == articles
    sales = sales_of(raw_dir)
    assert fewest_sold <= last_days(sales, 28)["article_id"].nunique() <= articles
    rows = sales.groupby((sales["day"].max() - sales["day"]).dt.days // 60).size()
    assert rows.min() > 0.5 * rows.max()  # demand does not dry up when customers own most of the shop


@pytest.mark.parametrize("days", [28, 730])
def test_the_smallest_shop_sells_something_every_week(days, tmp_path):
    raw_dir = generate(tmp_path / "demo", customers=200, articles=8, days=days).raw_dir
    check_raw_files(raw_dir)
    sales = sales_of(raw_dir)
    assert ((sales["day"].max() - sales["day"]).dt.days // 7).nunique() >= days // 7


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"concentration": 5.0}, "concentration 5.0 is out of range; choose a number from 0.2 to 3."),
        ({"repeat_share": 0.0}, "repeat_share 0.0 is out of range; choose a number from 0.01 to 0.7."),
        ({"price_level": -1.0}, "price_level -1.0 is out of range; choose a number from 0.01 to 10000."),
        ({"price_level": float("nan")}, "price_level nan is out of range; choose a number from 0.01 to 10000."),
    ],
)
def test_a_kind_of_shop_that_cannot_be_made_says_what_can(setting, message):
    with pytest.raises(ValueError) as error:
        ShopKind(**setting)
    assert str(error.value) == message


def test_command_makes_the_kind_of_shop_asked_for(tmp_path, capsys):
    kind = {"concentration": 2.0, "repeat_share": 0.2, "price_level": 10.0}
    options = "--customers 300 --articles 150 --days 60 --seed 11 --concentration 2 --repeat-share 0.2 --price-level 10"
    assert main([*options.split(), "--out", str(tmp_path / "command")]) == 0
    made = generate(tmp_path / "call", **SMALL, seed=11, **kind).raw_dir
    assert fingerprints(tmp_path / "command") == fingerprints(made)
    assert main(["--repeat-share", "0.9", "--out", str(tmp_path / "no")]) == 2
    assert "repeat_share 0.9 is out of range" in capsys.readouterr().err


def test_command_runs_as_documented(tmp_path):
    arguments = "--customers 200 --articles 100 --days 60 --seed 7 --out".split()
    command = [sys.executable, "-m", "data.synthetic_hm", *arguments, str(tmp_path / "demo")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "transaction rows in" in done.stdout
    assert sorted(path.name for path in (tmp_path / "demo").iterdir()) == sorted(FILES)
