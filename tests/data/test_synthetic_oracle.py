"""The choice law and the oracle: true probabilities by hand and by frequency, taste worth learning, an upper bound."""

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from scipy import sparse

from data.synthetic_calendar import Calendar
from data.synthetic_customers import Ownership
from data.synthetic_hm import LAST_DAY, Scale, ShopKind, generate, make_shop
from data.synthetic_oracle import ORACLE_DEPTH, largest_of_rows, probability_in_week, purchase_probabilities
from data.synthetic_purchases import chosen_articles, new_articles, purchase_weeks


@pytest.fixture(scope="module")
def last_market():
    """The last week of a small shop of H&M's kind."""
    return market_of_last_week(Scale(customers=400, articles=200, days=200, seed=5), ShopKind())


def market_of_last_week(scale, kind):
    """(shop, market, ownership, purchases) of the last week of a small shop."""
    *shop_seeds, market_seed, choice_seed = np.random.SeedSequence(scale.seed).spawn(6)
    shop = make_shop(scale, shop_seeds, kind)
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


@pytest.mark.parametrize(
    ("articles", "kind"),
    [
        (200, ShopKind(repeat_share=0.6)),
        (200, ShopKind(concentration=0.5)),
        (200, ShopKind(concentration=2.0)),
        (60, ShopKind()),
        (8, ShopKind()),
        (8, ShopKind(repeat_share=0.6)),
    ],
)
def test_every_kind_of_shop_draws_its_articles_with_the_true_probabilities(articles, kind):
    shop, market, owned, _ = market_of_last_week(Scale(customers=400, articles=articles, days=200, seed=5), kind)
    everybody = np.arange(len(shop.customers))
    share = purchase_probabilities(shop, market, owned, everybody)
    assert np.allclose(share.sum(axis=1), 1.0)
    owns = np.bincount(owned.key // owned.n_articles, minlength=len(everybody))
    customer = int(np.argsort(owns, kind="stable")[len(everybody) * 3 // 4])  # owns more than three quarters of all
    draws = chosen_articles(shop, market, owned, np.full(50_000, customer), np.random.default_rng(0))
    frequency = np.bincount(np.searchsorted(market.on_sale, draws[draws >= 0]), minlength=len(market.on_sale)) / 50_000
    assert np.abs(frequency - share[customer]).max() < 0.01  # 4 standard errors at p = 0.5: 4 x 0.0022


def test_who_owns_most_of_a_tiny_shop_buys_own_articles_as_if_new():
    shop, market, owned, _ = market_of_last_week(Scale(customers=400, articles=8, days=200, seed=5), ShopKind())
    customer = int(np.bincount(owned.key // owned.n_articles).argmax())
    draws = new_articles(shop, market, owned, np.full(1_000, customer), np.random.default_rng(0))
    assert owned.has(customer * owned.n_articles + draws[draws >= 0]).any()


def test_of_equal_probabilities_those_of_the_first_articles_are_the_largest():
    probabilities = np.array([[0.1, 0.3, 0.2, 0.3, 0.1], [0.2, 0.2, 0.2, 0.2, 0.2], [0.0, 0.0, 0.5, 0.0, 0.5]])
    position, value = largest_of_rows(probabilities, 3)
    assert position.tolist() == [[1, 3, 2], [0, 1, 2], [2, 4, 0]]
    assert value.tolist() == [[0.3, 0.3, 0.2], [0.2, 0.2, 0.2], [0.5, 0.5, 0.0]]


def test_what_is_bought_again_is_owned_once_since_the_newest_week():
    owned = Ownership(n_articles=10)
    owned.add(np.array([34, 12, 12]), week=1)
    owned.add(np.array([50, 7, 34]), week=2)
    owned.forget(np.arange(10) == 7)
    owned.add(np.array([], dtype=np.int64), week=3)
    assert owned.key.tolist() == [12, 34, 50]
    assert owned.week.tolist() == [1, 2, 2]
    assert owned.has(np.array([7, 12, 99])).tolist() == [False, True, False]


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
    sales = pd.read_csv(raw_dir / "transactions_train.csv", dtype=str)
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


def expected_and_realised(sales, oracle):
    """Purchases of the last week that the oracle's probabilities promise and that were made, by probability."""
    bought = set(zip(*(last_week(sales)[column] for column in ("customer_id", "article_id")), strict=True))
    hit = [pair in bought for pair in zip(oracle["customer_id"], oracle["article_id"], strict=True)]
    bins = oracle.assign(hit=hit).groupby(pd.cut(oracle["probability"], [0, 0.05, 0.1, 0.2, 0.5, 1]), observed=True)
    return bins["probability"].sum(), bins["hit"].sum()


def test_oracle_probabilities_are_the_frequencies_of_purchase(default_demo):
    expected, realised = expected_and_realised(*default_demo)
    assert realised.sum() == pytest.approx(expected.sum(), rel=0.05)
    assert (abs(realised - expected) < 4 * np.sqrt(expected)).all()  # articles of a basket are not independent


@pytest.mark.parametrize("kind", [{"articles": 800, "repeat_share": 0.6}, {"articles": 8}])
def test_oracle_stays_right_where_articles_are_bought_again_and_again(kind, tmp_path):
    raw_dir = generate(tmp_path / "demo", customers=6_000, days=365, **kind).raw_dir
    sales = pd.read_csv(raw_dir / "transactions_train.csv", dtype=str)
    expected, realised = expected_and_realised(sales, pq.read_table(raw_dir / "oracle.parquet").to_pandas())
    assert realised.sum() == pytest.approx(expected.sum(), rel=0.05)
    # Baskets a week are those of all customers, though who comes often owns more: so up to a tenth off in a bin.
    assert (abs(realised - expected) < 0.1 * expected + 4 * np.sqrt(expected)).all()


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
