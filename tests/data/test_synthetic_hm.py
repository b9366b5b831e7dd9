"""The generated shop: formats of H&M, the same bytes for a seed, taste worth learning, a truthful oracle."""

import hashlib
import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from scipy import sparse

from data.synthetic_calendar import Calendar
from data.synthetic_catalogue import EUR_PER_PRICE_UNIT
from data.synthetic_hm import FILES, LAST_DAY, Scale, generate, main, make_shop
from data.synthetic_oracle import ORACLE_DEPTH, probability_in_week, purchase_probabilities
from data.synthetic_purchases import new_articles, purchase_weeks

SMALL = {"customers": 300, "articles": 150, "days": 60}
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
    assert last_week(sales)["customer_id"].nunique() >= 10


def test_command_runs_as_documented(tmp_path):
    arguments = "--customers 200 --articles 100 --days 60 --seed 7 --out".split()
    command = [sys.executable, "-m", "data.synthetic_hm", *arguments, str(tmp_path / "demo")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "transaction rows in" in done.stdout
    assert sorted(path.name for path in (tmp_path / "demo").iterdir()) == sorted(FILES)


# --- The choice law and the oracle -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def last_market():
    """(shop, market, ownership, purchases) of the last week of a small shop."""
    *shop_seeds, market_seed, choice_seed = np.random.SeedSequence(5).spawn(6)
    shop = make_shop(Scale(customers=400, articles=200, days=200, seed=5), shop_seeds)
    weeks = purchase_weeks(shop, np.random.default_rng(market_seed), np.random.default_rng(choice_seed))
    for bought, market, owned in weeks:
        if bought.week == shop.calendar.weeks - 1:
            return shop, market, owned, bought
    raise AssertionError("the calendar has a last week")


def test_true_probabilities_sum_to_one(last_market):
    shop, market, owned, _ = last_market
    share = purchase_probabilities(shop, market, owned, np.arange(len(shop.customers)))
    assert share.shape == (400, len(market.on_sale))
    assert (share >= 0).all()
    assert np.allclose(share.sum(axis=1), 1.0)


def test_new_articles_are_drawn_with_the_stated_probabilities_and_never_owned_ones(last_market):
    shop, market, owned, _ = last_market
    customer = int(owned.key[0] // owned.n_articles)  # someone who owns something on sale
    first, after = owned.span(np.array([customer]))
    own = np.searchsorted(market.on_sale, owned.key[first[0] : after[0]] % owned.n_articles)
    share = purchase_probabilities(shop, market, owned, np.array([customer]))[0]
    share[own] = 0.0  # what is left is the law of new articles, up to its sum
    draws = new_articles(shop, market, owned, np.full(50_000, customer), np.random.default_rng(0))
    frequency = np.bincount(np.searchsorted(market.on_sale, draws[draws >= 0]), minlength=len(share)) / 50_000
    assert frequency[own].sum() == 0
    assert np.abs(frequency - share / share.sum()).max() < 0.01  # 4 standard errors at p = 0.5: 4 x 0.0022


def test_probability_in_week_counts_the_articles_of_a_shopping_week():
    # One basket a week before the last; customers with 1 and with 4 articles in a mean basket.
    calendar = Calendar(
        first_day=LAST_DAY, days=14, customer=np.array([0]), day=np.array([0]), articles=np.array([1]),
        mean_basket=np.array([1.0, 4.0]),
    )  # fmt: skip
    chance = probability_in_week(np.array([[0.2], [0.2]]), np.array([0, 1]), calendar)
    # Exactly one article: 0.2. Geometric with s = 1/4, z = 0.8: G = 0.25 x 0.8 / (1 - 0.75 x 0.8) = 0.5.
    assert np.allclose(chance, [[0.2], [1 - 0.5]])


@pytest.fixture(scope="module")
def default_demo(tmp_path_factory):
    """(purchases, oracle) of the default scale and seed."""
    raw_dir = generate(tmp_path_factory.mktemp("default") / "demo").raw_dir
    columns = {"t_dat": "datetime64[s]", "customer_id": "category", "article_id": "category"}
    sales = pd.read_csv(raw_dir / "transactions_train.csv", dtype=dict.fromkeys(TRANSACTION_COLUMNS, str))
    return sales.astype(columns), pq.read_table(raw_dir / "oracle.parquet").to_pandas()


def last_week(sales):
    day = pd.to_datetime(sales["t_dat"])
    return sales[day > day.max() - pd.Timedelta(days=7)]


def truth_of(sales):
    """{customer: articles} of the last week, for customers with earlier purchases."""
    week = last_week(sales)
    known = set(sales["customer_id"][: len(sales) - len(week)])
    bought = week.groupby("customer_id", observed=True)["article_id"].agg(set)
    return {customer: articles for customer, articles in bought.items() if customer in known}


def map_at_12(lists, truth):
    """Mean of (sum over hits of precision at the hit) / min(12, truth), `lists` customer -> articles."""
    total = 0.0
    for customer, bought in truth.items():
        hits, precisions = 0, 0.0
        for rank, article in enumerate(lists(customer)[:12], start=1):
            if article in bought:
                hits += 1
                precisions += hits / rank
        total += precisions / min(12, len(bought))
    return total / len(truth)


def bestsellers(sales, days):
    """Articles of the last `days` days before the last week, most sold first."""
    history = sales[: len(sales) - len(last_week(sales))]
    recent = history[history["t_dat"] > history["t_dat"].max() - pd.Timedelta(days=days)]
    sold = recent["article_id"].value_counts()
    return sold[sold > 0]


def own_recent(sales):
    """{customer: own articles, newest first} before the last week."""
    history = sales[: len(sales) - len(last_week(sales))].iloc[::-1]
    newest = history.drop_duplicates(["customer_id", "article_id"])
    return newest.groupby("customer_id", observed=True)["article_id"].agg(list).to_dict()


def item_cosine_lists(sales, customers):
    """{customer: 12 articles}: cosine to what the customer owns, times last week's sales to the power 0.6."""
    history = sales[: len(sales) - len(last_week(sales))].drop_duplicates(["customer_id", "article_id"])
    row, column = history["customer_id"].cat.codes.to_numpy(), history["article_id"].cat.codes.to_numpy()
    articles = sales["article_id"].cat.categories
    shape = (len(sales["customer_id"].cat.categories), len(articles))
    owns = sparse.csr_matrix((np.ones(len(row)), (row, column)), shape=shape)
    norm = np.sqrt(np.asarray(owns.sum(axis=0)).ravel().clip(1))
    similar = (owns.T @ owns).toarray() / norm[:, None] / norm
    np.fill_diagonal(similar, 0.0)
    sold = bestsellers(sales, days=7).reindex(articles).fillna(0).to_numpy()
    rows = sales["customer_id"].cat.categories.get_indexer(customers)
    own = owns[rows].toarray()
    score = (own @ similar) * sold**0.6 * (own == 0)
    top = np.argsort(-score, axis=1, kind="stable")[:, :12]
    return {customer: list(articles[position]) for customer, position in zip(customers, top, strict=True)}


def test_oracle_lists_24_ranks_for_exactly_the_customers_of_the_last_week(default_demo):
    sales, oracle = default_demo
    assert set(oracle["customer_id"]) == set(last_week(sales)["customer_id"])
    per_customer = oracle.groupby("customer_id")
    assert (per_customer["rank"].agg(list).map(lambda ranks: ranks == list(range(1, ORACLE_DEPTH + 1)))).all()
    assert (per_customer["probability"].agg(lambda p: p.is_monotonic_decreasing)).all()
    assert oracle["probability"].between(0, 1, inclusive="neither").all()
    assert not oracle.duplicated(["customer_id", "article_id"]).any()


def test_oracle_probabilities_are_the_frequencies_of_purchase(default_demo):
    sales, oracle = default_demo
    bought = set(zip(*(last_week(sales)[column] for column in ("customer_id", "article_id")), strict=True))
    hit = [pair in bought for pair in zip(oracle["customer_id"], oracle["article_id"], strict=True)]
    bins = oracle.assign(hit=hit).groupby(pd.cut(oracle["probability"], [0, 0.05, 0.1, 0.2, 0.5, 1]), observed=True)
    expected, realised = bins["probability"].sum(), bins["hit"].sum()
    assert realised.sum() == pytest.approx(expected.sum(), rel=0.05)
    assert (abs(realised - expected) < 4 * np.sqrt(expected)).all()  # articles of a basket are not independent


def test_taste_can_be_learned_and_the_oracle_is_far_above_popularity_and_repurchase(default_demo):
    sales, oracle = default_demo
    truth = truth_of(sales)
    popular_articles = list(bestsellers(sales, days=7).index)
    recent, best = own_recent(sales), oracle.groupby("customer_id")["article_id"].agg(list).to_dict()
    cosine = item_cosine_lists(sales, list(truth))
    popular_map = map_at_12(lambda customer: popular_articles, truth)
    assert map_at_12(cosine.get, truth) > 1.15 * popular_map  # a plain item-item rule, no attributes
    assert map_at_12(best.get, truth) > 5 * popular_map
    assert map_at_12(best.get, truth) > 10 * map_at_12(recent.get, truth)
    assert 0.2 < map_at_12(best.get, truth) < 0.5  # nobody can know more, and it is no sure thing
